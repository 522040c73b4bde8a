"""L1 gas of an operation as batches grow, with proofs and without. Prints JSON on the last line."""

import json
from typing import Any

from benchmarks.bench_gas import SEGMENT_WORDS, get_gas, make_batch, make_words
from benchmarks.report import render_table
from miletus.settlement.anvil import Anvil
from tests.contracts.live import LiveWorld
from tests.contracts.live_proving import LiveProver, post_live
from tests.contracts.proving import Edge, Posted

BATCH_WORDS = (3, 63, 255, 1_023, 2_046, 4_080)
"""The last is about what nodes pass on in one transaction."""

ORDER_WORDS = 3
"""Of a signed order whose signature is on L1; under policy zk it is 1."""

TARGET_EDGES = (1, 6, 68)
"""Edges of a full segment: what the sizes large, medium and small take of a market's orders, about."""


def prove_whole(live: LiveWorld, prover: LiveProver, posted: Posted, segments: int) -> tuple[int, int]:
    """Prove all parts of a batch: gas of the inbox's proof, with which it is final, and of another part's."""
    others = [get_gas(prover.send(posted, Edge(segment))) for segment in range(1, segments + 1)]
    final = get_gas(prover.send(posted, Edge(0)))
    if live.get(live.rollup, "final_number") != posted.number:
        raise RuntimeError(f"batch {posted.number} is proved and not final")
    return final, sum(others) // len(others)


def measure(live: LiveWorld) -> list[dict[str, Any]]:
    """A batch of each size, committed and proved with an edge a segment."""
    prover = LiveProver(live)
    parent = post_live(live, make_batch(live, make_words(1)))
    prove_whole(live, prover, parent, 1)
    rows = []
    for words in BATCH_WORDS:
        live.wait(12)
        commit = make_batch(live, make_words(words))
        posted = post_live(live, commit, parent)
        block = live.rpc.call("eth_getBlockByNumber", [hex(posted.block), True])
        (hashed,) = [transaction["hash"] for transaction in block["transactions"]]
        committed = get_gas(live.rpc.call("eth_getTransactionReceipt", [hashed]))
        segments = -(-words // SEGMENT_WORDS)
        final, other = prove_whole(live, prover, posted, segments)
        rows.append(describe(words, segments, committed, (final, other)))
        parent = posted
    return rows


def describe(words: int, segments: int, committed: int, proved: tuple[int, int]) -> dict[str, Any]:
    """A row: gas of the parts, and of an operation by how many edges a full segment takes."""
    final, other = proved
    row: dict[str, Any] = {
        "words": words,
        "segments": segments,
        "commit_gas": committed,
        "prove_gas_a_segment": other,
        "prove_gas_final": final,
        "gas_an_order_optimistic": round(committed * ORDER_WORDS / words),
    }
    for edges in TARGET_EDGES:
        share = words / segments / SEGMENT_WORDS
        proofs = segments * max(1, round(edges * share)) * other + final
        row[f"gas_an_order_proved_{edges}_edges_a_segment"] = round(
            (committed + proofs) * ORDER_WORDS / words
        )
        # the same data hold three times as many orders, which take three times as many edges
        more = segments * max(1, round(ORDER_WORDS * edges * share)) * other + final
        row[f"gas_an_order_zk_{edges}_edges_a_segment"] = round((committed + more) / words)
    return row


def main() -> None:
    """Measure on a fresh anvil."""
    with Anvil() as anvil:
        rows = measure(LiveWorld(anvil, keys=True))
    result = {"batches": rows}
    print(render_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
