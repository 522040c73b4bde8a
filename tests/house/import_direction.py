"""The one direction in which the packages of `src/miletus` may import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

BELOW: dict[str, set[str]] = {
    "engine": set(),
    "codec": {"engine"},
    "native": {"engine", "codec"},
    "sequencer": {"engine", "codec", "native"},
    "prover": {"engine", "codec", "native"},
    "settlement": {"engine", "codec", "native", "prover"},
    "market": {"engine", "codec", "native"},
    "indexer": {"engine", "codec", "native", "prover", "sequencer", "settlement", "market"},
    "gateway": {
        *("engine", "codec", "native", "prover", "sequencer", "settlement", "market"),
        *("indexer", "client"),
    },
    "maker": {"engine", "codec", "native", "prover", "sequencer", "settlement", "market", "client"},
    "client": {"engine", "codec", "native", "prover", "sequencer", "settlement", "market"},
    "lab": {"engine", "codec", "native", "prover", "sequencer", "settlement", "market"},
    "cli": {
        *("engine", "codec", "native", "prover", "sequencer", "settlement", "market"),
        *("indexer", "gateway", "client", "maker", "lab"),
    },
}
"""For each package, the packages that it may import, beside itself."""

TOP = "miletus"
"""Modules that lie directly in `miletus` (errors, version): all but the engine may import them."""


def find_wrong_imports(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Name the imports in `source`, the text of `module`, that point against the direction."""
    own = get_package(module, is_package=is_package)
    if own != TOP and own not in BELOW:
        return [f"{module}: the package {own!r} has no place in the direction of imports"]
    allowed = {TOP} if own == TOP else BELOW[own] | {own} | ({TOP} if own != "engine" else set())
    return [
        f"{module}:{line}: imports {target}, and {own} may import only {', '.join(sorted(allowed))}"
        for target, line in find_own_imports(source, module, is_package=is_package)
        if get_imported_package(target) not in allowed
    ]


def find_own_imports(source: str, module: str, *, is_package: bool) -> Iterator[tuple[str, int]]:
    """Find what `module` imports of ours, as absolute names, wherever in the text it stands."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((name, node.lineno) for name in names if name.split(".")[0] == "miletus")


def get_package(module: str, *, is_package: bool = False) -> str:
    """Give the package of ours that a module of ours lies in; one directly in `miletus` lies in TOP."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (is_package and len(parts) == 2) else TOP


def get_imported_package(name: str) -> str:
    """Give the package of ours that an imported name comes from; TOP if it has no place of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in BELOW else TOP


def get_module(path: Path, source_root: Path) -> str:
    """Give the dotted name of the module in `path`."""
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
