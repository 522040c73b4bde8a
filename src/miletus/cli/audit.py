"""From a fill to the data on L1 that made it, with nothing but L1: `miletus audit FILL`.

A fill is named by the number that the sequencer gave the taker's operation, and its place among the fills
of that operation: `48213.0`. Numbers are counted again from what is posted (09-R09), every batch up to the
fill's is executed again, and every claim on the way is compared. So what is told here is what L1 holds, not
what the sequencer says.
"""

import re
from copy import copy
from dataclasses import dataclass

import msgspec

from miletus.cli.errors import CliError
from miletus.cli.finality import PENDING, Finality, find_finality
from miletus.cli.person import get_view_terms
from miletus.codec import decode_segment
from miletus.codec.table import WORD_BYTES
from miletus.codec.view import OperationView, view_operations
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED, Segment
from miletus.engine.state import EVENT, RECEIPT, State
from miletus.native import Tree, prepare
from miletus.sequencer.query import view_instrument
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import Commitment
from miletus.settlement.deployment import Deployment
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.node import L1Node
from miletus.settlement.numbering import NotOnL1, Place, find_number
from miletus.settlement.proofs import read_commitment
from miletus.settlement.replica import Replica
from miletus.settlement.values import to_hex
from miletus.settlement.verify import Alarm, verify_batch

FILL_NAME = re.compile(r"(?P<number>[1-9]\d{0,17})\.(?P<place>\d{1,3})", re.ASCII)


class FillAudit(msgspec.Struct, frozen=True):
    """Where a fill comes from. Prices in ticks, sizes in lots, fees in micro-USDC, times in ms or s."""

    fill: str
    instrument: str
    side: str
    price_ticks: int
    size_lots: int
    fee_micros: int
    taker_account: int
    taker_slot: int
    maker_account: int
    maker_slot: int
    operation: str
    words: tuple[str, ...]
    reason: str
    batch: int
    batch_id: str
    segment: int
    segments: int
    word: int
    segment_root: str
    root_agrees: bool
    batches_executed: int
    l1_transaction: str
    l1_block: int
    l1_block_hash: str
    committed_at_s: int
    proposer: str
    is_final: bool
    final_at_s: int
    """When it became final, or the end of its window while it is not."""
    finality: Finality


@dataclass(frozen=True)
class Found:
    """An operation that was executed: what became of it, and the root after its segment."""

    operation: OperationView
    segment: Segment
    reason: Reason
    fills: tuple[tuple[int, ...], ...]
    root: bytes

    def get_words(self) -> tuple[bytes, ...]:
        """Its data words, 31 bytes each."""
        first = self.operation.first_word
        return tuple(
            self.segment.words[at * WORD_BYTES : (at + 1) * WORD_BYTES]
            for at in range(first, first + self.operation.words)
        )


def parse_fill_name(text: str) -> tuple[int, int]:
    """(number, place) of a fill's name. Raises CliError."""
    match = FILL_NAME.fullmatch(text)
    if match is None:
        raise CliError(f"{text[:40]!r} is no fill: give one as miletus trade prints it, such as 48213.0")
    return int(match["number"]), int(match["place"])


def audit_fill(node: L1Node, deployment: Deployment, genesis: Genesis, name: str) -> FillAudit:
    """Find a fill on L1 and recompute it.

    Raises:
        CliError: L1 has no such fill, or a claim before it is wrong.

    """
    number, place_in_word = parse_fill_name(name)
    rollup = deployment.check(node)
    view = ChainView(rollup, Vault(node, rollup.vault), deployment.start_block)
    view.poll()
    try:
        place = find_number(view, number)
    except NotOnL1 as error:
        raise CliError(find_in_removed(view, number) or str(error)) from None
    crypto = rollup.build_crypto()
    replica = Replica.from_genesis(genesis, crypto)
    for posted in view.batches[: place.posted.number - 1]:
        result = verify_batch(view, posted, replica)
        if isinstance(result, Alarm):
            raise CliError(f"L1 holds a wrong claim before this fill: {result}")
    commitment = read_commitment(view, place.posted)
    found = run_to(view, place, commitment, replica)
    fills = found.fills
    if place_in_word >= len(fills):
        raise CliError(
            f"{name}: that operation ({found.operation.name}) has {len(fills)} fills on L1, numbered from 0: "
            "give one as miletus trade prints it"
        )
    finality = find_finality(view, place.posted)
    maker, taker, book, price, lots, fee = fills[place_in_word]
    instrument, side = divmod(book, 2)
    return FillAudit(
        fill=name,
        instrument=get_name(replica.machine.state, instrument),
        side="sell" if side else "buy",
        price_ticks=price,
        size_lots=lots,
        fee_micros=fee,
        taker_account=taker // 256,
        taker_slot=taker % 256,
        maker_account=maker // 256,
        maker_slot=maker % 256,
        operation=found.operation.name,
        words=tuple("0x" + word.hex() for word in found.get_words()),
        reason=found.reason.name,
        batch=place.posted.number,
        batch_id="0x" + place.posted.id.hex(),
        segment=place.segment,
        segments=len(commitment.segments),
        word=place.word,
        segment_root="0x" + found.root.hex(),
        root_agrees=found.root == commitment.segments[place.segment].claim.root,
        batches_executed=place.posted.number,
        l1_transaction="0x" + place.posted.transaction_hash.hex(),
        l1_block=place.posted.block_number,
        l1_block_hash="0x" + place.posted.block_hash.hex(),
        committed_at_s=place.posted.committed_at_s,
        proposer=place.posted.proposer,
        is_final=finality.kind != PENDING,
        final_at_s=finality.final_at_s or place.posted.committed_at_s + rollup.window_s,
        finality=finality,
    )


def find_in_removed(view: ChainView, number: int) -> str:
    """Where a number was that L1 does not have any more, empty if nowhere."""
    for removal in reversed(view.removals):
        before = copy(view)
        before.batches = [*(each for each in view.batches if each.number < removal.number), *removal.batches]
        try:
            place = find_number(before, number)
        except NotOnL1:
            continue
        if place.posted in removal.batches:
            why = "a proof" if removal.wrong else "contradicting proofs"
            return (
                f"number {number} was in batch {place.posted.number} ({to_hex(place.posted.id)[:12]}), which "
                f"{why} removed in L1's block {removal.block_number}: its operations are posted again in "
                "another batch, ask again then"
            )
    return ""


def get_name(state: State, instrument: int) -> str:
    """Name of an instrument of a state."""
    view = view_instrument(state, instrument)
    assert view is not None  # a fill is in an instrument that is listed
    return get_view_terms(view).name


def run_to(view: ChainView, place: Place, commitment: Commitment, replica: Replica) -> Found:
    """Execute a batch up to the segment of a place, on a replica that stands before the batch."""
    machine = replica.machine
    machine.begin_batch(commitment.time_bound_ms, commitment.clock_floor_ms)
    inbox = view.get_words(place.posted.inbox_first, place.posted.inbox_end)
    texts = (inbox, *(segment.words for segment in commitment.segments[1:]))
    for j, text in enumerate(texts[: place.segment + 1]):
        machine.state.clear_outputs()
        segment = decode_segment(SEQUENCED if j else INBOX, text)
        prepare(segment, machine)
        machine.run(segment)
    if place.segment == len(texts) - 1:
        machine.end_batch()
    operations = view_operations(segment)
    record = next((j for j, operation in enumerate(operations) if operation.first_word == place.word), None)
    if record is None:
        raise CliError(
            f"word {place.word} of segment {place.segment} of batch {place.posted.number} begins no "
            "operation: give a fill as miletus trade prints it"
        )
    state = machine.state
    stride = int(EVENT)
    fills = tuple(
        tuple(int(state.events[at + 2 + k]) for k in range(6))
        for at in range(0, int(state.event_count) * stride, stride)
        if state.events[at] == events.FILL and state.events[at + 1] == record
    )
    reason = Reason(int(state.receipts[record * int(RECEIPT)]))
    root = Tree().update(*machine.export_pages())
    return Found(operations[record], segment, reason, fills, root)
