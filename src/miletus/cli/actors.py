"""Those who trade on a system of ours: their wallets on L1, accounts on the exchange, and trading keys."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
from eth_account.signers.local import LocalAccount

from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.launch import ETHER
from miletus.cli.roles.batcher import DEVELOPMENT_DEPTH
from miletus.client import SCOPE_ALL, Trader, derive_trading_key
from miletus.native import domain
from miletus.settlement.bridge import Bridge
from miletus.settlement.deployment import Deployment
from miletus.settlement.node import L1Node
from miletus.settlement.sender import FeePolicy, Sender, open_store

ACTOR_WEI = 10 * ETHER
"""ETH that an actor of a development chain is given for its transactions."""

KEY_SLOT = 0


class Actor(msgspec.Struct, frozen=True):
    """Who trades: a name, a role (maker, taker, trader), a wallet's address, an account of the exchange."""

    name: str
    role: str
    address: str
    account: int


class ActorsFile:
    """The actors of a system, in its folder."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.path / "actors.json"

    def read(self) -> list[Actor]:
        """All actors. CliError if the file is damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Actor])
        except FileNotFoundError:
            return []
        except msgspec.DecodeError:
            raise CliError(f"{self._path} is damaged: start the system with --fresh") from None

    def put(self, actor: Actor) -> None:
        """Add an actor, in place of the one of that name."""
        actors = [each for each in self.read() if each.name != actor.name]
        draft = self._path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode([*actors, actor]), indent=2))
        draft.replace(self._path)


def open_bridge(folder: Folder, l1: L1Node, deployment: Deployment, wallet: LocalAccount) -> Bridge:
    """A wallet's way to the rollup; what it means to do on L1 is kept in the folder."""
    path = folder.subfolder("wallets") / f"{wallet.address.lower()}.db"
    sender = Sender(
        l1, wallet, open_store(path, l1, wallet.address), replace(FeePolicy(), depth=DEVELOPMENT_DEPTH)
    )
    return Bridge(sender, deployment.check(l1))


def fund_actor(
    folder: Folder,
    l1: L1Node,
    deployment: Deployment,
    name: str,
    role: str,
    amount_micros: int,
    give_ether: Callable[[str, int], object],
) -> Actor:
    """Give a new actor money on L1, register it, deposit all of it, and bind its trading key.

    All of it is done by transactions of its own wallet. For development chains, whose token anyone can mint.
    """
    wallet = folder.get_wallet(name)
    give_ether(wallet.address, ACTOR_WEI)
    bridge = open_bridge(folder, l1, deployment, wallet)
    try:
        bridge.sender.submit("mint", bridge.token.mint(wallet.address, amount_micros))
        account = bridge.register()
        bridge.deposit("first", account, amount_micros)
        x, y = derive_trading_key(wallet, deployment.chain_id, deployment.rollup).public
        bridge.set_key("first", account, KEY_SLOT, SCOPE_ALL, 0, x, y)
    finally:
        bridge.sender.store.close()
    actor = Actor(name, role, wallet.address, account)
    ActorsFile(folder).put(actor)
    return actor


def make_trader(
    folder: Folder, deployment: Deployment, actor: Actor, now_s: Callable[[], int], last_nonce: int = 0
) -> Trader:
    """What signs an actor's operations."""
    key = derive_trading_key(folder.get_wallet(actor.name), deployment.chain_id, deployment.rollup)
    return Trader(
        account=actor.account,
        key_slot=KEY_SLOT,
        key=key,
        domain=domain(deployment.chain_id, deployment.rollup),
        now_s=now_s,
        last_nonce=last_nonce,
    )
