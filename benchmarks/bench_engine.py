"""Words a second of the machine, interpreted or compiled, with margin on both sides of each fill.

Prints JSON. Run with MILETUS_INTERPRETED=1 for the interpreted build.
"""

import argparse
import json
import time

import miletus
from benchmarks.flow import Flow, build_segment, build_words, build_world, compute_digest, count_fills
from miletus.engine import segment as G

PART = 10_000
"""Words that are run at once; outputs are read in between, as a node does."""


def main() -> None:
    """Run the flow several times and print the median rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    flow = Flow()
    rows = build_words(flow, options.words)
    parts = [rows[k : k + PART] for k in range(0, len(rows), PART)]
    segments = [build_segment(int(G.SEQUENCED), part) for part in parts]
    rates: list[float] = []
    result: dict[str, object] = {}
    for _ in range(options.runs):
        machine = build_world(flow)
        steps = machine.steps
        seconds = 0.0
        fills = 0
        reasons: dict[int, int] = {}
        for segment in segments:
            started = time.perf_counter()
            machine.run(segment)
            seconds += time.perf_counter() - started
            fills += count_fills(machine)
            for k in range(machine.state.receipt_count):
                reason = int(machine.state.receipts[4 * k])
                reasons[reason] = reasons.get(reason, 0) + 1
            machine.state.clear_outputs()
        rates.append(options.words / seconds)
        result = {
            "steps_per_word": round((machine.steps - steps) / options.words, 2),
            "fills_per_word": round(fills / options.words, 3),
            "refused": {str(k): v for k, v in sorted(reasons.items()) if k},
            "digest": compute_digest(machine),
        }
    rates.sort()
    median = rates[len(rates) // 2]
    print(
        json.dumps(
            {
                "build": miletus.build_kind(),
                "words": options.words,
                "words_per_s": round(median),
                "words_per_s_min": round(rates[0]),
                "words_per_s_max": round(rates[-1]),
                **result,
            }
        )
    )


if __name__ == "__main__":
    main()
