"""From what the node answers to what the SDK gives, and from decimals to the grid."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from miletus.client.errors import AnswerLost, OrderRefused, RequestError
from miletus.client.line import Lost, Outcome
from miletus.client.units import LOTS, TICKS, Number, from_lots, from_micros, from_ticks, to_units
from miletus.client.values import Account, Fill, Instrument, OpenOrder, Order, Placed, Position
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.market.requests import Side
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused
from miletus.sequencer.query import AccountView, OrderView


def read_placed(
    what: str, order: Order, instrument: Instrument, name: int, outcome: Outcome
) -> Placed | OrderRefused | AnswerLost:
    """What became of an order; `name` is account x 256 + slot."""
    answer = require_answer(what, outcome)
    if not isinstance(answer, Answer):
        return answer
    result = answer.result
    if result.reason and not result.filled_lots:
        return build_refusal(what, answer)
    average = from_ticks(result.notional_micros) / result.filled_lots if result.filled_lots else None
    return Placed(
        answer.number,
        instrument.name,
        order.side,
        Decimal(order.size),
        None if order.price is None else Decimal(order.price),
        from_lots(result.filled_lots),
        average,
        tuple(_read_fills(answer, name)),
        any(event[0] in (events.RESTED, events.REDUCED) and event[1] == name for event in result.events),
        name % 256,
        result.detail % (1 << 32),
        Reason(result.reason),
        answer.confirmation,
    )


def build_account(view: AccountView, names: Mapping[int, str]) -> Account:
    """An account as the SDK gives it."""
    positions = (
        Position(
            names[p.instrument], from_lots(p.size_lots), from_ticks(p.mark_ticks), from_micros(p.value_micros)
        )
        for p in view.positions
    )
    orders = (
        OpenOrder(
            names[o.instrument],
            Side(o.side),
            from_ticks(o.price_ticks),
            from_lots(o.left_lots),
            from_lots(o.filled_lots),
            o.slot,
            o.generation,
        )
        for o in view.orders
    )
    return Account(
        view.account,
        "0x" + view.owner.hex(),
        from_micros(view.cash_micros),
        from_micros(view.locked_micros),
        from_micros(view.equity_micros),
        from_micros(view.requirement_micros),
        from_micros(max(0, view.equity_micros - view.requirement_micros)),
        view.stale,
        tuple(positions),
        tuple(orders),
    )


def to_grid_ticks(price: Number | None, instrument: Instrument) -> int:
    """A price on the grid. RequestError says what the grid is."""
    if price is None:
        raise RequestError("this order has no price: give one")
    ticks = to_units(price, TICKS, "price")
    if from_ticks(ticks) % instrument.price_step:
        raise RequestError(f"price {price}: {instrument.name} has multiples of {instrument.price_step}")
    return ticks


def to_grid_lots(size: Number, instrument: Instrument) -> int:
    """A size on the grid. RequestError says what the grid is."""
    lots = to_units(size, LOTS, "size")
    if from_lots(lots) % instrument.size_step or from_lots(lots) < instrument.least_size:
        raise RequestError(
            f"size {size}: {instrument.name} trades multiples of {instrument.size_step} from "
            f"{instrument.least_size} on"
        )
    return lots


def build_levels(orders: Iterable[OrderView], depth: int) -> tuple[tuple[Decimal, Decimal], ...]:
    """Orders of one side as levels."""
    levels: dict[int, int] = {}
    for order in orders:
        levels[order.price_ticks] = levels.get(order.price_ticks, 0) + order.left_lots
    return tuple((from_ticks(ticks), from_lots(lots)) for ticks, lots in list(levels.items())[:depth])


def _read_fills(answer: Answer, name: int) -> Iterable[Fill]:
    place = 0
    for event in answer.result.events:
        if event[0] == events.FILL:
            if event[2] == name:
                yield Fill(
                    f"{answer.number}.{place}",
                    from_lots(event[5]),
                    from_ticks(event[4]),
                    from_micros(event[6]),
                )
            place += 1


def require_answer(what: str, outcome: Outcome) -> Answer | OrderRefused | AnswerLost:
    """The answer, or the error in its place."""
    if isinstance(outcome, Lost):
        return AnswerLost(
            f"{what}: the line broke and the operation was ordered; get_account() says what is there now"
        )
    if isinstance(outcome, Refused):
        return OrderRefused(f"{what}: {outcome}", outcome.reason)
    return outcome


def build_refusal(what: str, answer: Answer) -> OrderRefused:
    """The error for an operation that was ordered and refused."""
    reason = Reason(answer.result.reason)
    return OrderRefused(f"{what}: refused as number {answer.number}: {reason.name}", reason, answer.number)
