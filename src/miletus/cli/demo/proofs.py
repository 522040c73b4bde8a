"""What a demonstration shows of proofs: a batch final by proof, a liar caught, an exit from a frozen copy."""

from dataclasses import dataclass
from typing import Final, Protocol

from miletus.cli.actors import Actor, ActorsFile
from miletus.cli.board import Screen
from miletus.cli.channel import Fields
from miletus.cli.demo.frozen import Frozen, FrozenCopy
from miletus.cli.demo.liar import post_lie
from miletus.cli.demo.opening import choose_option, read_accounts, trade_first
from miletus.cli.errors import CliError
from miletus.cli.output import format_usdc
from miletus.cli.proving import format_ether
from miletus.cli.roles.batcher import WALLET
from miletus.cli.roles.traders import TAKERS
from miletus.cli.supervisor import Child
from miletus.cli.system import System
from miletus.market.names import OPTION_TYPES
from miletus.market.timeline import Market
from miletus.prover import Prover
from miletus.sequencer.query import AccountView, InstrumentView

PROVE_SECONDS: Final = 600.0
"""Longest wait for a verdict; a loaded machine proves slowly."""

LIE_MICROS: Final = 1_000_000 * 10**6
"""What the liar gives somebody from nothing."""

LISTED: Final = 1


class Stage(Protocol):
    """Who directs: `Director`."""

    system: System
    market: Market
    screen: Screen
    end_s: int
    tower: Fields
    batcher: Fields
    prover: Fields

    def child(self, name: str) -> Child:
        """A process of the system."""
        ...

    def close_batch(self, time_s: int) -> int | None:
        """Close the open batch; its number, None if none is open."""
        ...


@dataclass
class ProofActs:
    """The acts of a demonstration that need proofs."""

    stage: Stage
    fill: str = ""
    """The first trade's fill, which is in a batch that is final by proof."""

    def start(self) -> None:
        """Start the prover, a process with a wallet of its own that watches L1."""
        self.stage.system.start_prover(poll_seconds=0.2)
        self.stage.system.write_system()

    def trade_and_prove(self, time_s: int) -> None:
        """The market's first batches: what the oracle says of one option, and one trade of it, proved."""
        stage, screen = self.stage, self.stage.screen
        name = choose_option(stage.market, time_s, stage.end_s).name
        screen.begin("oracle: the first option")
        stage.child("oracle").request("publish", time_s=time_s, only=name)
        listed = self._post(time_s)
        stage.system.supervisor.wait_ready("prover")
        screen.tell(f"the oracle lists {name}: batch {listed}, which a proof shall make final")
        self._prove(listed)
        assert stage.system.clock is not None
        now_s = stage.system.clock() // 1000  # a proof may take longer than a tick is good for
        stage.child("oracle").request("publish", time_s=max(now_s, time_s + 1), only=name)
        self.fill, what = trade_first(stage.system.folder.path, name)
        traded = self._post(time_s)
        screen.tell(f"first trade, fill {self.fill}: {what}: batch {traded}")
        self._prove(traded)
        stage.system.wait_for(
            lambda: stage.tower.get("trade_to_final_seconds") is not None, "seeing the proof on L1"
        )
        screen.tell(
            f"batch {traded} is final by proof, {stage.tower['trade_to_final_seconds']:.0f} s after the "
            "trade on L1's own clock; its window would have ended in a week"
        )

    def lie(self) -> None:
        """Have somebody with the operator's key post a batch with a wrong root."""
        stage, system = self.stage, self.stage.system
        assert system.deployment is not None
        assert system.genesis is not None
        stage.screen.begin("a dishonest proposer posts a batch")
        thief = ActorsFile(system.folder).read()[-1]
        number = post_lie(
            system.l1,
            system.deployment.check(system.l1),
            system.genesis,
            system.deployment.start_block,
            system.folder.get_wallet(WALLET),
            thief.account,
            LIE_MICROS,
        )
        stage.screen.tell(
            f"a dishonest proposer posts batch {number}: its root says that account {thief.account} has "
            f"{format_usdc(LIE_MICROS)} more"
        )

    def await_removal(self) -> None:
        """Wait until the lie is proved and gone, and stop the prover."""
        stage, system = self.stage, self.stage.system
        stage.screen.begin("the challenger proves where the lie ends")
        system.wait_for(lambda: bool(stage.prover.get("removed")), "removing the lie", PROVE_SECONDS)
        number = stage.prover["removed"][-1]
        system.wait_for(
            lambda: stage.tower.get("frauds_caught", 0) > 0 and not stage.tower.get("alarm"),
            "seeing the removal on L1",
        )
        reward = format_ether(stage.prover["earned_wei"])
        stage.screen.tell(
            f"batch {number} is removed by proof, and its bond taken ({reward} for the challenger); the "
            "honest node goes on from the last good batch"
        )
        system.supervisor.stop_child("prover")
        system.write_system()

    def leave_a_frozen_copy(self) -> Frozen:
        """Copy L1, let the copy freeze, and have an account with options leave it."""
        stage, system = self.stage, self.stage.system
        assert system.deployment is not None
        assert system.genesis is not None
        stage.screen.begin("looking for an account that holds options")
        actor, options = self._find_holder()
        stage.screen.begin("copying L1, on which nobody serves the rollup any more")
        with (
            FrozenCopy(system.folder, system.deployment, system.genesis, system.l1) as copy,
            Prover() as prover,
        ):
            stage.screen.begin("leaving the frozen copy")
            departure = copy.leave(actor, prover)
            stage.screen.begin("reading the exit back from the copy")
            report = copy.read_report()
        stage.screen.tell(
            f"a copy of L1 without node, oracle and operator is frozen; {actor.name} proves what its account "
            f"is worth there, {options} options included, and is paid {format_usdc(departure.owed_micros)}"
        )
        return Frozen(actor.account, options, departure, report)

    # ---- parts

    def _post(self, time_s: int) -> int:
        """Close the open batch, and wait until it is on L1; its number."""
        stage = self.stage
        number = stage.close_batch(time_s)
        if number is None:
            raise CliError("no batch is open, although something was ordered: see the node's log")
        stage.system.wait_for(lambda: stage.batcher.get("posted", 0) >= number, "posting a batch to L1")
        return number

    def _prove(self, number: int) -> None:
        stage = self.stage
        stage.screen.begin(f"proving batch {number}")
        stage.child("prover").request("prove", number=number)
        stage.system.wait_for(
            lambda: number in stage.prover.get("proved", ()), f"proving batch {number}", PROVE_SECONDS
        )

    def _find_holder(self) -> tuple[Actor, int]:
        """Somebody who holds options that are not settled, a taker if there is one, and how many kinds."""
        folder = self.stage.system.folder
        actors = ActorsFile(folder).read()
        accounts, instruments = read_accounts(folder.path, [actor.account for actor in actors])
        found = [
            (actor, count_options(view, instruments))
            for actor, view in zip(actors, accounts, strict=True)
            if view is not None
        ]
        holders = [(actor, options) for actor, options in found if options]
        if not holders:
            raise CliError("no account holds options at the end: trade more, or leave proofs out")
        takers = [each for each in holders if each[0].role == TAKERS]
        return min(takers or holders, key=lambda each: each[1])


def count_options(view: AccountView, instruments: dict[int, InstrumentView]) -> int:
    """Options of an account that are listed and not settled."""
    held = (instruments.get(position.instrument) for position in view.positions)
    return sum(1 for each in held if each is not None and each.state == LISTED and each.type in OPTION_TYPES)
