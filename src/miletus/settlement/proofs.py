"""What of a batch has to be proved: the state that each of its parts begins at, rebuilt from L1 alone."""

from collections.abc import Callable
from dataclasses import dataclass

from miletus.engine.segment import INBOX, SEQUENCED
from miletus.native import NativeCrypto
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Commitment, decode_commit
from miletus.settlement.court import OUTBOX
from miletus.settlement.errors import L1Inconsistent, SettlementError
from miletus.settlement.genesis import Genesis
from miletus.settlement.replica import Pages, Replica
from miletus.settlement.source import StateSource
from miletus.settlement.verify import Alarm, Verified, verify_batch


@dataclass(frozen=True, slots=True)
class Case:
    """A batch, executed again.

    Attributes:
        posted: the batch.
        commitment: what was posted for it.
        texts: words of its segments, 31 bytes each; the first is the inbox segment.
        root: of the state before it.
        pages: that state.
        alarm: its first wrong claim, None if all are right.

    """

    posted: PostedBatch
    commitment: Commitment
    texts: tuple[bytes, ...]
    root: bytes
    pages: Pages
    alarm: Alarm | None
    crypto: NativeCrypto


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive segments and the state before the first of them, or the outbox, which begins at none."""

    segments: tuple[int, ...]
    root: bytes = b""
    pages: Pages | None = None

    @property
    def state(self) -> Pages:
        """The pages before it. Raises ValueError for the outbox."""
        if self.pages is None:
            raise ValueError("the outbox begins at no state")
        return self.pages


class Reproduction:
    """The states of a rollup, one batch after the other, from its first or from one of an own node.

    `states` are believed where L1 claims the same root, since who keeps them executed what is before them.
    """

    def __init__(self, view: ChainView, genesis: Genesis, states: StateSource | None = None) -> None:
        self._view = view
        self._genesis = genesis
        self._states = states
        self._crypto = view.rollup.build_crypto()
        self._replica: Replica | None = None
        self._ids: list[bytes] = []

    def open(self, posted: PostedBatch) -> Case:
        """Execute everything before a batch, then the batch.

        Raises:
            L1Error: L1 can't be used, or contradicts itself.
            SettlementError: a batch before it is wrong.

        """
        replica = self.go_to(posted.number - 1)
        root, pages = replica.root, replica.export_pages()
        result = verify_batch(self._view, posted, replica)
        alarm = result if isinstance(result, Alarm) else None
        if alarm is None:
            self._ids.append(posted.id)
        else:
            self._replica = None  # it went on where nobody follows
        commitment = read_commitment(self._view, posted)
        inbox = self._view.get_words(posted.inbox_first, posted.inbox_end)
        texts = (inbox, *(segment.words for segment in commitment.segments[1:]))
        return Case(posted, commitment, texts, root, pages, alarm, self._crypto)

    def go_to(self, number: int) -> Replica:
        """The state after a batch; begins anew where L1 is another than it was."""
        posted = [self._view.get_batch(place) for place in range(1, number + 1)]
        ids = [batch.id for batch in posted if batch is not None]
        if self._replica is None or self._ids != ids[: len(self._ids)]:
            self._replica, self._ids = self._begin(number, ids)
        for batch in posted[len(self._ids) :]:
            assert batch is not None  # the view begins at genesis
            result = verify_batch(self._view, batch, self._replica)
            if not isinstance(result, Verified):
                self._replica = None
                raise SettlementError(f"prove batch {batch.number} first, which is wrong: {result}")
            self._ids.append(batch.id)
        return self._replica

    def _begin(self, number: int, ids: list[bytes]) -> tuple[Replica, list[bytes]]:
        """A state to go on from, and the batches before it: one of ours that L1 claims too, or the first."""
        known = self._states.get_state(number) if self._states is not None else None
        if known is not None and known.number:
            posted = self._view.get_batch(known.number)
            replica = Replica.from_pages(known.pages, self._crypto)
            if posted is not None and posted.root == known.root == replica.root:
                return replica, ids[: known.number]
        return Replica.from_genesis(self._genesis, self._crypto), []


def compute_parts(case: Case, is_proved: Callable[[int], bool]) -> list[Part]:
    """What is left to prove of a batch.

    Of a right one everything that `is_proved` does not know yet, segments that follow each other as one part;
    of a wrong one the segment, or the outbox, that leads to the verdict.
    """
    if case.alarm is not None:
        wrong = OUTBOX if case.alarm.kind == "withdrawals" else case.alarm.segment
        return [build_part(case, (wrong,))]
    runs: list[list[int]] = []
    for segment in range(len(case.texts)):
        if is_proved(segment):
            continue
        if runs and runs[-1][-1] == segment - 1:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    parts = [build_part(case, tuple(run)) for run in runs]
    if case.commitment.outbox and not is_proved(OUTBOX):
        parts.append(Part((OUTBOX,)))
    return parts


def build_part(case: Case, segments: tuple[int, ...]) -> Part:
    """Segments of a batch with the state before them, whose claim must be right."""
    if segments == (OUTBOX,):
        return Part(segments)
    if segments[0] == 0:
        return Part(segments, case.root, case.pages)
    replica = Replica.from_pages(case.pages, case.crypto)
    machine = replica.machine
    machine.begin_batch(case.commitment.time_bound_ms, case.commitment.clock_floor_ms)
    for j, text in enumerate(case.texts[: segments[0]]):
        replica.run(SEQUENCED if j else INBOX, text)
        machine.state.clear_outputs()
    return Part(segments, case.commitment.segments[segments[0] - 1].claim.root, replica.export_pages())


def read_commitment(view: ChainView, posted: PostedBatch) -> Commitment:
    """What a batch's transaction committed to. Raises L1Inconsistent."""
    transaction = view.rollup.node.get_transaction(posted.transaction_hash)
    if transaction is None:
        raise L1Inconsistent(
            f"L1 at {view.rollup.node.rpc.url} has the event of batch {posted.number} without its "
            "transaction; poll again or use another node"
        )
    return decode_commit(transaction.input)
