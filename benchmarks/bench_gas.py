"""Gas of every call of the L1 contracts, measured on anvil. Prints tables, and JSON on the last line."""

import json
import random
from typing import Any

from benchmarks.report import render_table
from miletus.codec import encode
from miletus.settlement.anvil import Anvil
from tests.contracts.fixture import prove
from tests.contracts.live import LiveWorld
from tests.contracts.live_proving import LiveProver, post_live
from tests.contracts.proving import Edge, Posted
from tests.contracts.reference import (
    FIELD,
    Commit,
    Segment,
    compute_proof,
    join,
    make_forced_word,
    pack_withdrawal,
)
from tests.contracts.world import EXIT, VAULT

BATCH_WORDS = (1, 64, 256, 1_024, 4_096)
SEGMENT_WORDS = 1_024
FEE_WEI = VAULT["word_fee_wei"]
SOURCE = random.Random(7)


def make_words(count: int) -> list[int]:
    """Words of signed orders: of each three, one is the order and two are its signature."""
    words: list[int] = []
    while len(words) < count:
        order = encode.place_order(
            account=SOURCE.randrange(16, 5_000),
            key=0,
            nonce=SOURCE.randrange(1, 1_000_000),
            valid_until_s=SOURCE.randrange(1_800_000_000, 1_800_100_000),
            slot=SOURCE.randrange(256),
            instrument=SOURCE.randrange(300),
            flags=SOURCE.randrange(2),
            price_ticks=SOURCE.randrange(100, 10_000_000),
            size_lots=SOURCE.randrange(100, 100_000),
            good_for_s=0,
        )
        words += [int.from_bytes(order[:29] + SOURCE.randbytes(2), "big")]
        words += [SOURCE.getrandbits(248), SOURCE.getrandbits(248)]
    return words[:count]


def make_claim(words: list[int]) -> Segment:
    """A segment with a claim of full width, as real ones have; nothing is put out."""
    return Segment(tuple(words), *(SOURCE.randrange(FIELD) for _ in range(2)), 0)


def make_batch(live: LiveWorld, words: list[int], **changes: Any) -> Commit:
    """The next batch with these sequenced words."""
    parts = [words[at : at + SEGMENT_WORDS] for at in range(0, len(words), SEGMENT_WORDS)]
    return live.draft(segments=tuple(make_claim(part) for part in parts), **changes)


def get_gas(receipt: dict[str, Any]) -> int:
    """Gas that a transaction was charged."""
    return int(receipt["gasUsed"], 16)


def compute_floor(data: bytes) -> int:
    """Least gas of a transaction with this input (EIP-7623)."""
    zeros = data.count(0)
    return 21_000 + 10 * zeros + 40 * (len(data) - zeros)


def measure_batches(live: LiveWorld) -> list[dict[str, int | float]]:
    """Commits of several sizes."""
    live.commit("sequencer", make_batch(live, make_words(1)))  # fills what is empty only once
    records: list[dict[str, int | float]] = []
    for count in BATCH_WORDS:
        commit = make_batch(live, make_words(count))
        gas = get_gas(live.commit("sequencer", commit))
        data = commit.encode()
        records.append(
            {
                "words": count,
                "gas": gas,
                "gas_per_word": round(gas / count, 1),
                "input_bytes": len(data),
                "input_floor_gas": compute_floor(data),
            }
        )
    return records


def measure_users(live: LiveWorld) -> dict[str, int]:
    """Calls of the vault by users."""
    gas = {}
    fee_wei = VAULT["account_fee_wei"]
    for key in ("register (first of all)", "register"):
        gas[key] = get_gas(live.transact("trader", live.vault, "register", value_wei=fee_wei))
    for key in ("deposit (first of all)", "deposit"):
        gas[key] = get_gas(live.deposit("trader", 16, 5_000_000))
    arguments = (16, 0, 255, 0, FIELD - 1, FIELD - 2)
    gas["set_key"] = get_gas(
        live.transact("trader", live.vault, "set_key", *arguments, value_wei=3 * FEE_WEI)
    )
    gas["force"] = get_gas(force(live))
    return gas


def force(live: LiveWorld) -> dict[str, Any]:
    """A forced operation of one word."""
    word = make_forced_word(0x13, 16, bytes(range(1, 17)))
    return live.transact("trader", live.vault, "force", word, value_wei=FEE_WEI)


def measure_inbox_and_outbox(live: LiveWorld) -> dict[str, int]:
    """Commits without sequenced words, and what is paid out of them."""
    gas = {}
    for _ in range(257 - 6):
        force(live)
    live.wait(60)
    gas["commit, nothing in it"] = get_gas(live.commit("sequencer", live.draft()))
    gas["commit, inbox of 1 word"] = get_gas(live.commit("sequencer", live.draft(1)))
    gas["commit, inbox of 253 words"] = get_gas(live.commit("sequencer", live.draft(251)))
    for count in (1, 256):
        outbox = tuple((int(live.people["trader"], 16), 1_000 + i) for i in range(count))
        gas[f"commit, outbox of {count}"] = get_gas(live.commit("sequencer", live.draft(outbox=outbox)))
        number = live.get(live.rollup, "head_number")
        ready = number - live.get(live.rollup, "final_number")
        live.wait(live.rollup_parameters["window_s"])
        gas[f"finalize, {ready} batches"] = get_gas(live.transact("trader", live.rollup, "finalize", 64))
        for index, key in ((0, "first"), (count - 1, "other"))[: min(count, 2)]:
            _, amount = outbox[index]
            claim = (number, index, live.people["trader"], amount, compute_proof(outbox, index))
            gas[f"claim from {count} ({key})"] = get_gas(live.transact("thief", live.rollup, "claim", *claim))
    for name, contract in (("rollup", live.rollup), ("vault", live.vault)):
        gas[f"withdraw_credit of {name}"] = get_gas(live.transact("sequencer", contract, "withdraw_credit"))
    return gas


def measure_end(live: LiveWorld) -> dict[str, int]:
    """The freeze and what follows."""
    entry = live.get(live.vault, "entry_count")
    live.deposit("trader", 16, 5_000_000)
    live.wait(live.rollup_parameters["freeze_s"])
    return {
        "freeze": get_gas(live.transact("trader", live.rollup, "freeze")),
        "reclaim": get_gas(live.transact("trader", live.vault, "reclaim", entry)),
    }


def make_roots(count: int) -> tuple[Segment, ...]:
    """Segments of one word with claims of full width, as a proved batch has them."""
    return tuple(Segment((5,), *(SOURCE.randrange(FIELD) for _ in range(2)), 0) for _ in range(count))


def measure_proofs(live: LiveWorld) -> dict[str, int]:
    """Verdicts of both kinds, with batches of few and of many segments."""
    prover, gas = LiveProver(live), {}
    full = SOURCE.randrange(FIELD)
    parent = post_live(live, live.draft(segments=make_roots(1)))
    for segment in (1, 0):
        receipt = prover.send(parent, Edge(segment))
        gas[f"prove, the batch's {'only segment' if segment else 'last part: final'}"] = get_gas(receipt)
    for count in (1, 4, 16):
        posted = post_live(live, live.draft(segments=make_roots(count)), parent)
        edge = Edge(count, steps=9, cursor=0, end=False, root=full)
        gas[f"prove a fact, batch of {count} segments"] = get_gas(prover.send(posted, edge))
        receipt = prover.send(posted, Edge(count, before=9, root=full))
        gas[f"refute after 2 edges, batch of {count} segments"] = get_gas(receipt)
        live.wait(12)
    long = post_live(live, live.draft(segments=make_roots(1)), parent)
    for before in range(15):
        prover.send(long, Edge(1, before=before, steps=1, cursor=0, end=False, root=full))
    gas["refute after 16 edges"] = get_gas(prover.send(long, Edge(1, before=15, root=full)))
    gas["withdraw_credit of court"] = get_gas(live.transact("challenger", live.court, "withdraw_credit"))
    gas["release of a bond"] = measure_release(live, prover, parent)
    return gas | measure_outboxes(live, prover, parent)


def measure_release(live: LiveWorld, prover: LiveProver, parent: Posted) -> int:
    live.wait(12)
    bad = post_live(live, live.draft(segments=make_roots(1)), parent)
    post_live(live, live.draft(segments=make_roots(1)), bad)
    prover.send(bad, Edge(1, root=SOURCE.randrange(FIELD)))
    return get_gas(live.transact("thief", live.rollup, "release", bad.number + 1))


def measure_outboxes(live: LiveWorld, prover: LiveProver, parent: Posted) -> dict[str, int]:
    """Proofs of lists of withdrawals."""
    gas = {}
    for count in (1, 256):
        live.wait(12)
        outbox = tuple((int(live.people["trader"], 16), 1_000 + i) for i in range(count))
        posted = post_live(live, live.draft(inbox=Segment((), 11, 12, 9), outbox=outbox), parent)
        proof = prover.make_outbox(posted, "challenger")
        arguments = (posted.number, posted.preimage, live.people["challenger"], proof)
        receipt = live.transact("challenger", live.court, "prove_outbox", *arguments)
        gas[f"prove_outbox of {count}"] = get_gas(receipt)
        words = join([pack_withdrawal(owner, amount) for owner, amount in outbox])
        wrong = post_live(live, live.draft(inbox=Segment((), 11, 12, 9), outbox=outbox), posted)
        proof = prover.make_outbox(wrong, "challenger", 10)
        other = (wrong.number, wrong.preimage, 10, live.people["challenger"], proof)
        data = live.court.encode("refute_outbox", *other) + words
        gas[f"refute_outbox of {count}"] = get_gas(live.send("challenger", live.court.address, data))
        prover.send(posted, Edge(0))
        parent = posted
    return gas


def measure_exit(live: LiveWorld) -> dict[str, int]:
    """Claims against the last final state, each in one proof."""
    live.transact("trader", live.vault, "register", value_wei=VAULT["account_fee_wei"])
    live.deposit("trader", 16, 5_000_000)
    live.wait(60)
    last = post_live(live, live.draft(1))
    LiveProver(live).send(last, Edge(0))
    live.deposit("trader", 16, 5_000_000)
    live.wait(live.rollup_parameters["freeze_s"])
    live.transact("trader", live.rollup, "freeze")
    gas = {"open": get_gas(live.transact("trader", live.exit, "open", last.tip))}
    root = live.get(live.exit, "root")
    for account, key in ((16, "first"), (17, "other")):
        walk, sums = account | (2**32 - 1) << 56, 2**63 | (2**63 + 1_000 + account) << 64
        proof = prove([root, int(live.people["trader"], 16), walk, sums])
        claim = (account, live.people["trader"], 2**32 - 1, 2**63 + 1_000 + account, proof)
        gas[f"claim_account ({key})"] = get_gas(live.transact("thief", live.exit, "claim_account", *claim))
    live.wait(EXIT["claim_s"])
    gas["pay_account"] = get_gas(live.transact("thief", live.exit, "pay_account", 16))
    return gas


def main() -> None:
    """Deploy on a fresh anvil and measure."""
    with Anvil() as anvil:
        live = LiveWorld(anvil)
        batches = measure_batches(live)
        calls = {f"deploy {name}": gas for name, gas in live.deploy_gas.items()}
        calls |= measure_users(live) | measure_inbox_and_outbox(live) | measure_end(live)
    with Anvil() as anvil:
        live = LiveWorld(anvil, keys=True)
        calls |= {"deploy Verifier (2 inputs)": live.deploy_gas["Verifier"]}
        calls |= measure_proofs(live)
    with Anvil() as anvil:
        live = LiveWorld(anvil, keys=True)
        calls |= measure_exit(live)
    result = {"batches": batches, "calls": [{"call": key, "gas": gas} for key, gas in calls.items()]}
    print(render_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
