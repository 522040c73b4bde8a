"""What the commands that go by L1 do: deposits, withdrawals, claims, audits."""

import time
from decimal import Decimal
from pathlib import Path

from miletus.cli.actors import KEY_SLOT, open_bridge
from miletus.cli.audit import FillAudit, audit_fill
from miletus.cli.board import format_time
from miletus.cli.errors import CliError
from miletus.cli.finality import describe_finality
from miletus.cli.folder import Folder
from miletus.cli.output import Output, format_price, format_size, format_usdc, get_plain
from miletus.cli.person import Person, open_person, open_site
from miletus.cli.trading import Desk, parse_decimal
from miletus.client import SCOPE_ALL
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.bridge import Bridge
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import Deployment
from miletus.settlement.errors import CallReverted, L1Error
from miletus.settlement.genesis import Genesis
from miletus.settlement.intents import State
from miletus.settlement.l1 import Vault
from miletus.settlement.node import MOVED_TIME, L1Node

MICROS = 1_000_000

GAS_WEI = 10 * 10**18
"""What a development L1 gives a wallet that has no ETH."""


def parse_usdc(text: str) -> int:
    """An amount in micro-USDC. CliError if it is none."""
    return parse_decimal(text, Decimal(MICROS), "amount")


def make_deposit(folder: Path, key_file: Path | None, amount: str, mint: bool, as_json: bool) -> None:
    """Deposit; registers an account and binds the trading key if the wallet has none yet."""
    site, output, micros = open_site(folder), Output(as_json), parse_usdc(amount)
    l1 = site.connect_l1()
    person = open_person(site, l1, key_file)
    bridge = open_bridge(site.folder, l1, site.deployment, person.wallet)
    name = str(time.time_ns())  # each command means another deposit
    try:
        give_gas(l1, person.wallet.address, mint)
        if mint:
            mint_tokens(bridge, person.wallet.address, micros, name)
        check_deposit(bridge, micros)
        account = person.account
        if account is None:
            account = bridge.register()
            output.line(f"account {account} registered for {person.wallet.address}")
        entry = bridge.deposit(name, account, micros)
        key_entry = bind_key(bridge, person, account, output)
    finally:
        bridge.sender.store.close()
    output.line(
        f"{format_usdc(micros)} deposited: entry {entry} of L1's inbox, on the exchange in a few seconds "
        "(miletus account)"
    )
    output.result({"account": account, "amount_micros": micros, "entry": entry, "key_entry": key_entry})


def give_gas(l1: L1Node, address: str, mint: bool) -> None:
    """See that a wallet can pay for gas; a development L1 gives it ETH if asked. CliError if it can't."""
    if l1.get_balance(address) > 0:
        return
    told = f"{address} has no ETH for L1's gas: send it some first"
    if not mint:
        raise CliError(f"{told} (a development L1 gives some with --mint)")
    try:
        AnvilControl(l1.rpc).set_balance(address, GAS_WEI)
    except L1Error as error:
        raise CliError(f"{told} ({error})") from None


def check_deposit(bridge: Bridge, micros: int) -> None:
    """See that the wallet can deposit so much, before anything is paid for. CliError if it can't."""
    held = bridge.token.get_balance(bridge.sender.address)
    if held < micros:
        raise CliError(
            f"{bridge.sender.address} holds {format_usdc(held)} on L1, less than {format_usdc(micros)}: get "
            "tokens first (a development token: --mint)"
        )


def bind_key(bridge: Bridge, person: Person, account: int, output: Output) -> int | None:
    """Bind the wallet's trading key, unless an earlier deposit did; its inbox entry.

    Asked for at every deposit, so that one which was interrupted before the key was bound is mended.
    """
    intent = bridge.sender.get("key first")
    if intent is not None and intent.state in (State.INCLUDED, State.SETTLED):
        return None
    x, y = person.key.public
    entry = bridge.set_key("first", account, KEY_SLOT, SCOPE_ALL, 0, x, y)
    output.line("trading key bound: the wallet's signature gives it again, so it need not be kept")
    return entry


def mint_tokens(bridge: Bridge, owner: str, micros: int, name: str) -> None:
    """Mint development tokens. CliError if the token is no development token."""
    try:
        bridge.sender.submit(f"mint {name}", bridge.token.mint(owner, micros))
        bridge.sender.wait(f"mint {name}")
    except CallReverted as error:
        raise CliError(f"this token can't be minted: get some first ({error.reason or error})") from None


def make_withdrawal(folder: Path, key_file: Path | None, amount: str, as_json: bool) -> None:
    """Withdraw on the exchange."""
    desk = Desk(folder, key_file, as_json)
    desk.withdraw(parse_usdc(amount))
    desk.output.line("[dim]L1 pays it once its batch is final: miletus claim[/]")


def claim_all(folder: Path, key_file: Path | None, as_json: bool) -> None:
    """Show the wallet's withdrawals, and claim those that are final."""
    site, output = open_site(folder), Output(as_json)
    l1 = site.connect_l1()
    wallet = open_person(site, l1, key_file).wallet
    bridge = open_bridge(site.folder, l1, site.deployment, wallet)
    rollup = bridge.rollup
    view = ChainView(rollup, Vault(l1, rollup.vault), site.deployment.start_block)
    view.poll()
    rows, told = [], []
    try:
        for each in bridge.get_withdrawals(view):
            state = "paid before"
            if not each.claimed and each.final:
                receipt = bridge.claim(view, each)
                state = f"paid now, in block {receipt.block_number}"
            elif not each.claimed:
                posted = view.get_batch(each.number)
                assert posted is not None
                state = f"final from {format_time((posted.committed_at_s + rollup.window_s) * 1000)} on"
            rows.append((each.number, each.index, format_usdc(each.amount_micros), state))
            told.append(
                {
                    "batch": each.number,
                    "index": each.index,
                    "amount_micros": each.amount_micros,
                    "state": state,
                }
            )
        balance = bridge.token.get_balance(wallet.address)
    finally:
        bridge.sender.store.close()
    if rows:
        output.table("", ("batch", "index", "amount", "state"), rows)
    else:
        output.line("no withdrawal of this wallet is on L1; one is there once its batch is posted")
    output.line(f"{wallet.address} holds {format_usdc(balance)} on L1")
    output.result({"withdrawals": told, "balance_micros": balance})


def print_audit(
    folder: Path, fill: str, rpc: str | None, deployment: Path | None, genesis: Path | None, as_json: bool
) -> None:
    """Trace a fill on L1. The files can be the published ones: then no system of ours is asked anything."""
    output = Output(as_json)
    if deployment is not None or genesis is not None:
        if deployment is None or genesis is None or rpc is None:
            raise CliError("give --deployment, --genesis and --rpc together")
        l1 = L1Node.connect(rpc, MOVED_TIME)
        found = audit_fill(l1, Deployment.load(deployment), Genesis.load(genesis), fill)
    else:
        place = Folder(folder)
        system = place.read_system()
        assert system is not None
        l1 = L1Node.connect(rpc or system.l1_url, MOVED_TIME)
        found = audit_fill(l1, Deployment.load(place.deployment_path), Genesis.load(place.genesis_path), fill)
    print_fill(output, found)
    output.result(get_plain(found))
    if not found.root_agrees:
        raise CliError(
            f"batch {found.batch} claims another root than what its data gives: do not build on it"
        )


def print_fill(output: Output, found: FillAudit) -> None:
    """Tell where a fill comes from."""
    output.facts(
        f"Fill {found.fill}",
        {
            "what": f"{found.side} {format_size(found.size_lots)} {found.instrument} at "
            f"{format_price(found.price_ticks)}, fee {format_usdc(found.fee_micros)}",
            "taker": f"account {found.taker_account}, slot {found.taker_slot}",
            "maker": f"account {found.maker_account}, slot {found.maker_slot}",
            "data words": "\n".join(found.words),
            "place": f"word {found.word} of segment {found.segment}, batch {found.batch}",
            "batch id": found.batch_id,
            "claimed root": f"{found.segment_root}, {'agrees' if found.root_agrees else 'IS ANOTHER'}",
            "L1 transaction": found.l1_transaction,
            "L1 block": f"{found.l1_block}, {format_time(found.committed_at_s * 1000)}",
            "proposer": found.proposer,
            **describe_finality(found.finality, found.final_at_s),
            "recomputed": f"{found.batches_executed} batches, from L1 alone",
        },
    )
