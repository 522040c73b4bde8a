"""Gas of every call of the L1 contracts, measured on anvil. Prints tables, and JSON on the last line."""

import json
import random
from typing import Any

from benchmarks.report import render_table
from miletus.codec import encode
from miletus.settlement.anvil import Anvil
from tests.contracts.live import LiveWorld
from tests.contracts.reference import FIELD, Commit, Segment, compute_proof, make_forced_word
from tests.contracts.world import VAULT

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
    """A segment with a claim of full width, as real ones have."""
    return Segment(tuple(words), *(SOURCE.randrange(FIELD) for _ in range(3)))


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


def main() -> None:
    """Deploy on a fresh anvil and measure."""
    with Anvil() as anvil:
        live = LiveWorld(anvil)
        batches = measure_batches(live)
        calls = {f"deploy {name}": gas for name, gas in live.deploy_gas.items()}
        calls |= measure_users(live) | measure_inbox_and_outbox(live) | measure_end(live)
    result = {"batches": batches, "calls": [{"call": key, "gas": gas} for key, gas in calls.items()]}
    print(render_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
