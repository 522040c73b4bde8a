"""Root of a batch of 10,000 words: dirty pages out of the machine, accumulator, tree. Prints JSON."""

import json
import time

from benchmarks.flow import Flow, build_segment, build_words, build_world
from miletus.engine import segment as G
from miletus.native import Tree, absorb_receipts

WORDS = 10_000
RUNS = 7


def main() -> None:
    """Run batches one after the other on one state and print the median of what a root takes."""
    machine = build_world(Flow())
    tree = Tree()
    tree.update(*machine.take_dirty())
    rows = build_words(Flow(), WORDS * RUNS)
    records = []
    for k in range(RUNS):
        machine.run(build_segment(int(G.SEQUENCED), rows[k * WORDS : (k + 1) * WORDS]))
        started = time.perf_counter()
        dirty = machine.take_dirty()
        taken = time.perf_counter()
        tree.update(*dirty)
        hashed = time.perf_counter()
        absorb_receipts(0, memoryview(machine.state.receipts)[: 4 * machine.state.receipt_count])
        absorbed = time.perf_counter()
        machine.state.clear_outputs()
        pages = len(dirty[0])
        records.append((absorbed - started, pages, taken - started, hashed - taken, absorbed - hashed))
    records.sort()
    total, pages, take, update, absorb = records[RUNS // 2]
    print(
        json.dumps(
            {
                "words": WORDS,
                "root_of_batch_ms": round(1_000 * total, 1),
                "dirty_pages": pages,
                "take_pages_ms": round(1_000 * take, 1),
                "hash_tree_ms": round(1_000 * update, 1),
                "absorb_receipts_ms": round(1_000 * absorb, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
