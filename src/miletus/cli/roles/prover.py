"""The prover: challenges what is wrong on L1, and proves what it is asked to or paid for, from L1 alone.

Its wallet pays for gas and is the payee of its proofs. Proofs are made by a program of its own, which ends
with this process.
"""

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from miletus.cli.channel import Channel, Fields, describe
from miletus.cli.errors import CliError, explain
from miletus.cli.outlook import Outlook, Where
from miletus.cli.output import Output
from miletus.cli.own_node import find_archive, find_states
from miletus.cli.proving import describe as describe_verdict
from miletus.prover import Prover
from miletus.settlement.challenger import Challenger
from miletus.settlement.proving import BatchProver
from miletus.settlement.rewards import Rewards
from miletus.settlement.sender import Sender
from miletus.settlement.service import PASSING, Choice, ProvingService
from miletus.settlement.watchtower import Watchtower

GIVE_UP_SECONDS = 2.0
"""How long a proof in progress may hold up the end; what is not on L1 is proved again later."""

OWN_WALLET = "prover"
"""The wallet that a system keeps for who proves and gives none of their own."""


@dataclass(frozen=True)
class Options:
    """What a prover is given. `once` ends when it has come to L1's head and nothing is left to do."""

    where: Where
    wallet: Path | None = None
    own: bool = False
    mint: bool = False
    size: str = "small"
    choice: Choice = Choice.NOTHING
    least_bounty_wei: int = 1
    side_by_side: int = 0
    niceness: int = 0
    setup: bool = False
    poll_seconds: float = 2.0
    once: bool = False
    as_json: bool = False


class ProverRole:
    """A proving service, in a thread of its own, so that this process answers and stops at any time."""

    def __init__(self, channel: Channel, options: Options) -> None:
        self.channel = channel
        self.options = options
        self.output = Output(options.as_json)
        self.program = Prover(
            setup=options.setup,
            side_by_side=options.side_by_side,
            niceness=options.niceness,
            say=self._say,
        )
        self.service: ProvingService | None = None
        self._error: Exception | None = None
        self._done = threading.Event()
        self._last: Fields = {}
        self._log = structlog.get_logger("miletus.prover")

    def run(self) -> None:
        """Run until told to stop, or with `once` until nothing is left to do.

        Raises:
            NothingToProve: a wrong batch is final; a person must know.

        """
        self.channel.handlers |= {"prove": self.prove, "report": self.get_report}
        self.channel.measure = self.get_report
        worker = threading.Thread(target=self._work, name="prover")
        worker.start()
        try:
            while not self.channel.stopping and not self._done.is_set():
                self.channel.wait(0.05)
        finally:
            self._done.set()
            self.program.close(GIVE_UP_SECONDS)  # what is being proved then fails, and the thread ends
            worker.join()
        if self._error is not None:
            raise self._error

    # ---- what the parent asks

    def prove(self, number: int) -> Fields:
        """Have a batch proved; its verdict is reported."""
        if self.service is None:
            raise CliError("the prover is not ready yet: ask again")
        self.service.ask(number)
        return {}

    def get_report(self) -> Fields:
        """Where it stands."""
        service = self.service
        if service is None:
            return {}
        verdicts, tower = list(service.verdicts), service.challenger.tower
        return {
            "batches_verified": tower.verified_number,
            "alarm": tower.alarm.to_json() if tower.alarm is not None else None,
            "proving": service.proving,
            "proved": [verdict.number for verdict in verdicts if not verdict.removed],
            "removed": [verdict.number for verdict in verdicts if verdict.removed],
            "proofs": sum(verdict.proofs for verdict in verdicts),
            "steps": sum(verdict.steps for verdict in verdicts),
            "proof_seconds": round(sum(verdict.seconds for verdict in verdicts), 3),
            "peak_bytes": max((verdict.peak_bytes for verdict in verdicts), default=0),
            "gas": sum(verdict.gas for verdict in verdicts),
            "earned_wei": service.earned_wei,
        }

    # ---- the thread

    def _work(self) -> None:
        """Open what the service needs, here, since a store of intents is for one thread; and run it."""
        try:
            outlook = Outlook.open(self.options.where)
            wallet = outlook.get_wallet(OWN_WALLET, self.options.wallet, own=self.options.own)
            sender = outlook.open_sender(wallet, mint=self.options.mint)
        except Exception as error:
            self._end(error)
            return
        try:
            service = self.service = self._build(outlook, sender)
            if self.channel.supervised:
                self.channel.ready(wallet=sender.address, size=self.options.size)
            while not self._done.is_set():
                self._step(service)
                self._done.wait(self.options.poll_seconds)
        except Exception as error:
            if not self._done.is_set():
                self._end(error)
        finally:
            sender.store.close()

    def _build(self, outlook: Outlook, sender: Sender) -> ProvingService:
        """The service. SettlementError if the deployment has no key of the size."""
        node = outlook.folder.path / "node"
        prover = BatchProver(
            outlook.make_view(),
            outlook.genesis,
            sender,
            self.program,
            self.options.size,
            self._say,
            find_archive(node),
            find_states(node),
        )
        return ProvingService(
            Challenger(Watchtower(outlook.make_view(), outlook.genesis), prover),
            Rewards(outlook.make_view(), sender, self._say),
            self.options.choice,
            self.options.least_bounty_wei,
        )

    def _step(self, service: ProvingService) -> None:
        """Look at L1 once; what passes is told and waited out."""
        try:
            verdicts = service.poll()
        except PASSING as error:
            if self._done.is_set():
                return
            if self.options.once:
                raise
            problem = explain(error) or describe(error)
            if problem != self._last.get("problem"):
                self._log.warning("can't go on now", problem=problem)
            self._report(problem)
            return
        for verdict in verdicts if not self.channel.supervised else ():
            self.output.line(describe_verdict(verdict, posted=True))
        self._report("")
        if self.options.once and not verdicts:
            self._done.set()

    def _end(self, error: Exception) -> None:
        self._error = error
        self._done.set()

    def _report(self, problem: str) -> None:
        """Tell what changed."""
        report = {**self.get_report(), "problem": problem}
        if report == self._last:
            return
        self._last = report
        if self.channel.supervised:
            self.channel.report(**report)
        elif self.options.as_json:
            sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
            sys.stdout.buffer.flush()

    def _say(self, line: str) -> None:
        if self.channel.supervised:
            self._log.info("prover", told=line)
        else:
            self.output.line(f"[dim]{line}[/]")


def run(channel: Channel, options: Options) -> None:
    """Run until told to stop."""
    ProverRole(channel, options).run()
