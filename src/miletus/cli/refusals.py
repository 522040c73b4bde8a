"""What a trader can do about each reason for which the exchange refuses an operation."""

from typing import Final

from miletus.engine.reasons import Reason

ADVICE: Final[dict[Reason, str]] = {
    Reason.UNKNOWN_KIND: "there is no such operation",
    Reason.INCOMPLETE: "the operation is cut off: send all of its words",
    Reason.NOT_FROM_INBOX: "only L1's inbox brings this: send it to the vault contract",
    Reason.NOT_FROM_SEQUENCER: "it can't be forced through L1's inbox",
    Reason.NOT_SUPPORTED: "the exchange does not have this operation yet",
    Reason.UNKNOWN_ACCOUNT: "there is no such account: make a deposit first",
    Reason.UNKNOWN_KEY: "the account has no key in that slot: bind one with a deposit",
    Reason.KEY_EXPIRED: "the trading key has expired: bind another one",
    Reason.OUT_OF_SCOPE: "the trading key may not do this: use one whose scope allows it",
    Reason.NONCE_USED: "a later operation of this key came first: sign it again",
    Reason.OUT_OF_TIME: "it was valid for too short a time: sign it again",
    Reason.BAD_SIGNATURE: "the signature is not that of the account's key on this chain and rollup",
    Reason.BAD_ACCOUNT: "the account belongs to another owner",
    Reason.BAD_AMOUNT: "the amount must be positive",
    Reason.BAD_TIME: "the time is not after the exchange's clock, or too far ahead of it",
    Reason.MARGIN: "the account's margin does not allow it: deposit more, or make it smaller",
    Reason.OUTBOX_FULL: "this batch holds no more withdrawals: try again in a few seconds",
    Reason.WIDTH: "the result would be too large for a number or limit of the exchange: make it smaller",
    Reason.STALE: "the oracle's prices are too old: try again when they are fresh",
    Reason.BAD_FLAGS: "these terms exclude each other: post-only is neither market, ioc nor fok",
    Reason.UNKNOWN_INSTRUMENT: "no such instrument is listed",
    Reason.EXPIRED: "the instrument has expired",
    Reason.NO_SHEET: "the oracle has not priced the instrument yet: try again in a few seconds",
    Reason.BAD_PRICE: "the price is not on the instrument's grid",
    Reason.BAD_SIZE: "the size is not on the instrument's grid, below its least or above the greatest",
    Reason.SLOT_TAKEN: "an order rests in that slot: cancel it, or choose another",
    Reason.REDUCE_ONLY: "there is no position that it would make smaller",
    Reason.POST_ONLY: "it would trade at once: choose a price on your side of the book",
    Reason.MAKER_LIMIT: "it met more orders than one operation may: send the rest again",
    Reason.BAND: "the best price is too far from the mark to your harm: choose a limit yourself",
    Reason.NOT_FILLED: "the book does not hold enough at that price",
    Reason.ORDER_NOT_FOUND: "no such order rests: see miletus account",
}
"""For every reason that a signed or forced operation can be refused with."""


def explain_refusal(reason: Reason) -> str:
    """A reason's name, and what can be done about it where a trader can do anything."""
    advice = ADVICE.get(reason)
    return f"{reason.name}: {advice}" if advice is not None else reason.name
