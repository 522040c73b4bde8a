"""Errors of the API: Deribit's codes and messages, and which of them a refusal of the machine becomes."""

from typing import Any, Final

from miletus.engine.reasons import Reason


class RpcError(Exception):
    """An error that the client is told: code, message, and data for people."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code} {message} {data or ''}")
        self.code = code
        self.message = message
        self.data = data


CODES: Final = {
    "authorization_required": 10000,
    "error": 10001,
    "qty_too_low": 10002,
    "order_not_found": 10004,
    "price_too_low": 10005,
    "price_too_high": 10007,
    "not_enough_funds": 10009,
    "already_closed": 10010,
    "book_closed": 10012,
    "max_total_open_orders": 10013,
    "invalid_amount": 10021,
    "invalid_order_id": 10025,
    "too_many_requests": 10028,
    "not_owner_of_order": 10029,
    "must_be_websocket_request": 10030,
    "not_implemented": 10033,
    "retry": 10040,
    "settlement_in_progress": 10041,
    "price_wrong_tick": 10043,
    "matching_engine_queue_full": 10047,
    "other_reject": 11030,
    "not_open_order": 11044,
    "unsupported_arg_combination": 11047,
    "bad_request": 11050,
    "system_maintenance": 11051,
    "subscribe_error_unsubscribed": 11052,
    "post_only_reject": 11054,
    "internal_server_error": 11094,
    "invalid_credentials": 13004,
    "unauthorized": 13009,
    "request_failed": 13008,
    "invalid_content_type": 13018,
    "instrument_not_found": 13020,
    "forbidden": 13021,
    "Invalid params": -32602,
    "Method not found": -32601,
    "Invalid Request": -32600,
    "Parse error": -32700,
}
"""Code of each message that this gateway sends."""


def make_error(message: str, reason: str | None = None, **data: Any) -> RpcError:
    """An error by its message; `reason` says to people what to do."""
    told = ({"reason": reason} if reason is not None else {}) | data
    return RpcError(CODES[message], message, told or None)


def make_invalid(param: str, reason: str) -> RpcError:
    """An error about a parameter."""
    return make_error("Invalid params", reason, param=param)


def make_unsupported(what: str) -> RpcError:
    """An error for what Deribit does and this exchange does not."""
    return make_error("not_implemented", f"not supported: {what}")


_REFUSALS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.MARGIN: ("not_enough_funds", "equity would not cover the initial margin"),
    Reason.POST_ONLY: ("post_only_reject", "the order would trade at once"),
    Reason.ORDER_NOT_FOUND: ("order_not_found", "no such order rests"),
    Reason.BAD_PRICE: ("price_wrong_tick", "the price is no multiple of the tick size"),
    Reason.BAD_SIZE: ("invalid_amount", "the amount is no multiple of the step, too small or too large"),
    Reason.UNKNOWN_INSTRUMENT: ("instrument_not_found", "no such instrument is listed"),
    Reason.EXPIRED: ("book_closed", "the instrument has expired"),
    Reason.NO_SHEET: ("book_closed", "no risk sheet covers the instrument yet: try again in some seconds"),
    Reason.STALE: ("other_reject", "the oracle is late or prices moved far: only what lowers risk goes on"),
    Reason.REDUCE_ONLY: ("other_reject", "reduce_only: there is no position to reduce"),
    Reason.MAKER_LIMIT: ("other_reject", "the order met as many makers as one word may handle"),
    Reason.WIDTH: ("other_reject", "a limit of the exchange on position, open interest or cash is reached"),
    Reason.BAND: ("price_too_high", "the best price is outside the band around the mark"),
    Reason.OUT_OF_TIME: ("retry", "the operation waited too long: send it again"),
    Reason.NONCE_USED: ("retry", "another program uses the same trading key: send it again"),
    Reason.SLOT_TAKEN: ("retry", "another program uses the same order slots: send it again"),
    Reason.OUT_OF_SCOPE: ("forbidden", "the trading key's scope does not allow this operation"),
    Reason.KEY_EXPIRED: ("forbidden", "the trading key has expired: bind a new one"),
    Reason.UNKNOWN_KEY: ("forbidden", "the account has no such trading key: bind it with miletus deposit"),
    Reason.BAD_SIGNATURE: ("forbidden", "the account has another trading key in this slot"),
    Reason.UNKNOWN_ACCOUNT: ("forbidden", "the account does not exist on the exchange"),
    Reason.OUTBOX_FULL: ("retry", "this batch has no room for another withdrawal: send it again"),
    Reason.BAD_AMOUNT: ("invalid_amount", "the amount must be positive"),
    Reason.NOT_SUPPORTED: ("not_implemented", "not supported: the machine does not carry this out yet"),
}


def make_refusal(reason: Reason, side: int = 0) -> RpcError:
    """What a client is told of an operation that the machine refused; `side` 1 sells."""
    message, text = _REFUSALS.get(reason, ("other_reject", reason.name.lower()))
    if reason is Reason.BAND and side == 1:
        message = "price_too_low"
    return make_error(message, text, machine_reason=reason.name)
