"""The first trade of a demonstration: one option, two people, signed and ordered like any other."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from miletus.cli.actors import KEY_SLOT, Actor, ActorsFile, make_trader
from miletus.cli.errors import CliError
from miletus.cli.output import format_price, format_size
from miletus.cli.person import find_instrument, list_instruments
from miletus.cli.roles.base import Site
from miletus.cli.roles.markets import connect_node
from miletus.cli.roles.traders import MAKER, TAKERS
from miletus.cli.trading import get_fills
from miletus.client import Side, Trader
from miletus.client.connection import CheckedConnection
from miletus.engine.reasons import Reason
from miletus.market.names import Terms
from miletus.market.timeline import Market
from miletus.sequencer.answers import Answer
from miletus.sequencer.query import AccountView, InstrumentView

DAY_S = 86_400
SLOT = 255
"""Order slot of the first trade: one that makers reach last."""

SIZES = 10
"""Least sizes that are traded."""


def choose_option(market: Market, time_s: int, end_s: int) -> Terms:
    """The call on the first coin that is nearest the money, of the first expiry after the end."""
    underlying = market.underlyings[0]
    index_ticks = market.get_index(underlying, time_s)
    calls = [
        terms
        for terms in market.get_terms(time_s)
        if terms.is_option and terms.underlying == underlying and terms.name.endswith("-C")
    ]
    if not calls:
        raise CliError("this market lists no call: choose other chains, or more --strikes")
    return min(
        calls,
        key=lambda terms: (terms.expiry_s <= end_s, terms.expiry_s, abs(terms.strike_ticks - index_ticks)),
    )


def trade_first(folder: Path, name: str) -> tuple[str, str]:
    """Have a maker offer an option a step above its mark, and a taker lift it; the fill, and what it was.

    Raises:
        CliError: an order was refused, or did not fill.

    """
    return asyncio.run(_trade(folder, name))


async def _trade(folder: Path, name: str) -> tuple[str, str]:
    site = Site.open(folder)
    actors = ActorsFile(site.folder).read()
    maker, taker = (_find_actor(actors, role) for role in (MAKER, TAKERS))
    async with await connect_node(site) as node:
        instrument = await find_instrument(node, name)
        step = instrument.tick_step
        price_ticks = (instrument.mark_ticks // step + 1) * step
        size_lots = -(-SIZES * instrument.min_size_lots // instrument.lot_step) * instrument.lot_step
        sides = ((maker, Side.SELL), (taker, Side.BUY))
        answers = []
        for actor, side in sides:
            trader = await _open_trader(node, site, actor)
            order = trader.place(instrument.instrument, side, size_lots, price_ticks, slot=SLOT)
            (outcome,) = await node.submit([order])
            if not isinstance(outcome, Answer):
                raise CliError(f"the first trade was refused: {outcome}")
            if outcome.result.reason:
                raise CliError(f"the first trade was refused: {Reason(outcome.result.reason).name}")
            answers.append(outcome)
    fills = get_fills(answers[-1])
    if not fills:
        raise CliError(f"the first trade of {name} did not fill")
    what = (
        f"{taker.name} buys {format_size(size_lots)} {name} from {maker.name} at {format_price(price_ticks)}"
    )
    return str(fills[0]["fill"]), what


async def _read_accounts(
    folder: Path, accounts: Sequence[int]
) -> tuple[list[AccountView | None], dict[int, InstrumentView]]:
    async with await connect_node(Site.open(folder)) as node:
        views = [await node.plain.get_account(account) for account in accounts]
        return views, {each.instrument: each for each in await list_instruments(node)}


def read_accounts(
    folder: Path, accounts: Sequence[int]
) -> tuple[list[AccountView | None], dict[int, InstrumentView]]:
    """Accounts as the node has them, and all instruments that are listed, by number."""
    return asyncio.run(_read_accounts(folder, accounts))


def _find_actor(actors: list[Actor], role: str) -> Actor:
    for actor in actors:
        if actor.role == role:
            return actor
    raise CliError(f"a demonstration with proofs needs one of {role}s: add some, or leave proofs out")


async def _open_trader(node: CheckedConnection, site: Site, actor: Actor) -> Trader:
    view = await node.plain.get_account(actor.account)
    if view is None:
        raise CliError(f"account {actor.account} of {actor.name} is not on the exchange: see its deposit")
    nonces = [key.nonce for key in view.keys if key.slot == KEY_SLOT]
    clock = site.clock
    return make_trader(site.folder, site.deployment, actor, lambda: clock() // 1000, max(nonces, default=0))
