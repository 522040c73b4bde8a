"""A maker at a real node: it quotes, it is restarted under, picked off, refused, starved, and stopped."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from miletus.client import Exchange, OrderRefused, TimeInForce
from miletus.maker.config import LimitsConfig, MakerConfig, ProtectionConfig, QuotesConfig, RunConfig
from miletus.maker.errors import MakerError
from miletus.maker.runner import Runner
from miletus.sequencer.query import AccountView, view_account
from tests.client.serving import Serving
from tests.sequencer import world as w

MAKER, TAKER = 16, 17
PERPETUAL = "BTC_USDC-PERPETUAL"
CONFIG = MakerConfig(
    quotes=QuotesConfig(coins=("BTC",), option_size=0.1, future_size=0.1),
    protection=ProtectionConfig(pause_seconds=1.0, silence_seconds=3.0, refusals=50),
    run=RunConfig(step_seconds=0.05, report_seconds=0.2),
)


def change(config: MakerConfig, **sections: dict[str, Any]) -> MakerConfig:
    for name, values in sections.items():
        part = msgspec.structs.replace(getattr(config, name), **values)
        config = msgspec.structs.replace(config, **{name: part})
    return config


class Running:
    """A maker in a thread of its own."""

    def __init__(self, serving: Serving, config: MakerConfig, *, dry_run: bool = False) -> None:
        self.reports: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.last: dict[str, Any] = {}
        key = None if dry_run else w.get_key(MAKER)
        self.runner = Runner(
            serving.venue, config, key, None if dry_run else MAKER, self.reports.append, dry_run=dry_run
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main)
        self._thread.start()

    def _main(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self.last = await self.runner.run()

        try:
            asyncio.run(main())
        except BaseException as error:
            self.error = error

    def stop(self, seconds: float = 15.0) -> dict[str, Any]:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.runner.stop)
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return self.last

    def wait(self, seconds: float = 15.0) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()


class Ticking:
    """The oracle: an index every so often, a second of the exchange's time each."""

    def __init__(self, serving: Serving) -> None:
        self.index_ticks = w.INDEX_TICKS
        self._serving = serving
        self._on = threading.Event()
        self._end = threading.Event()
        self._on.set()
        self._thread = threading.Thread(target=self._main)
        self._thread.start()

    def _main(self) -> None:
        while not self._end.wait(0.2):
            if self._on.is_set():
                self._serving.tick(self.index_ticks)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self._on.clear()
        time.sleep(0.3)
        try:
            yield
        finally:
            self._on.set()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def ticking(serving: Serving) -> Iterator[Ticking]:
    ticking = Ticking(serving)
    yield ticking
    ticking.stop()


@pytest.fixture
def start(serving: Serving, ticking: Ticking) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(config: MakerConfig = CONFIG, **options: Any) -> Running:
        started.append(Running(serving, config, **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def taker(serving: Serving) -> Iterator[Exchange]:
    with Exchange.open(serving.venue, key=w.get_key(TAKER), account=TAKER) as exchange:
        yield exchange


def view(serving: Serving, account: int = MAKER) -> AccountView:
    found = serving.do(lambda: view_account(serving.node.machine.state, account))
    assert found is not None
    return found


def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)
    return answer


def count(serving: Serving) -> int:
    return len(view(serving).orders)


Start = Callable[..., Running]


def test_it_quotes_both_sides_and_a_stop_leaves_nothing(serving: Serving, start: Start) -> None:
    running = start()
    until(lambda: count(serving) == 4)
    orders = view(serving).orders
    assert {(order.instrument, order.side) for order in orders} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(order.post_only for order in orders)
    clock_s = serving.clock.now_ms // 1_000
    assert all(clock_s < order.expiry_s <= clock_s + 25 for order in orders)  # the dead man's switch
    last = running.stop()
    assert running.error is None
    assert count(serving) == 0
    assert last["resting"] == 0


def test_quotes_are_sent_anew_before_they_end(serving: Serving, start: Start) -> None:
    start()
    until(lambda: count(serving) == 4)
    first = max(order.expiry_s for order in view(serving).orders)
    until(lambda: count(serving) == 4 and min(order.expiry_s for order in view(serving).orders) > first)


def test_a_dry_run_sends_nothing(serving: Serving, start: Start) -> None:
    running = start(dry_run=True)
    until(lambda: any(report["quotes"] == 4 for report in running.reports))
    assert view(serving).orders == ()
    assert running.stop()["sent"] == 0


def test_what_an_earlier_run_left_is_cancelled_first(serving: Serving, start: Start) -> None:
    with Exchange.open(serving.venue, key=w.get_key(MAKER), account=MAKER) as earlier:
        for _ in range(5):
            earlier.buy(PERPETUAL, "0.01", "60000")
    start()
    until(lambda: count(serving) == 4)
    assert all(order.price_ticks > 200_000 for order in view(serving).orders)


def test_fills_are_booked_and_the_quote_is_filled_up(serving: Serving, start: Start, taker: Exchange) -> None:
    running = start()
    until(lambda: count(serving) == 4)
    bought = taker.buy(PERPETUAL, "0.08")
    assert bought.filled
    until(lambda: running.runner.describe()["fills"] == 1)
    held = {p.instrument: p.size_lots for p in view(serving).positions}
    assert held == {0: -800}
    until(
        lambda: any(o.instrument == 0 and o.side == 1 and o.left_lots == 1_000 for o in view(serving).orders)
    )
    last = running.stop()
    equity = view(serving).equity_micros + view(serving).locked_micros
    assert last["profit"]["total"] == pytest.approx((equity - w.DEPOSIT_MICROS) / 1e6, abs=0.05)
    assert last["profit"]["edge"] > 0


@pytest.mark.rule("09-R04")
def test_a_node_that_restarts_is_quoted_at_again(serving: Serving, start: Start, ticking: Ticking) -> None:
    running = start()
    until(lambda: count(serving) == 4)
    with ticking.paused():
        serving.restart()
    resting = {(order.slot, order.generation) for order in view(serving).orders}
    until(
        lambda: count(serving) == 4 and not resting & {(o.slot, o.generation) for o in view(serving).orders}
    )
    assert running.runner.line.reconnects >= 1
    last = running.stop()
    assert running.error is None
    assert count(serving) == last["resting"] == 0


def test_a_silent_oracle_takes_the_quotes_out(serving: Serving, start: Start, ticking: Ticking) -> None:
    running = start(change(CONFIG, protection={"index_seconds": 2.0, "silence_seconds": 60.0}))
    until(lambda: count(serving) == 4)
    with ticking.paused():
        until(lambda: count(serving) == 0)
        assert "index is" in running.runner.reason
    until(lambda: count(serving) == 4)


def test_a_silent_feed_takes_the_quotes_out(serving: Serving, start: Start, ticking: Ticking) -> None:
    running = start(change(CONFIG, protection={"index_seconds": 600.0, "silence_seconds": 1.0}))
    until(lambda: count(serving) == 4)
    with ticking.paused():
        until(lambda: count(serving) == 0)
        assert "silent" in running.runner.reason or count(serving) == 0
    until(lambda: count(serving) == 4)


def test_an_old_sheet_takes_the_quotes_out(serving: Serving, start: Start) -> None:
    running = start(change(CONFIG, protection={"sheet_seconds": 12.0}))
    until(lambda: "sheet is" in running.runner.reason)
    until(lambda: count(serving) == 0)


def test_whoever_picks_off_meets_a_pause(serving: Serving, start: Start, taker: Exchange) -> None:
    """Somebody takes quote after quote: after the agreed size there is nothing to take for a while."""
    limits = {"fill_size": 0.25, "fill_seconds": 30.0, "pause_seconds": 2.0}
    running = start(change(CONFIG, protection=limits))
    until(lambda: count(serving) == 4)
    taken, end = 0.0, time.monotonic() + 10
    while running.runner.guard.pauses == 0 and time.monotonic() < end:
        with contextlib.suppress(OrderRefused):
            taken += float(taker.buy(PERPETUAL, "0.1", time_in_force=TimeInForce.IOC).filled)
    assert running.runner.guard.pauses == 1
    assert taken <= 0.25 + 0.2
    until(lambda: count(serving) == 0)
    with pytest.raises(OrderRefused):
        taker.buy(PERPETUAL, "0.1", time_in_force=TimeInForce.IOC)
    until(lambda: count(serving) == 4)


def test_a_position_never_goes_beyond_its_limit(serving: Serving, start: Start, taker: Exchange) -> None:
    limits = {"position": 0.25, "delta": 100.0}
    running = start(change(CONFIG, limits=limits, protection={"fill_size": 100.0, "refusals": 10_000}))
    until(lambda: count(serving) == 4)
    for _ in range(60):
        with contextlib.suppress(OrderRefused):
            taker.sell(PERPETUAL, "0.05", time_in_force=TimeInForce.IOC)
        time.sleep(0.02)
    lots = next(p.size_lots for p in view(serving).positions if p.instrument == 0)
    assert 0 < lots <= 2_500
    until(lambda: not any(o.instrument == 0 and o.side == 0 for o in view(serving).orders))
    assert any(o.instrument == 0 and o.side == 1 for o in view(serving).orders)
    assert running.runner.reason == ""


def test_a_loss_beyond_the_limit_ends_the_run_with_nothing_resting(
    serving: Serving, start: Start, taker: Exchange, ticking: Ticking
) -> None:
    protection = {"index_move_share": 1.0, "fill_size": 100.0}
    running = start(change(CONFIG, limits={"loss": 5.0}, protection=protection))
    until(lambda: count(serving) == 4)
    assert taker.buy(PERPETUAL, "0.1").filled
    until(lambda: running.runner.describe()["fills"] >= 1)
    for _ in range(4):  # it is short, and the index rises
        ticking.index_ticks += 10_000
        time.sleep(0.5)
    running.wait()
    assert isinstance(running.error, MakerError)
    assert "above the limit of 5" in str(running.error)
    assert count(serving) == 0
    assert running.reports[-1]["profit"]["delta"] < 0


def test_a_jump_of_the_index_takes_the_quotes_out(serving: Serving, start: Start, ticking: Ticking) -> None:
    running = start(change(CONFIG, protection={"index_move_share": 0.001, "pause_seconds": 60.0}))
    until(lambda: count(serving) == 4)
    ticking.index_ticks += 10_000
    until(lambda: running.runner.guard.pauses)
    until(lambda: count(serving) == 0)
    assert "index moved" in running.runner.reason


def test_another_program_with_the_same_key_does_not_stop_it(serving: Serving, start: Start) -> None:
    running = start()
    until(lambda: count(serving) == 4)
    with Exchange.open(serving.venue, key=w.get_key(MAKER), account=MAKER) as other:
        for _ in range(40):
            with contextlib.suppress(OrderRefused):
                other.cancel_all()
    until(lambda: count(serving) == 4)
    assert running.runner.refused["NONCE_USED"] > 0


def test_an_account_that_can_not_trade_is_one_line(
    serving: Serving, ticking: Ticking, tmp_path: Path
) -> None:
    for key, account, message in (
        (w.get_key(TAKER), MAKER, "the key is none of account 16"),
        (w.get_key(MAKER), 999, "deposit first"),
    ):
        runner = Runner(serving.venue, CONFIG, key, account, lambda report: None)
        with pytest.raises(MakerError, match=message):
            asyncio.run(runner.run())
    with pytest.raises(MakerError, match="needs an account"):
        Runner(serving.venue, CONFIG, None, None, lambda report: None)


def test_limits_hold_where_margin_is_short(serving: Serving, start: Start, taker: Exchange) -> None:
    running = start(change(CONFIG, limits={"margin_share": 0.0}, protection={"fill_size": 100.0}))
    until(lambda: count(serving) == 4)
    assert taker.buy(PERPETUAL, "0.1").filled
    until(lambda: "initial margin" in running.runner.reason)
    until(lambda: count(serving) == 0)
    assert LimitsConfig().margin_share == 0.8
