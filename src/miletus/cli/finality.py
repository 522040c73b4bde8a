"""What became of a batch on L1, for `miletus audit`: final by proof or window, in its window, removed."""

import msgspec

from miletus.cli.board import format_time
from miletus.cli.output import shorten
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.court import OUTBOX
from miletus.settlement.values import to_hex
from miletus.settlement.verdicts import Verdicts

PROVED, WINDOW, PENDING = "proved", "window", "pending"
"""Kinds of finality: by proof, by the window, not yet."""


class ProvedPart(msgspec.Struct, frozen=True):
    """A segment or the outbox of a batch that was proved: by which transaction, and whom that pays."""

    part: str
    payee: str
    l1_transaction: str
    l1_block: int


class RemovedBatch(msgspec.Struct, frozen=True):
    """A batch that was in the same place and was removed. `payee` proved it wrong, empty if nobody did."""

    batch_id: str
    proposer: str
    payee: str
    reward_wei: int
    burnt_wei: int
    l1_transaction: str
    l1_block: int


class Finality(msgspec.Struct, frozen=True):
    """What became of a batch. `final_at_s` and `l1_transaction` are 0 and empty until it is final.

    `seconds_left` of its window at L1's head; `parts` are its proofs, whether they made it final or not.
    """

    kind: str
    final_at_s: int
    l1_transaction: str
    seconds_left: int
    parts: tuple[ProvedPart, ...]
    removed_before: tuple[RemovedBatch, ...]


def find_finality(view: ChainView, posted: PostedBatch) -> Finality:
    """What became of a batch, by L1's events alone; `view` must have been polled."""
    verdicts = Verdicts(view.rollup, view.start_block)
    verdicts.poll()
    final = verdicts.finals.get(posted.id)
    end_s = posted.committed_at_s + view.rollup.window_s
    head_s = view.head.timestamp_s if view.head is not None else posted.committed_at_s
    kind = PENDING
    if final is not None:
        kind = PROVED if posted.id in verdicts.proved and final.at_s < end_s else WINDOW
    return Finality(
        kind=kind,
        final_at_s=final.at_s if final is not None else 0,
        l1_transaction=to_hex(final.transaction_hash) if final is not None else "",
        seconds_left=max(0, end_s - head_s) if final is None else 0,
        parts=tuple(
            ProvedPart(
                "outbox" if proof.part == OUTBOX else f"segment {proof.part}",
                proof.payee,
                to_hex(proof.transaction_hash),
                proof.block_number,
            )
            for proof in verdicts.find_proofs(posted.id)
        ),
        removed_before=find_removed(verdicts, posted.number),
    )


def find_removed(verdicts: Verdicts, number: int) -> tuple[RemovedBatch, ...]:
    """Batches that had a number and were removed, the oldest first."""
    refuted = {refutation.batch_id: refutation for refutation in verdicts.refutations}
    found = []
    for removed in verdicts.removed:
        if removed.number == number:
            proof = refuted.get(removed.batch_id)
            found.append(
                RemovedBatch(
                    to_hex(removed.batch_id),
                    removed.proposer,
                    proof.payee if proof is not None else "",
                    proof.reward_wei if proof is not None else 0,
                    removed.burnt_wei,
                    to_hex(removed.transaction_hash),
                    removed.block_number,
                )
            )
    return tuple(found)


def describe_finality(found: Finality, window_end_s: int) -> dict[str, str]:
    """What became of a batch, as names and values for people."""
    facts = {}
    if found.kind == PROVED:
        facts["finality"] = (
            f"final by proof since {format_time(found.final_at_s * 1000)}, by {found.l1_transaction}"
        )
    elif found.kind == WINDOW:
        facts["finality"] = (
            f"final since {format_time(found.final_at_s * 1000)}, when its window had passed without a "
            f"challenge, by {found.l1_transaction}"
        )
    elif found.seconds_left:
        facts["finality"] = (
            f"in its window for {found.seconds_left:,} s more, until {format_time(window_end_s * 1000)}; a "
            "proof makes it final at once (miletus prove)"
        )
    else:
        facts["finality"] = "its window has passed: final as soon as somebody says so to L1"
    if found.parts:
        facts["proofs"] = "\n".join(
            f"{each.part}: {each.l1_transaction}, pays {shorten(each.payee)}" for each in found.parts
        )
    if found.removed_before:
        facts["removed before"] = "\n".join(
            f"batch {shorten(each.batch_id)} of {shorten(each.proposer)} in its place, "
            + (f"proved wrong by {shorten(each.payee)}" if each.payee else "not proved wrong itself")
            + f": {each.l1_transaction}"
            for each in found.removed_before
        )
    return facts
