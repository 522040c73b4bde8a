"""What `miletus force` does: operations that L1's inbox takes from the account's owner, without the node."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from eth_utils.address import to_checksum_address

from miletus.cli.board import format_time
from miletus.cli.errors import CliError
from miletus.cli.money import parse_usdc
from miletus.cli.outlook import Outlook, Where
from miletus.cli.output import Output, format_usdc
from miletus.cli.person import OWN_WALLET
from miletus.client.keys import KEY_VARIABLE
from miletus.codec import encode, to_forced
from miletus.settlement.bridge import Bridge
from miletus.settlement.l1 import Vault

CANCEL_ALL = 2
"""Mode of a Cancel that takes all orders of the account (04-R19)."""


def force_withdrawal(
    where: Where, amount: str, account: int | None, wallet: Path | None, as_json: bool
) -> None:
    """Force a withdrawal. CliError for an amount that is none, or a wallet without an account."""
    micros = parse_usdc(amount)
    force(
        where,
        account,
        wallet,
        as_json,
        lambda number: encode.withdraw(account=number, key=0, nonce=0, valid_until_s=0, amount_micros=micros),
        f"withdrawal of {format_usdc(micros)}",
    )


def force_cancel(where: Where, account: int | None, wallet: Path | None, as_json: bool) -> None:
    """Force the cancellation of all orders. CliError for a wallet without an account."""
    force(
        where,
        account,
        wallet,
        as_json,
        lambda number: encode.cancel(
            account=number,
            key=0,
            nonce=0,
            valid_until_s=0,
            mode=CANCEL_ALL,
            slot=0,
            generation=0,
            instrument=0,
        ),
        "cancellation of all orders",
    )


def force(
    where: Where,
    account: int | None,
    wallet_file: Path | None,
    as_json: bool,
    build: Callable[[int], bytes],
    what: str,
) -> None:
    """Put an operation into L1's inbox, and say until when it has to be served."""
    output = Output(as_json)
    outlook = Outlook.open(where)
    own = wallet_file is None and not os.environ.get(KEY_VARIABLE)
    wallet = outlook.get_wallet(OWN_WALLET, wallet_file, own=own)
    number = account if account is not None else find_account(outlook, wallet.address)
    sender = outlook.open_sender(wallet, mint=False)
    try:
        entry = Bridge(sender, outlook.rollup).force(str(time.time_ns()), to_forced(build(number)))
    finally:
        sender.store.close()
    now_s = outlook.l1.get_head().timestamp_s
    deadline_s, freeze_s = (now_s + outlook.rollup.read_int(name) for name in ("deadline_s", "freeze_s"))
    output.line(
        f"{what} forced for account {number}: entry {entry} of L1's inbox. From "
        f"{format_time(deadline_s * 1_000)} on anyone may propose the batch that takes it, and from "
        f"{format_time(freeze_s * 1_000)} on anyone can freeze the rollup (miletus exit)"
    )
    output.result({"account": number, "entry": entry, "open_from_s": deadline_s, "freeze_from_s": freeze_s})


def find_account(outlook: Outlook, owner: str) -> int:
    """The first account that an address registered. CliError if it has none."""
    vault = Vault(outlook.l1, outlook.rollup.vault)
    wanted = to_checksum_address(owner)
    for log in outlook.l1.get_logs([vault.address], outlook.start_block, outlook.l1.get_head().number):
        event = vault.contract.decode_event(log)
        if event is None or event.name != "AccountRegistered":
            continue
        if to_checksum_address(str(event.values["owner"])) == wanted:
            return int(event.values["account"])
    raise CliError(f"{owner} has no account on L1: give --account, or another --wallet")
