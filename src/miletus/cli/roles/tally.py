"""What the feed told, summed up for people: fills, volume, settlements."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from miletus.cli.channel import Fields
from miletus.engine import events
from miletus.market.names import UNDERLYINGS, Terms

RECENT = 12
"""Fills that are remembered one by one."""


@dataclass
class Tally:
    """Sums over fills; `recent` has the newest, each with the name that `miletus audit` takes."""

    fills: int = 0
    removed: int = 0
    fees_micros: int = 0
    volume_micros: dict[str, int] = field(default_factory=dict)
    """Price x size of all fills, by coin: premiums of options, notional of futures."""
    fills_by_coin: dict[str, int] = field(default_factory=dict)
    recent: deque[Fields] = field(default_factory=lambda: deque(maxlen=RECENT))

    def take(
        self, number: int, time_ms: int, told: tuple[tuple[int, ...], ...], terms_of: Mapping[int, Terms]
    ) -> None:
        """Take in the events of one word."""
        place = 0
        for event in told:
            if event[0] != events.FILL:
                continue
            _, _, taker, book, price, lots, fee = event
            instrument, side = divmod(book, 2)
            terms = terms_of[instrument]
            coin = UNDERLYINGS[terms.underlying]
            self.fills += 1
            self.fees_micros += fee
            self.volume_micros[coin] = self.volume_micros.get(coin, 0) + price * lots
            self.fills_by_coin[coin] = self.fills_by_coin.get(coin, 0) + 1
            self.recent.append(
                {
                    "fill": f"{number}.{place}",
                    "time_ms": time_ms,
                    "instrument": terms.name,
                    "side": "sell" if side else "buy",
                    "size_lots": lots,
                    "price_ticks": price,
                    "taker": taker // 256,
                }
            )
            place += 1

    def describe(self) -> Fields:
        """The sums as fields of a message."""
        return {
            "fills": self.fills,
            "fees_micros": self.fees_micros,
            "volume_micros": dict(self.volume_micros),
            "fills_by_coin": dict(self.fills_by_coin),
            "recent": list(self.recent),
        }
