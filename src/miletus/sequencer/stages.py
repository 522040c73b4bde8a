"""The stages through which every group goes, and the state that they share. `node` is what is used.

A group is screened and verified (`intake`), decided and ordered (log and machine), synced (the disk), and
confirmed (signatures, answers, feed). Signatures and disk may be waited for while other groups go on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from miletus.engine.machine import Machine
from miletus.engine.segment import SET_KEY
from miletus.native import Jobs, Started
from miletus.sequencer.answers import Answer, FeedGroup, PendingGroup, build_feed_group, find_places
from miletus.sequencer.bundle import admit_bundle, admit_settle
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import FirstState, NodeConfig, read_clock_ms
from miletus.sequencer.confirmations import Signer, build_tree
from miletus.sequencer.deferring import DeferringCrypto
from miletus.sequencer.errors import LogFull, NodeStopped, Refused
from miletus.sequencer.feed import BatchStore, InboxEntry
from miletus.sequencer.frames import INBOX_WORDS, Group, Item
from miletus.sequencer.intake import (
    Candidates,
    decide,
    find_rekeyed,
    screen,
    split_parts,
    start_verify,
    verify,
)
from miletus.sequencer.lock import lock_directory
from miletus.sequencer.ordering import Plan
from miletus.sequencer.recovery import Recovered, recover
from miletus.sequencer.telling import warn

DEFAULT_CONFIG = NodeConfig()


class Stages:
    """What a node stands on, and its stages, which are for one thread."""

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
            self._start()
        except BaseException:
            self._lock.close()
            raise

    def _start(self) -> None:
        """What is left to do once the state is there."""

    # ---- what it stands on

    @property
    def machine(self) -> Machine:
        """The machine, for reading; `query` has views of it. Its events accumulator is of an older state."""
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

    # ---- the four stages

    def screen(self, operations: Sequence[bytes]) -> Candidates:
        """Judge signed operations by all but their signatures."""
        self.require_running()
        return screen(self.machine, operations, self._executor.moment, self._executor.keys)

    def verify(self, candidates: Candidates) -> None:
        """Check signatures."""
        verify(self.machine, candidates)

    def start_verify(self, candidates: Candidates, jobs: Jobs) -> Started:
        """Begin to check signatures, while other groups go through their stages."""
        return start_verify(self.machine, candidates, jobs)

    def decide(self, candidates: Candidates) -> list[Refused | None]:
        """None for each operation that may be ordered next, right after this, in this order."""
        self.require_running()
        rekeyed = find_rekeyed(self.inbox) if self.config.signatures_off_chain else None
        return decide(self.machine, candidates, self._executor.moment, self._executor.keys, rekeyed)

    def admit(self, operations: Sequence[bytes]) -> list[Refused | None]:
        """Screen, verify and decide at once."""
        candidates = self.screen(operations)
        self.verify(candidates)
        return self.decide(candidates)

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
        """Make all that was ordered durable. NodeStopped if the disk refuses."""
        self._guard_disk(self._log.sync)

    def start_sync(self, jobs: Jobs) -> Started:
        """Begin to make all that was ordered durable. Its end raises NodeStopped if the disk refused."""
        job, finish = self._log.start_sync(jobs)
        return Started(job, lambda: self._guard_disk(finish))

    def sign(self, pending: PendingGroup) -> None:
        """Sign a group, perhaps while it is being synced: no one sees it before `confirm`."""
        pending.confirmations = self.signer.confirm(self.epoch, pending.tree)

    def confirm(self, pending: PendingGroup) -> list[Answer]:
        """Tell a group that is synced to the listeners, and answer each operation of its clients."""
        self.require_running()
        if not pending.confirmations:
            self.sign(pending)
        confirmations = pending.confirmations
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

    def _guard_disk(self, sync: Callable[[], None]) -> None:
        try:
            sync()
        except OSError as error:
            self._stop(error)
            self.require_running()

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

    def _recover(self) -> Recovered:
        return recover(
            self.directory, self.deployment.identity, self._start_chain, self._build_machine, self.config
        )

    def _start_chain(self, epoch: int) -> bytes:
        return self.deployment.start_chain(epoch)

    def _build_machine(self) -> Machine:
        crypto = DeferringCrypto(self.deployment.chain_id, self.deployment.rollup)
        return self.genesis.build_machine(crypto, self.config.capacity_accounts)

    def _take_up(self, recovered: Recovered) -> None:
        self._log = recovered.log
        self._roots = recovered.roots
        self._executor = recovered.executor
        self._running_keccak = recovered.running_keccak
        self._plan = recovered.build_plan(self.config.policy, self.get_clock_ms())
        for group, results in recovered.groups:
            self._publish(build_feed_group(self.epoch, group, results))
