"""What rows of the circuit cost, from its pinned prices, and what operations cost by them."""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from benchmarks.proof_flow import ROOT

ARITY, DEPTH = 8, 10
"""Of the state's tree; spec 10."""

MACHINE_REGION = 805_306_368
CARRIED = 2
"""Pages of the machine that every edge touches, whatever it does."""


@cache
def read_prices() -> dict[str, float]:
    """Constraints of one row, by the names of circuits/stats.csv in the sizes' range tables."""
    with (ROOT / "circuits" / "stats.csv").open() as file:
        rows = list(csv.reader(file))
    prices = {name: float(each) for name, ranges, each, _ in rows[1:] if ranges in ("2^8", "2^8 2^13")}
    return prices | {
        "page": prices["page, tuples of 4 cells"],
        "read page": prices["page, read only, tuples of 4 cells"],
        "word": prices["14 words"] / 14,
        "once": 8_819.0 + 1_602.0,
    }


def price_steps(used: Mapping[str, int]) -> float:
    """Constraints of rows of steps."""
    prices = read_prices()
    return sum(prices[f"step: {name}"] * rows for name, rows in used.items())


def price_pages(pages: Iterable[int], changed: Iterable[int]) -> tuple[float, float]:
    """Constraints of touched pages, and of the nodes over them."""
    prices, touched, written = read_prices(), set(pages), set(changed)
    nodes = {(level, page // ARITY**level) for page in touched for level in range(1, DEPTH + 1)}
    leaves = prices["page"] * len(written) + prices["read page"] * len(touched - written)
    return leaves, prices["node"] * len(nodes)


def price_alone(operation: Mapping[str, Any]) -> dict[str, float]:
    """Constraints of an operation that has an edge to itself, but for the pages that every edge carries."""
    prices = read_prices()
    pages, nodes = price_pages(operation["pages"], operation["changed"])
    carried = price_pages(range(MACHINE_REGION, MACHINE_REGION + CARRIED), range(0))
    return {
        "steps": price_steps(operation["used"]),
        "signature": prices["signature"] * operation["signatures"],
        "hashes": prices["hash row"] * operation["hashes"],
        "words": prices["word"] * operation["words"],
        "pages": pages - carried[0],
        "nodes": nodes - carried[1],
    }


def price_together(operations: list[dict[str, Any]]) -> dict[str, float]:
    """Constraints of operations that share an edge of just their size, by part."""
    prices = read_prices()
    pages = {page for operation in operations for page in operation["pages"]}
    changed = {page for operation in operations for page in operation["changed"]}
    leaves, nodes = price_pages(pages, changed)
    parts = {"steps": 0.0, "signature": 0.0, "hashes": 0.0, "words": 0.0}
    for operation in operations:
        own = price_alone(operation)
        parts = {name: value + own[name] for name, value in parts.items()}
    return parts | {"pages": leaves, "nodes": nodes, "once": prices["once"]}


def read_sizes() -> dict[str, int]:
    """Constraints of the circuits of edges, by the name of their size, as they are pinned."""
    with (ROOT / "circuits" / "sizes.csv").open() as file:
        pinned = {name: int(constraints) for name, constraints in csv.reader(file)}
    sizes = {name.removeprefix("edge-"): count for name, count in pinned.items() if name.startswith("edge-")}
    return dict(sorted(sizes.items(), key=lambda size: size[1]))
