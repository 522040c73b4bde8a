"""Settings of a node, and what it is given."""

import time
from dataclasses import dataclass
from typing import Final, Protocol

from miletus.engine.crypto import Crypto
from miletus.engine.machine import Machine
from miletus.sequencer.log import FILE_BYTES
from miletus.sequencer.ordering import Policy

DEFAULT_POLICY: Final = Policy()


class FirstState(Protocol):
    """What a rollup begins with; `settlement.Genesis` is one."""

    def build_machine(self, crypto: Crypto, capacity: int) -> Machine:
        """A machine that stands before the first batch."""


@dataclass(frozen=True)
class NodeConfig:
    """Settings of a node.

    `capacity_accounts` is the room that is made at the start; it grows by itself. A snapshot is made at every
    `snapshot_batches`-th batch. The last `feed_groups` groups are remembered for subscribers that join late.
    `signatures_off_chain` says that the deployment's policy is zk: batches are posted without signatures, and
    one with a signature that does not hold can't be proved, so none may get into the order (09-R19).
    """

    policy: Policy = DEFAULT_POLICY
    capacity_accounts: int = 1_024
    snapshot_batches: int = 16
    log_file_bytes: int = FILE_BYTES
    feed_groups: int = 4_096
    signatures_off_chain: bool = False


def read_clock_ms() -> int:
    """The system's time, milliseconds since 1970."""
    return time.time_ns() // 1_000_000
