"""Compile the contracts: one JSON file each, which is all that a deployment needs.

    python contracts/compile.py build/contracts

A file holds the ABI, the creation bytecode, the SHA-256 of every source that it was made of, and the
compiler's version. A file that is up to date is left alone, so a second run costs nothing.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent
CONTRACTS = ("TestToken", "Verifier", "Vault", "Rollup", "Court", "Exit")
"""Each is a file of its own name; all other sources are modules of these."""

CODE_LIMIT = 24_576
"""Largest code of a contract, bytes (EIP-170)."""


def compute_digests() -> dict[str, str]:
    """Hash every Vyper source of this folder; names are relative to it."""
    paths = sorted([*SOURCES.glob("**/*.vy"), *SOURCES.glob("**/*.vyi")])
    return {str(path.relative_to(SOURCES)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def is_current(path: Path, digests: dict[str, str]) -> bool:
    """Tell if an artefact was made of these sources by the compiler that is installed."""
    try:
        artefact = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(artefact, dict) and (artefact.get("sources"), artefact.get("vyper")) == (
        digests,
        version("vyper"),
    )


def compile_contract(name: str, digests: dict[str, str]) -> dict[str, Any]:
    """Compile one contract. Errors of the compiler are its own exceptions."""
    from vyper.cli.vyper_compile import compile_files

    path = SOURCES / f"{name}.vy"
    (output,) = compile_files([path], ["abi", "bytecode", "bytecode_runtime"]).values()
    code_bytes = len(output["bytecode_runtime"]) // 2 - 1
    if code_bytes > CODE_LIMIT:
        raise SystemExit(
            f"contracts: {name} has {code_bytes} bytes of code, more than {CODE_LIMIT}; split it"
        )
    return {
        "abi": output["abi"],
        "bytecode": output["bytecode"],
        "code_bytes": code_bytes,
        "sources": digests,
        "vyper": version("vyper"),
    }


def write_artefacts(folder: Path, names: Iterable[str] = CONTRACTS) -> list[str]:
    """Write what is missing or older than its sources; return the names of what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = compute_digests()
    written = [name for name in names if not is_current(folder / f"{name}.json", digests)]
    for name in written:
        artefact = json.dumps(compile_contract(name, digests), indent=1)
        draft = folder / f".{name}.json"
        draft.write_text(artefact + "\n")
        draft.replace(folder / f"{name}.json")
    return written


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the files go, such as build/contracts")
    for name in write_artefacts(parser.parse_args().folder):
        print(f"contracts: {name} compiled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
