"""Money in and out: what L1's inbox brought, and what its outbox owes."""

from decimal import Decimal
from typing import Any

from miletus.engine import layout
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.exchange import Entry
from miletus.gateway.instruments import CURRENCY
from miletus.gateway.numbers import format_money, parse_money
from miletus.gateway.rpc import Call, Params, method

_SEEN = "of what the gateway, or the index that it was given, has seen"


class PageParams(Params, kw_only=True):
    """Parameters of lists of payments."""

    currency: str = CURRENCY
    count: int = 10
    offset: int = 0


def list_entries(call: Call, params: PageParams, type: str) -> list[Entry]:
    """Payments of a type, newest first. RpcError for a currency that is none."""
    require_usdc(params.currency)
    if not 1 <= params.count <= 1_000 or params.offset < 0:
        raise make_invalid("count", "from 1 to 1000, with an offset from 0")
    ledger = call.gateway.get_desk(call.account).book.ledger
    return [entry for entry in reversed(ledger) if entry.type == type]


def require_usdc(currency: str) -> None:
    """RpcError unless a currency is the one that there is."""
    if currency.upper() not in (CURRENCY, "ANY"):
        raise make_invalid("currency", f"all money is {CURRENCY}")


def get_owner(call: Call) -> str:
    """The L1 address that owns the account."""
    state = call.gateway.exchange.state
    header = state.header(call.account)
    owner = sum(int(state.cells[header + layout.OWNER + k]) << (52 * k) for k in range(4))
    return f"0x{owner:040x}"


@method("private/get_deposits", "wallet:read", note=_SEEN)
def get_deposits(call: Call, params: PageParams) -> dict[str, Any]:
    """Deposits from L1."""
    entries = list_entries(call, params, "deposit")
    rows = [
        {
            "updated_timestamp": entry.time_ms,
            "transaction_id": str(entry.number),
            "state": "completed",
            "received_timestamp": entry.time_ms,
            "note": "",
            "currency": CURRENCY,
            "clearance_state": "cleared",
            "amount": format_money(entry.change_micros),
            "address": get_owner(call),
        }
        for entry in entries[params.offset : params.offset + params.count]
    ]
    return {"data": rows, "count": len(entries)}


@method("private/get_withdrawals", "wallet:read", note=_SEEN + "; confirmed means that L1 will owe it")
def get_withdrawals(call: Call, params: PageParams) -> dict[str, Any]:
    """Withdrawals to L1."""
    entries = list_entries(call, params, "withdrawal")
    rows = [
        describe_withdrawal(call, entry) for entry in entries[params.offset : params.offset + params.count]
    ]
    return {"data": rows, "count": len(entries)}


def describe_withdrawal(call: Call, entry: Entry) -> dict[str, Any]:
    """A withdrawal; its id is the number of its word."""
    return {
        "updated_timestamp": entry.time_ms,
        "transaction_id": None,
        "state": "confirmed",
        "priority": 0.0,
        "id": entry.number,
        "fee": 0.0,
        "currency": CURRENCY,
        "created_timestamp": entry.time_ms,
        "confirmed_timestamp": entry.time_ms,
        "amount": format_money(-entry.change_micros),
        "address": get_owner(call),
    }


class WithdrawParams(Params, kw_only=True):
    """Parameters of private/withdraw."""

    currency: str
    address: str
    amount: Decimal
    priority: str | None = None


@method(
    "private/withdraw",
    "wallet:read_write",
    matching=True,
    note="only to the account's owner on L1; claimed there once the batch is final",
)
async def withdraw(call: Call, params: WithdrawParams) -> dict[str, Any]:
    """Withdraw to the L1 address that owns the account."""
    require_usdc(params.currency)
    owner = get_owner(call)
    if params.address.lower() != owner:
        raise make_invalid("address", f"money leaves only to the account's owner, {owner}")
    amount = check_money(params.amount)
    desk = call.gateway.get_desk(call.account)
    ordered = await desk.withdraw(amount)
    for entry in reversed(desk.book.ledger):
        if entry.number == ordered.applied.number:
            return describe_withdrawal(call, entry)
    raise make_error("internal_server_error", "the withdrawal is ordered, and not in the ledger")


class TransferParams(Params, kw_only=True):
    """Parameters of private/submit_transfer_to_user."""

    currency: str
    amount: Decimal
    destination: str


@method(
    "private/submit_transfer_to_user",
    "wallet:read_write",
    matching=True,
    note="destination is an account's number",
)
async def submit_transfer_to_user(call: Call, params: TransferParams) -> dict[str, Any]:
    """Pay to another account of the exchange."""
    require_usdc(params.currency)
    digits = params.destination
    if not digits.isascii() or not digits.isdigit() or len(digits) > 7:
        raise make_invalid("destination", "the number of an account is needed")
    amount = check_money(params.amount)
    ordered = await call.gateway.get_desk(call.account).transfer(int(digits), amount)
    return describe_transfer(ordered.applied.number, ordered.applied.time_ms, -amount, digits)


@method("private/get_transfers", "wallet:read", note=_SEEN)
def get_transfers(call: Call, params: PageParams) -> dict[str, Any]:
    """Payments from and to other accounts."""
    entries = list_entries(call, params, "transfer")
    rows = [
        describe_transfer(entry.number, entry.time_ms, entry.change_micros, "")
        for entry in entries[params.offset : params.offset + params.count]
    ]
    return {"data": rows, "count": len(entries)}


def describe_transfer(number: int, time_ms: int, change_micros: int, other: str) -> dict[str, Any]:
    """A payment between accounts."""
    return {
        "updated_timestamp": time_ms,
        "type": "user",
        "state": "confirmed",
        "other_side": other,
        "id": number,
        "direction": "payment" if change_micros < 0 else "income",
        "currency": CURRENCY,
        "created_timestamp": time_ms,
        "amount": format_money(abs(change_micros)),
    }


def check_money(amount: Decimal) -> int:
    """An amount in micros."""
    micros = parse_money(amount)
    if micros is None or micros < 1 or micros >= 1 << 56:
        raise make_error("invalid_amount", "a positive multiple of 0.000001 is needed")
    return micros


class AddressParams(Params, kw_only=True):
    """Parameters of private/get_current_deposit_address."""

    currency: str = CURRENCY


@method("private/get_current_deposit_address", "wallet:read", note="the L1 vault: deposit by miletus deposit")
def get_current_deposit_address(call: Call, params: AddressParams) -> dict[str, Any] | None:
    """Where deposits go: the vault contract, through which one deposits; a plain transfer is lost."""
    require_usdc(params.currency)
    vault = call.gateway.settings.vault
    if vault is None:
        return None
    return {
        "type": "deposit",
        "status": "ready",
        "requires_confirmation": True,
        "currency": CURRENCY,
        "creation_timestamp": 0,
        "address": vault,
    }
