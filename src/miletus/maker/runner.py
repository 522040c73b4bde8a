"""The maker at an exchange: follows the feed, thinks every step, sends what is to change, and stops cleanly.

An order lives `good_for_seconds` and is sent anew at half of that, so whatever becomes of this program, its
quotes are gone soon. Its words may be ordered for a few seconds only, so what waited in a broken line comes
to nothing.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from miletus.client.errors import ClientError, FeedLost
from miletus.client.exchange_feed import ExchangeFeed
from miletus.client.line import Line, Lost
from miletus.client.streams import follow_groups
from miletus.client.trader import Trader
from miletus.client.venue import Venue
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.maker.config import MakerConfig
from miletus.maker.errors import MakerError
from miletus.maker.opening import read_market
from miletus.maker.profit import Ledger, Look
from miletus.maker.quoting import Place, Quote, Slots, Wish, Withdraw, compute_quotes, compute_wishes
from miletus.maker.reports import describe
from miletus.maker.risk import Exposure, Guard, compute_exposure
from miletus.maker.standing import Standing
from miletus.maker.theory import Fit, Value, compute_values, fit_underlying
from miletus.market.board import Board
from miletus.market.names import UNDERLYINGS
from miletus.native import PrivateKey, domain
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.errors import Refused

WORDS_SECONDS: Final = 4
"""How long a signed order may wait to be ordered."""

STOP_SECONDS: Final = 5.0
"""How long a stop waits for the node before it leaves orders to end by themselves."""

Report = Callable[[dict[str, Any]], None]
"""Takes what there is to tell."""


class Runner:
    """One maker.

    Args:
        venue: the exchange.
        config: what it is set up with.
        key, account: a trading key and its account; None with `dry_run`, which sends nothing.
        report: takes what there is to tell, every `report_seconds` and at the end.
        dry_run: think, tell, and send nothing.

    """

    def __init__(
        self,
        venue: Venue,
        config: MakerConfig,
        key: PrivateKey | None,
        account: int | None,
        report: Report,
        *,
        dry_run: bool = False,
    ) -> None:
        if not dry_run and (key is None or account is None):
            raise MakerError("a maker needs an account and its key: deposit first, or use --dry-run")
        self.config = config
        self.dry_run = dry_run
        self.line = Line(venue, patience_seconds=86_400.0)
        self.feed = ExchangeFeed(self._on_events)
        self.guard = Guard(config.protection)
        self.fits: dict[int, Fit] = {}
        self.quotes: dict[int, Quote] = {}
        self.exposures: dict[int, Exposure] = {}
        self.refused: Counter[str] = Counter()
        self.reason = "starting"
        self.steps = 0
        self.sent = 0
        self.free_share = 1.0
        self._venue, self._key, self._account = venue, key, account
        self._report = report
        self._slots = Slots()
        self._standing = Standing(-1 if account is None else account, {}, self._on_fill)
        self._ledger = Ledger({})
        self._trader: Trader | None = None
        self._heard = time.monotonic()
        self._exchange_ms = 0
        self._since = 0
        self._index_times: dict[int, int] = {}
        self._sheet_times: dict[int, float] = {}
        self._fitted: dict[int, int] = {}
        self._stopping = asyncio.Event()

    # ---- what its owner calls

    def stop(self) -> None:
        """End the run: cancel everything, then return."""
        self._stopping.set()

    async def run(self) -> dict[str, Any]:
        """Quote until stopped or a limit ends it; what there was to tell at the end.

        Raises:
            MakerError: the loss limit was reached; everything is cancelled.
            ClientError: the account or the node can't be used.

        """
        follower: asyncio.Task[None] | None = None
        try:
            await self._start()
            follower = asyncio.create_task(self._follow())
            await self._loop(follower)
        finally:
            await self._withdraw_all()
            if follower is not None:
                follower.cancel()
                await asyncio.gather(follower, return_exceptions=True)
            await self.line.close()
            last = self.describe()
            self._report({"event": "stopped", **last})
        return last

    def describe(self) -> dict[str, Any]:
        """How it stands. Money in USDC, sizes in coins."""
        return describe(self.quotes, self._standing, self.exposures, self.fits, self._ledger.profit) | {
            "reason": self.reason,
            "pauses": self.guard.pauses,
            "sent": self.sent,
            "refused": dict(self.refused),
            "reconnects": self.line.reconnects,
            "unquoted": self._slots.unquoted,
        }

    # ---- starting

    async def _start(self) -> None:
        """Cancel what an earlier run left, then read where things stand: nothing of ours moves meanwhile."""
        status = await self.line.ask(lambda node: node.plain.get_status())
        self._note_time(status.clock_ms)
        self._since = status.next_number
        if not self.dry_run:
            await self._take_account()
        await self._read_market()

    async def _take_account(self) -> None:
        account, key = self._account, self._key
        assert account is not None
        assert key is not None
        view = await self.line.ask(lambda node: node.plain.get_account(account))
        if view is None:
            raise MakerError(f"account {account} is not on the exchange: deposit first, with miletus deposit")
        own = [k for k in view.keys if (int.from_bytes(k.x, "big"), int.from_bytes(k.y, "big")) == key.public]
        if not own:
            raise MakerError(f"the key is none of account {account}: give the wallet that owns it")
        self._trader = Trader(
            account=account,
            key_slot=own[0].slot,
            key=key,
            domain=domain(self._venue.chain_id, self._venue.rollup),
            now_s=lambda: int(self.get_time_s()),
            last_nonce=own[0].nonce,
            lifetime_s=WORDS_SECONDS,
        )
        (cancelled,) = await self.line.submit([self._trader.cancel_all()])
        if isinstance(cancelled, Refused):
            raise MakerError(f"account {account} can't trade: {cancelled}")
        view = await self.line.ask(lambda node: node.plain.get_account(account))
        assert view is not None
        self._since = (await self.line.ask(lambda node: node.plain.get_status())).next_number
        held = {each.instrument: each.size_lots for each in view.positions}
        self._standing = Standing(account, held, self._on_fill)
        self._ledger = Ledger(held)

    async def _read_market(self) -> None:
        for underlying, view in (await read_market(self.line, self.feed)).items():
            self._index_times[underlying] = view.tick_time_s
            self._sheet_times[underlying] = view.sheet_time_s
            self.guard.note_index(time.monotonic(), underlying, view.index_ticks)

    # ---- hearing

    async def _follow(self) -> None:
        async for group in follow_groups(self.line, self._since):
            self._hear(group)

    def _hear(self, group: FeedGroup) -> None:
        before = dict(self.feed.sheet_counts)
        self._note_time(group.time_ms)
        self.feed.take(group)
        for underlying, count in self.feed.sheet_counts.items():
            if count != before.get(underlying):
                self._sheet_times[underlying] = group.time_ms / 1_000

    def _note_time(self, time_ms: int) -> None:
        self._exchange_ms = max(self._exchange_ms, time_ms)
        self._heard = time.monotonic()

    def _on_events(self, number: int, time_ms: int, told: tuple[tuple[int, ...], ...]) -> None:
        for event in told:
            if event[0] == events.INDEXED and not event[4]:
                self._index_times[event[1]] = max(self._index_times.get(event[1], 0), event[3])
                self.guard.note_index(time.monotonic(), event[1], event[2])
            elif event[0] == events.SETTLED:
                self._ledger.note_settled(event[1], event[2])
        self._standing.take(told)

    def _on_fill(self, instrument: int, lots: int, price_ticks: int, fee_micros: int, passive: bool) -> None:
        self._ledger.note_fill(instrument, lots, price_ticks, fee_micros)
        terms = self.feed.terms.get(instrument)
        if passive and terms is not None:
            self.guard.note_fill(time.monotonic(), terms.underlying, abs(lots))

    def get_time_s(self) -> float:
        """The exchange's time: that of the last group, and what passed since."""
        return self._exchange_ms / 1_000 + (time.monotonic() - self._heard)

    # ---- thinking

    async def _loop(self, follower: "asyncio.Task[None]") -> None:
        reported = looked = 0.0
        while not self._stopping.is_set():
            if follower.done():
                error = follower.exception()
                raise error if error is not None else FeedLost("the feed ended: start the maker again")
            started = time.monotonic()
            if not self.dry_run and started - looked >= self.config.run.report_seconds:
                await self._look_at_margin()
                looked = started
            await self._step(started)
            self.steps += 1
            if started - reported >= self.config.run.report_seconds:
                self._report({"event": "standing", **self.describe()})
                reported = started
            left = self.config.run.step_seconds - (time.monotonic() - started)
            try:
                await asyncio.wait_for(self._stopping.wait(), max(left, 0.001))
            except TimeoutError:
                continue

    async def _step(self, now: float) -> None:
        """Think once, and send what is to change."""
        board = self.feed.make_board(int(self.get_time_s()))
        await self._fit(board)
        values = compute_values(board, self.fits, self.config.quotes.edge_points)
        self.exposures = compute_exposure(self._standing.positions, values, board)
        if values:
            self._ledger.look(Look.at(board, values))
        loss = -self._ledger.profit.total
        if loss > self.config.limits.loss:
            raise MakerError(
                f"the loss of {loss:.2f} USDC is above the limit of {self.config.limits.loss:g}: everything "
                "is cancelled; see what happened before it is started again"
            )
        self.reason = self._find_reason(now, board)
        self.quotes = {} if self.reason else self._compute_quotes(board, values)
        wishes: list[Wish] = []
        if not self.reason:
            wishes = compute_wishes(
                self.quotes,
                self._standing.resting,
                self._slots,
                self.get_time_s(),
                self.config.quotes,
                self.config.protection.good_for_seconds,
            )
        elif self._standing.resting and not self.dry_run:
            await self._cancel_all()
        if wishes and not self.dry_run:
            await self._send(wishes)

    async def _fit(self, board: Board) -> None:
        """Fit underlyings that have a new sheet, beside the event loop."""
        for underlying, count in list(self.feed.sheet_counts.items()):
            if self._fitted.get(underlying) != count and underlying in board.index_ticks:
                self.fits[underlying] = await asyncio.to_thread(fit_underlying, board, underlying)
                self._fitted[underlying] = count

    def _compute_quotes(self, board: Board, values: dict[int, Value]) -> dict[int, Quote]:
        config = self.config
        return compute_quotes(
            board, values, self.exposures, self._standing.positions, config.quotes, config.skew, config.limits
        )

    def _find_reason(self, now: float, board: Board) -> str:
        if not board.lines:
            return "no sheet is in force yet"
        wanted = [UNDERLYINGS.index(coin) for coin in self.config.quotes.coins]
        known = [underlying for underlying in wanted if underlying in board.index_ticks]
        if not known:
            return f"no sheet of {', '.join(self.config.quotes.coins)} is in force yet"
        time_s = self.get_time_s()
        index_age = max(time_s - self._index_times.get(u, 0) for u in known)
        sheet_age = max(time_s - self._sheet_times.get(u, 0.0) for u in known)
        reason = self.guard.find_reason(now, sheet_age, index_age, now - self._heard)
        if not reason and self.free_share < 1 - self.config.limits.margin_share:
            return f"initial margin uses {100 * (1 - self.free_share):.0f} % of the equity"
        return reason

    async def _look_at_margin(self) -> None:
        view = await self.line.ask(lambda node: node.plain.get_account(self._standing.account))
        if view is not None:
            self.free_share = 1 - view.requirement_micros / max(view.equity_micros, 1)

    # ---- sending

    async def _send(self, wishes: Sequence[Wish]) -> None:
        """Send what is wished in chunks, one after the other: what gives way goes before what follows."""
        for at in range(0, len(wishes), self.config.run.chunk):
            if self._stopping.is_set():
                return
            await self._submit([self._sign(wish) for wish in wishes[at : at + self.config.run.chunk]])

    def _sign(self, wish: Wish) -> bytes:
        trader, good_for_s = self._trader, self.config.protection.good_for_seconds
        assert trader is not None
        if isinstance(wish, Withdraw):
            return trader.cancel(wish.slot)
        assert isinstance(wish, Place)
        self._standing.note_sent(wish.slot, self.get_time_s() + good_for_s)
        return trader.place(
            wish.instrument,
            wish.side,
            wish.size_lots,
            wish.price_ticks,
            slot=wish.slot,
            post_only=True,
            replace=True,
            good_for_s=good_for_s,
        )

    async def _submit(self, words: Sequence[bytes]) -> None:
        self.sent += len(words)
        last, behind = 0, False
        for outcome in await self.line.submit(words):
            if isinstance(outcome, Lost):
                self.refused["answer lost"] += 1
            elif isinstance(outcome, Refused):
                self._note_refusal(outcome.reason.name if outcome.reason is not None else str(outcome))
                behind = behind or outcome.reason is Reason.NONCE_USED
            else:
                last = max(last, outcome.number)
                if outcome.result.reason:
                    self._note_refusal(Reason(outcome.result.reason).name)
        if behind:
            await self._take_nonce()
        await self._hear_of(last)

    async def _take_nonce(self) -> None:
        """Go on after whoever else signs with this key."""
        trader = self._trader
        assert trader is not None
        view = await self.line.ask(lambda node: node.plain.get_account(trader.account))
        for key in view.keys if view is not None else ():
            if key.slot == trader.key_slot:
                trader.last_nonce = max(trader.last_nonce, key.nonce)

    def _note_refusal(self, name: str) -> None:
        self.refused[name] += 1
        if name not in ("POST_ONLY", "ORDER_NOT_FOUND"):  # a market that moved, and an order that was filled
            self.guard.note_refusal(time.monotonic())

    async def _hear_of(self, number: int) -> None:
        """Wait until the feed has come to a number, so that the next step knows what this one did."""
        end = time.monotonic() + self.config.protection.silence_seconds
        while self.feed.next_number <= number and time.monotonic() < end and not self._stopping.is_set():
            await asyncio.sleep(0.002)

    async def _cancel_all(self) -> None:
        assert self._trader is not None
        await self._submit([self._trader.cancel_all()])

    async def _withdraw_all(self) -> None:
        """Cancel everything at the end, or say that it ends by itself."""
        if self._trader is None:
            return
        try:
            await asyncio.wait_for(self._cancel_for_good(), STOP_SECONDS)
        except (TimeoutError, ClientError):
            self._report(
                {
                    "event": "warning",
                    "problem": "the node did not answer the last cancel: what rests ends by itself within "
                    f"{self.config.protection.good_for_seconds} s",
                }
            )

    async def _cancel_for_good(self) -> None:
        """Cancel until the account says that nothing rests."""
        trader = self._trader
        assert trader is not None
        while True:
            await self.line.submit([trader.cancel_all()])
            view = await self.line.ask(lambda node: node.plain.get_account(trader.account))
            if view is None or not view.orders:
                self._standing.resting.clear()
                return
