"""The node: orders operations, logs them, executes them, confirms them. No network here (see `server`).

    node = Node(directory, deployment, genesis, secret)
    node.offer_inbox(entries)                       # what L1's inbox holds and is old enough
    answers = node.submit([words, ...])             # one group: an Answer or a Refused for each
    node.submit_bundle(words)                       # the oracle's
    node.run_idle()                                 # now and then: closes a batch by its age
    node.close()

A group goes through four stages. `submit` runs them one after the other; the server overlaps the sync of a
group with the intake of the next: `admit` (reads the state), `order` (log and machine), `sync` (the disk; may
run in another thread), `confirm` (signatures, answers, feed).
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from miletus.engine.machine import Machine
from miletus.engine.segment import SET_KEY
from miletus.native import NativeCrypto
from miletus.sequencer.answers import Answer, FeedGroup, PendingGroup, build_feed_group, find_places
from miletus.sequencer.bundle import admit_bundle, admit_settle
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import FirstState, NodeConfig, read_clock_ms
from miletus.sequencer.confirmations import Confirmation, Signer, build_tree
from miletus.sequencer.epochs import (
    ForeignBatch,
    drop_carried,
    get_epoch_directory,
    is_signed,
    prepare_epoch,
    read_carried,
)
from miletus.sequencer.errors import LogFull, NodeStopped, Refused
from miletus.sequencer.feed import BatchStore, InboxEntry
from miletus.sequencer.frames import INBOX_WORDS, Group, Item
from miletus.sequencer.intake import MAX_ADMITTED_WORDS, admit, count_words, split_parts
from miletus.sequencer.lock import lock_directory
from miletus.sequencer.ordering import Plan
from miletus.sequencer.recovery import Recovered, recover
from miletus.sequencer.telling import warn

DEFAULT_CONFIG = NodeConfig()


class Node:
    """A sequencer on a directory of its own, in which it comes back to where it was.

    `secret` is the secp256k1 key of its confirmations, 32 bytes. Raises LogDamaged, SnapshotDamaged or
    NodeStopped, with a line that says what to do, when it can't start.
    """

    def __init__(
        self,
        directory: Path,
        deployment: Deployment,
        genesis: FirstState,
        secret: bytes,
        config: NodeConfig = DEFAULT_CONFIG,
        clock_ms: Callable[[], int] = read_clock_ms,
    ) -> None:
        self.directory = directory
        self.deployment = deployment
        self.genesis = genesis
        self.config = config
        self.signer = Signer(deployment, secret)
        self.get_clock_ms = clock_ms
        self.listeners: list[Callable[[FeedGroup], None]] = []
        self.feed: deque[FeedGroup] = deque(maxlen=config.feed_groups)
        self.failure: BaseException | None = None
        self.inbox: list[InboxEntry] = []
        self._running_keccak = b""
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = lock_directory(directory)
        try:
            self._take_up(self._recover())
            self._order_carried()
        except BaseException:
            self._lock.close()
            raise

    # ---- what it stands on

    @property
    def machine(self) -> Machine:
        """The machine, for reading; `query` has views of it."""
        return self._executor.machine

    @property
    def epoch(self) -> int:
        """The epoch that its numbers belong to."""
        return self._log.epoch

    @property
    def next_number(self) -> int:
        """The number that comes next."""
        return self._log.next_number

    @property
    def batches(self) -> BatchStore:
        """The closed batches."""
        return self._roots.batches

    @property
    def open_batch(self) -> int | None:
        """Number of the batch that is open, None between batches."""
        return self._plan.batch if self._plan.is_open else None

    @property
    def clock_ms(self) -> int:
        """The machine's clock."""
        return self._executor.clock_ms

    @property
    def last_batch(self) -> int:
        """Number of the last batch whose file is written, 0 before the first."""
        return self._roots.last_batch

    @property
    def last_root(self) -> bytes:
        """The state's root after that batch."""
        return self._roots.last_root

    @property
    def segments_without_root(self) -> int:
        """Closed segments whose root is still being computed."""
        return self._roots.waiting

    @property
    def inbox_next(self) -> int:
        """First entry of L1's inbox that no batch of the order has consumed."""
        return self._plan.inbox_next

    # ---- for use in one process

    def submit(self, operations: Sequence[bytes]) -> list[Answer | Refused]:
        """Order signed operations of clients as one group; an Answer or a Refused for each, in order.

        Raises LogFull when there is no space, NodeStopped when the node takes nothing any more. At most
        MAX_ADMITTED_WORDS words together.
        """
        if count_words(operations) > MAX_ADMITTED_WORDS:
            raise ValueError(f"more than {MAX_ADMITTED_WORDS} words at once: submit them in parts")
        verdicts: list[Refused | None] = self.admit(operations)
        good = [words for words, verdict in zip(operations, verdicts, strict=True) if verdict is None]
        answers = iter(self._carry_out(good, admitted=True))
        return [next(answers) if verdict is None else verdict for verdict in verdicts]

    def submit_bundle(self, words: bytes) -> list[Answer]:
        """Order a bundle of the oracle (09-R13), in as many groups as it takes; Refused if it may not."""
        answers: list[Answer] = []
        for part in self.admit_bundle(words):
            answers += self._carry_out(part, admitted=False)
        return answers

    def submit_settle(self, word: bytes) -> Answer:
        """Order a Settle; Refused if it would do nothing."""
        (answer,) = self._finish(self.order_settle(word))
        return answer

    def offer_inbox(self, entries: Sequence[InboxEntry]) -> None:
        """Take entries of L1's inbox, old enough to outlive a reorganisation, into the next batches.

        Entries that a batch has consumed are passed over, so that all of them may be offered after a restart.
        ValueError for a gap: entries are consumed in the order of their index.
        """
        due = self.inbox[-1].index + 1 if self.inbox else self.inbox_next
        for entry in entries:
            if entry.index > due:
                raise ValueError(f"inbox entry {entry.index} where {due} is due: offer them in order")
            if entry.index == due:
                self.inbox.append(entry)
                due += 1

    def run_idle(self) -> bool:
        """Do what time asks for: close a batch by its age, open one for the inbox. True if it did."""
        pending = self.order_idle()
        if pending is None:
            return False
        self.sync()
        self.confirm(pending)
        return True

    def close_batch(self) -> None:
        """Close the open batch now, if there is one."""
        pending = self.order_close()
        if pending is not None:
            self._finish(pending)

    def wait_for_roots(self, timeout_seconds: float | None = None) -> bool:
        """Wait until every closed segment has its root, and every closed batch its file."""
        return self._roots.wait(timeout_seconds)

    def begin_epoch(self, base: int, foreign: Sequence[ForeignBatch]) -> None:
        """Go on after batches of another proposer, which L1 has after batch `base` (09-R16).

        What was ordered after `base` is ordered anew, as far as it is still valid. Not while a server runs on
        the node. BatchUnknown, with nothing changed, if batch `base` is not here.
        """
        self.require_running()
        self.wait_for_roots()
        prepare_epoch(self.directory, self.deployment, self._build_machine, base, foreign)
        self._roots.close()
        self._log.close()
        self.inbox, self.feed = [], deque(maxlen=self.config.feed_groups)
        self._take_up(self._recover())
        self._order_carried()

    def get_confirmations(self, number: int) -> list[Confirmation]:
        """The confirmations of the group that holds a number, from the log: for who lost the first answer.

        IndexError for a number that is not there.
        """
        if not 1 <= number < self.next_number:
            raise IndexError(f"number {number} was not given; the next is {self.next_number}")
        group = next(iter(self._log.get_groups(number)))
        return self.signer.confirm(self.epoch, build_tree(group))

    def close(self) -> None:
        """Sync, finish roots, and let the directory go. Harmless when it is closed."""
        if self.failure is None:
            self.failure = NodeStopped("the node was closed: start it again")
        self._roots.close()
        self._log.close()
        self._lock.close()

    # ---- the four stages

    def admit(self, operations: Sequence[bytes]) -> list[Refused | None]:
        """Judge signed operations under the state of the moment; None for each that may be ordered next.

        Nothing may be ordered between this and the `order` of what it let pass. It may run in another thread,
        as long as `order` does not run meanwhile.
        """
        self.require_running()
        return admit(self.machine, operations)

    def admit_bundle(self, words: bytes) -> list[list[bytes]]:
        """Judge a bundle; its operations, in parts that a group each can hold."""
        self.require_running()
        now_s = max(self.get_clock_ms(), self._executor.clock_ms) // 1000
        return split_parts(admit_bundle(self.machine, words, now_s))

    def order(self, operations: Sequence[bytes], admitted: bool) -> PendingGroup | None:
        """Log and execute a group. None if it is empty.

        `admitted` says that `admit` let them pass, right before. LogFull when there is no space: then nothing
        happened. NodeStopped for whatever else goes wrong; what was not confirmed is then in doubt.
        """
        self.require_running()
        plan = self._next_plan()
        items = plan.add(operations, self.inbox, self.get_clock_ms())
        if not items:
            return None
        rekeys = any(words[0] == SET_KEY for words in operations)
        inboxes = any(item.tag == INBOX_WORDS for item in items)
        return self._order(plan, items, list(operations), admitted and not rekeys and not inboxes)

    def order_settle(self, word: bytes) -> PendingGroup:
        """Log and execute a Settle; Refused if it would do nothing."""
        self.require_running()
        admit_settle(self.machine, word)
        pending = self.order([word], admitted=False)
        assert pending is not None
        return pending

    def order_close(self) -> PendingGroup | None:
        """Close the open batch; None if there is none."""
        self.require_running()
        plan = self._next_plan()
        return self._order(plan, plan.close(), [], trusted=False) if plan.is_open else None

    def order_idle(self) -> PendingGroup | None:
        """Log and execute what time asks for; None if it is nothing."""
        self.require_running()
        plan = self._next_plan()
        now_ms = max(self.get_clock_ms(), plan.clock_ms)
        waits = bool(self.inbox)
        items: list[Item] = []
        if plan.is_due(now_ms, waits):
            items += plan.close()
        if waits and not plan.is_open:
            items += plan.open(self.inbox, now_ms)
        return self._order(plan, items, [], trusted=False) if items else None

    def sync(self) -> None:
        """Make all that was ordered durable. May run in another thread. NodeStopped if the disk refuses."""
        try:
            self._log.sync()
        except OSError as error:
            self._stop(error)
            self.require_running()

    def confirm(self, pending: PendingGroup) -> list[Answer]:
        """Sign a group that is synced, tell it to the listeners, and answer each operation of its clients."""
        self.require_running()
        confirmations = self.signer.confirm(self.epoch, pending.tree)
        for job in pending.jobs:
            self._roots.put(job)
        self._publish(pending.build_feed(self.epoch))
        answers = []
        for place in pending.places:
            result = pending.results[place]
            assert result is not None
            answers.append(Answer(result, confirmations[place]))
        return answers

    # ---- inside

    def require_running(self) -> None:
        """NodeStopped if the node takes nothing any more."""
        if self.failure is not None:
            raise NodeStopped(str(self.failure)) from self.failure

    def _carry_out(self, operations: Sequence[bytes], admitted: bool) -> list[Answer]:
        pending = self.order(operations, admitted)
        return self._finish(pending) if pending is not None else []

    def _finish(self, pending: PendingGroup) -> list[Answer]:
        self.sync()
        return self.confirm(pending)

    def _next_plan(self) -> Plan:
        plan = self._plan.copy()
        plan.clock_ms, plan.outbox = self._executor.clock_ms, self._executor.outbox_count
        return plan

    def _order(self, plan: Plan, items: list[Item], sent: list[bytes], trusted: bool) -> PendingGroup:
        group = Group(self.next_number, self.get_clock_ms(), self._running_keccak, items)
        tree = build_tree(group)
        try:
            self._log.reserve()
            self._log.append(group)
        except LogFull:
            raise
        except OSError as error:
            self._stop(error)
            self.require_running()
        self._running_keccak = tree.leaves[-1].running_keccak
        try:
            chain = [group.running_keccak, *(leaf.running_keccak for leaf in tree.leaves)]
            results = self._executor.apply(group.first_number, items, chain, trusted)
        except BaseException as error:
            self._stop(error)
            raise
        self._plan = plan
        self.inbox = [entry for entry in self.inbox if entry.index >= plan.inbox_next]
        places = list(find_places(items, sent))
        return PendingGroup(group, tree, results, self._executor.take_jobs(), places)

    def _publish(self, told: FeedGroup) -> None:
        self.feed.append(told)
        for listener in self.listeners:
            listener(told)

    def _stop(self, error: BaseException) -> None:
        warn("the node stops", error=str(error))
        reason = error if isinstance(error, NodeStopped) else None
        self.failure = reason or NodeStopped(
            f"{self.directory}: {type(error).__name__}: {error}: what was confirmed is in the log; check the "
            "disk and start the node again"
        )

    def _order_carried(self) -> None:
        """Order anew what another proposer's batch displaced."""
        home = get_epoch_directory(self.directory, self.epoch)
        signed: list[bytes] = []
        for words in [*read_carried(home), b""]:
            if not words or not is_signed(words) or count_words(signed) + 5 > MAX_ADMITTED_WORDS:
                self.submit(signed)
                signed = []
            if words and is_signed(words):
                signed.append(words)
            elif words:
                self._carry_out([words], admitted=False)
        drop_carried(home)

    def _recover(self) -> Recovered:
        return recover(
            self.directory, self.deployment.identity, self._start_chain, self._build_machine, self.config
        )

    def _start_chain(self, epoch: int) -> bytes:
        return self.deployment.start_chain(epoch)

    def _build_machine(self) -> Machine:
        crypto = NativeCrypto(self.deployment.chain_id, self.deployment.rollup)
        return self.genesis.build_machine(crypto, self.config.capacity_accounts)

    def _take_up(self, recovered: Recovered) -> None:
        self._log = recovered.log
        self._roots = recovered.roots
        self._executor = recovered.executor
        self._running_keccak = recovered.running_keccak
        self._plan = recovered.build_plan(self.config.policy, self.get_clock_ms())
        for group, results in recovered.groups:
            self._publish(build_feed_group(self.epoch, group, results))
