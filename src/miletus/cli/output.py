"""What commands print: tables and lines for people on a terminal, one JSON document for programs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

Row = Sequence[object]


class Output:
    """Where a command's result goes. With `as_json` standard output has the JSON of `result` and no more."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False)

    def line(self, text: str) -> None:
        """A line for people; programs don't see it."""
        if not self.as_json:
            self.console.print(text, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """A table for people; numbers stand to the right."""
        if self.as_json:
            return
        lines = [[format_cell(cell) for cell in row] for row in rows]
        table = Table(
            title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False
        )
        for place, name in enumerate(columns):
            right = bool(lines) and all(is_number(line[place]) for line in lines)
            table.add_column(name, justify="right" if right else "left", no_wrap=place == 0)
        for line in lines:
            table.add_row(*line)
        self.console.print(table)

    def facts(self, title: str, facts: Mapping[str, object]) -> None:
        """Names and values for people, one a line."""
        if self.as_json:
            return
        table = Table(title=title or None, title_justify="left", show_header=False, box=None, pad_edge=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name, format_cell(value))
        self.console.print(table)

    def result(self, value: object) -> None:
        """The result for programs; people have seen it already."""
        if self.as_json:
            sys.stdout.write(encode_json(value) + "\n")
            sys.stdout.flush()


def encode_json(value: object) -> str:
    """A JSON document with sorted keys, two spaces deep; bytes are 0x and hex digits."""
    encoded = msgspec.json.encode(value, enc_hook=str, order="sorted")
    return msgspec.json.format(encoded, indent=2).decode()


def format_cell(value: object) -> str:
    """A value as people read it: thousands apart, yes and no, a dash for what is not there."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def is_number(text: str) -> bool:
    """Whether a cell is a number, a dash or nothing."""
    return text in ("", "-") or text.lstrip("+-$")[:1].isdigit()


def format_usdc(micros: int) -> str:
    """Money: micro-USDC as dollars, rounded to the cent towards zero."""
    cents = abs(micros) // 10_000
    return f"{'-' if micros < 0 else ''}${cents // 100:,}.{cents % 100:02d}"


def format_price(ticks: int) -> str:
    """A price in ticks of 0.01 USDC."""
    return f"{'-' if ticks < 0 else ''}{abs(ticks) // 100:,}.{abs(ticks) % 100:02d}"


def format_size(lots: int) -> str:
    """A size in lots of 0.0001 of a coin, without needless zeros."""
    text = f"{abs(lots) // 10_000:,}.{abs(lots) % 10_000:04d}".rstrip("0").rstrip(".")
    return f"{'-' if lots < 0 else ''}{text}"


def shorten(value: bytes | str, digits: int = 6) -> str:
    """A hash or an address, its first and last digits."""
    text = value if isinstance(value, str) else "0x" + value.hex()
    return text if len(text) <= 2 * digits + 3 else f"{text[: digits + 2]}…{text[-4:]}"


def get_plain(value: Any) -> Any:
    """A struct or dataclass as plain dictionaries, lists, numbers and text."""
    return msgspec.to_builtins(value, enc_hook=str)
