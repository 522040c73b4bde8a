"""Between two steps: every page that a step changed is named, and registers are what the rules say (02-R03).

The circuits prove steps, not words, so a page that changes without being named would be one that no proof
can follow. `tests/agreement/test_steps.py` stops the machine after every step of the vectors; here somebody
watches it go on.
"""

from __future__ import annotations

import pytest

from miletus.engine import phases as F
from miletus.engine import segment
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.engine.state import State
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CAT, DAN, FOK, INDEX, IOC, PERP, Desk
from tests.engine.records import Record, make, make_segment
from tests.engine.steps import Mirror, take_steps

pytestmark = pytest.mark.both_builds
M = 1_000_000


def watch(desk: Desk, *records: Record, source: int = SEQUENCED) -> list[int]:
    """Carry out operations; after each step nothing has changed but what was named. Gives the phases."""
    machine = desk.pair.machine
    mirror, passed = Mirror(machine), []
    machine.state.clear_outputs()
    for _ in take_steps(machine, mirror, make_segment(source, records)):
        assert mirror.find_unheard() == []
        passed.append(int(machine.state.r_phase))
    machine.flush()
    desk.pair.compare(source, records)
    desk.pair.check()
    return passed


@pytest.fixture
def desk() -> Desk:
    """BOB's asks at two prices, of which ANN's buy will take one whole and one in part; sums are stale."""
    desk = Desk()
    desk.trade(ANN, BOB, 3, 50_000, CALL)
    desk.trade(CAT, BOB, 2, M)
    desk.sell(BOB, 2, M, slot=250)
    desk.sell(CAT, 2, M + 1, slot=9)
    desk.sell(BOB, 5, M + 2, slot=3)
    desk.publish()
    return desk


def order(desk: Desk, account: int, flags: int, price: int, size: int, instrument: int = PERP) -> Record:
    return w.order(desk.world, account, 77, instrument, flags, price, size)


@pytest.mark.rule("02-R03", "02-R04")
def test_an_order_that_takes_and_rests(desk: Desk) -> None:
    passed = watch(desk, order(desk, ANN, 0, M + 1, 6))
    assert {F.ENTER, F.REFRESH, F.READY, F.MATCH, F.UNLINK, F.REST, F.DONE} <= set(passed)


@pytest.mark.rule("02-R03", "04-R15")
@pytest.mark.parametrize(("size", "phase"), [(6, F.PUBLISH), (10, F.UNDO)])
def test_a_fill_or_kill_order(desk: Desk, size: int, phase: int) -> None:
    assert phase in watch(desk, order(desk, ANN, 2 * FOK, M + 9, size))


@pytest.mark.rule("02-R03", "04-R18", "04-R19")
def test_amend_and_cancel(desk: Desk) -> None:
    amend = desk.sign(BOB, segment.AMEND, slot=3, generation=1, price=M + 3, size=4)
    assert F.REENTER in watch(desk, amend)
    cancel = desk.sign(BOB, segment.CANCEL, mode=2, slot=0, generation=0, instrument=0)
    assert F.SCAN in watch(desk, cancel)


@pytest.mark.rule("02-R03", "03-R13", "03-R17", "03-R18")
def test_money(desk: Desk) -> None:
    watch(desk, w.deposit(40, 1_000), w.deposit(CAT, 5), source=INBOX)
    assert F.PAY in watch(desk, desk.sign(ANN, segment.WITHDRAW, amount=1_000))
    assert F.PAY in watch(desk, desk.sign(ANN, segment.TRANSFER, to=DAN, amount=1_000))


@pytest.mark.rule("02-R03", "07-R04", "07-R05", "07-R01")
def test_settlement_and_what_sweeps_after_it(desk: Desk) -> None:
    desk.sell(DAN, 1, 51_000, CALL)
    desk.expire(INDEX + 500)
    settle = make(segment.SETTLE, instrument=CALL)
    watch(desk, settle)
    assert F.CLEAR in watch(desk, settle)
    assert F.REFRESH in watch(desk, desk.sign(ANN, segment.WITHDRAW, amount=1_000))


@pytest.mark.rule("02-R03", "04-R05")
def test_registers_of_an_order_between_its_steps(desk: Desk) -> None:
    """What is left, filled and paid, and the heads that were handled, after every look at a head."""
    machine = desk.pair.machine
    mirror = Mirror(machine)
    record = order(desk, ANN, 2 * FOK, M + 2, 10)
    machine.state.clear_outputs()
    steps = take_steps(machine, mirror, make_segment(SEQUENCED, [record]))
    seen = [get_registers(machine.state) for _ in steps]
    machine.flush()
    desk.pair.compare(SEQUENCED, [record])
    fills = [(8, 2, 2 * M, 1), (6, 4, 4 * M + 2, 2), (1, 9, 9 * M + 12, 3)]
    told = list(dict.fromkeys(values for phase, *rest in seen if phase for values in [tuple(rest)]))
    assert told[0] == (10, 0, 0, 0)
    assert [values for values in told if values[3]][:3] == fills
    assert seen[-1][0] == F.FETCH
    undone = [rest for phase, *rest in seen if phase in (F.UNDO, F.DONE)]
    assert undone == [[*fills[2]], [*fills[1]], [*fills[0]], [10, 0, 0, 0]]


def get_registers(state: State) -> tuple[int, ...]:
    values = (state.r_phase, state.r_left, state.r_filled, state.r_notional, state.r_fills)
    return tuple(int(value) for value in values)


@pytest.mark.rule("02-R03")
def test_an_idle_machine_has_empty_registers(desk: Desk) -> None:
    watch(desk, order(desk, DAN, 2 * IOC, M + 9, 1))
    mirror = Mirror(desk.pair.machine)
    assert 805_306_368 + 1 not in mirror.known
