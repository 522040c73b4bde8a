"""The demonstration's screen: a board that is drawn anew while it runs, over lines that stay.

On a terminal the board is live. Elsewhere (a log, a pipe) only the lines are printed, one for each thing that
happened, so that the story can be read afterwards too.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from miletus.cli.output import format_price, format_size, format_usdc

RECENT_FILLS = 6
"""Fills that the board shows."""

PANEL_WIDTH = 38


@dataclass
class MarketLine:
    """One underlying on the board."""

    name: str
    index_ticks: int = 0
    open_ticks: int = 0
    listed: int = 0
    sheets: int = 0
    fills: int = 0
    volume_micros: int = 0


@dataclass(frozen=True)
class FillLine:
    """One fill on the board. `fill_id` is what miletus audit takes."""

    time_ms: int
    fill_id: str
    name: str
    side: str
    size_lots: int
    price_ticks: int


@dataclass
class Board:
    """All that the screen shows, set by whoever learns it."""

    title: str
    start_ms: int
    end_ms: int
    now_ms: int
    phase: str = ""
    words: int = 0
    operations: int = 0
    fills: int = 0
    ack_p50_us: float | None = None
    ack_p99_us: float | None = None
    block: int = 0
    batches: int = 0
    batches_final: int = 0
    gas_per_word: float | None = None
    bytes_per_word: float | None = None
    checked: int = 0
    roots_agreed: int = 0
    conserved: bool | None = None
    alarm: str = ""
    markets: list[MarketLine] = field(default_factory=list)
    recent: deque[FillLine] = field(default_factory=lambda: deque(maxlen=RECENT_FILLS))

    def add_fill(self, fill: FillLine) -> None:
        """Show a fill as the newest."""
        self.recent.appendleft(fill)


class Screen:
    """Prints what happened, with the board under it on a terminal. `quiet` prints nothing at all."""

    def __init__(self, console: Console, board: Board, *, quiet: bool = False) -> None:
        self.console = console
        self.board = board
        self.started = monotonic()
        self._quiet = quiet
        self._live: Live | None = None

    @contextmanager
    def show(self) -> Iterator[None]:
        """Show the board while the block runs, if there is a terminal to show it on."""
        if self._quiet or not self.console.is_terminal:
            yield
            return
        with Live(
            get_renderable=lambda: draw(self.board),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        ) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def tell(self, text: str, mark: str = "[green]✓[/]") -> None:
        """Print a line that stays: what was done, and after how many seconds."""
        if not self._quiet:
            line = f"[dim]{monotonic() - self.started:6.1f} s[/] {mark} {text}"
            self.console.print(line, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a line about something that went otherwise than it should."""
        self.tell(text, "[red]✗[/]")

    def begin(self, phase: str) -> None:
        """Name what is being done now."""
        self.board.phase = phase


def format_time(time_ms: int) -> str:
    """A moment of the exchange's time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%a %d %b %Y %H:%M:%S UTC")


def draw(board: Board) -> RenderableType:
    """Draw the whole board."""
    panels = Columns(
        [draw_sequencer(board), draw_l1(board), draw_watchtower(board)], padding=(0, 1), expand=False
    )
    tables = Columns([draw_markets(board), draw_fills(board)], padding=(0, 3), expand=False)
    return Group(draw_head(board), panels, tables)


def draw_head(board: Board) -> RenderableType:
    """Draw what is done now, the exchange's time, and how far it is."""
    line = Table.grid(padding=(0, 2))
    line.add_row(
        Text(board.title, style="bold"),
        Text(format_time(board.now_ms), style="cyan"),
        Text(board.phase, "dim"),
    )
    span = max(1, board.end_ms - board.start_ms)
    done = min(max(board.now_ms - board.start_ms, 0), span)
    bar = Table.grid()
    bar.add_row(ProgressBar(total=span, completed=done, width=3 * PANEL_WIDTH + 2))
    return Group(Text(), line, bar)


def draw_panel(title: str, facts: dict[str, str], style: str = "blue") -> Panel:
    """Draw names and values in a box."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in facts.items():
        table.add_row(name, value)
    return Panel(table, title=title, border_style=style, width=PANEL_WIDTH)


def draw_sequencer(board: Board) -> Panel:
    """Draw what the sequencer did."""
    return draw_panel(
        "sequencer",
        {
            "words ordered": f"{board.words:,}",
            "operations": f"{board.operations:,}",
            "fills": f"{board.fills:,}",
            "answer p50 / p99": format_latency(board.ack_p50_us, board.ack_p99_us),
        },
    )


def draw_l1(board: Board) -> Panel:
    """Draw what L1 holds."""
    return draw_panel(
        "L1 (anvil)",
        {
            "block": f"{board.block:,}",
            "batches, final": f"{board.batches:,}, {board.batches_final:,}",
            "gas a word": format_number(board.gas_per_word),
            "bytes a word": format_number(board.bytes_per_word),
        },
    )


def draw_watchtower(board: Board) -> Panel:
    """Draw what the watchtower found."""
    known = {None: "…", True: "[green]yes[/]", False: "[bold red]NO[/]"}
    facts = {
        "batches re-executed": f"{board.checked:,}",
        "roots that agree": f"{board.roots_agreed:,}",
        "money conserved": known[board.conserved],
        "alarm": f"[bold red]{board.alarm}[/]" if board.alarm else "none",
    }
    return draw_panel("watchtower (L1 alone)", facts, "red" if board.alarm else "green")


def draw_markets(board: Board) -> Table:
    """Draw a line for each underlying."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("", "index", "since start", "instruments", "sheets", "fills", "premium and notional"):
        table.add_column(name, justify="left" if not name else "right")
    for line in board.markets:
        change = 100 * (line.index_ticks / line.open_ticks - 1) if line.open_ticks else 0.0
        style = "green" if change >= 0 else "red"
        table.add_row(
            line.name,
            format_price(line.index_ticks),
            f"[{style}]{change:+.2f} %[/]",
            f"{line.listed:,}",
            f"{line.sheets:,}",
            f"{line.fills:,}",
            format_usdc(line.volume_micros),
        )
    return table


def draw_fills(board: Board) -> Table:
    """Draw the newest fills."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("last fills", "", "size", "price"):
        table.add_column(name, justify="right" if name in ("size", "price") else "left")
    for fill in board.recent:
        style = "green" if fill.side == "buy" else "red"
        price = format_price(fill.price_ticks)
        table.add_row(fill.name, f"[{style}]{fill.side}[/]", format_size(fill.size_lots), price)
    return table


def format_latency(p50_us: float | None, p99_us: float | None) -> str:
    """Two latencies."""
    return f"{format_micros(p50_us)} / {format_micros(p99_us)}"


def format_micros(value_us: float | None) -> str:
    """A latency in the unit that suits it."""
    if value_us is None:
        return "…"
    return f"{value_us:.0f} us" if value_us < 1_000 else f"{value_us / 1_000:.1f} ms"


def format_number(value: float | None) -> str:
    """A number without needless digits."""
    return "…" if value is None else f"{value:,.0f}"
