"""The watchtower: from L1 alone it rebuilds the state, and compares every claim with what it computes.

It reads the contracts' events and the inputs of commits, executes each batch with the machine, and stops at
the first wrong claim with an alarm that names it. Verified states are kept as pages: one state deep under
the head, and the pages that each later batch changed, so that a reorganisation costs a rebuild and not a
start from genesis.

    python -m miletus.settlement.watchtower --rpc URL --rollup ADDRESS --genesis FILE
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from miletus.settlement.chain import Anchor, ChainView
from miletus.settlement.contracts import keccak256
from miletus.settlement.errors import StoreError
from miletus.settlement.genesis import Genesis
from miletus.settlement.replica import PAGE_BYTES, Pages, Replica
from miletus.settlement.snapshot import Snapshot, Totals, load_snapshot, save_snapshot
from miletus.settlement.values import to_hex
from miletus.settlement.verify import Alarm, Verified, verify_batch

DEPTH_BLOCKS = 64
"""Blocks under the head below which a batch is taken into the base; deeper reorganisations start over."""

SNAPSHOT_BATCHES = 16
"""Batches taken into the base between two snapshots."""


@dataclass
class Base:
    """A verified state deep under the head."""

    number: int
    id: bytes
    inbox_end: int
    block_number: int
    root: bytes
    totals: Totals
    pages: Pages


class Watchtower:
    """Verifies one rollup.

    Args:
        view: its own view of L1; it polls it.
        genesis: the published first state, whose root the rollup has.
        snapshot_path: where its snapshot is kept; none if None.
        depth_blocks: see DEPTH_BLOCKS.

    A snapshot that can't be written in passing is told by `snapshot_problem`, and tried again later.

    Raises:
        StoreError: the snapshot is damaged or of another deployment.

    """

    def __init__(
        self,
        view: ChainView,
        genesis: Genesis,
        snapshot_path: Path | None = None,
        depth_blocks: int = DEPTH_BLOCKS,
    ) -> None:
        self.view = view
        self.genesis = genesis
        self.alarm: Alarm | None = None
        self.snapshot_problem = ""
        self._path = snapshot_path
        self._depth = depth_blocks
        chain_id, rollup = view.rollup.node.get_chain_id(), view.rollup
        self.identity = f"chain {chain_id}, rollup {rollup.address}, genesis {to_hex(rollup.genesis_root)}"
        self._crypto = rollup.build_crypto()
        self._verified: list[Verified] = []
        self._unsaved = 0
        self._base = self._build_genesis_base()
        snapshot = None if snapshot_path is None else load_snapshot(snapshot_path, self.identity)
        if snapshot is not None:
            self._resume(snapshot)
        self.replica = self._rebuild()

    @property
    def verified_number(self) -> int:
        """Number of the last batch whose claims are all right."""
        return self._verified[-1].number if self._verified else self._base.number

    @property
    def totals(self) -> Totals:
        """Sums over verified batches."""
        return _add(self._base.totals, self._verified)

    def poll(self, limit: int = 0) -> list[Verified]:
        """Follow L1 to its head; the batches found right, at most `limit` of them if that is not 0.

        `alarm` is set when one is found wrong; what is built on it is not looked at.

        Raises:
            L1Error: L1 can't be used now; what was verified stays, poll again.

        """
        self.view.poll()
        self._rewind()
        done: list[Verified] = []
        while self.alarm is None and (not limit or len(done) < limit):
            posted = self.view.get_batch(self.verified_number + 1)
            if posted is None:
                break
            result = verify_batch(self.view, posted, self.replica)
            if isinstance(result, Alarm):
                self.alarm = result
                break
            self._verified.append(result)
            done.append(result)
        self._settle()
        return done

    def save(self) -> None:
        """Write the snapshot now. Raises StoreError."""
        if self._path is not None and self._unsaved:
            anchor = self._make_anchor()
            if anchor is not None:
                self._save(anchor)

    # ---- following

    def _rewind(self) -> None:
        """Forget what L1 forgot."""
        if not self._is_base_on_chain():
            self._start_over()
            return
        kept = list(self._verified)
        while kept and not self._is_on_chain(kept[-1]):
            kept.pop()
        alarmed = self.alarm is not None and not self._is_alarm_on_chain()
        if len(kept) < len(self._verified) or alarmed:
            self._verified = kept
            self.alarm = None
            self.replica = self._rebuild()

    def _start_over(self) -> None:
        """From genesis, since the chain parted from us below the base."""
        if self.view.anchor is not None:
            self.view.restart()
            self.view.poll()
        self._base, self._unsaved = self._build_genesis_base(), 0
        self._verified = []
        self.alarm = None
        self.replica = self._rebuild()

    def _is_base_on_chain(self) -> bool:
        anchor = self.view.anchor
        first = 0 if anchor is None else anchor.batch_number
        return self._base.number == first or self._is_on_chain(self._base)

    def _is_on_chain(self, batch: Base | Verified) -> bool:
        posted = self.view.get_batch(batch.number)
        return posted is not None and posted.id == batch.id

    def _is_alarm_on_chain(self) -> bool:
        assert self.alarm is not None
        posted = self.view.get_batch(self.alarm.batch)
        return posted is not None and to_hex(posted.id) == self.alarm.batch_id

    # ---- the base

    def _build_genesis_base(self) -> Base:
        root = self.view.rollup.genesis_root
        pages = Replica.from_genesis(self.genesis, self._crypto).export_pages()
        return Base(0, keccak256(root), 0, self.view.start_block - 1, root, Totals(), pages)

    def _rebuild(self) -> Replica:
        """The state after the last verified batch, from pages."""
        pages = dict(self._base.pages)
        for verified in self._verified:
            pages.update(verified.pages)
        replica = Replica.from_pages(pages, self._crypto)
        expected = self._verified[-1].root if self._verified else self._base.root
        if replica.root != expected:
            raise StoreError(
                f"the pages of batch {self.verified_number} give root {to_hex(replica.root)}, not "
                f"{to_hex(expected)}; remove the snapshot, everything is then read from L1"
            )
        return replica

    def _settle(self) -> None:
        """Take into the base what is deep, and keep a snapshot of it."""
        head = self.view.head
        assert head is not None
        while self._verified and self._verified[0].block_number <= head.number - self._depth:
            first = self._verified.pop(0)
            self._base.pages.update(first.pages)
            self._base = Base(
                first.number,
                first.id,
                first.inbox_end,
                first.block_number,
                first.root,
                _add(self._base.totals, [first]),
                self._base.pages,
            )
            self._unsaved += 1
        if self._unsaved >= SNAPSHOT_BATCHES:
            anchor = self._make_anchor()
            if anchor is not None:
                self.snapshot_problem = ""
                try:
                    self._save(anchor)
                except StoreError as error:  # watching matters more than its snapshot
                    self.snapshot_problem = str(error)
                self.view.prune(anchor)

    def _make_anchor(self) -> Anchor | None:
        """What the base is at the end of a deep block, of which the view knows the hash."""
        head = self.view.head
        assert head is not None
        following = self.view.get_batch(self._base.number + 1)
        last = head.number - self._depth
        if following is not None:
            last = min(last, following.block_number - 1)
        blocks = [number for number, _ in self.view.trail if self._base.block_number <= number <= last]
        if not blocks:
            return None  # several batches share a block, and not all of them are in the base
        entries = [entry for entry in self.view.entries if entry.block_number <= blocks[-1]]
        before = self.view.anchor
        if entries:
            count, running = entries[-1].index + 1, entries[-1].running_keccak
        else:
            count, running = (before.entry_count, before.running_keccak) if before else (0, bytes(32))
        return Anchor(blocks[-1], count, running, self._base.number, self._base.id, self._base.inbox_end)

    def _save(self, anchor: Anchor) -> None:
        self._unsaved = 0
        if self._path is None:
            return
        pages = {number: page for number, page in self._base.pages.items() if any(page)}
        waiting = [
            entry
            for entry in self.view.entries
            if entry.index >= anchor.inbox_end and entry.block_number <= anchor.block_number
        ]
        trail = [block for block in self.view.trail if block[0] <= anchor.block_number]
        save_snapshot(
            self._path,
            Snapshot(
                identity=self.identity,
                anchor=anchor,
                root=self._base.root,
                totals=self._base.totals,
                waiting=tuple(waiting),
                trail=tuple(trail),
                numbers=tuple(pages),
                pages=b"".join(pages.values()),
            ),
        )

    def _resume(self, snapshot: Snapshot) -> None:
        anchor, raw = snapshot.anchor, snapshot.pages
        pages = {
            number: raw[j * PAGE_BYTES : (j + 1) * PAGE_BYTES] for j, number in enumerate(snapshot.numbers)
        }
        self._base = Base(
            anchor.batch_number,
            anchor.batch_id,
            anchor.inbox_end,
            anchor.block_number,
            snapshot.root,
            snapshot.totals,
            pages,
        )
        self.view.resume(anchor, snapshot.waiting, snapshot.trail)


def _add(totals: Totals, batches: list[Verified]) -> Totals:
    return Totals(
        batches=totals.batches + len(batches),
        segments=totals.segments + sum(batch.segments for batch in batches),
        words=totals.words + sum(batch.words for batch in batches),
        operations=totals.operations + sum(batch.operations for batch in batches),
        fills=totals.fills + sum(batch.fills for batch in batches),
        l1_bytes=totals.l1_bytes + sum(batch.l1_bytes for batch in batches),
        l1_gas=totals.l1_gas + sum(batch.l1_gas for batch in batches),
        wrong_hashes=totals.wrong_hashes + sum(batch.wrong_hashes for batch in batches),
    )


if __name__ == "__main__":
    from miletus.settlement.watching import main

    sys.exit(main())
