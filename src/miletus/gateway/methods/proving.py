"""Faster finality: what a proof of a batch costs now, and paying for it; what L1 holds of a word."""

import asyncio
from typing import Any

from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.methods.miletus import WhichParams, find_number
from miletus.gateway.methods.wallet import get_owner
from miletus.gateway.rpc import Call, method
from miletus.gateway.trail import NoBounties, Quote, Trail
from miletus.settlement.errors import CallReverted, SettlementError

MOST_WEI = 1 << 96
"""A bounty is below this (spec 08-R30)."""


class BatchParams(WhichParams, kw_only=True):
    """A batch by its number, or by an order, a trade or a word in it."""

    batch: int | None = None


class PayParams(BatchParams, kw_only=True):
    """Parameters of miletus/pay_faster_finality; the amount in wei, as text since it is wide."""

    amount_wei: str


def require_trail(call: Call) -> Trail:
    """The way to L1. RpcError if the gateway has none."""
    trail = call.gateway.settings.trail
    if trail is None:
        raise make_error("not_implemented", "this gateway does not read L1")
    return trail


def find_batch(call: Call, params: BatchParams) -> int:
    """The batch that was asked for. RpcError if it is not known yet."""
    if params.batch is not None:
        if any(each is not None for each in (params.order_id, params.trade_id, params.number)):
            raise make_invalid("batch", "one of batch, order_id, trade_id and number is needed")
        if params.batch < 1:
            raise make_invalid("batch", "batches are numbered from 1")
        return params.batch
    mirror = call.gateway.mirror
    road = call.gateway.roads.find(mirror.epoch, find_number(call, params))
    if road.batch is None:
        raise make_invalid("number", "its batch is not known here: give the batch")
    return road.batch


@method("miletus/get_faster_finality")
async def get_faster_finality(call: Call, params: BatchParams) -> dict[str, Any]:
    """What it costs to have a batch proved before its window ends, and how a wallet offers it."""
    trail, number = require_trail(call), find_batch(call, params)
    try:
        quote = await asyncio.to_thread(trail.quote, number)
    except SettlementError as error:
        raise explain(error) from None
    return describe_quote(quote, call.given is not None and trail.is_payer(get_owner(call)))


@method(
    "miletus/pay_faster_finality",
    "wallet:read_write",
    note="by the wallet that the gateway was started with, for its own account alone",
)
async def pay_faster_finality(call: Call, params: PayParams) -> dict[str, Any]:
    """Offer ETH to whoever proves a batch, and those before it, before its window ends."""
    if call.given is None:
        raise make_error("unauthorized", "authenticate with public/auth first")
    call.given.require("wallet", 2)
    trail, number = require_trail(call), find_batch(call, params)
    if trail.has_wallet and not trail.is_payer(get_owner(call)):
        raise make_error("forbidden", "the gateway's wallet is not this account's: pay by your own wallet")
    amount_wei = parse_wei(params.amount_wei)
    try:
        transaction = await asyncio.to_thread(trail.pay, number, amount_wei)
        quote = await asyncio.to_thread(trail.quote, number)
    except SettlementError as error:
        raise explain(error) from None
    return {
        "batch": number,
        "amount_wei": str(amount_wei),
        "offered_wei": str(quote.offered_wei),
        "transaction": "0x" + transaction.hex(),
    }


def parse_wei(text: str) -> int:
    """An amount of wei. RpcError if it is none that can be offered."""
    if not text.isascii() or not text.isdigit() or len(text) > 29 or not 0 < int(text) < MOST_WEI:
        raise make_invalid("amount_wei", "a whole number of wei above 0 and below 2^96, as text")
    return int(text)


def explain(error: SettlementError) -> Exception:
    """The error of the API for one of L1's side."""
    if isinstance(error, NoBounties):
        return make_invalid("batch", str(error))
    if isinstance(error, CallReverted):
        return make_invalid("batch", f"L1 refuses: {error.reason or error}")
    return make_error("retry", str(error))


def describe_quote(quote: Quote, can_pay: bool) -> dict[str, Any]:
    """A quote as it is told; amounts in wei are text, since they are wide."""
    return {
        "batch": quote.number,
        "first_batch": quote.first,
        "operations": quote.operations,
        "proofs": quote.proofs,
        "gas": quote.gas,
        "gas_price_wei": str(quote.gas_price_wei),
        "core_seconds": quote.core_seconds,
        "cost_wei": str(quote.cost_wei),
        "bounty_wei": str(quote.bounty_wei),
        "offered_wei": str(quote.offered_wei),
        "window_end": quote.window_end_s * 1000,
        "can_pay_here": can_pay,
        "transaction": {
            "to": quote.court,
            "data": "0x" + quote.data.hex(),
            "value_wei": str(max(quote.bounty_wei - quote.offered_wei, 0)),
        },
    }
