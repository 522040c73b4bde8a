"""What a maker tells of itself."""

from collections.abc import Mapping
from typing import Any

import msgspec

from miletus.maker.profit import Profit
from miletus.maker.quoting import Quote
from miletus.maker.risk import Exposure
from miletus.maker.standing import Standing
from miletus.maker.theory import Fit
from miletus.market.names import UNDERLYINGS


def describe(
    quotes: Mapping[int, Quote],
    standing: Standing,
    exposures: Mapping[int, Exposure],
    fits: Mapping[int, Fit],
    profit: Profit,
) -> dict[str, Any]:
    """Quotes, positions, risk and profit. Money in USDC, sizes in coins."""
    names = ("delta", "gamma", "vega", "theta")
    return {
        "quotes": sum((q.bid_ticks is not None) + (q.ask_ticks is not None) for q in quotes.values()),
        "resting": len(standing.resting),
        "fills": standing.fills,
        "positions": len(standing.positions),
        "exposure": {
            UNDERLYINGS[u]: {name: round(getattr(exposure, name), 6) for name in names}
            for u, exposure in exposures.items()
        },
        "profit": {
            **{name: round(getattr(profit, name), 2) for name in profit.__dataclass_fields__},
            "total": round(profit.total, 2),
        },
        "fit_points": {
            UNDERLYINGS[u]: round(max((e.rmse_points for e in fit.expiries.values()), default=0.0), 3)
            for u, fit in fits.items()
        },
        "problems": [problem for fit in fits.values() for problem in fit.problems],
    }


def encode_report(fields: dict[str, Any]) -> str:
    """A report as a line of JSON."""
    return msgspec.json.encode(fields).decode()


def format_report(fields: dict[str, Any]) -> str:
    """A report as a line for people."""
    if fields["event"] == "warning":
        return f"! {fields['problem']}"
    profit = fields["profit"]
    parts = ", ".join(f"{name} {value:+,.2f}" for name, value in profit.items() if name != "total" and value)
    exposure = "; ".join(
        f"{coin} delta {each['delta']:+.3f}, vega {each['vega']:+,.1f}"
        for coin, each in fields["exposure"].items()
    )
    state = fields["reason"] or f"{fields['quotes']} quotes"
    return (
        f"{state}, {fields['resting']} rest, {fields['fills']} fills; {exposure}; "
        f"profit {profit['total']:+,.2f}{f' ({parts})' if parts else ''}"
    )
