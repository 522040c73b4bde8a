"""Comparing one batch on L1 with what the machine makes of it."""

from dataclasses import asdict, dataclass

from miletus.native import bind_data
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import (
    WORD,
    Claim,
    Commitment,
    MalformedCommit,
    compute_batch_id,
    decode_commit,
)
from miletus.settlement.errors import L1Inconsistent
from miletus.settlement.replica import BatchInputs, BatchResult, Pages, Replica
from miletus.settlement.values import to_hex


@dataclass(frozen=True, slots=True)
class Alarm:
    """The first thing on L1 that is not what the machine computes.

    Attributes:
        kind: "root", "outbox", "withdrawals" (the posted list), or "unreadable" (input of the commit).
        batch, batch_id, proposer, transaction, block: which batch.
        segment: number of the segment at whose end it is, 0 the inbox segment.
        claimed, computed: the two values.

    """

    kind: str
    batch: int
    batch_id: str
    proposer: str
    transaction: str
    block: int
    segment: int
    claimed: str
    computed: str

    def __str__(self) -> str:
        return (
            f"batch {self.batch} ({self.batch_id[:12]}) segment {self.segment}: wrong {self.kind}: "
            f"claimed {self.claimed}, computed {self.computed}; proposer {self.proposer}, "
            f"transaction {self.transaction}"
        )

    def to_json(self) -> dict[str, object]:
        """Its fields, and the line that says it."""
        return {**asdict(self), "message": str(self)}


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch whose every claim was found right."""

    number: int
    id: bytes
    block_number: int
    inbox_end: int
    root: bytes
    pages: Pages
    segments: int
    words: int
    operations: int
    fills: int
    l1_bytes: int
    l1_gas: int
    wrong_hashes: int


def verify_batch(view: ChainView, posted: PostedBatch, replica: Replica) -> Verified | Alarm:
    """Execute a batch on `replica`, which must stand before it, and compare it claim by claim.

    Raises:
        L1Error: L1 can't be used, or what it gives is not what the contract hashed; the replica did not move.

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
        return _make_alarm(posted, "unreadable", 0, str(error), "a commit's input")
    inbox_words = view.get_words(posted.inbox_first, posted.inbox_end)
    _check_id(view, posted, commitment, inbox_words)
    texts = (inbox_words, *(segment.words for segment in commitment.segments[1:]))
    result = replica.execute(BatchInputs(commitment.time_bound_ms, commitment.clock_floor_ms, texts))
    alarm = _find_wrong_claim(posted, commitment, result)
    if alarm is not None:
        return alarm
    hashes = [bind_data(text, len(text) // WORD).h for text in texts]
    wrong = sum(
        segment.data_hash != found for segment, found in zip(commitment.segments, hashes, strict=True)
    )
    return Verified(
        number=posted.number,
        id=posted.id,
        block_number=posted.block_number,
        inbox_end=posted.inbox_end,
        root=result.claims[-1].root,
        pages=result.pages,
        segments=len(texts),
        words=sum(len(text) for text in texts) // WORD,
        operations=result.operations,
        fills=result.fills,
        l1_bytes=len(transaction.input),
        l1_gas=receipt.gas_used,
        wrong_hashes=wrong,
    )


def _check_id(view: ChainView, posted: PostedBatch, commitment: Commitment, inbox_words: bytes) -> None:
    """See that the input and the inbox are what the contract hashed into the id."""
    computed = compute_batch_id(
        commitment,
        inbox_words,
        posted.inbox_first,
        posted.block_number,
        view.rollup.policy,
        view.rollup.machine_version,
    )
    if computed != posted.id:
        raise L1Inconsistent(
            f"L1 at {view.rollup.node.rpc.url} gives data of batch {posted.number} that hash to "
            f"{to_hex(computed)[:12]}, its id is {to_hex(posted.id)[:12]}; use another node"
        )


def _find_wrong_claim(posted: PostedBatch, commitment: Commitment, result: BatchResult) -> Alarm | None:
    claims = [segment.claim for segment in commitment.segments]
    for j, (claimed, computed) in enumerate(zip(claims, result.claims, strict=True)):
        if claimed.root != computed.root:
            return _make_alarm(posted, "root", j, to_hex(claimed.root), to_hex(computed.root))
        if claimed.outbox != computed.outbox:
            return _make_alarm(posted, "outbox", j, _hex(claimed), _hex(computed))
    if commitment.outbox != result.outbox:
        lists = (commitment.outbox, result.outbox)
        texts = [", ".join(f"{to_hex(w.owner)} {w.amount_micros}" for w in some) or "none" for some in lists]
        return _make_alarm(posted, "withdrawals", len(claims) - 1, texts[0], texts[1])
    return None


def _make_alarm(posted: PostedBatch, kind: str, segment: int, claimed: str, computed: str) -> Alarm:
    return Alarm(
        kind=kind,
        batch=posted.number,
        batch_id=to_hex(posted.id),
        proposer=posted.proposer,
        transaction=to_hex(posted.transaction_hash),
        block=posted.block_number,
        segment=segment,
        claimed=claimed,
        computed=computed,
    )


def _hex(claim: Claim) -> str:
    return f"0x{claim.outbox:064x}"
