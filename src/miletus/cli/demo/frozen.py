"""The end of everything: a copy of L1 on which nobody serves the rollup any more, and the way out of it.

The copy is an L1 of its own with the same blocks; the real one goes on beside it. On the copy an operation
that somebody forced waits in vain, anyone freezes the rollup, and an account that holds options leaves with
what it is worth, by a proof, from L1's data alone.
"""

import gzip
import json
import subprocess
from dataclasses import dataclass
from typing import Any

from miletus.cli.actors import Actor, make_trader, open_bridge
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.supervisor import get_command
from miletus.prover import Prover
from miletus.settlement.anvil import Anvil
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import WORD
from miletus.settlement.deployment import Deployment
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.leaving import Departure, Leaving
from miletus.settlement.node import L1Node

ALL_MICROS = 1_000_000
"""What the owner tries to withdraw by force, before leaving."""

REPORT_SECONDS = 300.0


@dataclass(frozen=True)
class Frozen:
    """What came of it: the account, its options, its departure, and what a watchtower read of that."""

    account: int
    options: int
    departure: Departure
    report: dict[str, Any]


class FrozenCopy:
    """A copy of a system's L1, an anvil of its own; a context manager.

    Args:
        folder: the system's.
        deployment, genesis: the rollup.
        l1: the L1 that is copied.

    """

    def __init__(
        self,
        folder: Folder,
        deployment: Deployment,
        genesis: Genesis,
        l1: L1Node,
    ) -> None:
        self._folder = folder
        self._deployment = deployment
        self._genesis = genesis
        path = folder.subfolder("frozen") / "anvil.json"
        dump = l1.rpc.call("anvil_dumpState", [])
        if not isinstance(dump, str) or not dump.startswith("0x1f8b"):
            raise CliError("this L1 gives no copy of itself: make setup installs one that does")
        path.write_bytes(gzip.decompress(bytes.fromhex(dump[2:])))
        self._anvil = Anvil(
            arguments=("--load-state", str(path)),
            timestamp_s=l1.get_head().timestamp_s + 1,
            log_path=folder.logs / "frozen.log",
        )
        self.node = self._anvil.connect(timeout_seconds=60.0)
        self._control = self._anvil.control()

    def __enter__(self) -> "FrozenCopy":
        return self

    def __exit__(self, *exception: object) -> None:
        self.node.close()
        self._anvil.stop()

    def leave(self, actor: Actor, prover: Prover) -> Departure:
        """Freeze it by an operation of the account that nobody serves, prove its worth, and have it paid."""
        rollup = self._deployment.check(self.node)
        self._force(actor)
        self.pass_time(rollup.read_int("freeze_s") + 1)
        bridge = self._open_bridge(actor)
        try:
            view = ChainView(rollup, Vault(self.node, rollup.vault), self._deployment.start_block)
            leaving = Leaving(view, self._genesis, bridge.sender, prover)
            end_s = leaving.open()
            claimed = leaving.leave(actor.account)
            self.pass_time(end_s - self.node.get_head().timestamp_s + 1)
            paid = leaving.leave(actor.account)
        finally:
            bridge.sender.store.close()
        if not paid.paid:
            raise CliError(f"account {actor.account} was not paid by the exit of {rollup.exit}")
        return Departure(
            account=paid.account,
            owner=paid.owner,
            worth_micros=claimed.worth_micros,
            owed_micros=paid.owed_micros,
            paid=True,
            proofs=claimed.proofs,
            gas=claimed.gas + paid.gas,
            peak_bytes=claimed.peak_bytes,
        )

    def read_report(self) -> dict[str, Any]:
        """What a watchtower of its own, a process that has this L1 alone, says of the copy."""
        command = get_command(
            *("watchtower", "--once", "--json", "--moved-time", "--rpc", self.node.rpc.url),
            *("--rollup", self._deployment.rollup, "--genesis", str(self._folder.genesis_path)),
            *("--start-block", str(self._deployment.start_block)),
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_SECONDS, check=False)
        if done.returncode != 0 or not done.stdout:
            raise CliError(f"the watchtower of the frozen copy failed: {done.stderr.strip()[-300:]}")
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    def pass_time(self, seconds: int) -> None:
        """Let L1's time pass, by blocks that show it."""
        self._control.set_next_timestamp(self.node.get_head().timestamp_s + seconds)
        self._control.mine(3, 1)

    def _force(self, actor: Actor) -> None:
        """Put a withdrawal of the account into the inbox, which nobody serves here."""
        self.pass_time(1)
        bridge = self._open_bridge(actor)
        trader = make_trader(
            self._folder, self._deployment, actor, lambda: self.node.get_head().timestamp_s + 3_600, 1 << 31
        )
        try:
            bridge.force("leave", trader.withdraw(ALL_MICROS)[:WORD])
        finally:
            bridge.sender.store.close()

    def _open_bridge(self, actor: Actor) -> Any:
        copy = Folder(self._folder.subfolder("frozen"))
        return open_bridge(copy, self.node, self._deployment, self._folder.get_wallet(actor.name))
