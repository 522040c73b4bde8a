"""Deposits, keys, withdrawals and transfers (spec 03-R13, 03-R14, 03-R17, 03-R18)."""

from __future__ import annotations

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CASH, CAT, INDEX, Desk
from tests.engine.naive import FIELD
from tests.engine.pair import START_MS
from tests.engine.records import Record

pytestmark = pytest.mark.both_builds
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_cancel(desk: Desk, account: int = ANN, **header: int) -> Record:
    """A signed word that does nothing by itself: cancel all."""
    fields = {"mode": 2, "slot": 0, "generation": 0, "instrument": 0}
    return w.sign(desk.world, account, segment.CANCEL, **(fields | header))


def get_nonce(desk: Desk, account: int = ANN, key: int = 0) -> int:
    return int(desk.account(account)["keys"][key]["nonce"])


# ---- deposits and keys ---------------------------------------------------------------------------


@pytest.mark.rule("03-R13", "01-R06")
def test_a_deposit_makes_or_feeds_an_account(desk: Desk) -> None:
    before = desk.view["header"]["deposited"]
    owner = (1 << 160) - 1
    assert desk.deposit(100, 7, owner).reason == Reason.OK
    assert desk.deposit(100, 8, owner).reason == Reason.OK
    account = desk.account(100)
    assert (account["owner"], account["cash"]) == (owner, 15)
    assert desk.view["header"]["deposited"] == before + 15


@pytest.mark.rule("03-R13")
@pytest.mark.parametrize(
    ("account", "amount", "owner", "reason"),
    [
        (15, 5, 5, Reason.BAD_ACCOUNT),
        (0, 5, 5, Reason.BAD_ACCOUNT),
        (262_144, 5, 5, Reason.BAD_ACCOUNT),
        ((1 << 24) - 1, 5, 5, Reason.BAD_ACCOUNT),
        (30, 5, 0, Reason.BAD_ACCOUNT),
        (ANN, 5, 1, Reason.BAD_ACCOUNT),
        (ANN, 5, 0, Reason.BAD_ACCOUNT),
        (ANN, 0, 0xA000 + ANN, Reason.BAD_AMOUNT),
        (30, 0, 5, Reason.BAD_AMOUNT),
        (15, 0, 5, Reason.BAD_ACCOUNT),
    ],
)
def test_bad_deposits_change_nothing(
    desk: Desk, account: int, amount: int, owner: int, reason: Reason
) -> None:
    before = desk.view
    assert desk.deposit(account, amount, owner) == (reason, 0, 0, 0)
    after = desk.view
    assert after["accounts"] == before["accounts"]
    assert after["header"]["deposited"] == before["header"]["deposited"]


@pytest.mark.rule("03-R13", "01-R03", "01-R04")
def test_deposits_stop_below_2_to_the_60() -> None:
    desk = Desk(w.build_brim())  # all but one micro is deposited
    assert desk.view["header"]["deposited"] == (1 << 60) - 1
    assert desk.deposit(30, 1).reason == Reason.WIDTH
    assert 30 not in desk.view["accounts"]
    desk.withdraw(w.WHALE, 1 << 40)
    assert desk.deposit(30, 1).reason == Reason.WIDTH, "what was deposited does not fall"


@pytest.mark.rule("03-R14")
def test_set_key(desk: Desk) -> None:
    x, y = FIELD - 1, 12_345
    assert desk.send(w.set_key(ANN, 3, 7, 99, x, y), source=INBOX).reason == Reason.OK
    assert desk.account(ANN)["keys"][3] == {"x": x, "y": y, "nonce": 0, "expiry_s": 99, "scope": 7}
    assert desk.send(w.set_key(ANN, 4), source=INBOX).reason == Reason.UNKNOWN_KEY
    assert desk.send(w.set_key(20, 0), source=INBOX).reason == Reason.UNKNOWN_ACCOUNT
    assert desk.send(w.set_key(262_144, 9), source=INBOX).reason == Reason.UNKNOWN_ACCOUNT
    signed = w.sign(desk.world, ANN, segment.SET_KEY, slot=1, scope=255, expiry_s=(1 << 32) - 1, x=5, y=6)
    assert desk.send(signed).reason == Reason.OK
    assert desk.account(ANN)["keys"][1]["scope"] == 255
    again = w.sign(desk.world, ANN, segment.SET_KEY, slot=4, scope=1, expiry_s=0, x=5, y=6)
    assert desk.send(again).reason == Reason.UNKNOWN_KEY


@pytest.mark.rule("03-R14")
def test_attack_a_coordinate_that_no_tree_can_hold_is_taken_mod_r(desk: Desk) -> None:
    desk.send(w.set_key(ANN, 1, x=(1 << 256) - 1, y=FIELD + 5), source=INBOX)
    key = desk.account(ANN)["keys"][1]
    assert (key["x"], key["y"]) == (((1 << 256) - 1) % FIELD, 5)
    desk.send(w.set_key(ANN, 1, x=FIELD, y=2 * FIELD), source=INBOX)
    assert desk.send(make_cancel(desk, key=1)).reason == Reason.UNKNOWN_KEY, "zero mod r is no key"


@pytest.mark.rule("03-R14")
def test_attack_a_key_set_again_does_not_bring_old_words_back(desk: Desk) -> None:
    word = make_cancel(desk, nonce=7)
    assert desk.send(word).reason == Reason.OK
    desk.send(w.set_key(ANN, 0, x=0, y=0), source=INBOX)
    assert desk.send(make_cancel(desk)).reason == Reason.UNKNOWN_KEY
    desk.send(w.set_key(ANN, 0), source=INBOX)
    assert get_nonce(desk) == 7
    assert desk.send(word).reason == Reason.NONCE_USED


# ---- withdrawals and transfers -------------------------------------------------------------------


@pytest.mark.rule("03-R17", "01-R06")
def test_a_withdrawal_goes_to_the_owner_by_the_outbox(desk: Desk) -> None:
    assert desk.withdraw(ANN, 5) == (Reason.OK, 0, 0, 0)
    assert desk.withdraw(BOB, 7).reason == Reason.OK
    assert desk.pair.machine.state.outbox == [(0xA000 + ANN, 5), (0xA000 + BOB, 7)]
    header = desk.view["header"]
    assert (header["outbox_count"], header["withdrawn"]) == (2, 12)
    assert header["outbox"] != 0
    assert desk.cash(ANN) == CASH - 5
    desk.pair.begin_batch(START_MS, 0)
    header = desk.view["header"]
    assert (header["outbox_count"], header["outbox"], header["withdrawn"]) == (0, 0, 12)
    assert desk.pair.machine.state.outbox == []


@pytest.mark.rule("03-R17")
def test_what_cannot_be_withdrawn(desk: Desk) -> None:
    assert desk.withdraw(ANN, 0).reason == Reason.BAD_AMOUNT
    assert desk.withdraw(ANN, CASH + 1).reason == Reason.MARGIN
    assert desk.withdraw(ANN, (1 << 56) - 1).reason == Reason.MARGIN
    assert desk.withdraw(ANN, CASH).reason == Reason.OK
    assert desk.withdraw(ANN, 1).reason == Reason.MARGIN


@pytest.mark.rule("03-R17", "06-R08")
def test_an_old_oracle_holds_back_those_with_positions_and_nobody_else(desk: Desk) -> None:
    desk.trade(ANN, BOB, 1, M)
    desk.wait(61)
    assert desk.withdraw(ANN, 1).reason == Reason.STALE
    assert desk.transfer(ANN, CAT, 1).reason == Reason.STALE
    assert desk.withdraw(CAT, 1).reason == Reason.OK
    desk.set_index(INDEX)
    assert desk.withdraw(ANN, 1).reason == Reason.OK
    desk.wait(1_800)
    desk.set_index(INDEX)
    assert desk.withdraw(ANN, 1).reason == Reason.STALE, "the sheet is too old"
    assert desk.transfer(CAT, ANN, 1).reason == Reason.OK


@pytest.mark.rule("03-R17")
def test_a_batch_s_outbox_has_256_places(desk: Desk) -> None:
    words = [w.sign(desk.world, ANN, segment.WITHDRAW, amount=1) | {"nonce": 1 + k} for k in range(256)]
    assert {reply.reason for reply in desk.send_all(*words)} == {Reason.OK}
    assert desk.withdraw(BOB, 1).reason == Reason.OUTBOX_FULL
    assert desk.withdraw(BOB, CASH + 1).reason == Reason.MARGIN, "margin is asked first"
    assert desk.cash(BOB) == CASH
    assert desk.transfer(BOB, CAT, 1).reason == Reason.OK
    desk.pair.begin_batch(START_MS + 10**6, 0)
    assert desk.withdraw(BOB, 1).reason == Reason.OK


@pytest.mark.rule("03-R18")
def test_a_transfer_moves_cash_to_another_account(desk: Desk) -> None:
    assert desk.transfer(ANN, BOB, 5) == (Reason.OK, 0, 0, 0)
    assert (desk.cash(ANN), desk.cash(BOB)) == (CASH - 5, CASH + 5)
    assert desk.transfer(ANN, BOB, 0).reason == Reason.BAD_AMOUNT
    for to in (ANN, 0, 1, 15, 20, 40_000, 262_144, (1 << 24) - 1):
        assert desk.transfer(ANN, to, 1).reason == Reason.UNKNOWN_ACCOUNT
    assert desk.transfer(ANN, BOB, CASH).reason == Reason.MARGIN


@pytest.mark.rule("03-R18", "01-R04")
def test_a_transfer_that_does_not_fit_is_refused() -> None:
    """WHALE has nearly all money and sells for what is left below 2^60."""
    desk = Desk(w.build_brim())
    lots = ((1 << 60) - 1 - desk.cash(w.WHALE)) // (6_500_000 - 3_250)  # less the fee
    desk.buy(w.WHALE + 1, lots, 6_500_000, 5)
    desk.sell(w.WHALE, lots, 6_500_000, 5)
    room = (1 << 60) - 1 - desk.cash(w.WHALE)
    assert 0 < room < 6_500_000
    assert desk.transfer(16, w.WHALE, room + 1).reason == Reason.WIDTH
    assert desk.transfer(16, w.WHALE, room).reason == Reason.OK
    assert desk.cash(w.WHALE) == (1 << 60) - 1
