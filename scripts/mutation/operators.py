"""Mutants of a module: one small change each, of the kinds that programmers make by mistake."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miletus.engine import layout

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}


ZERO_FIELDS = {f"L.{name}" for name, value in vars(layout).items() if type(value) is int and value == 0}


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it was and what it is now, and the function with the change in it."""

    path: Path
    function: str
    line: int
    last_line: int
    before: str
    after: str
    occurrence: int
    """Which of the equal changes in the function this is, from 0."""
    changed: ast.FunctionDef
    address: tuple[int, ...]
    tree: ast.Module
    """The module without the change."""

    def build_tree(self) -> ast.Module:
        """Build the module with the change in it."""
        fresh = copy.deepcopy(self.tree)
        node: Any = fresh
        for place in self.address[:-1]:
            node = node.body[place]
        node.body[self.address[-1]] = self.changed
        return ast.fix_missing_locations(fresh)

    @property
    def name(self) -> str:
        """Name that stays when lines move: module, function, the change, and which of several alike."""
        which = f" #{self.occurrence}" if self.occurrence else ""
        return f"{self.path.stem}.{self.function}: {self.before} -> {self.after}{which}"


def find_mutants(path: Path) -> list[Mutant]:
    """Make every mutant of the functions and methods of a module."""
    tree = ast.parse(path.read_text())
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    for function, address in find_functions(tree):
        for line, last_line, before, after, changed in mutate_function(get_function(tree, address)):
            key = (function, before, after)
            seen[key] = seen.get(key, -1) + 1
            found.append(
                Mutant(path, function, line, last_line, before, after, seen[key], changed, address, tree)
            )
    return found


def find_functions(tree: ast.Module) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and address (places in bodies) of every function and method."""
    for k, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef):
            yield node.name, (k,)
        if isinstance(node, ast.ClassDef):
            for j, part in enumerate(node.body):
                if isinstance(part, ast.FunctionDef):
                    yield f"{node.name}.{part.name}", (k, j)


def get_function(tree: ast.Module, address: tuple[int, ...]) -> ast.FunctionDef:
    """Find the function at an address."""
    node: Any = tree
    for place in address:
        node = node.body[place]
    assert isinstance(node, ast.FunctionDef)
    return node


def mutate_function(function: ast.FunctionDef) -> Iterator[tuple[int, int, str, str, ast.FunctionDef]]:
    """First and last line, text before, text after, and the function with that one change."""
    for number, node in enumerate(walk(function)):
        for choice, _ in enumerate(list_changes(node)):
            fresh = copy.deepcopy(function)
            changed = next(itertools.islice(walk(fresh), number, None))
            before = shorten(node)
            list_changes(changed)[choice]()
            after = shorten(changed) if not isinstance(changed, ast.stmt) else describe(changed)
            yield node.lineno, get_last_line(node), before, after, fresh


def get_last_line(node: Any) -> int:
    """Last line of an expression or of a statement's head."""
    last: int = getattr(node.test if isinstance(node, ast.If) else node, "end_lineno", 0)
    return last


def walk(function: ast.FunctionDef) -> Iterator[Any]:
    """Every statement and expression of a function's body, but for annotations and the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for statement in body:
        yield from walk_node(statement)


def walk_node(node: ast.AST) -> Iterator[Any]:
    """Give a node and every statement and expression below it, but for annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        if name == "annotation":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.stmt | ast.expr):
                yield from walk_node(child)


def shorten(node: ast.AST) -> str:
    """The first line of a node's text."""
    return ast.unparse(node).splitlines()[0]


def describe(node: ast.stmt) -> str:
    """Text of a statement after the change."""
    return "nothing" if isinstance(node, ast.Pass) or is_empty(node) else shorten(node)


def is_empty(node: ast.stmt) -> bool:
    """Whether a statement was taken away by `remove`."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def list_changes(node: Any) -> list[Any]:
    """List the changes that a node allows, as functions that carry them out in place."""
    changes: list[Any] = []
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            others = COMPARISONS.get(type(operator), ())
            changes += [lambda k=k, other=other: node.ops.__setitem__(k, other()) for other in others]
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        operators = (
            () if isinstance(node, ast.BinOp) and is_zero(node.right) else ARITHMETIC.get(type(node.op), ())
        )
        changes += [lambda other=other: setattr(node, "op", other()) for other in operators]
    elif isinstance(node, ast.BoolOp):
        other_junction = ast.Or if isinstance(node.op, ast.And) else ast.And
        changes.append(lambda: setattr(node, "op", other_junction()))
    elif isinstance(node, ast.Constant):
        changes += list_constant_changes(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        plain = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        changes.append(lambda: setattr(node, "op", plain) if isinstance(plain, ast.UAdd) else negate(node))
    elif isinstance(node, ast.IfExp):
        changes.append(lambda: swap_branches(node))
    elif isinstance(node, ast.If):
        for truth in (True, False):
            changes.append(lambda truth=truth: setattr(node, "test", ast.Constant(truth)))
    if is_removable(node):
        changes.append(lambda: remove(node))
    return changes


def is_zero(node: ast.expr) -> bool:
    """Whether this is a field that lies at the start of its record, so that adding it is no different."""
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ZERO_FIELDS


def is_removable(node: Any) -> bool:
    """Whether a statement can be left out and leave a program: no declaration, no result."""
    if isinstance(node, ast.Return):
        return node.value is None
    return isinstance(node, ast.AugAssign | ast.Assign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )


def list_constant_changes(node: ast.Constant) -> list[Any]:
    """List the other values of a constant: the other truth, one more, one less."""
    if isinstance(node.value, bool):
        return [lambda: setattr(node, "value", not node.value)]
    if isinstance(node.value, int):
        return [
            lambda: setattr(node, "value", int(node.value) + 1),
            lambda: setattr(node, "value", int(node.value) - 1),
        ]
    return []


def negate(node: ast.UnaryOp) -> None:
    """Take a `not` away, by a second one."""
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def swap_branches(node: ast.IfExp) -> None:
    """Let a conditional expression choose the other way."""
    node.body, node.orelse = node.orelse, node.body


def remove(node: Any) -> None:
    """Make a statement do nothing: it becomes a bare constant."""
    fields = vars(node)
    place = {name: fields[name] for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    fields.clear()
    node.__class__ = ast.Expr
    fields.update(place)
    node.value = ast.Constant(None)
