"""The stages of a node, overlapped.

While one group is executed, the disk syncs the one before it, and the signatures of the next are checked, in
threads of the native library. Everything else runs in the event loop's thread, which waits for neither.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from miletus.sequencer.answers import Answer, PendingGroup
from miletus.sequencer.background import Background
from miletus.sequencer.errors import LogFull, NodeStopped, Refused, SequencerError
from miletus.sequencer.intake import Candidates
from miletus.sequencer.node import Node
from miletus.sequencer.telling import tell_failure, warn

IDLE_SECONDS: Final = 0.02
"""How often a node without operations looks at its batch's age and its inbox."""

GOING_DOWN: Final = "the node is going down: connect again when it is up"

Outcome = Answer | SequencerError


@dataclass(slots=True)
class Waiting:
    """An operation that waits to be ordered. `tell` is called once, in the event loop."""

    words: bytes
    tell: Callable[[Outcome], None]


class Pipeline:
    """Runs a node's stages for operations that arrive at any time.

    `group_words` bounds a group, and so how long its first operation waits for its last; `most_waiting`
    bounds the operations that wait.
    """

    def __init__(self, node: Node, group_words: int = 768, most_waiting: int = 50_000) -> None:
        self.node = node
        self.group_words = group_words
        self.most_waiting = most_waiting
        self._waiting: deque[Waiting] = deque()
        self._special: deque[Callable[[], None]] = deque()
        self._ordered: deque[tuple[PendingGroup, list[Waiting]]] = deque()
        self._verified: deque[tuple[list[Waiting], Candidates]] = deque()
        self._arrived = asyncio.Event()
        self._to_order = asyncio.Event()
        self._to_sync = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._idle_due = False
        self._stopping = False
        self._all_verified = False
        self._all_ordered = False

    def start(self) -> None:
        """Start working, in the running event loop."""
        self._background = Background()
        self._tasks = [asyncio.create_task(stage()) for stage in (self._verify, self._order, self._confirm)]
        self._wake_idle()

    async def stop(self) -> None:
        """Finish the groups that are ordered, refuse the rest."""
        self._stopping = True
        self._arrived.set()
        for task in self._tasks:  # each stage ends when the one before it has, and nothing is left for it
            await task
        if self._timer is not None:
            self._timer.cancel()
        self._refuse_all(NodeStopped(GOING_DOWN))
        self._background.close()

    @property
    def waiting(self) -> int:
        """Operations that wait to be ordered."""
        return len(self._waiting)

    def put(self, words: bytes, tell: Callable[[Outcome], None]) -> None:
        """Hand over a signed operation."""
        if self.node.failure is not None or self._stopping:
            tell(NodeStopped(str(self.node.failure or GOING_DOWN)))
            return
        if len(self._waiting) >= self.most_waiting:
            tell(Refused(f"{len(self._waiting)} operations wait already: send it again a little later"))
            return
        self._waiting.append(Waiting(words, tell))
        self._arrived.set()

    def put_bundle(self, words: bytes, tell: Callable[[list[Outcome]], None]) -> None:
        """Hand over a bundle of the oracle. It is judged when its turn comes, and ordered in one go."""
        if self._all_ordered:
            tell([NodeStopped(str(self.node.failure or GOING_DOWN))])
            return
        self._special.append(lambda: self._order_bundle(words, tell))
        self._to_order.set()

    def put_settle(self, word: bytes, tell: Callable[[list[Outcome]], None]) -> None:
        """Hand over a Settle."""
        if self._all_ordered:
            tell([NodeStopped(str(self.node.failure or GOING_DOWN))])
            return
        self._special.append(lambda: self._order_settle(word, tell))
        self._to_order.set()

    def close_batch(self) -> None:
        """Close the open batch, between two groups."""
        self._special.append(lambda: self._push(self.node.order_close(), []))
        self._to_order.set()

    # ---- screen and verify

    async def _verify(self) -> None:
        """Take what waits as a group, screen it, and check its signatures, one group ahead of the others."""
        while self.node.failure is None and not self._stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting and self.node.failure is None:
                group = self._take_group()
                try:
                    candidates = self.node.screen([waiting.words for waiting in group])
                    await self._background.wait(self.node.start_verify(candidates, self._background.jobs))
                except Exception as error:
                    self._fail(group, error)
                    continue
                self._verified.append((group, candidates))
                self._to_order.set()
                while len(self._verified) > 1 and self.node.failure is None:
                    await asyncio.sleep(0)
        self._all_verified = True
        self._to_order.set()
        self._refuse_all(NodeStopped(str(self.node.failure or GOING_DOWN)))

    # ---- decide and order

    async def _order(self) -> None:
        """Order groups as they are verified, and in between what is not orders."""
        while self._verified or not self._all_verified:
            await self._to_order.wait()
            self._to_order.clear()
            if self._idle_due:
                self._idle_due = False
                self._guard(self._order_idle)
            self._carry_out_special()
            while self._verified:
                group, candidates = self._verified.popleft()
                try:
                    self._order_group(group, self.node.decide(candidates))
                except Exception as error:
                    self._fail(group, error)
                await asyncio.sleep(0)  # answers and requests in between
        self._carry_out_special()
        self._all_ordered = True
        self._to_sync.set()

    def _carry_out_special(self) -> None:
        """Carry out what is not orders: bundles, settlements, the closing of a batch."""
        while self._special:
            self._guard(self._special.popleft())

    def _wake_idle(self) -> None:
        """Wake the first half now and then, to look at the batch's age and the inbox."""
        self._idle_due = True
        self._to_order.set()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._wake_idle)

    def _take_group(self) -> list[Waiting]:
        """The operations that go into the next group."""
        group: list[Waiting] = []
        room = self.group_words * 31
        while self._waiting and (not group or len(self._waiting[0].words) <= room):
            waiting = self._waiting.popleft()
            room -= len(waiting.words)
            group.append(waiting)
        return group

    def _order_group(self, group: list[Waiting], verdicts: list[Refused | None]) -> None:
        good = []
        for waiting, verdict in zip(group, verdicts, strict=True):
            if verdict is None:
                good.append(waiting)
            else:
                waiting.tell(verdict)
        try:
            pending = self.node.order([waiting.words for waiting in good], admitted=True)
        except SequencerError as error:
            self._tell_all(good, error)
            return
        self._push(pending, good)

    def _order_bundle(self, words: bytes, tell: Callable[[list[Outcome]], None]) -> None:
        outcomes: list[Outcome] = []
        try:
            parts = self.node.admit_bundle(words)
        except SequencerError as error:
            tell([error])
            return
        left = sum(map(len, parts))

        def collect(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if len(outcomes) == left:
                tell(outcomes)

        for part in parts:
            sent = [Waiting(words, collect) for words in part]
            try:
                pending = self.node.order(part, admitted=False)
            except SequencerError as error:
                self._tell_all(sent, error)
                continue
            self._push(pending, sent)

    def _order_settle(self, word: bytes, tell: Callable[[list[Outcome]], None]) -> None:
        waiting = Waiting(word, lambda outcome: tell([outcome]))
        try:
            self._push(self.node.order_settle(word), [waiting])
        except SequencerError as error:
            waiting.tell(error)

    def _order_idle(self) -> None:
        self._push(self.node.order_idle(), [])

    def _push(self, pending: PendingGroup | None, sent: list[Waiting]) -> None:
        if pending is not None:
            self._ordered.append((pending, sent))
            self._to_sync.set()

    # ---- sync and confirm

    async def _confirm(self) -> None:
        while self._ordered or not self._all_ordered:
            await self._to_sync.wait()
            self._to_sync.clear()
            count = len(self._ordered)
            if not count:
                continue
            try:
                started = self.node.start_sync(self._background.jobs)
                for pending, _ in islice(self._ordered, count):
                    self._guard(partial(self.node.sign, pending))
                await self._background.wait(started)
            except SequencerError as error:
                while self._ordered:
                    self._tell_all(self._ordered.popleft()[1], error)
                self._refuse_all(error)
                continue
            for _ in range(count):
                self._guard(lambda: self._answer(*self._ordered[0]))
                self._ordered.popleft()

    def _answer(self, pending: PendingGroup, sent: list[Waiting]) -> None:
        try:
            answers = self.node.confirm(pending)
        except SequencerError as error:
            self._tell_all(sent, error)
            return
        for waiting, answer in zip(sent, answers, strict=True):
            waiting.tell(answer)

    # ---- when something goes wrong

    def _guard(self, action: Callable[[], object]) -> None:
        """Carry out something of the node's own; a full disk is waited out, other failures stop the node."""
        try:
            action()
        except (LogFull, NodeStopped) as error:
            warn("the node waits", error=str(error))
        except Exception as error:
            tell_failure("the node failed", error)

    def _fail(self, group: list[Waiting], error: Exception) -> None:
        """Tell a group that it failed; an error that nobody foresaw is told to the operator too."""
        if not isinstance(error, SequencerError):
            tell_failure("a group failed", error)
            error = NodeStopped(str(self.node.failure or error))
        self._tell_all(group, error)

    def _tell_all(self, group: list[Waiting], error: SequencerError) -> None:
        for waiting in group:
            waiting.tell(error)

    def _refuse_all(self, error: SequencerError) -> None:
        while self._waiting:
            self._waiting.popleft().tell(error)
