"""A person's side of a running system: a wallet, its account, its trading key, and the way to node and L1."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from miletus.cli.actors import KEY_SLOT
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.roles.base import Site
from miletus.cli.roles.markets import connect_node
from miletus.client import Trader, derive_trading_key, load_wallet
from miletus.client.connection import CheckedConnection
from miletus.client.keys import KEY_VARIABLE
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.market.names import InstrumentType, Terms, parse_name
from miletus.native import PrivateKey, domain
from miletus.sequencer.query import AccountView, InstrumentView
from miletus.settlement.l1 import Vault
from miletus.settlement.node import L1Node

LISTED = 1
"""State of an instrument that is listed and not settled."""

NUMBERS_AT_ONCE = 256

OWN_WALLET = "trader"
"""The wallet that a system keeps for whoever gives none of their own."""


@dataclass(frozen=True)
class Person:
    """A wallet, and the trading key that it derives in this deployment."""

    wallet: LocalAccount
    key: PrivateKey
    account: int | None
    """Its first account on the exchange, None if it has none yet."""

    def require_account(self) -> int:
        """The account's number. CliError if the wallet has none."""
        if self.account is None:
            raise CliError(f"{self.wallet.address} has no account yet: make one with miletus deposit AMOUNT")
        return self.account


def open_site(path: Path) -> Site:
    """What runs in a folder. CliError unless it does run."""
    Folder(path).get_running()
    return Site.open(path)


def open_person(site: Site, l1: L1Node, key_file: Path | None) -> Person:
    """Whoever gives a command: by a key file, by the environment, or by the system's own wallet."""
    own = key_file is None and not os.environ.get(KEY_VARIABLE)
    wallet = site.folder.get_wallet(OWN_WALLET) if own else load_wallet(key_file)
    key = derive_trading_key(wallet, site.deployment.chain_id, site.deployment.rollup)
    return Person(wallet, key, find_account(site, l1, wallet.address))


def find_account(site: Site, l1: L1Node, owner: str) -> int | None:
    """The first account that an address registered on L1, None if it has none."""
    vault = Vault(l1, site.deployment.check(l1).vault)
    logs = l1.get_logs([vault.address], site.deployment.start_block, l1.get_head().number)
    for log in logs:
        event = vault.contract.decode_event(log)
        if event is not None and event.name == "AccountRegistered" and is_same(event.values["owner"], owner):
            return int(event.values["account"])
    return None


def is_same(one: object, other: object) -> bool:
    """Whether two texts are the same address."""
    return str(to_checksum_address(str(one))) == str(to_checksum_address(str(other)))


@asynccontextmanager
async def open_trader(site: Site, person: Person) -> AsyncIterator[tuple[CheckedConnection, Trader]]:
    """A checked connection, and what signs for a person, going on from the key's last nonce."""
    account = person.require_account()
    async with await connect_node(site) as node:
        view = await node.plain.get_account(account)
        if view is None:
            raise CliError(
                f"account {account} is on L1, not on the exchange yet: its deposit waits to be old enough; "
                "try again in a few seconds"
            )
        nonce = find_nonce(view, person.key)
        trader = Trader(
            account=account,
            key_slot=KEY_SLOT,
            key=person.key,
            domain=domain(site.deployment.chain_id, site.deployment.rollup),
            now_s=lambda: site.clock() // 1000,
            last_nonce=nonce,
        )
        yield node, trader


def find_nonce(view: AccountView, key: PrivateKey) -> int:
    """The last nonce of a person's key. CliError if the account has another key in its place."""
    for each in view.keys:
        if each.slot == KEY_SLOT:
            if (int.from_bytes(each.x, "big"), int.from_bytes(each.y, "big")) != key.public:
                raise CliError(
                    f"account {view.account} has another trading key: bind this wallet's with miletus deposit"
                )
            return each.nonce
    raise CliError(f"account {view.account} has no trading key yet: try again in a few seconds")


async def find_instrument(node: CheckedConnection, name: str) -> InstrumentView:
    """The listed instrument of a name. CliError or InstrumentNameError if there is none."""
    terms = parse_name(name.upper())
    for view in await list_instruments(node):
        if get_view_terms(view) == terms and view.state == LISTED:
            return view
    raise CliError(f"{name}: no such instrument is listed: see miletus instruments")


async def list_instruments(node: CheckedConnection, *, settled: bool = False) -> list[InstrumentView]:
    """All listed instruments, and the settled ones if asked. Numbers are given out from 0 on."""
    found: list[InstrumentView] = []
    for first in range(0, int(MAX_INSTRUMENTS), NUMBERS_AT_ONCE):
        numbers = range(first, min(first + NUMBERS_AT_ONCE, int(MAX_INSTRUMENTS)))
        views = await asyncio.gather(*(node.plain.get_instrument(number) for number in numbers))
        here = [view for view in views if view is not None]
        found += [view for view in here if settled or view.state == LISTED]
        if not here:
            break
    return found


def get_view_terms(view: InstrumentView) -> Terms:
    """The terms of an instrument."""
    return Terms(view.underlying, view.expiry_s, view.strike_ticks, InstrumentType(view.type))
