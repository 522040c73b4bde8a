"""What can be proved: jobs in the form that the prover's program takes (`circuits/prover/job.go`)."""

import base64
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from miletus.engine import layout as L

WORD_BYTES: Final = 31
"""Bytes of a data word; spec 03."""

PAGE_BYTES: Final = 8 * int(L.PAGE)
"""Bytes of a page's 64 integers."""

Pages = Mapping[int, bytes]
"""Pages that are not zero, by number: 64 integers of 64 bits each, in this machine's byte order."""


class Job(Protocol):
    """Something to be proved."""

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        ...


@dataclass(frozen=True, slots=True)
class OutboxJob:
    """What a batch's posted withdrawals fold to.

    Attributes:
        payee: who is paid for the proof, 20 bytes; nobody can change that.
        withdrawals: (owner, amount in micros), at most 256.
        claimed: the accumulator that the batch claims; a proof of another one shows that the batch is wrong.

    """

    payee: bytes
    withdrawals: Sequence[tuple[bytes, int]]
    claimed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        job: dict[str, Any] = {
            "kind": "outbox",
            "payee": "0x" + self.payee.hex(),
            "withdrawals": [
                {"owner": "0x" + owner.hex(), "amount_micros": amount} for owner, amount in self.withdrawals
            ],
        }
        if self.claimed is not None:
            job["claimed"] = encode_element(self.claimed)
        return job


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """A segment of a batch.

    Attributes:
        index: in the batch; 0 is the inbox segment.
        words: 31 bytes each, those that are on L1.
        last: of the batch.
        claim: (root, outbox accumulator) that the batch claims at its end; the proofs may end elsewhere.
        signatures: where signatures are not on L1: 62 bytes of an operation's two words of signature, by the
            place of its first word; else None.
        proved: (steps, root): so many steps from its beginning are proved already, to that root; its first
            edge goes on from there.

    """

    index: int
    words: bytes
    last: bool
    claim: tuple[bytes, int] | None = None
    signatures: Mapping[int, bytes] | None = None
    proved: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        job: dict[str, Any] = {"index": self.index, "last": self.last, "words": encode_bytes(self.words)}
        if self.claim is not None:
            root, accumulator = self.claim
            job["claim"] = {"root": "0x" + root.hex(), "accumulator": encode_element(accumulator)}
        if self.proved is not None:
            steps, proved_root = self.proved
            job["proved"] = {"steps": steps, "root": encode_element(proved_root)}
        if self.signatures is not None:
            job["off_chain"] = True
            job["signatures"] = {str(at): encode_bytes(raw) for at, raw in self.signatures.items()}
        return job


@dataclass(frozen=True, slots=True)
class EdgesJob:
    """Segments of a batch, one after the other, from the state before the first of them.

    Attributes:
        size: of the circuit: "small", "medium" or "large".
        rollup: its address on L1, 20 bytes.
        payee: who is paid for the proofs, 20 bytes; nobody can change that.
        root_before: root of the pages; the job is refused if they have another.
        until_wrong: stop after the first segment that ends elsewhere than claimed.
        steps: most steps of an edge, 0 for as many as fit.

    """

    size: str
    chain_id: int
    rollup: bytes
    payee: bytes
    time_bound_ms: int
    clock_floor_ms: int
    root_before: bytes
    pages: Pages
    segments: Sequence[SegmentJob] = field(default_factory=tuple)
    until_wrong: bool = False
    steps: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        return {
            "kind": "edges",
            "size": self.size,
            "chain_id": self.chain_id,
            "rollup": "0x" + self.rollup.hex(),
            "payee": "0x" + self.payee.hex(),
            "time_bound_ms": self.time_bound_ms,
            "clock_floor_ms": self.clock_floor_ms,
            "root_before": "0x" + self.root_before.hex(),
            "pages": encode_pages(self.pages),
            "segments": [segment.to_json() for segment in self.segments],
            "until_wrong": self.until_wrong,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True)
class ExitJob:
    """What an account is worth in a state: as many proofs as it takes to the account's end.

    Attributes:
        root: of the pages; the job is refused if they have another.
        cursor: where the last proof ended that L1 has of the account; 0 at the beginning.
        sum_micros: what the account is worth up to there.

    """

    root: bytes
    pages: Pages
    account: int
    cursor: int = 0
    sum_micros: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        return {
            "kind": "exit",
            "root": "0x" + self.root.hex(),
            "pages": encode_pages(self.pages),
            "account": self.account,
            "cursor": self.cursor,
            "sum_micros": self.sum_micros,
        }


@dataclass(frozen=True, slots=True)
class SilenceJob:
    """An underlying's last tick and the machine's clock, in a state where somebody holds an instrument of it.

    Attributes:
        root: of the pages; the job is refused if they have another.

    """

    root: bytes
    pages: Pages
    underlying: int

    def to_json(self) -> dict[str, Any]:
        """As the program takes it."""
        return {
            "kind": "silence",
            "root": "0x" + self.root.hex(),
            "pages": encode_pages(self.pages),
            "underlying": self.underlying,
        }


def encode_pages(pages: Pages) -> dict[str, str]:
    """Pages as little-endian integers in base64."""
    for number, page in pages.items():
        if len(page) != PAGE_BYTES:
            raise ValueError(f"page {number} has {len(page)} bytes, not {PAGE_BYTES}")
    numbers = array("q", pages)
    fields = array("q", b"".join(pages.values()))
    if array("H", b"\1\0")[0] != 1:
        numbers.byteswap()
        fields.byteswap()
    return {"numbers": encode_bytes(numbers.tobytes()), "fields": encode_bytes(fields.tobytes())}


def encode_bytes(raw: bytes) -> str:
    """Base64."""
    return base64.b64encode(raw).decode()


def encode_element(element: int) -> str:
    """A field element, 0x and 64 digits."""
    return f"0x{element:064x}"
