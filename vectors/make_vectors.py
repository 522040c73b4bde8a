"""Make every vector anew (`python -m vectors.make_vectors`); a test compares it with what is here."""

import json
import sys
from pathlib import Path
from typing import Any

from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.elements import read_element
from vectors import scenarios
from vectors.world import (
    CHAIN_ID,
    CLOCK_MS,
    ROLLUP,
    World,
    build_genesis,
    build_market,
    inbox_words,
    list_market,
)

FOLDER = Path(__file__).parent / "machine"
TIME_BOUND_MS = CLOCK_MS + 10**9
WORD = 31


def read_pages(world: World) -> dict[str, dict[str, int]]:
    """All pages of the state: fields that are not zero, by page number and field."""
    numbers, _kinds, fields = world.machine.export_pages()
    pages: dict[str, dict[str, int]] = {}
    for j, number in enumerate(numbers):
        page = {str(k): int(fields[64 * j + k]) for k in range(64) if fields[64 * j + k]}
        if page:
            pages[str(int(number))] = page
    return pages


def compute_changes(
    before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """Pages that differ, whole, as they are after; an empty page is one that became zero."""
    return {n: after.get(n, {}) for n in sorted({*before, *after}, key=int) if before.get(n) != after.get(n)}


def make(name: str, world: World, parts: list[tuple[int, bytes]]) -> dict[str, Any]:
    """Run the segments and write down everything that another implementation must get the same."""
    machine = world.machine
    before = read_pages(world)
    root = world.root()
    segments = []
    for source, words in parts:
        world.run(source, words)
        count = machine.state.receipt_count
        segments.append(
            {
                "source": "inbox" if source == G.INBOX else "sequenced",
                "words": [words[k : k + WORD].hex() for k in range(0, len(words), WORD)],
                "receipts": [
                    [int(machine.state.receipts[4 * k + j]) for j in range(4)] for k in range(count)
                ],
                "root_after": world.root().hex(),
                "outbox_accumulator": hex(read_element(machine.state, L.OUTBOX)),
                "events_accumulator": hex(read_element(machine.state, L.EVENTS)),
            }
        )
        machine.state.clear_outputs()
    return {
        "name": name,
        "chain_id": CHAIN_ID,
        "rollup": ROLLUP,
        "time_bound_ms": TIME_BOUND_MS,
        "pages_before": before,
        "root_before": root.hex(),
        "segments": segments,
        "outbox": [[hex(owner), amount] for owner, amount in machine.state.outbox],
        "pages_changed": compute_changes(before, read_pages(world)),
    }


def make_all() -> dict[str, dict[str, Any]]:
    """Every vector by name."""
    vectors: dict[str, dict[str, Any]] = {}
    world = build_genesis()
    world.machine.begin_batch(TIME_BOUND_MS, 0)
    list_market(world)
    parts = [(int(G.INBOX), inbox_words()), (int(G.SEQUENCED), world.take_words())]
    vectors["genesis_to_market"] = make("genesis_to_market", world, parts)
    for source, group in ((G.SEQUENCED, scenarios.SEQUENCED), (G.INBOX, scenarios.INBOX)):
        for scenario in group:
            world = build_market()
            scenario(world)
            name = scenario.__name__
            vectors[name] = make(name, world, [(int(source), world.take_words())])
            vectors[name]["about"] = (scenario.__doc__ or "").strip()
    return vectors


def main() -> int:
    """Write the files; with --check, only say which differ."""
    check = "--check" in sys.argv[1:]
    FOLDER.mkdir(exist_ok=True)
    stale = []
    made = make_all()
    for name, vector in made.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(vector, sort_keys=True, separators=(",", ":")) + "\n"
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.write_text(text)
    for path in FOLDER.glob("*.json"):
        if path.stem not in made:
            stale.append(path.stem)
            if not check:
                path.unlink()
    print(
        f"{len(made)} vectors, {len(stale)} {'differ' if check else 'written'}: {', '.join(stale) or 'none'}"
    )
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
