"""What a demonstration tells while it runs: sums over what its processes report, put on the board."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from miletus.cli.board import FillLine, MarketLine, Screen
from miletus.cli.channel import Fields
from miletus.cli.output import format_price
from miletus.market.names import UNDERLYINGS


class Teller:
    """Takes what processes report; `first_fill` names the first fill of the takers."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.listed = self.settled = self.sheets = self.ticks = 0
        self.first_fill = ""

    def take_found(self, fields: Fields) -> None:
        """Take what the watchtower found; called from other threads."""
        board = self._screen.board
        board.block, board.batches = fields["l1_block"], fields["batches"]
        board.checked, board.batches_final = fields["batches_verified"], fields["batches_final"]
        board.gas_per_word = fields["l1_gas_per_word"]
        board.bytes_per_word = fields["l1_bytes_per_word"]
        board.roots_agreed = fields["segments"]
        board.conserved = fields["conserved"]
        board.alarm = fields["alarm"]["message"] if fields["alarm"] else ""

    def take_published(self, published: Fields, moment: datetime) -> None:
        """Take what the oracle published at a moment."""
        self.listed += published["listed"]
        self.sheets += published["sheets"]
        self.ticks += published["ticks"]
        self.settled += len(published["settled"])
        for key, ticks in published["index_ticks"].items():
            line = self._get_line(int(key))
            line.index_ticks = ticks
            line.open_ticks = line.open_ticks or ticks
            line.listed = published["instruments"][key]
        for text in self._describe_settled(published["settled"]):
            self._screen.tell(f"{moment:%a %d %b %H:%M} UTC: {text}")

    def _describe_settled(self, settled: list[Any]) -> Iterator[str]:
        """A line for each underlying and expiry that was settled: how many, at what price, how many paid."""
        groups: dict[str, list[Any]] = {}
        for each in settled:
            coin, expiry = each["name"].split("-")[:2]
            groups.setdefault(f"{coin}-{expiry}", []).append(each)
        for name, each in groups.items():
            price = next((one["payoff_ticks"] for one in each if one["name"] == name), None)
            paid = sum(1 for one in each if one["payoff_ticks"] > 0 and one["name"] != name)
            options = sum(1 for one in each if one["name"] != name)
            at = f"at {format_price(price)}" if price is not None else ""
            yield f"{name} settled {at}: {paid} of {options} options end in the money"

    def take_told(self, told: Fields) -> None:
        """Take what makers or takers did."""
        board = self._screen.board
        board.words, board.operations, board.fills = told["words"], told["operations"], told["fills"]
        board.ack_p50_us, board.ack_p99_us = told["ack_p50_us"], told["ack_p99_us"]
        for key, count in told["sheets"].items():
            line = self._get_line(int(key))
            line.sheets = count
            line.fills = told["fills_by_coin"].get(line.name, 0)
            line.volume_micros = told["volume_micros"].get(line.name, 0)
        self.first_fill = self.first_fill or (told["recent"][0]["fill"] if told["recent"] else "")
        board.recent.clear()
        for fill in told["recent"]:
            board.add_fill(
                FillLine(
                    fill["time_ms"],
                    fill["fill"],
                    fill["instrument"],
                    fill["side"],
                    fill["size_lots"],
                    fill["price_ticks"],
                )
            )

    def _get_line(self, underlying: int) -> MarketLine:
        while len(self._screen.board.markets) <= underlying:
            self._screen.board.markets.append(MarketLine(UNDERLYINGS[len(self._screen.board.markets)]))
        return self._screen.board.markets[underlying]
