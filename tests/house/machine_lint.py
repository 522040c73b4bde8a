"""A lint of what makes the machine deterministic, and of where mypyc and the interpreter part ways.

Impurities are forbidden in the engine; pitfalls in all that is compiled. Each check takes a syntax tree and
yields what it finds; the list of each is in `docs/adr/0003-one-source-two-builds.md`.
"""

import ast
from collections.abc import Callable, Iterator

Finding = tuple[int, str]
Check = Callable[[ast.AST], Iterator[Finding]]

PURE_MODULES = {
    *("__future__", "abc", "collections.abc", "dataclasses", "enum", "typing"),
    *("mypy_extensions", "librt.vecs", "librt.internal", "miletus.engine"),
}
"""What the engine may import: nothing that reads a clock, a file, a socket or chance."""

IMPURE_CALLS = {
    *("id", "hash", "float", "complex", "round", "open", "print", "input", "set", "frozenset"),
    *("eval", "exec", "globals", "locals", "vars", "getattr", "setattr", "__import__"),
}

NARROW_TYPES = {"i16", "i32", "u8"}
"""Types whose call truncates in the compiled build and not in the interpreted one."""


def find_impurities(source: str) -> list[Finding]:
    """Find what would make the result of the engine depend on more than state and word."""
    return run_checks(source, [find_floats, find_impure_imports, find_impure_calls, find_sets])


def find_pitfalls(source: str, *, wide_integers: bool = False) -> list[Finding]:
    """Find what the compiled and the interpreted build would compute differently.

    With `wide_integers` (the codec, whose words are Python ints of 248 bits) a shift may be wide.
    """
    shifts = [find_literal_shifts] if wide_integers else [find_literal_shifts, find_wide_shifts]
    loops = [find_moving_bounds, find_loop_variables_that_outlive]
    return run_checks(source, [*shifts, *loops, find_narrowing, find_identity_of_numbers])


def run_checks(source: str, checks: list[Check]) -> list[Finding]:
    """Run checks over a text and give their findings by line."""
    tree = ast.parse(source)
    return sorted({finding for check in checks for finding in check(tree)})


def find_floats(tree: ast.AST) -> Iterator[Finding]:
    """Find literals of floats, their type as an annotation, and the division that makes them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"float literal {node.value}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "true division: write // and say how it rounds"
        elif isinstance(node, ast.Name) and node.id in {"float", "complex"}:
            yield node.lineno, f"the type {node.id}"


def find_impure_imports(tree: ast.AST) -> Iterator[Finding]:
    """Find imports of anything that is not known to be pure."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
            if names[0] in {"librt", "miletus"}:
                names = [f"{names[0]}.{alias.name}" for alias in node.names]
        for name in names:
            if name not in PURE_MODULES and not name.startswith("miletus.engine."):
                yield node.lineno, f"import of {name}"


def find_impure_calls(tree: ast.AST) -> Iterator[Finding]:
    """Find calls of builtins that depend on memory addresses, on hashing, or on the world outside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, f"call of {node.func.id}"


def find_sets(tree: ast.AST) -> Iterator[Finding]:
    """Find sets, whose order is that of hashes; a literal that is only asked for membership has none."""
    asked = {
        comparator
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for operator, comparator in zip(node.ops, node.comparators, strict=True)
        if isinstance(operator, ast.In | ast.NotIn)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Set | ast.SetComp) and node not in asked:
            yield node.lineno, "a set, which has the order of hashes"


def find_literal_shifts(tree: ast.AST) -> Iterator[Finding]:
    """Find `1 << k`: on i64 mypyc makes a 32-bit shift of it. A Final name is a literal to mypyc."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift) and is_constant(node.left):
            yield node.lineno, f"shift of a constant: {ast.unparse(node)}; take a table of powers"


def find_wide_shifts(tree: ast.AST) -> Iterator[Finding]:
    """Find shifts by 63 or more, which C masks."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.LShift | ast.RShift)
            and isinstance(node.right, ast.Constant)
            and isinstance(node.right.value, int)
            and node.right.value >= 63
        ):
            yield node.lineno, f"shift by {node.right.value}"


def find_moving_bounds(tree: ast.AST) -> Iterator[Finding]:
    """Find `for k in range(n)` whose body assigns n: the compiled loop reads it again at every turn."""
    for loop in find_range_loops(tree):
        assert isinstance(loop.iter, ast.Call)
        bounds = {
            ast.unparse(part)
            for argument in loop.iter.args
            for part in ast.walk(argument)
            if isinstance(part, ast.Name | ast.Attribute)
        }
        for statement in loop.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                    name = ast.unparse(node)
                    if name in bounds:
                        yield (
                            node.lineno,
                            f"{name} bounds the range of line {loop.lineno} and is assigned in it",
                        )


def find_narrowing(tree: ast.AST) -> Iterator[Finding]:
    """Find `i32(x)` and the like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NARROW_TYPES:
            yield node.lineno, f"call of {node.func.id}, which truncates only when compiled"


def find_identity_of_numbers(tree: ast.AST) -> Iterator[Finding]:
    """Find `is` and `is not` against a number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                numbers = [side for side in (node.left, right) if is_constant(side)]
                if isinstance(operator, ast.Is | ast.IsNot) and numbers:
                    yield node.lineno, "identity of a number"


def find_loop_variables_that_outlive(tree: ast.AST) -> Iterator[Finding]:
    """Find reads of the variable of a range after its loop: an empty range leaves 0, or the old value."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    for function in functions:
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        for loop in find_range_loops(function):
            if not isinstance(loop.target, ast.Name):
                continue
            end = loop.end_lineno or loop.lineno
            later = [n for n in names if n.id == loop.target.id and n.lineno > end]
            stored = [n.lineno for n in later if isinstance(n.ctx, ast.Store)]
            for read in (n for n in later if isinstance(n.ctx, ast.Load)):
                if not any(line <= read.lineno for line in stored):
                    yield read.lineno, f"{read.id} is read after its loop of line {loop.lineno}"


def find_range_loops(tree: ast.AST) -> Iterator[ast.For]:
    """Find the loops over a range."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.For)
            and isinstance(node.iter, ast.Call)
            and isinstance(node.iter.func, ast.Name)
            and node.iter.func.id == "range"
        ):
            yield node


def is_constant(node: ast.expr) -> bool:
    """Tell if mypyc sees a literal integer here: a number, its negative, or a name of a constant."""
    if isinstance(node, ast.UnaryOp):
        return is_constant(node.operand)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and not isinstance(node.value, bool)
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.isupper()
