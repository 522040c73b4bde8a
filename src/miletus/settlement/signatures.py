"""Signatures that are not on L1 (policy zk, 08-R31): from the archive of who closed the batch, for its proof.

Without them nobody can prove a batch, and an unproved one is removed at its deadline: who withholds them
loses the bond, and users lose time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from miletus.codec import decode_segment
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, R_FIRST_WORD, RECORD, SEQUENCED
from miletus.engine.state import RECEIPT
from miletus.native import NativeCrypto, restore_signatures, strip_signatures
from miletus.prover import ProverError
from miletus.settlement.commitment import WORD, Commitment
from miletus.settlement.errors import SettlementError
from miletus.settlement.replica import Pages, Replica
from miletus.settlement.source import BatchSource

Signatures = dict[int, bytes]
"""The two words of each signature, 62 bytes, by the place of its operation's first word."""


class SignaturesMissing(SettlementError, ProverError):
    """Nobody here has the signatures that a proof needs."""


class SignatureInvalid(SettlementError, ProverError):
    """A signature does not hold, so there is no proof of the batch."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch with its signatures: for each segment its whole words, and what is not posted of them."""

    number: int
    texts: tuple[bytes, ...]
    signatures: tuple[Signatures, ...]


def find_signatures(
    archive: BatchSource | None, number: int, posted: Sequence[bytes], segments: Sequence[int]
) -> Signed:
    """The signatures of a batch, as far as some of its segments need any.

    Args:
        archive: closed batches with all their words, such as the sequencer's own.
        number: place of the batch.
        posted: words of its segments on L1, the inbox segment first.
        segments: those that are to be proved.

    Raises:
        SignaturesMissing: the archive does not have them.

    """
    inbox, *sequenced = posted
    needed = [posted[j] for j in segments if j]
    if all(b"".join(restore_signatures(words)) == words for words in needed):
        return Signed(number, tuple(posted), tuple({} for _ in posted))
    batch = archive.get_batch(number) if archive is not None else None
    if batch is None:
        raise SignaturesMissing(
            f"the signatures of batch {number} are not on L1 (policy zk) and not in the archive here: "
            "prove it on the node that closed it, or with a copy of its batch files"
        )
    texts, signatures = [inbox], [Signatures()]
    try:
        for part, words in zip(batch.segments[1:], sequenced, strict=True):
            own, found = strip_signatures(part.words)
            if own != words:
                raise ValueError
            texts.append(part.words)
            signatures.append(found)
    except ValueError:
        raise SignaturesMissing(
            f"the archive's batch {number} is not the one on L1: "
            "prove it on the node that closed it, or with a copy of its batch files"
        ) from None
    return Signed(number, tuple(texts), tuple(signatures))


def check_signatures(
    pages: Pages, segments: Sequence[int], signed: Signed, commitment: Commitment, crypto: NativeCrypto
) -> None:
    """See that every signature that the machine looks at holds.

    Args:
        pages: the state before the first of the segments.
        segments: which follow each other.
        signed: the batch with its signatures.
        commitment: what was posted for it.
        crypto: that judges signatures.

    Raises:
        SignatureInvalid: one does not; its line says which.

    """
    replica = Replica.from_pages(pages, crypto)
    machine = replica.machine
    state = machine.state
    times = commitment.time_bound_ms, commitment.clock_floor_ms
    if segments[0] == 0:
        machine.begin_batch(*times)
    else:
        state.time_bound_ms, state.clock_floor_ms = times
    for j in segments:
        words, source = signed.texts[j], SEQUENCED if j else INBOX
        count = replica.run(source, words)
        reasons = memoryview(state.receipts)[: count * int(RECEIPT) : int(RECEIPT)].tolist()
        state.clear_outputs()
        if source == SEQUENCED and Reason.BAD_SIGNATURE in reasons:
            place = reasons.index(Reason.BAD_SIGNATURE)
            first = decode_segment(source, words).records[place * int(RECORD) + int(R_FIRST_WORD)]
            posted = len(strip_signatures(words[: first * WORD])[0]) // WORD
            raise SignatureInvalid(
                f"batch {signed.number} can't be proved: the signature of the operation at word {posted} of "
                f"segment {j} does not hold; the batch is removed at its deadline"
            )
