"""The node: orders operations, logs them, executes them, confirms them. No network here (see `server`).

    node = Node(directory, deployment, genesis, secret)
    node.offer_inbox(entries)                       # what L1's inbox holds and is old enough
    answers = node.submit([words, ...])             # one group: an Answer or a Refused for each
    node.submit_bundle(words)                       # the oracle's
    node.run_idle()                                 # now and then: closes a batch by its age
    node.close()

`submit` runs the stages of a group (see `stages`) one after the other; the server overlaps those of several.
"""

import contextlib
from collections import deque
from collections.abc import Sequence

from miletus.native import Tree
from miletus.sequencer.answers import Answer, PendingGroup
from miletus.sequencer.confirmations import Confirmation, build_tree
from miletus.sequencer.deferring import DeferringCrypto, fold, write_events
from miletus.sequencer.epochs import ForeignBatch, get_epoch_directory, order_carried, prepare_epoch
from miletus.sequencer.errors import NodeStopped, Refused
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.intake import MAX_ADMITTED_WORDS, count_words
from miletus.sequencer.stages import Stages


class Node(Stages):
    """A sequencer on a directory of its own, in which it comes back to where it was.

    `secret` is the secp256k1 key of its confirmations, 32 bytes. Raises LogDamaged, SnapshotDamaged or
    NodeStopped, with a line that says what to do, when it can't start.
    """

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
        off_chain = self.config.signatures_off_chain
        prepare_epoch(self.directory, self.deployment, self._build_machine, base, foreign, off_chain)
        self._roots.close()
        self._log.close()
        self.inbox, self.feed = [], deque(maxlen=self.config.feed_groups)
        self._take_up(self._recover())
        self._start()

    def compute_root(self) -> bytes:
        """Root of the state as it is now, wherever in a batch. It hashes the whole state: for checks."""
        self.wait_for_roots()
        numbers, kinds, fields = self.machine.export_pages()
        crypto = self.machine.crypto
        assert isinstance(crypto, DeferringCrypto)
        write_events(numbers, fields, fold(self._roots.events, crypto.peek()))
        return Tree().update(numbers, kinds, fields)

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

    # ---- inside

    def _carry_out(self, operations: Sequence[bytes], admitted: bool) -> list[Answer]:
        pending = self.order(operations, admitted)
        return self._finish(pending) if pending is not None else []

    def _finish(self, pending: PendingGroup) -> list[Answer]:
        self.sync()
        return self.confirm(pending)

    def _start(self) -> None:
        """Order anew what another proposer's batch displaced."""
        order_carried(
            get_epoch_directory(self.directory, self.epoch),
            self.submit,
            self._carry_oracle,
        )

    def _carry_oracle(self, operations: list[bytes]) -> None:
        """Order what the oracle sent; judged anew under policy zk, where no approval may fail now."""
        if self.config.signatures_off_chain:
            with contextlib.suppress(Refused):  # the oracle's next words take its place
                self.submit_bundle(b"".join(operations))
        else:
            self._carry_out(operations, admitted=False)
