"""What L1 holds of a word: its data, the batch's claim and transaction, the proofs, the verdict.

And what it costs to have a batch proved before its window ends. Everything is read from L1; methods may take
long, and are for a thread.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from miletus.codec import decode_segment
from miletus.codec.table import WORD_BYTES
from miletus.engine.segment import INBOX, R_FIRST_WORD, R_WORDS, RECORD, SEQUENCED
from miletus.native import restore_signatures
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.court import Court
from miletus.settlement.errors import SettlementError
from miletus.settlement.l1 import OPTIMISTIC
from miletus.settlement.numbering import Numbering
from miletus.settlement.proofs import read_commitment
from miletus.settlement.sender import Sender
from miletus.settlement.values import to_hex
from miletus.settlement.verdicts import PartProof, Verdicts

OPERATIONS_AN_EDGE: Final = 6
"""Orders that an edge of the smallest circuit has rows for (circuits/edge/sizes.go)."""

EDGE_GAS: Final = 506_000
OUTBOX_GAS: Final = 404_000
"""Gas of an edge's proof and of an outbox's; benchmarks.bench_gas."""

EDGE_CORE_SECONDS: Final = 10
OUTBOX_CORE_SECONDS: Final = 3
"""Of one core, for an edge of the smallest circuit and for an outbox; docs/guides/prove.md."""

CORE_SECOND_WEI: Final = 4 * 10**9
"""What a second of a core is taken to cost: 0.04 USD an hour at 3,000 USD an ETH."""

TIP_WEI: Final = 10**8
"""What a proposer of L1's blocks is given for a unit of gas."""

REWARD_PERMILLE: Final = 1_500
"""What is offered beside the cost, so that proving is worth while."""


class NoBounties(SettlementError):
    """Nobody is paid for faster finality here."""


@dataclass(frozen=True)
class Trace:
    """What L1 holds of a word; `words` are those of its operation, without a signature that is not posted."""

    posted: PostedBatch
    segment: int
    word: int
    words: tuple[bytes, ...]
    root: bytes
    proofs: tuple[PartProof, ...]
    parts: int
    verdict: str
    verdict_transaction: bytes | None


@dataclass(frozen=True)
class Quote:
    """What it costs to have a batch, and those before it, proved now.

    Amounts are in wei, `gas` is of all proofs; `offered_wei` is what others have put on it already.
    """

    number: int
    first: int
    operations: int
    proofs: int
    gas: int
    gas_price_wei: int
    core_seconds: int
    cost_wei: int
    bounty_wei: int
    offered_wei: int
    window_end_s: int
    court: str
    data: bytes


class Trail:
    """Reads proofs and prices of one rollup.

    Args:
        view: its own view of L1; it polls it.
        open_sender: opens the sender of the wallet that pays for finality, to be closed after each use; None
            if this gateway has no wallet.
        payer: address of that wallet.

    """

    def __init__(
        self, view: ChainView, open_sender: Callable[[], Sender] | None = None, payer: str = ""
    ) -> None:
        self._view = view
        self._open_sender = open_sender
        self._payer = payer.lower()
        self._numbering = Numbering(view)
        self._verdicts = Verdicts(view.rollup, view.start_block)
        self._work: dict[bytes, tuple[int, int]] = {}
        self._lock = threading.Lock()

    @property
    def has_wallet(self) -> bool:
        """Whether `pay` can be called."""
        return self._open_sender is not None

    def is_payer(self, owner: str) -> bool:
        """Whether an account's owner is the wallet that pays: its ETH is nobody else's to spend."""
        return self.has_wallet and owner.lower() == self._payer

    def trace(self, number: int, epoch: int, known: tuple[int, str, int] | None = None) -> Trace:
        """What L1 holds of a word. Raises NotOnL1, L1Error.

        `known` is what an index says of its batch: number, id on L1, and the number of its opening. Without
        it every batch on L1 is counted, once.
        """
        with self._lock:
            self._poll()
            posted = self._view.get_batch(known[0]) if known is not None else None
            if known is not None and posted is not None and to_hex(posted.id) == known[1]:
                place = self._numbering.find_in(posted, known[2], number)
            else:
                place = self._numbering.find(number, epoch)
            posted = place.posted
            commitment = read_commitment(self._view, posted)
            if place.segment == 0:
                parts = [self._view.get_words(posted.inbox_first, posted.inbox_end)]
            else:
                text = commitment.segments[place.segment].words
                parts = split_parts(text, self._view.rollup.is_off_chain)
            final = self._verdicts.finals.get(posted.id)
            verdict = "pending"
            if posted.id in self._verdicts.proved:
                verdict = "proved"
            elif final is not None:
                verdict = "unchallenged"
            return Trace(
                posted,
                place.segment,
                place.word,
                find_operation(place.segment, parts, place.word),
                commitment.segments[place.segment].claim.root,
                tuple(self._verdicts.find_proofs(posted.id)),
                count_parts(posted),
                verdict,
                final.transaction_hash if final is not None else None,
            )

    def quote(self, number: int) -> Quote:
        """What it costs to have a pending batch proved now.

        Raises:
            NoBounties: nobody is paid for that here, or the batch needs no proof any more.
            L1Error: L1 can't be used now.

        """
        with self._lock:
            self._poll()
            return self._quote(number)

    def pay(self, number: int, amount_wei: int) -> bytes:
        """Offer ETH for a pending batch by the gateway's wallet; the hash of the transaction.

        Raises:
            NoBounties: as `quote`, or this gateway has no wallet.
            SettlementError: L1 refuses, or can't be used.

        """
        if self._open_sender is None:
            raise NoBounties("this gateway has no wallet: send the transaction by your own")
        with self._lock:
            self._poll()
            quote = self._quote(number)
            posted = self._view.get_batch(number)
            assert posted is not None
            court = Court(self._view.rollup.node, quote.court)
            sender = self._open_sender()
            try:
                key = f"bounty {posted.id.hex()} {sender.get_next_nonce()}"
                sender.submit(key, court.offer_bounty(number, amount_wei))
                return sender.wait(key).transaction_hash
            finally:
                sender.store.close()

    # ---- inside

    def _poll(self) -> None:
        self._view.poll()
        self._verdicts.poll()

    def _quote(self, number: int) -> Quote:
        rollup = self._view.rollup
        posted = self._view.get_batch(number)
        final = rollup.get_final_number()
        if posted is None:
            raise NoBounties(f"batch {number} is not on L1 yet: wait until it is posted")
        if number <= final:
            raise NoBounties(f"batch {number} is final already")
        if rollup.policy == OPTIMISTIC:
            raise NoBounties("this deployment's policy has no bounties: batches are final by their window")
        court = Court(rollup.node, rollup.court)
        batches = [self._view.get_batch(place) for place in range(final + 1, number + 1)]
        open_batches = [each for each in batches if each is not None and each.id not in self._verdicts.proved]
        work = [self._measure(each) for each in open_batches]
        operations, edges = sum(one[0] for one in work), sum(one[1] for one in work)
        outboxes = sum(1 for each in open_batches if each.outbox_count)
        gas = edges * EDGE_GAS + outboxes * OUTBOX_GAS
        gas_price_wei = rollup.node.get_next_base_fee() + TIP_WEI
        core_seconds = edges * EDGE_CORE_SECONDS + outboxes * OUTBOX_CORE_SECONDS
        cost_wei = gas * gas_price_wei + core_seconds * CORE_SECOND_WEI
        bounty_wei = cost_wei * REWARD_PERMILLE // 1_000
        offered_wei = court.get_bounty(posted.id).amount_wei
        return Quote(
            number,
            final + 1,
            operations,
            edges + outboxes,
            gas,
            gas_price_wei,
            core_seconds,
            cost_wei,
            bounty_wei,
            offered_wei,
            posted.committed_at_s + rollup.window_s,
            court.address,
            court.offer_bounty(number, 1).data,
        )

    def _measure(self, posted: PostedBatch) -> tuple[int, int]:
        """Operations of a batch, and edges of the smallest circuit for them; a segment takes one at least."""
        if posted.id not in self._work:
            counts = [posted.inbox_end - posted.inbox_first]
            for segment in read_commitment(self._view, posted).segments[1:]:
                parts = split_parts(segment.words, self._view.rollup.is_off_chain)
                counts.append(sum(int(decode_segment(SEQUENCED, part).count) for part in parts))
            edges = sum(max(1, -(-count // OPERATIONS_AN_EDGE)) for count in counts)
            self._work[posted.id] = sum(counts), edges
        return self._work[posted.id]


def count_parts(posted: PostedBatch) -> int:
    """How many parts of a batch have to be proved: its segments, the inbox's first, and its outbox if any."""
    return 1 + posted.segment_count + (1 if posted.outbox_count else 0)


def split_parts(words: bytes, off_chain: bool) -> list[bytes]:
    """The words of a segment as numbers count them, in parts that can be decoded."""
    return list(restore_signatures(words)) if off_chain else [words]


def find_operation(segment: int, parts: list[bytes], word: int) -> tuple[bytes, ...]:
    """The words of the operation that a word of a segment belongs to."""
    source, left = (SEQUENCED if segment else INBOX), word
    for part in parts:
        if left * WORD_BYTES >= len(part):
            left -= len(part) // WORD_BYTES
            continue
        decoded = decode_segment(source, part)
        records = memoryview(decoded.records)
        for at in range(0, int(decoded.count) * int(RECORD), int(RECORD)):
            first, count = records[at + R_FIRST_WORD], records[at + R_WORDS]
            if first <= left < first + count:
                return tuple(part[k * WORD_BYTES : (k + 1) * WORD_BYTES] for k in range(first, first + count))
    raise ValueError(f"word {word} of a segment of {sum(map(len, parts)) // WORD_BYTES}")
