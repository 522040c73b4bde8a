"""The published first state: a file whose root is the rollup's genesis root."""

import json
from dataclasses import dataclass
from pathlib import Path

from miletus.engine.crypto import Crypto
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.engine.params import FIRST_ACCOUNT, MACHINE_VERSION
from miletus.native import Tree
from miletus.settlement.errors import SettlementError

FORMAT = "miletus genesis 1"


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the first state is made of.

    Attributes:
        signers: public keys (x, y) of the oracle.
        threshold: how many of them must agree.
        underlyings: how many there are; BTC is 0, ETH is 1.
        clock_ms: the machine's clock before the first batch.

    """

    signers: tuple[tuple[int, int], ...]
    threshold: int
    underlyings: int
    clock_ms: int

    def build_machine(self, crypto: Crypto, capacity: int = int(FIRST_ACCOUNT) + 1) -> Machine:
        """A machine that stands before the first batch. Raises ValueError for numbers that don't fit."""
        machine = Machine(capacity, crypto)
        apply_genesis(machine.state, list(self.signers), self.threshold, self.underlyings, self.clock_ms)
        return machine

    def compute_root(self) -> bytes:
        """The root of the first state, 32 bytes."""
        return Tree().update(*self.build_machine(Crypto()).export_pages())

    def save(self, path: Path) -> None:
        """Write it as JSON, with its root."""
        fields = {
            "format": FORMAT,
            "machine_version": int(MACHINE_VERSION),
            "clock_ms": self.clock_ms,
            "underlyings": self.underlyings,
            "threshold": self.threshold,
            "signers": [{"x": hex(x), "y": hex(y)} for x, y in self.signers],
            "root": "0x" + self.compute_root().hex(),
        }
        path.write_text(json.dumps(fields, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Genesis":
        """Read it, and see that it has the root that it says.

        Raises:
            SettlementError: missing, damaged, of another machine version, or its root is another.

        """
        try:
            fields = json.loads(path.read_text())
            if fields["format"] != FORMAT:
                raise ValueError("another format")
            signers = tuple((int(signer["x"], 16), int(signer["y"], 16)) for signer in fields["signers"])
            numbers = (int(fields[name]) for name in ("threshold", "underlyings", "clock_ms"))
            genesis, version, root = cls(signers, *numbers), fields["machine_version"], fields["root"]
            found = "0x" + genesis.compute_root().hex()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise SettlementError(
                f"{path} is no genesis file ({error}); fetch the deployment's again"
            ) from None
        if version != int(MACHINE_VERSION):
            raise SettlementError(
                f"{path} is for machine version {version}, not {MACHINE_VERSION}; install that release"
            )
        if found != root:
            raise SettlementError(
                f"{path} says root {root} but gives {found}; fetch the deployment's file again"
            )
        return genesis
