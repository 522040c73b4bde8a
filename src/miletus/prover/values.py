"""What the prover's program gives: proofs, keys and progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FIELD: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of the field that public inputs are elements of; spec 10."""

PROOF_WORDS: Final = 12
"""Words of a proof on L1: A (2), B (4), C (2), the commitment (2), its proof of knowledge (2)."""

Point = tuple[int, ...]
"""Coordinates of a point: x, y; in G2 x1, x0, y1, y0, the imaginary parts first."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as L1 takes it. Its bytes are no name for anything: there are others of the same statement.

    Attributes:
        circuit: name of the circuit.
        key_hash: hash of the verifying key that it holds under, 32 bytes.
        public_inputs: field elements.
        words: PROOF_WORDS numbers.
        about: what the statement is about, by the circuit's own names.
        seconds: how long it took.

    """

    circuit: str
    circuit_hash: str
    key_hash: bytes
    public_inputs: tuple[int, ...]
    words: tuple[int, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Proof":
        """Read what the program printed; raises ValueError or KeyError for anything else."""
        proof = bytes.fromhex(raw["proof"].removeprefix("0x"))
        if len(proof) != 32 * PROOF_WORDS:
            raise ValueError(f"a proof has {32 * PROOF_WORDS} bytes, not {len(proof)}")
        return cls(
            circuit=raw["circuit"],
            circuit_hash=raw["circuit_hash"],
            key_hash=bytes.fromhex(raw["key_hash"].removeprefix("0x")),
            public_inputs=tuple(int(text, 16) for text in raw["public_inputs"]),
            words=tuple(int.from_bytes(proof[32 * i : 32 * i + 32], "big") for i in range(PROOF_WORDS)),
            about=raw.get("about", {}),
            seconds=raw.get("solve_seconds", 0.0) + raw.get("prove_seconds", 0.0),
        )

    def to_json(self) -> dict[str, Any]:
        """As the program prints it, for a file that it can verify."""
        return {
            "circuit": self.circuit,
            "circuit_hash": self.circuit_hash,
            "key_hash": "0x" + self.key_hash.hex(),
            "public_inputs": [f"0x{element:064x}" for element in self.public_inputs],
            "proof": "0x" + b"".join(word.to_bytes(32, "big") for word in self.words).hex(),
            "about": dict(self.about),
        }


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A verifying key as the verifier on L1 is given it: beta, gamma and delta are negated.

    Attributes:
        circuit: name of the circuit.
        circuit_hash: sha256 of its constraints, hexadecimal.
        origin: "development", or "ceremony" and the hash of its transcript.
        constraints: their number.
        public_inputs: their number.
        alpha: in G1.
        k: a point of G1 for one, for each public input, and for the commitment's hash.
        key_hash: keccak256 of all numbers in the order of `numbers`, 32 bytes.

    """

    circuit: str
    circuit_hash: str
    origin: str
    constraints: int
    public_inputs: int
    alpha: Point
    beta_negated: Point
    gamma_negated: Point
    delta_negated: Point
    commitment_g: Point
    commitment_g_sigma_negated: Point
    k: tuple[Point, ...]
    key_hash: bytes

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "VerifyingKey":
        """Read what `prover export` prints."""

        def point(name: str) -> Point:
            return tuple(int(number, 16) for number in raw[name])

        return cls(
            circuit=raw["circuit"],
            circuit_hash=raw["circuit_hash"],
            origin=raw["origin"],
            constraints=raw["constraints"],
            public_inputs=raw["public_inputs"],
            alpha=point("alpha"),
            beta_negated=point("beta_negated"),
            gamma_negated=point("gamma_negated"),
            delta_negated=point("delta_negated"),
            commitment_g=point("commitment_g"),
            commitment_g_sigma_negated=point("commitment_g_sigma_negated"),
            k=tuple(tuple(int(number, 16) for number in pair) for pair in raw["k"]),
            key_hash=bytes.fromhex(raw["key_hash"].removeprefix("0x")),
        )

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The struct that the constructor of the verifier on L1 takes."""
        return (
            list(self.alpha),
            list(self.beta_negated),
            list(self.gamma_negated),
            list(self.delta_negated),
            list(self.commitment_g),
            list(self.commitment_g_sigma_negated),
            [list(point) for point in self.k],
        )


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit that is ready to be proved.

    Attributes:
        needed_bytes: memory that the program takes for it and one proof.
        seconds: of the set-up, 0 if its keys were there.

    """

    name: str
    circuit_hash: str
    constraints: int
    needed_bytes: int
    origin: str
    key_hash: bytes

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Circuit":
        """Read what the program says of a circuit."""
        return cls(
            name=raw["circuit"],
            circuit_hash=raw["circuit_hash"],
            constraints=raw["constraints"],
            needed_bytes=raw["needed_bytes"],
            origin=raw["origin"],
            key_hash=bytes.fromhex(raw["key_hash"].removeprefix("0x")),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that happened while a job is proved.

    Attributes:
        kind: "loading", "proving" or "proved".
        index: of the statement.
        total: number of statements, 0 if it is not known.
        proof: with "proved".
        peak_bytes: the most memory that the program ever had.
        seconds: since the job began.

    """

    kind: str
    index: int
    total: int
    circuit: str
    proof: Proof | None
    peak_bytes: int
    seconds: float

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Progress":
        """Read an event of the program."""
        proof = raw.get("proof")
        return cls(
            kind=raw["event"],
            index=raw["index"],
            total=raw.get("total", 0),
            circuit=raw.get("circuit", ""),
            proof=Proof.from_json(proof) if proof else None,
            peak_bytes=raw["peak_bytes"],
            seconds=raw["seconds"],
        )
