"""What every role does: logs as lines of JSON, a channel to its parent, errors as one line."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from miletus.cli.channel import Channel, Fields, describe
from miletus.cli.clock import Clock
from miletus.cli.config import Config
from miletus.cli.errors import FAILED, CliError, explain
from miletus.cli.folder import Folder, SystemFile
from miletus.cli.logs import configure_log
from miletus.cli.telemetry import serve_as_told
from miletus.settlement.deployment import Deployment
from miletus.settlement.errors import L1Error
from miletus.settlement.genesis import Genesis
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node

WARN_SECONDS = 30.0
"""Pause between two warnings about the same trouble of L1."""

LASTS_SECONDS = 2.0
"""How long a trouble of L1 lasts before it is told."""

_REAL_TIME = HeadRules()


@dataclass(frozen=True)
class Site:
    """What a role reads of its system's folder."""

    folder: Folder
    system: SystemFile
    config: Config
    deployment: Deployment
    genesis: Genesis
    clock: Clock

    @classmethod
    def open(cls, path: Path) -> "Site":
        """Read a system's folder. Raises CliError or SettlementError for what is missing or damaged."""
        folder = Folder(path)
        system = folder.read_system()
        assert system is not None
        deployment = Deployment.load(folder.deployment_path)
        genesis = Genesis.load(folder.genesis_path)
        clock = folder.open_clock(simulated=system.is_simulated)
        return cls(folder, system, folder.read_config(), deployment, genesis, clock)

    @property
    def sequencer(self) -> bytes:
        """The L1 address whose signature confirms, 20 bytes: the operator's."""
        return bytes.fromhex(self.system.sequencer.removeprefix("0x"))

    def connect_l1(self) -> L1Node:
        """A client of the system's L1."""
        rules = MOVED_TIME if self.system.is_simulated else _REAL_TIME
        return L1Node.connect(self.system.l1_url, rules)


def run_role(main: Callable[[Channel], None], *, supervised: bool) -> None:
    """Run a role to its end. A foreseen error is told to the parent in one line, and ends with status 1."""
    configure_log(for_people=not supervised and sys.stderr.isatty())
    channel = Channel({}, supervised=supervised)
    try:
        telemetry = serve_as_told(channel)
        channel.metrics_port = telemetry.port if telemetry is not None else None
        main(channel)
    except Exception as error:
        line = explain(error)
        if line is None:
            structlog.get_logger().exception("the process failed")
            channel.fail(f"{describe(error)}; see its log")
        else:
            channel.fail(line)
        sys.exit(FAILED)


async def drive(channel: Channel, site: Site, act: Callable[[int], Awaitable[Fields]]) -> None:
    """Have a role that nobody asks act by itself, a step of the oracle apart, until it shall stop.

    What fails is told, and tried again at the next step; `act` is given the second of the exchange's clock.
    """
    log = structlog.get_logger()
    while not channel.stopping:
        due = time.monotonic() + site.config.oracle.step_seconds
        try:
            log.info("step", **await act(site.clock() // 1000))
        except CliError as error:
            log.warning("a step failed", problem=str(error))
        while not channel.stopping and time.monotonic() < due:
            await asyncio.sleep(0.05)


def follow_l1(channel: Channel, poll: Callable[[], object], get_pause: Callable[[], float]) -> None:
    """Call `poll` again and again until the role shall stop; L1's troubles are told and waited out.

    `get_pause` gives the seconds until the next poll.
    """
    trouble = Trouble(channel)
    while not channel.stopping:
        try:
            poll()
        except L1Error as error:
            trouble.note(str(error))
        else:
            trouble.note("")
        channel.wait(get_pause())


class Trouble:
    """L1's troubles, told once they last: one answer that did not fit the last is nobody's concern."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._since: float | None = None
        self._told_at: float | None = None

    def note(self, problem: str) -> None:
        """Take the outcome of a look at L1: what was wrong, or nothing."""
        now = time.monotonic()
        if not problem:
            if self._told_at is not None:
                structlog.get_logger().info("L1 can be used again")
                self._channel.problem = ""
            self._since = self._told_at = None
            return
        self._since = self._since if self._since is not None else now
        last = self._told_at if self._told_at is not None else self._since - WARN_SECONDS
        if now - self._since >= LASTS_SECONDS and now - last >= WARN_SECONDS:
            self._told_at = now
            structlog.get_logger().warning("L1 is in trouble", problem=problem)
            self._channel.report(problem=problem)
