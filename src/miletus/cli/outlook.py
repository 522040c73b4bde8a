"""L1 as who needs no node of the exchange sees it: by a system's folder, or by three public facts."""

from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.money import give_gas
from miletus.cli.roles.base import Site
from miletus.cli.roles.batcher import DEVELOPMENT_DEPTH
from miletus.client import load_wallet
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import check_rollup
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from miletus.settlement.sender import FeePolicy, Sender, open_store


@dataclass(frozen=True)
class Where:
    """What a command is told: a system's folder, or an L1 node, the rollup's address, the genesis file."""

    folder: Path
    rpc: str | None = None
    rollup: str | None = None
    genesis: Path | None = None
    start_block: int = 0
    moved_time: bool = False


@dataclass(frozen=True)
class Outlook:
    """A rollup on L1. Of the folder only its wallets and what they mean to do are used."""

    l1: L1Node
    rollup: Rollup
    genesis: Genesis
    start_block: int
    folder: Folder
    depth: int

    @classmethod
    def open(cls, where: Where) -> "Outlook":
        """Connect. CliError or SettlementError if something is missing, or is not what it is said to be."""
        if where.rpc is None:
            site = Site.open(where.folder)
            l1, rollup = site.connect_l1(), site.deployment.rollup
            genesis, start_block = site.genesis, site.deployment.start_block
            moved = site.system.is_simulated
        else:
            if where.rollup is None or where.genesis is None:
                raise CliError(
                    "with --rpc give --rollup and --genesis too, or give a system's --folder alone"
                )
            moved = where.moved_time
            l1 = L1Node.connect(where.rpc, MOVED_TIME if moved else HeadRules())
            rollup, start_block = where.rollup, where.start_block
            genesis = Genesis.load(where.genesis)
        checked = check_rollup(l1, rollup, genesis.compute_root())
        depth = DEVELOPMENT_DEPTH if moved else FeePolicy().depth
        return cls(l1, checked, genesis, start_block, Folder(where.folder), depth)

    def make_view(self) -> ChainView:
        """What L1 says of the rollup; poll it."""
        return ChainView(self.rollup, Vault(self.l1, self.rollup.vault), self.start_block)

    def get_wallet(self, name: str, key_file: Path | None, *, own: bool) -> LocalAccount:
        """The wallet of the key file or the environment, or with `own` the folder's of that name."""
        return self.folder.get_wallet(name) if own else load_wallet(key_file)

    def open_sender(self, wallet: LocalAccount, *, mint: bool) -> Sender:
        """A sender for a wallet that can pay for gas; close its store in the end."""
        give_gas(self.l1, wallet.address, mint)
        path = self.folder.subfolder("wallets") / f"{wallet.address.lower()}.db"
        fees = FeePolicy(depth=self.depth)
        return Sender(self.l1, wallet, open_store(path, self.l1, wallet.address), fees)
