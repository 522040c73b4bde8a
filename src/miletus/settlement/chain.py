"""What L1 says of a deployment: inbox entries, batches, payments; kept right through reorganisations.

A view is a copy of the contracts' events. Everything in it carries the block that it came with; when a block
goes, so does what came with it. What a node leaves out is noticed: entries are linked by their running
keccak, batches by numbers and parents, and the last of each is compared with the contracts' own state.
"""

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from miletus.settlement.commitment import WORD, from_slots, to_slots
from miletus.settlement.contracts import Event, keccak256
from miletus.settlement.errors import CallReverted, ContractMismatch, L1Error, L1Inconsistent
from miletus.settlement.follower import EventFollower, Update
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.values import Header, Log, to_hex

STATE_CHECKS, STATE_PAUSE_S = 3, 0.1


@dataclass(frozen=True, slots=True)
class Entry:
    """An inbox entry: one operation of 1 to 3 words."""

    index: int
    account: int
    words: bytes
    running_keccak: bytes
    created_at_s: int
    block_number: int


@dataclass(frozen=True, slots=True)
class PostedBatch:
    """A batch as its event tells it; its transaction's input has the rest."""

    number: int
    id: bytes
    parent: bytes
    proposer: str
    time_s: int
    inbox_first: int
    inbox_end: int
    segment_count: int
    outbox_count: int
    root: bytes
    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    committed_at_s: int


@dataclass(frozen=True, slots=True)
class Final:
    """A batch became final."""

    number: int
    id: bytes
    block_number: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Batches from `number` on left the list, the first because it was wrong or not proved in time.

    All were void if `wrong` is false: proofs contradicted each other.
    """

    number: int
    wrong: bool
    batches: tuple[PostedBatch, ...]
    block_number: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A withdrawal was paid."""

    number: int
    index: int
    owner: str
    amount_micros: int
    block_number: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a view begins when it does not begin at genesis: what was true at the end of `block_number`."""

    block_number: int
    entry_count: int
    running_keccak: bytes
    batch_number: int
    batch_id: bytes
    inbox_end: int


class _CutBelowAnchor(Exception):
    """A removal reached below the view's beginning, so that everything must be read anew."""


@dataclass
class ChainView:
    """Entries, batches and payments of one rollup.

    Args:
        rollup: the rollup.
        vault: its vault.
        start_block: first block that can hold an event of them.
        lag_seconds: see `EventFollower`.

    """

    rollup: Rollup
    vault: Vault
    start_block: int
    lag_seconds: float = 60.0
    entries: list[Entry] = field(default_factory=list)
    batches: list[PostedBatch] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    head: Header | None = None
    anchor: Anchor | None = None

    def __post_init__(self) -> None:
        self._follower = EventFollower(
            self.rollup.node,
            [self.rollup.address, self.vault.address],
            self.start_block,
            lag_seconds=self.lag_seconds,
        )

    def resume(self, anchor: Anchor, waiting: Sequence[Entry], trail: Sequence[tuple[int, bytes]]) -> None:
        """Go on from what an earlier view knew.

        Args:
            anchor: what was true at a block.
            waiting: entries up to it that no batch up to it consumed.
            trail: hashes of blocks up to it.

        """
        self.anchor = anchor
        self.entries = list(waiting)
        self._follower.resume([block for block in trail if block[0] <= anchor.block_number])

    def prune(self, anchor: Anchor) -> None:
        """Forget what is settled: the view begins at `anchor` from now on."""
        self.anchor = anchor
        self.entries = [
            entry
            for entry in self.entries
            if entry.index >= anchor.inbox_end or entry.block_number > anchor.block_number
        ]
        self.batches = [batch for batch in self.batches if batch.number > anchor.batch_number]
        self.finals = [final for final in self.finals if final.block_number > anchor.block_number]
        self.paid = [paid for paid in self.paid if paid.block_number > anchor.block_number]
        self.removals = [one for one in self.removals if one.block_number > anchor.block_number]

    def restart(self) -> None:
        """Forget everything; the next poll reads from the first block."""
        self.entries, self.batches, self.finals, self.paid, self.removals = [], [], [], [], []
        self.anchor = self.head = None
        self._follower.resume([])

    @property
    def trail(self) -> tuple[tuple[int, bytes], ...]:
        """Hashes of blocks that were read: (number, hash)."""
        return self._follower.trail

    @property
    def first_entry(self) -> int:
        """Index of the first entry that the view holds."""
        if self.anchor is None:
            return 0
        return self.entries[0].index if self.entries else self.anchor.entry_count

    @property
    def entry_count(self) -> int:
        """Entries on L1."""
        if self.entries:
            return self.entries[-1].index + 1
        return self.anchor.entry_count if self.anchor else 0

    @property
    def head_number(self) -> int:
        """Number of the last batch on L1."""
        if self.batches:
            return self.batches[-1].number
        return self.anchor.batch_number if self.anchor else 0

    @property
    def head_id(self) -> bytes:
        """Id of the last batch on L1, genesis included."""
        if self.batches:
            return self.batches[-1].id
        return self.anchor.batch_id if self.anchor else keccak256(self.rollup.genesis_root)

    @property
    def inbox_end(self) -> int:
        """First entry that no batch consumed."""
        if self.batches:
            return self.batches[-1].inbox_end
        return self.anchor.inbox_end if self.anchor else 0

    def get_batch(self, number: int) -> PostedBatch | None:
        """A batch on L1, None if there is none or it is before the view's beginning."""
        place = number - (self.anchor.batch_number if self.anchor else 0) - 1
        return self.batches[place] if 0 <= place < len(self.batches) else None

    def get_words(self, first: int, end: int) -> bytes:
        """Words of entries first..end-1, 31 bytes each. Raises IndexError where the view has not all."""
        start = self.first_entry
        if not start <= first <= end <= self.entry_count:
            raise IndexError(f"entries {first} to {end} are not among {start} to {self.entry_count}")
        return b"".join(entry.words for entry in self.entries[first - start : end - start])

    def poll(self) -> Update:
        """Read what is new. `reverted_to` of the update says what went.

        Raises:
            L1Error: nothing changed here; poll again.

        """
        before = self._follower.trail
        update = self._follower.poll()
        try:
            if self._is_before_anchor(update):
                self._follower.resume([])
                update = replace(self._follower.poll(), reverted_to=self.start_block - 1)
            try:
                self._apply(update)
            except _CutBelowAnchor:
                self._follower.resume([])
                update = replace(self._follower.poll(), reverted_to=self.start_block - 1)
                self._apply(update)
        except L1Error:
            self._follower.resume(before)
            raise
        return update

    def _is_before_anchor(self, update: Update) -> bool:
        """Whether the chain parted before the view's beginning, so that everything must be read anew."""
        if self.anchor is None or update.reverted_to is None:
            return False
        return update.reverted_to < self.anchor.block_number

    def _apply(self, update: Update) -> None:
        """Take an update as a whole, or not at all."""
        draft = self
        if update.blocks or update.reverted_to is not None:
            draft = self._copy(update.reverted_to)
            for header, logs in update.blocks:
                for log in logs:
                    draft._take(header, log)
        if self.head is None or self.head.hash != update.head.hash:
            try:
                draft._check_against_state(update.head)
            except ContractMismatch as error:
                url = self.rollup.node.rpc.url
                raise L1Inconsistent(
                    f"L1 at {url}: at its head {update.head.number} {error}; it lags, or use another node"
                ) from None
        self.entries, self.batches, self.finals, self.paid, self.removals = (
            draft.entries,
            draft.batches,
            draft.finals,
            draft.paid,
            draft.removals,
        )
        self.anchor, self.head = draft.anchor, update.head

    def _copy(self, reverted_to: int | None) -> "ChainView":
        """The view as it was at a block."""
        draft = copy(self)
        if reverted_to is None:
            last = (1 << 63) - 1
        else:
            last = reverted_to
            if self.anchor is not None and reverted_to < self.anchor.block_number:
                draft.anchor = None
        draft.entries = [entry for entry in self.entries if entry.block_number <= last]
        draft.batches = [batch for batch in self._restore(last) if batch.block_number <= last]
        draft.removals = [one for one in self.removals if one.block_number <= last]
        draft.finals = [final for final in self.finals if final.block_number <= last]
        draft.paid = [paid for paid in self.paid if paid.block_number <= last]
        return draft

    def _restore(self, last: int) -> list[PostedBatch]:
        """Batches as they were before the removals of blocks after `last`."""
        batches = list(self.batches)
        for removal in reversed(self.removals):
            if removal.block_number > last:
                batches = [batch for batch in batches if batch.number < removal.number]
                batches.extend(removal.batches)
        return batches

    def _take(self, header: Header, log: Log) -> None:
        if log.address == self.vault.address:
            event = self.vault.contract.decode_event(log)
            if event is not None and event.name == "EntryAdded":
                self._take_entry(event, header)
            return
        event = self.rollup.contract.decode_event(log)
        if event is None:
            return
        if event.name == "BatchCommitted":
            self._take_batch(event, header)
        elif event.name == "BatchRemoved":
            self._cut(event.values["number"], True, header)
        elif event.name == "Abandoned":
            self._cut(event.values["final_number"] + 1, False, header)
        elif event.name == "BatchFinal":
            self.finals.append(Final(event.values["number"], event.values["id"], header.number))
        elif event.name == "WithdrawalPaid":
            names = ("number", "index", "owner", "amount_micros")
            paid = {name: event.values[name] for name in names}
            self.paid.append(Paid(**paid, block_number=header.number))

    def _take_entry(self, event: Event, header: Header) -> None:
        values = event.values
        words = from_slots(b"".join(word.to_bytes(WORD + 1, "big") for word in values["words"]))
        if self.entries:
            before = self.entries[-1].running_keccak
        else:
            before = self.anchor.running_keccak if self.anchor else bytes(32)
        running = keccak256(before + to_slots(words))
        if values["entry"] != self.entry_count or running != values["running_keccak"]:
            raise L1Inconsistent(
                f"L1 at {self.rollup.node.rpc.url} left out an inbox entry before number {values['entry']}; "
                "use another node"
            )
        created = values["created_at_s"]
        self.entries.append(Entry(values["entry"], values["account"], words, running, created, header.number))

    def _take_batch(self, event: Event, header: Header) -> None:
        values = event.values
        linked = values["parent"] == self.head_id and values["inbox_first"] == self.inbox_end
        if values["number"] != self.head_number + 1 or not linked:
            raise L1Inconsistent(
                f"L1 at {self.rollup.node.rpc.url} left out a batch before number {values['number']}; "
                "use another node"
            )
        self.batches.append(
            PostedBatch(
                **values,
                transaction_hash=event.log.transaction_hash,
                block_number=header.number,
                block_hash=header.hash,
                committed_at_s=header.timestamp_s,
            )
        )

    def _cut(self, number: int, wrong: bool, header: Header) -> None:
        if self.anchor is not None and number <= self.anchor.batch_number:
            raise _CutBelowAnchor
        cut = tuple(batch for batch in self.batches if batch.number >= number)
        if wrong and (not cut or cut[0].number != number):
            raise L1Inconsistent(
                f"L1 at {self.rollup.node.rpc.url} left out batch {number}, which was removed; use another"
            )
        self.batches = [batch for batch in self.batches if batch.number < number]
        self.removals.append(Removal(number, wrong, cut, header.number))

    def _check_against_state(self, head: Header) -> None:
        """See that the events gave what the contracts hold at the head.

        A node that is just taking in a block may answer from after it, once: it is asked again.
        """
        for left in reversed(range(STATE_CHECKS)):
            try:
                return self._compare_with_state(head)
            except (L1Inconsistent, CallReverted) as error:
                if not left:
                    raise L1Inconsistent(str(error)) from None
                time.sleep(STATE_PAUSE_S)

    def _compare_with_state(self, head: Header) -> None:
        number = self.rollup.get_head_number(head.hash)
        held = (
            keccak256(self.rollup.genesis_root) if not number else self.rollup.get_batch(number, head.hash).id
        )
        if number != self.head_number or held != self.head_id:
            raise L1Inconsistent(
                f"L1 at {self.rollup.node.rpc.url}: the rollup's last batch is {number} {to_hex(held)[:12]}, "
                f"its events end with {self.head_number} {to_hex(self.head_id)[:12]}; use another node"
            )
        count = self.vault.get_entry_count(head.hash)
        if count != self.entry_count:
            raise L1Inconsistent(
                f"L1 at {self.rollup.node.rpc.url}: the inbox has {count} entries, its events give "
                f"{self.entry_count}; use another node"
            )
