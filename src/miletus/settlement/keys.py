"""Verifying keys of the circuits, as the prover's command exports them and as the contracts take them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from miletus.prover import Prover
from miletus.prover import VerifyingKey as ExportedKey
from miletus.settlement.errors import SettlementError

EDGE_INPUTS: Final = 10
OUTBOX_INPUTS: Final = 4
EXIT_INPUTS: Final = 4
SILENCE_INPUTS: Final = 2
"""Public inputs of the circuits (spec 08-R23, 08-R25, 08-R33, 08-R34)."""

_G1: Final = ("alpha",)
_G2: Final = (
    *("beta_negated", "gamma_negated", "delta_negated"),
    *("commitment_g", "commitment_g_sigma_negated"),
)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A Groth16 verifying key.

    `numbers` are its points in the order of Verifier's constructor, each a tuple of coordinates; `k` has one
    for one, one for each public input, one for the commitment.
    """

    numbers: tuple[tuple[int, ...], ...]
    k: tuple[tuple[int, int], ...]

    @property
    def input_count(self) -> int:
        """Public inputs that a proof has."""
        return len(self.k) - 2

    def to_abi(self) -> tuple[Any, ...]:
        """The constructor's argument."""
        return (*self.numbers, self.k)

    @classmethod
    def load(cls, path: Path) -> "VerifyingKey":
        """Read an exported key. Raises SettlementError."""
        try:
            return cls.read(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise SettlementError(
                f"{path} is no exported verifying key ({error}); export it with the prover"
            ) from None

    @classmethod
    def take(cls, exported: ExportedKey) -> "VerifyingKey":
        """A key as the prover's client gives it."""
        points = (
            *(exported.alpha, exported.beta_negated, exported.gamma_negated, exported.delta_negated),
            *(exported.commitment_g, exported.commitment_g_sigma_negated),
        )
        return cls(points, tuple((x, y) for x, y in exported.k))

    @classmethod
    def read(cls, exported: Mapping[str, Any]) -> "VerifyingKey":
        """A key from its JSON. Raises ValueError, TypeError, KeyError."""
        numbers = [_to_point(exported[name], 2) for name in _G1]
        numbers += [_to_point(exported[name], 4) for name in _G2]
        k = tuple(_to_point(point, 2) for point in exported["k"])
        return cls(tuple(numbers), tuple((x, y) for x, y in k))


@dataclass(frozen=True, slots=True)
class VerifyingKeys:
    """The keys of a deployment: of edges one for each size of the circuit, None for what is missing."""

    edges: tuple[VerifyingKey, ...] = ()
    outbox: VerifyingKey | None = None
    exit: VerifyingKey | None = None
    silence: VerifyingKey | None = None

    def named(self) -> Iterator[tuple[str, VerifyingKey]]:
        """Each key with the name of its circuit; edges are numbered by size."""
        for size, key in enumerate(self.edges):
            yield f"edge {size}", key
        for name, other in (("outbox", self.outbox), ("exit", self.exit), ("silence", self.silence)):
            if other is not None:
                yield name, other


NO_KEYS: Final = VerifyingKeys()


def export_keys(prover: Prover, sizes: Sequence[str], others: Sequence[str] = ("outbox",)) -> VerifyingKeys:
    """The keys of a deployment; those that are not there yet are made for development, which takes minutes.

    Args:
        prover: the program.
        sizes: of the circuit of edges, the smallest first.
        others: further circuits among outbox, exit and silence.

    Raises:
        ProverError: a key can't be made or read.

    """
    found = {}
    for name in (*(f"edge-{size}" for size in sizes), *others):
        prover.setup(name)
        found[name] = VerifyingKey.take(prover.export_key(name))
    return VerifyingKeys(
        edges=tuple(found[f"edge-{size}"] for size in sizes),
        outbox=found.get("outbox"),
        exit=found.get("exit"),
        silence=found.get("silence"),
    )


def _to_point(texts: Sequence[str], size: int) -> tuple[int, ...]:
    if len(texts) != size:
        raise ValueError(f"a point has {len(texts)} numbers, not {size}")
    return tuple(int(text, 16) for text in texts)
