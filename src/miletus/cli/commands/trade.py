"""`miletus trade`, `instruments`, `book`, `account`: what a trader does."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

trade = typer.Typer(help="Place, change and cancel orders.", no_args_is_help=True)

SYSTEM = DEFAULT_FOLDER / "system"

InstrumentArgument = Annotated[str, typer.Argument(help="Name, such as BTC_USDC-27MAR26-90000-C.")]
SizeArgument = Annotated[str, typer.Argument(help="Size in coins, such as 0.1.")]
PriceOption = Annotated[str | None, typer.Option("--price", help="Limit in USDC; without it a market order.")]
SlotOption = Annotated[int | None, typer.Option("--slot", help="Order slot; the first free one otherwise.")]
ForceOption = Annotated[str, typer.Option("--time-in-force", help="gtc, ioc or fok.")]
PostOption = Annotated[bool, typer.Option("--post-only", help="Only if it would rest.")]
ReduceOption = Annotated[bool, typer.Option("--reduce-only", help="Only to make a position smaller.")]
GoodForOption = Annotated[int, typer.Option("--good-for", help="Seconds that it rests; 0: until cancelled.")]


@trade.command()
def buy(
    instrument: InstrumentArgument,
    size: SizeArgument,
    price: PriceOption = None,
    slot: SlotOption = None,
    time_in_force: ForceOption = "gtc",
    post_only: PostOption = False,
    reduce_only: ReduceOption = False,
    good_for: GoodForOption = 0,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Buy."""
    terms = ("buy", size, price, slot, time_in_force, post_only, reduce_only, good_for)
    place(instrument, terms, wallet, folder, as_json)


@trade.command()
def sell(
    instrument: InstrumentArgument,
    size: SizeArgument,
    price: PriceOption = None,
    slot: SlotOption = None,
    time_in_force: ForceOption = "gtc",
    post_only: PostOption = False,
    reduce_only: ReduceOption = False,
    good_for: GoodForOption = 0,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Sell."""
    terms = ("sell", size, price, slot, time_in_force, post_only, reduce_only, good_for)
    place(instrument, terms, wallet, folder, as_json)


@trade.command()
def amend(
    slot: Annotated[int, typer.Argument(help="The order's slot.")],
    size: Annotated[str | None, typer.Option(help="New total size in coins, fills included.")] = None,
    price: Annotated[str | None, typer.Option(help="New limit in USDC.")] = None,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Change the price or total size of a resting order."""
    from miletus.cli.trading import Desk

    Desk(folder, wallet, as_json).amend(slot, size, price)


@trade.command()
def cancel(
    slot: Annotated[int | None, typer.Argument(help="The order's slot.")] = None,
    instrument: Annotated[str | None, typer.Option(help="All orders in this instrument.")] = None,
    all_orders: Annotated[bool, typer.Option("--all", help="All orders of the account.")] = False,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Cancel an order, all orders in an instrument, or all."""
    from miletus.cli.trading import Desk

    Desk(folder, wallet, as_json).cancel(slot, instrument, all_orders)


def place(
    instrument: str,
    terms: tuple[str, str, str | None, int | None, str, bool, bool, int],
    wallet: Path | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Place an order."""
    from miletus.cli.trading import Desk, Terms

    Desk(folder, wallet, as_json).place(instrument, Terms(*terms))


def instruments(
    coin: Annotated[str | None, typer.Argument(help="Only those whose name begins so, such as BTC.")] = None,
    settled: Annotated[bool, typer.Option("--settled", help="Settled ones too.")] = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """List what is traded, with marks and best prices."""
    from miletus.cli.quotes import print_instruments

    print_instruments(folder, coin or "", settled, as_json)


def book(
    instrument: InstrumentArgument,
    depth: Annotated[int, typer.Option(min=1, max=500, help="Prices of each side.")] = 10,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Show the book of an instrument."""
    from miletus.cli.quotes import print_book

    print_book(folder, instrument, depth, as_json)


def account(
    number: Annotated[int | None, typer.Argument(help="An account; the wallet's own otherwise.")] = None,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Show an account: money, margin, positions, orders."""
    from miletus.cli.trading import Desk

    Desk(folder, wallet, as_json).print_account(number)
