"""Where an exchange is: its node, its contracts, its L1."""

import json
from dataclasses import dataclass
from pathlib import Path

from miletus.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class Venue:
    """An exchange's addresses.

    Attributes:
        host, port: its node.
        chain_id, rollup: its deployment, the address in hex.
        sequencer: L1 address that signs answers, in hex; empty believes the node's own word for it.
        l1_url: an L1 node, for deposits and claims; empty if none is used.
        start_block: first L1 block of the deployment, which saves time.
        moved_time: whether L1's clock is moved by hand, as in a demonstration.

    """

    host: str
    port: int
    chain_id: int
    rollup: str
    sequencer: str = ""
    l1_url: str = ""
    start_block: int = 0
    moved_time: bool = False

    @classmethod
    def from_folder(cls, folder: Path | str) -> "Venue":
        """The exchange that `miletus up` keeps in a folder. ClientError if there is none."""
        path = Path(folder)
        try:
            system = json.loads((path / "system.json").read_text())
            deployment = json.loads((path / "deployment.json").read_text())
            return cls(
                str(system["node_host"]),
                int(system["node_port"]),
                int(deployment["chain_id"]),
                str(deployment["rollup"]),
                str(system["sequencer"]),
                str(system["l1_url"]),
                int(deployment["start_block"]),
                bool(system["is_simulated"]),
            )
        except OSError:
            raise ClientError(f"no system in {path}: start one with miletus up, or give its folder") from None
        except (ValueError, KeyError, TypeError):
            raise ClientError(f"{path}: its files are damaged: start the system again") from None
