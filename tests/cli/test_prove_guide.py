"""Every command of the guide to proving, as it is written: the real program, a real chain, real proofs."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

from miletus.cli.clock import SharedClock
from miletus.cli.config import Config
from miletus.cli.folder import Folder, SystemFile
from miletus.prover import OutboxJob, Prover
from miletus.settlement.anvil import Anvil
from miletus.settlement.keys import export_keys
from miletus.settlement.l1 import HYBRID
from tests.cli.running import COMMAND
from tests.cli.test_guides import get_commands, read
from tests.house.repository import ROOT
from tests.settlement.support import post
from tests.settlement.world import (
    GENESIS,
    REORG_AGE_S,
    USDC,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
)

FREEZE_S = 500_000
ACCOUNT = 16


class Desk:
    """A folder as a system leaves it, whose L1 alone still runs, and somebody who types there."""

    def __init__(self, anvil: Anvil, place: Path) -> None:
        with Prover(setup=True, niceness=5) as prover:
            keys = export_keys(prover, ["small"], ("outbox", "exit", "silence"))
        self.place = place
        self.world: World = deploy_world(
            anvil.connect(timeout_seconds=20.0), anvil.control(), keys, policy=HYBRID
        )
        self.alice = Trader.join(self.world)
        assert self.alice.account == ACCOUNT
        self.world.pass_time(REORG_AGE_S)
        sequencer = SmallSequencer(self.world)
        for amount in (5, 6, 7):
            sequencer.close([self.alice.transfer(17, amount * USDC)])
        post(self.world, sequencer)
        self._write_folder()

    def _write_folder(self) -> None:
        folder = Folder(self.place / ".miletus" / "system")
        folder.create()
        folder.write_config(Config())
        GENESIS.save(folder.genesis_path)
        self.world.deployment.save(folder.deployment_path)
        folder.write_system(
            SystemFile(
                l1_url=self.world.node.rpc.url,
                chain_id=self.world.deployment.chain_id,
                node_host="127.0.0.1",
                node_port=1,
                sequencer=self.world.sequencer.address,
                is_simulated=True,
                pid=0,
            )
        )
        SharedClock.create(folder.clock_path, self.world.get_time() * 1_000)
        folder.put_secret("wallet-trader", bytes(self.alice.wallet.key))
        wallet = Account.create()
        self.world.control.set_balance(wallet.address, 10**21)
        (self.place / "wallet.key").write_text(bytes(wallet.key).hex())
        job = OutboxJob(payee=b"\x11" * 20, withdrawals=[(b"\x22" * 20, 5 * USDC)])
        (self.place / "job.json").write_text(json.dumps(job.to_json()))

    def type(self, command: str) -> str:
        """Type a command; what it says."""
        known = {"RPC": self.world.node.rpc.url, "ROLLUP": self.world.rollup.address}
        words = [known.get(word, word) for word in shlex.split(command)]
        if words[0] == "miletus":
            words = [*COMMAND, *words[1:], *(["--moved-time"] if "--rpc" in words else [])]
        if words[0] == "build/prover":
            words[0] = str(ROOT / "build" / "prover")
        line = " ".join(word if word == ">" else shlex.quote(word) for word in words)
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200", "MILETUS_KEYS": find_keys()},
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout


def find_keys() -> str:
    """The folder of keys that tests share."""
    return os.environ.get("MILETUS_KEYS", str(ROOT / "build" / "keys"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Anvil() as anvil:
        yield Desk(anvil, tmp_path_factory.mktemp("prove"))


@pytest.mark.long
@pytest.mark.rule("08-R27", "08-R30", "08-R32")
def test_every_command_of_the_guide_to_proving_works_as_it_is_written(desk: Desk) -> None:
    world, told = desk.world, {}
    commands = get_commands(read("prove.md"))
    for command in commands:
        if command.startswith("make "):
            assert command.split()[1] == "prover"  # what tests run already
            continue
        if command.startswith("miletus exit") and not world.rollup.get_frozen_at():
            desk.alice.deposit("that nobody consumes", 3 * USDC)
            world.pass_time(FREEZE_S + 1)
        told[command] = desk.type(command)
    (first,) = [text for command, text in told.items() if command.startswith("miletus prove --mint")]
    assert "batch 1 is final" in first
    (every,) = [text for command, text in told.items() if command.startswith("miletus prove --all")]
    assert "batch 3 is final" in every
    assert "0.05 ETH of bonds and bounties paid" in every or "0.0499" in every
    assert world.rollup.get_final_number() == 3
    exits = [text for command, text in told.items() if command.startswith("miletus exit")]
    assert len(exits) == 2
    assert all(f"account {ACCOUNT} of {desk.alice.wallet.address}" in text for text in exits)
