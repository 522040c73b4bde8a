"""Posting what the sequencer confirmed, batch by batch, each once.

The chain alone says what is posted: the next batch to post is the one after the last on L1, and its call
names that one as its parent, so a call can take effect in one place only. The batcher keeps no state but its
sender's intents; after a crash, a reorganisation or a lost file it looks at L1 and goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event

import structlog

from miletus.native import bind_data, strip_signatures
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import (
    WORD,
    Claim,
    Commitment,
    PostedSegment,
    Withdrawal,
    decode_commit,
    to_slots,
)
from miletus.settlement.contracts import keccak256
from miletus.settlement.court import Court
from miletus.settlement.errors import (
    CallReverted,
    FeeCapReached,
    HeldBack,
    InboxChanged,
    L1Error,
    L1Inconsistent,
    NonceTaken,
    Superseded,
)
from miletus.settlement.intents import Call, Intent, State
from miletus.settlement.sender import Sender
from miletus.settlement.source import BatchSource, ClosedBatch
from miletus.settlement.values import to_hex

COMMIT = "commit "
FINALISE = "finalise "
"""Keys of our transactions begin so; the batch's number follows."""
EXPIRE = "expire "
"""The same; the batch's id follows, since of one number more than one may expire."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where posting stands.

    Attributes:
        posted: number of the last batch on L1.
        final: number of the last final one.
        closed: number of the next batch, if it is closed and not on L1; 0 when nothing waits.
        waiting: why it is not on L1 yet, in one line; empty when nothing waits.

    """

    posted: int
    final: int
    closed: int = 0
    waiting: str = ""


class Batcher:
    """Posts closed batches and finalises those whose window has passed.

    Args:
        view: the batcher's own view of L1; it polls it.
        sender: sender of the proposer's account.
        source: the sequencer's closed batches.
        finalise: whether to finalise too.

    """

    def __init__(
        self, view: ChainView, sender: Sender, source: BatchSource, *, finalise: bool = True
    ) -> None:
        self.view = view
        self.sender = sender
        self.source = source
        self._finalise = finalise
        self._compared: set[bytes] = set()
        self._log = structlog.get_logger("miletus.batcher")

    def poll(self) -> Progress:
        """Do what can be done now.

        Raises:
            L1Error: L1 can't be used now; nothing is lost, poll again.
            HeldBack: the next batch can't be posted as it is; a person must decide.
            InboxChanged: L1 took back what a confirmed batch consumed.
            Superseded: another proposer's batch took the place of ours.

        """
        self.view.poll()
        self._compare_all()
        progress = Progress(self.view.head_number, self._get_final())
        batch = self.source.get_batch(progress.posted + 1)
        call: Call | None = None
        waiting = ""
        if batch is not None:
            call, waiting = self._prepare(batch)
        wanted = f"{COMMIT}{progress.posted + 1}"
        ending = self._choose_ending(progress.final + 1)
        trouble = self._drive(wanted, call, ending[0] if ending is not None else "")
        if ending is not None:
            self._end(*ending)
        if batch is None:
            return progress
        if call is not None:
            waiting = self._post(wanted, call)
        return replace(progress, closed=batch.number, waiting=waiting or trouble)

    def run(
        self, stop: Event, poll_seconds: float = 2.0, report: Callable[[Progress], None] | None = None
    ) -> None:
        """Poll until told to stop; L1's troubles are logged once each and waited out.

        Raises:
            SettlementError: what only a person can solve.

        """
        last: object = None
        while not stop.is_set():
            try:
                progress = self.poll()
            except L1Error as error:
                if str(error) != last:
                    self._log.warning("l1 is in trouble", problem=str(error))
                last = str(error)
            else:
                if progress != last:
                    self._log.info(
                        "batches", **{name: getattr(progress, name) for name in Progress.__slots__}
                    )
                    if report is not None:
                        report(progress)
                last = progress
            stop.wait(poll_seconds)

    # ---- what is on L1

    def _get_final(self) -> int:
        return self.view.finals[-1].number if self.view.finals else 0

    def _compare_all(self) -> None:
        """Compare what was not compared before, the oldest first."""
        fresh = []
        for posted in reversed(self.view.batches):
            if posted.id in self._compared:
                break
            fresh.append(posted)
        for posted in reversed(fresh):
            self._compare(posted)
            self._compared.add(posted.id)

    def _compare(self, posted: PostedBatch) -> None:
        """See that a batch on L1 is the one that the sequencer closed, word by word."""
        ours = self.source.get_batch(posted.number)
        if ours is None:
            whose = "ours" if posted.proposer == self.sender.address else f"by {posted.proposer}"
            raise Superseded(
                f"batch {posted.number} on L1 ({whose}) is not among the closed batches of the sequencer; "
                "let it replay its log, or start it from L1",
                posted.number,
            )
        transaction = self.view.rollup.node.get_transaction(posted.transaction_hash)
        if transaction is None:
            raise L1Inconsistent(
                f"L1 at {self.view.rollup.node.rpc.url} has the event of batch {posted.number} without its "
                "transaction; poll again or use another node"
            )
        if decode_commit(transaction.input) != self._build(ours, posted.parent):
            raise Superseded(
                f"batch {posted.number} on L1, by {posted.proposer}, is not the one that the sequencer "
                "closed; it must follow that one and order its own anew",
                posted.number,
            )

    # ---- the next one

    def _prepare(self, batch: ClosedBatch) -> tuple[Call | None, str]:
        """(the call that posts a batch, empty) or (None, why it can't be posted now)."""
        rollup, head = self.view.rollup, self.view.head
        assert head is not None
        if batch.inbox_first != self.view.inbox_end:
            raise InboxChanged(
                f"batch {batch.number} consumes the inbox from entry {batch.inbox_first}, L1 is at "
                f"{self.view.inbox_end}; the sequencer must order its words anew"
            )
        waiting = self._check_inbox(batch)
        if waiting:
            return None, waiting
        commitment = self._build(batch, self.view.head_id)
        now_s = max(head.timestamp_s, rollup.node.get_next_timestamp())
        if commitment.time_s > now_s:
            return None, f"its time is {commitment.time_s - now_s} s ahead of L1"
        late_s = now_s - commitment.time_s - rollup.max_delay_s
        if late_s > 0:
            raise HeldBack(
                f"batch {batch.number} is {late_s} s too old to be posted: L1 takes no batch whose time is "
                f"more than {rollup.max_delay_s} s before its block; the sequencer must order its words anew"
            )
        credit = rollup.get_credit(self.sender.address)
        return rollup.commit(commitment, max(rollup.get_next_bond() - credit, 0)), ""

    def _build(self, batch: ClosedBatch, parent: bytes) -> Commitment:
        return build_commitment(batch, parent, off_chain=self.view.rollup.is_off_chain)

    def _check_inbox(self, batch: ClosedBatch) -> str:
        """Why L1 would not take the batch's inbox words now, empty if it would."""
        end = batch.inbox_first + batch.inbox_count
        if end > self.view.entry_count:
            return (
                f"it consumed inbox entries up to {end - 1}, and L1 took back what follows "
                f"{self.view.entry_count - 1}; waiting for them to return"
            )
        if self.view.get_words(batch.inbox_first, end) != batch.segments[0].words:
            raise InboxChanged(
                f"L1 changed inbox entries {batch.inbox_first} to {end - 1} after batch {batch.number} "
                "consumed them, by a deep reorganisation; the sequencer must order its words anew"
            )
        return ""

    def _drive(self, wanted: str, call: Call | None, ripe: str) -> str:
        """Push what is under way, if L1 would still take it; what stands in the way."""

        def is_ready(intent: Intent) -> bool:
            if intent.key.startswith((FINALISE, EXPIRE)):
                return intent.key == ripe
            if intent.key.startswith(COMMIT):
                return intent.key == wanted and call is not None and intent.call.data == call.data
            return True

        try:
            self.sender.poll(is_ready)
        except (FeeCapReached, NonceTaken) as error:
            return str(error)
        return ""

    def _post(self, key: str, call: Call) -> str:
        """See that the call is under way; what it waits for."""
        intent = self.sender.get(key)
        try:
            if intent is None:
                self.sender.submit(key, call, self._find_held(key))
            elif intent.state in (State.INCLUDED, State.SETTLED):
                return "it is in a block that was not read yet"
            elif intent.state is not State.WAITING or intent.call.data != call.data:
                self.sender.resubmit(key, call, self._find_held(key))
        except CallReverted as error:
            return f"L1 would refuse it now: {error.reason or error}"
        except (FeeCapReached, NonceTaken) as error:
            return str(error)
        return "it is on its way"

    def _find_held(self, wanted: str) -> str | None:
        """A later commit that a reorganisation took back: the first nonce must go to what comes first."""
        for intent in self.sender.store.get_open():
            if intent.state is State.WAITING and intent.key.startswith(COMMIT) and intent.key != wanted:
                return intent.key
        return None

    def _choose_ending(self, number: int) -> tuple[str, Call] | None:
        """What is due for a batch past its window: finality, or in policy zk without a proof its removal.

        Removing it is ours too: its bond is burnt anyway, and what was confirmed is posted again sooner.
        """
        batch, head, rollup = self.view.get_batch(number), self.view.head, self.view.rollup
        if not self._finalise or batch is None or head is None:
            return None
        if head.timestamp_s < batch.committed_at_s + rollup.window_s:
            return None
        if rollup.is_off_chain and not Court(rollup.node, rollup.court).is_proved(batch.id):
            self._log.warning("not proved in time", batch=number, id=to_hex(batch.id))
            return f"{EXPIRE}{to_hex(batch.id)[2:]}", rollup.expire()
        return f"{FINALISE}{number}", rollup.finalise()

    def _end(self, key: str, call: Call) -> None:
        intent = self.sender.get(key)
        try:
            if intent is None or intent.state in (State.REVERTED, State.FAILED):
                self.sender.resubmit(key, call, self._find_held(key))
        except CallReverted as error:
            self._log.info("not at its end yet", intent=key, reason=error.reason)
        except (FeeCapReached, NonceTaken) as error:
            self._log.warning("not at its end yet", intent=key, problem=str(error))


def build_commitment(batch: ClosedBatch, parent: bytes, *, off_chain: bool = False) -> Commitment:
    """What is posted for a closed batch on top of `parent`; `off_chain` leaves signatures out (policy zk)."""
    inbox, *sequenced = [segment.words for segment in batch.segments]
    texts = (inbox, *(strip_signatures(words)[0] if off_chain else words for words in sequenced))
    segments = tuple(
        PostedSegment(
            words=text if j else b"",
            data_hash=bind_data(text, len(text) // WORD).h,
            claim=Claim(segment.root, segment.outbox),
        )
        for j, (segment, text) in enumerate(zip(batch.segments, texts, strict=True))
    )
    return Commitment(
        parent=parent,
        time_s=batch.time_s,
        inbox_count=batch.inbox_count,
        inbox_keccak=keccak256(to_slots(batch.segments[0].words)),
        segments=segments,
        outbox=tuple(Withdrawal(entry.owner, entry.amount_micros) for entry in batch.outbox),
    )
