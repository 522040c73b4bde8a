"""L1 as a source: batches as they are posted, and what becomes of them there.

By itself it gives everything (`follow_alone`). Beside a node's feed it says of each batch where it is on L1,
and puts right what L1 has otherwise than the node said.
"""

from dataclasses import dataclass
from typing import Final

from miletus.indexer.errors import IndexerError
from miletus.indexer.indexer import Head, Indexer, compute_digest
from miletus.indexer.l1_store import L1Facts, L1Store, Row
from miletus.indexer.rerun import split_posted
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Commitment, MalformedCommit, compute_batch_id, decode_commit
from miletus.settlement.errors import L1Inconsistent
from miletus.settlement.values import to_hex
from miletus.settlement.verdicts import Verdicts

DEPTH_BLOCKS: Final = 64
"""Blocks over a finality after which it is taken for good."""


@dataclass(frozen=True)
class Posting:
    """A batch as L1 has it; `segments[0]` is the inbox segment. Under policy zk they have no signatures."""

    posted: PostedBatch
    segments: tuple[bytes, ...]
    digest: str
    bytes: int
    gas: int


class ChainFollower:
    """Follows one rollup on L1.

    Args:
        indexer: what gets the rows.
        view: its own view of L1; it polls it.

    """

    def __init__(self, indexer: Indexer, view: ChainView) -> None:
        self.indexer = indexer
        self.view = view
        self.facts = L1Store(indexer.store.database)
        self._known = self.facts.get_ids()
        self._finals = self._paid = 0
        self._checked = False
        self._forgotten = 0
        self._verdicts = Verdicts(view.rollup, view.start_block)
        self._told = self.facts.get_verdicts()

    def read(self) -> None:
        """Ask L1 for what is new; nothing is written. May run in another thread than the rest.

        Raises:
            L1Error: L1 can't be used now; call again.

        """
        removals = len(self.view.removals)
        update = self.view.poll()
        if update.reverted_to is not None or len(self.view.removals) != removals:
            self._checked = False
        self._verdicts.poll()

    def read_posting(self, number: int) -> Posting | None:
        """A batch as it is posted, None if it is not. Raises L1Error; IndexerError if unreadable."""
        posted = self.view.get_batch(number)
        return None if posted is None else fetch_posting(self.view, posted)

    def settle(self) -> None:
        """Take back what L1 took back, then note finality and payments."""
        if not self._checked:
            self._check()
        finals, paid = self.view.finals, self.view.paid
        while self._finals < len(finals) and finals[self._finals].number in self._known:
            final = finals[self._finals]
            self.facts.set_final(final.number, final.block_number)
            self._finals += 1
        while self._paid < len(paid) and paid[self._paid].number in self._known:
            payment = paid[self._paid]
            self.facts.set_paid(payment.number, payment.index, payment.block_number)
            self._paid += 1
        self._note_verdicts()
        self._forget()

    @property
    def noted(self) -> int:
        """Batches that the rows say are on L1, from the first on."""
        return len(self._known)

    def next_unknown(self) -> int | None:
        """Number of the first batch on L1 that the rows do not say is there."""
        number = len(self._known) + 1
        return number if number <= self.view.head_number else None

    def note(self, posting: Posting) -> None:
        """Say of a batch whose rows are there where it is on L1."""
        posted = posting.posted
        facts = L1Facts(
            l1_id=to_hex(posted.id),
            l1_transaction=to_hex(posted.transaction_hash),
            l1_block_hash=to_hex(posted.block_hash),
            l1_root=to_hex(posted.root),
            l1_proposer=posted.proposer.lower(),
            l1_block=posted.block_number,
            l1_time_s=posted.committed_at_s,
            l1_bytes=posting.bytes,
            l1_gas=posting.gas,
            l1_window_end_s=posted.committed_at_s + self.view.rollup.window_s,
        )
        self.facts.set_posted(posted.number, facts)
        self._told[2].pop(posted.number, None)
        self._known[posted.number] = facts.l1_id

    def index(self, posting: Posting) -> None:
        """Make the rows of a batch from what is posted of it; it must follow the last closed one."""
        posted, indexer = posting.posted, self.indexer
        foreign = posted.proposer.lower() != self.view.rollup.sequencer.lower()
        epoch, first = indexer.get_following(foreign=foreign)
        indexer.begin_batch(
            Head(
                posted.number,
                epoch,
                first,
                posted.time_s,
                posted.inbox_first,
                posted.inbox_end - posted.inbox_first,
            )
        )
        for place, words in enumerate(posting.segments):
            if words:
                indexer.run(split_posted(place == 0, words, off_chain=indexer.off_chain))
            indexer.end_segment(last=place == len(posting.segments) - 1)

    def take(self, posting: Posting) -> bool:
        """Bring rows in line with a posting, if they can be: whether the rows are as it says now.

        A batch that a node told otherwise is taken back with all later ones, and made from L1.
        """
        number, indexer = posting.posted.number, self.indexer
        if number <= indexer.last_batch and indexer.store.get_digest(number) != posting.digest:
            indexer.roll_back(number)
        if number == indexer.last_batch + 1 and indexer.open_batch is None:
            self.index(posting)
        if number > indexer.last_batch:
            return False
        self.note(posting)
        return True

    def follow_alone(self, limit: int = 0) -> int:
        """Take what L1 has, with no node: rows of batches that L1 took back go. How many batches were taken.

        At most `limit` of them if that is not 0. Raises L1Error, IndexerError.
        """
        self.read()
        return self.take_read(limit)

    def take_read(self, limit: int = 0) -> int:
        """As `follow_alone`, of what `read` brought."""
        self.settle()
        indexer = self.indexer
        if indexer.open_batch is not None or indexer.last_batch > self.view.head_number:
            indexer.roll_back(min(indexer.last_batch, self.view.head_number) + 1)
        taken = 0
        while (number := self.next_unknown()) is not None and (not limit or taken < limit):
            posting = self.read_posting(number)
            assert posting is not None
            self.take(posting)
            taken += 1
        if taken:
            self.settle()
        return taken

    def _forget_proved(self, number: int) -> None:
        """Batches from this one on are not told to be proved any more."""
        proofs, removals, proved = self._told
        self._told = proofs, removals, {known: proved[known] for known in proved if known < number}

    def _note_verdicts(self) -> None:
        """Have the rows of proofs and removals, and the blocks of proved batches, as L1 has them."""
        verdicts = self._verdicts
        numbers = {batch.id: batch.number for batch in self.view.batches}
        numbers |= {batch.id: batch.number for each in self.view.removals for batch in each.batches}
        blocks: dict[bytes, int] = {}
        proofs: set[Row] = set()
        for proof in verdicts.proofs:
            if proof.batch_id not in numbers:
                continue  # of a block that the view has not seen yet, or no more
            blocks[proof.batch_id] = max(blocks.get(proof.batch_id, 0), proof.block_number)
            proofs.add(
                (
                    to_hex(proof.batch_id),
                    proof.part,
                    numbers[proof.batch_id],
                    proof.payee.lower(),
                    to_hex(proof.transaction_hash),
                    proof.block_number,
                )
            )
        ids = {to_hex(batch_id): block for batch_id, block in blocks.items() if batch_id in verdicts.proved}
        proved = {number: ids[known] for number, known in self._known.items() if known in ids}
        told = (proofs, self._list_removals(), proved)
        if told != self._told:
            self.facts.set_verdicts(self._told, told)
            self._told = told

    def _list_removals(self) -> set[Row]:
        """Rows of batches that L1 removed: of each removal the first, and those that stood on it."""
        refuted = {each.batch_id: each for each in self._verdicts.refutations}
        told = {each.batch_id: each for each in self._verdicts.removed}
        rows: set[Row] = set()
        for removal in self.view.removals:
            event = told.get(removal.batches[0].id) if removal.batches else None
            if event is None:
                continue  # of a block that only the view has seen
            for batch in removal.batches:
                found = refuted.get(batch.id)
                rows.add(
                    (
                        to_hex(batch.id),
                        batch.number,
                        batch.proposer.lower(),
                        found.part if found is not None else None,
                        found.payee.lower() if found is not None else None,
                        str(found.reward_wei if found is not None else 0),
                        str(event.burnt_wei if batch.id == event.batch_id else 0),
                        to_hex(event.transaction_hash),
                        event.block_number,
                    )
                )
        return rows

    def _forget(self) -> None:
        """Let go of what could undo batches that are final for good."""
        head, finals, place = self.view.head, self.view.finals, self._finals - 1
        while place >= 0 and head is not None and finals[place].block_number > head.number - DEPTH_BLOCKS:
            place -= 1
        if place >= 0 and finals[place].number > self._forgotten:
            self._forgotten = finals[place].number
            self.indexer.store.forget_undo(self._forgotten)

    def _check(self) -> None:
        """See what L1 still has of what the rows say of it."""
        head = self.view.head
        if head is None:
            return
        for number in sorted(self._known):
            posted = self.view.get_batch(number)
            if posted is None or to_hex(posted.id) != self._known[number]:
                self.facts.clear_from(number)
                self._known = {known: of for known, of in self._known.items() if known < number}
                self._forget_proved(number)
                break
        self.facts.clear_after(head.number, [f.number for f in self.view.finals])
        self.facts.clear_paid([(paid.number, paid.index) for paid in self.view.paid])
        self._finals = self._paid = 0
        self._checked = True


def fetch_posting(view: ChainView, posted: PostedBatch) -> Posting:
    """Read what was posted, and see that it is what the contract hashed.

    Raises:
        L1Error: L1 can't be used, or gives something else.
        IndexerError: the contract holds input that nobody can read.

    """
    node = view.rollup.node
    transaction = node.get_transaction(posted.transaction_hash)
    receipt = node.get_receipt(posted.transaction_hash)
    if transaction is None or receipt is None or transaction.block_hash != posted.block_hash:
        raise L1Inconsistent(
            f"L1 at {node.rpc.url} has the event of batch {posted.number} without its transaction; "
            "poll again or use another node"
        )
    try:
        commitment = decode_commit(transaction.input)
    except MalformedCommit as error:
        raise IndexerError(f"batch {posted.number} can't be read ({error}): see the watchtower") from None
    inbox = view.get_words(posted.inbox_first, posted.inbox_end)
    _check_id(view, posted, commitment, inbox)
    segments = (inbox, *(segment.words for segment in commitment.segments[1:]))
    digest = compute_digest(
        posted.time_s, posted.inbox_first, posted.inbox_end - posted.inbox_first, segments
    )
    return Posting(posted, segments, digest, len(transaction.input), receipt.gas_used)


def _check_id(view: ChainView, posted: PostedBatch, commitment: Commitment, inbox: bytes) -> None:
    rollup = view.rollup
    computed = compute_batch_id(
        commitment, inbox, posted.inbox_first, posted.block_number, rollup.policy, rollup.machine_version
    )
    if computed != posted.id:
        raise L1Inconsistent(
            f"L1 at {rollup.node.rpc.url} gives data of batch {posted.number} that its id is not of; "
            "use another node"
        )
