"""What every role does: logs as lines of JSON, a channel to its parent, errors as one line."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from miletus.cli.channel import Channel, describe
from miletus.cli.clock import Clock
from miletus.cli.config import Config
from miletus.cli.errors import FAILED, explain
from miletus.cli.folder import Folder, SystemFile
from miletus.settlement.deployment import Deployment
from miletus.settlement.errors import L1Error
from miletus.settlement.genesis import Genesis
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node

WARN_SECONDS = 30.0
"""Pause between two warnings about the same trouble of L1."""

_REAL_TIME = HeadRules()


def configure_log(*, for_people: bool) -> None:
    """Log to standard error: lines of JSON, or readable ones on a terminal."""
    renderer = structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


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
        main(channel)
    except Exception as error:
        line = explain(error)
        if line is None:
            structlog.get_logger().exception("the process failed")
            channel.fail(f"{describe(error)}; see its log")
        else:
            channel.fail(line)
        sys.exit(FAILED)


def follow_l1(channel: Channel, poll: Callable[[], object], get_pause: Callable[[], float]) -> None:
    """Call `poll` again and again until the role shall stop; L1's troubles are told and waited out.

    `get_pause` gives the seconds until the next poll.
    """
    log = structlog.get_logger()
    warned, warned_at = "", 0.0
    while not channel.stopping:
        try:
            poll()
        except L1Error as error:
            if str(error) != warned or time.monotonic() - warned_at > WARN_SECONDS:
                warned, warned_at = str(error), time.monotonic()
                log.warning("L1 is in trouble", problem=warned)
                channel.report(problem=warned)
        else:
            if warned:
                channel.report(problem="")
            warned = ""
        channel.wait(get_pause())
