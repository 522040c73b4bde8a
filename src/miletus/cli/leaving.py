"""What `miletus exit` does: the way out of a frozen rollup, with L1's data alone."""

import os
from collections.abc import Sequence
from pathlib import Path

from miletus.cli.board import format_time
from miletus.cli.errors import CliError
from miletus.cli.outlook import Outlook, Where
from miletus.cli.output import Output, format_usdc, get_plain
from miletus.cli.person import OWN_WALLET
from miletus.client.keys import KEY_VARIABLE
from miletus.prover import Prover
from miletus.settlement.leaving import Departure, Leaving


def leave(
    where: Where,
    accounts: Sequence[int],
    wallet_file: Path | None,
    *,
    mint: bool,
    setup: bool,
    as_json: bool,
) -> None:
    """Claim what accounts are owed, those of the wallet if none is named, and have their owners paid."""
    output = Output(as_json)
    outlook = Outlook.open(where)
    own = wallet_file is None and not os.environ.get(KEY_VARIABLE)
    wallet = outlook.get_wallet(OWN_WALLET, wallet_file, own=own)
    sender = outlook.open_sender(wallet, mint=mint)
    departures: list[Departure] = []

    def say(line: str) -> None:
        output.line(f"[dim]{line}[/]")

    try:
        with Prover(setup=setup, say=say) as program:
            leaving = Leaving(outlook.make_view(), outlook.genesis, sender, program, say)
            end_s = leaving.open()
            numbers = list(accounts) or leaving.find_accounts(wallet.address)
            if not numbers:
                raise CliError(
                    f"{wallet.address} has no account in the last final state: give an account's number, or "
                    "another --wallet"
                )
            for account in numbers:
                departures.append(leaving.leave(account))
                output.line(describe(departures[-1], end_s))
    finally:
        sender.store.close()
    output.result([get_plain(departure) for departure in departures])


def describe(departure: Departure, end_s: int) -> str:
    """What became of an account, as a line for people."""
    cost = f"{departure.proofs} proofs, peak memory {departure.peak_bytes >> 20} MiB, {departure.gas:,} gas"
    start = f"account {departure.account} of {departure.owner} is worth {format_usdc(departure.worth_micros)}"
    if departure.paid:
        return f"{start}: paid; {cost}"
    return (
        f"{start}: claimed, {format_usdc(departure.owed_micros)} owed; come again after "
        f"{format_time(end_s * 1_000)}, when all are paid; {cost}"
    )
