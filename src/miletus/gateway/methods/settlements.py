"""Settlements of instruments and of positions."""

from typing import Any, Literal

from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.history import SEEN, check_count
from miletus.gateway.rpc import Call, Params, method


class SettlementParams(Params, kw_only=True):
    """Parameters of the methods about settlements."""

    currency: str = "any"
    instrument_name: str | None = None
    type: Literal["settlement", "delivery", "bankruptcy"] | None = None
    count: int = 20
    continuation: str | None = None
    search_start_timestamp: int | None = None


def list_settlements(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of instruments, newest first. An instrument is settled once, at its expiry."""
    exchange = call.gateway.exchange
    if params.instrument_name is not None:
        listings = [exchange.listings.find(params.instrument_name)]
    else:
        listings = exchange.listings.select(params.currency, None, expired=True)
    since = params.search_start_timestamp or 0
    settled = [each for each in listings if each.is_settled and each.expiration_ms >= since]
    settled.sort(key=lambda each: (-each.terms.expiry_s, each.number))
    rows = [
        {
            "type": "delivery",
            "timestamp": each.settled_ms or each.expiration_ms,
            "session_profit_loss": 0.0,
            "profit_loss": 0.0,
            "position": 0.0,
            "mark_price": each.payoff_ticks / 100,
            "instrument_name": each.name,
            "index_price": get_delivery_price(call, each),
        }
        for each in settled
        if params.type in (None, "delivery")
    ]
    return {"settlements": rows[: check_count(params.count)]}


def get_delivery_price(call: Call, listing: Listing) -> float:
    """Settlement price of an instrument's expiry; 0 if the gateway did not see it."""
    delivered = dict(call.gateway.exchange.deliveries.get(listing.terms.underlying, ()))
    return delivered.get(listing.terms.expiry_s, 0) / 100


@method("public/get_last_settlements_by_currency")
def get_last_settlements_by_currency(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of a currency's instruments."""
    return list_settlements(call, params)


@method("public/get_last_settlements_by_instrument")
def get_last_settlements_by_instrument(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of an instrument."""
    if params.instrument_name is None:
        raise make_invalid("instrument_name", "value required")
    return list_settlements(call, params)


class MySettlementParams(SettlementParams, kw_only=True):
    """Parameters of the methods about an account's settlements."""


def list_own_settlements(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of the account's positions, newest first."""
    exchange = call.gateway.exchange
    number = exchange.listings.find(params.instrument_name).number if params.instrument_name else None
    rows = []
    for entry in reversed(call.gateway.get_desk(call.account).book.ledger):
        if entry.instrument is None or entry.type not in ("delivery", "settlement"):
            continue
        listing = exchange.listings.by_number[entry.instrument]
        if number is not None and entry.instrument != number:
            continue
        if params.type is not None and params.type != entry.type:
            continue
        rows.append(
            {
                "type": entry.type,
                "timestamp": entry.time_ms,
                "profit_loss": entry.change_micros / 1_000_000,
                "session_profit_loss": entry.change_micros / 1_000_000,
                "position": entry.position_lots / 10_000,
                "mark_price": listing.payoff_ticks / 100,
                "instrument_name": listing.name,
                "index_price": get_delivery_price(call, listing),
            }
        )
    return {"settlements": rows[: check_count(params.count)]}


@method("private/get_settlement_history_by_currency", "trade:read", note=SEEN)
def get_settlement_history_by_currency(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of own positions."""
    return list_own_settlements(call, params)


@method("private/get_settlement_history_by_instrument", "trade:read", note=SEEN)
def get_settlement_history_by_instrument(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of own positions in an instrument."""
    if params.instrument_name is None:
        raise make_error("Invalid params", "value required", param="instrument_name")
    return list_own_settlements(call, params)
