"""What a trader signs is what the machine takes, word for word and rule for rule."""

import pytest
from eth_account import Account

from miletus.client import SCOPE_ALL, RequestError, Side, TimeInForce, Trader, derive_trading_key
from miletus.client.trader import MAX_NONCE
from miletus.codec import decode_segment, encode
from miletus.codec.view import OperationView, view_operation
from miletus.engine import segment as segments
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.engine.reasons import Reason
from miletus.native import NativeCrypto, PrivateKey, domain, prepare

CHAIN_ID, ROLLUP = 31_337, "0x" + "22" * 20
NOW_S = 1_770_000_000
ACCOUNT, OTHER = 16, 17
WALLET = Account.from_key("0x" + "11" * 32)
KEY = derive_trading_key(WALLET, CHAIN_ID, ROLLUP)


def build_trader(key: PrivateKey = KEY, last_nonce: int = 0, rollup: str = ROLLUP) -> Trader:
    return Trader(
        account=ACCOUNT,
        key_slot=0,
        key=key,
        domain=domain(CHAIN_ID, rollup),
        now_s=lambda: NOW_S,
        last_nonce=last_nonce,
    )


def view(words: bytes) -> OperationView:
    return view_operation(decode_segment(int(segments.SEQUENCED), words), 0)


@pytest.fixture
def machine() -> Machine:
    """Two funded accounts; the first has the trading key."""
    machine = Machine(32, NativeCrypto(CHAIN_ID, ROLLUP))
    apply_genesis(machine.state, [(1, 2)], 1, 1, NOW_S * 1000)
    machine.begin_batch(NOW_S * 1000 + 5_000, 0)
    x, y = KEY.public
    run(
        machine,
        encode.deposit(account=ACCOUNT, owner=int(WALLET.address, 16), amount_micros=5_000_000)
        + encode.deposit(account=OTHER, owner=1, amount_micros=1_000_000)
        + encode.set_key_inbox(account=ACCOUNT, slot=0, scope=SCOPE_ALL, expiry_s=0, x=x, y=y),
        int(segments.INBOX),
    )
    return machine


def run(machine: Machine, words: bytes, source: int = int(segments.SEQUENCED)) -> list[Reason]:
    """Run words as a segment, with its signatures checked at once; the reasons of its operations."""
    machine.state.clear_outputs()
    segment = decode_segment(source, words)
    prepare(segment, machine)
    machine.run(segment)
    return [Reason(machine.state.receipts[4 * k]) for k in range(machine.state.receipt_count)]


@pytest.mark.rule("10-R03", "10-R05", "03-R10")
def test_the_machine_accepts_what_a_trader_signs(machine: Machine) -> None:
    trader = build_trader()
    new_key = derive_trading_key(WALLET, CHAIN_ID, ROLLUP, 1)
    words = (
        trader.transfer(OTHER, 250_000)
        + trader.withdraw(1_000_000)
        + trader.set_key(1, new_key.public, SCOPE_ALL)
        + trader.cancel_all()
    )
    assert run(machine, words) == [Reason.OK] * 4
    with_new_key = Trader(
        account=ACCOUNT, key_slot=1, key=new_key, domain=domain(CHAIN_ID, ROLLUP), now_s=lambda: NOW_S
    )
    assert run(machine, with_new_key.cancel_all()) == [Reason.OK]
    assert machine.state.outbox == [(int(WALLET.address, 16), 1_000_000)]


@pytest.mark.rule("03-R08", "03-R11")
def test_what_was_sent_once_is_refused_the_second_time(machine: Machine) -> None:
    words = build_trader().transfer(OTHER, 250_000)
    assert run(machine, words + words) == [Reason.OK, Reason.NONCE_USED]


@pytest.mark.rule("03-R10")
def test_a_key_of_another_deployment_or_wallet_does_nothing(machine: Machine) -> None:
    thief = derive_trading_key(Account.from_key("0x" + "66" * 32), CHAIN_ID, ROLLUP)
    for trader in (build_trader(thief), build_trader(rollup="0x" + "23" * 20)):
        assert run(machine, trader.withdraw(1)) == [Reason.BAD_SIGNATURE]


@pytest.mark.rule("03-R10")
def test_a_word_changed_after_signing_does_nothing(machine: Machine) -> None:
    words = bytearray(build_trader().transfer(OTHER, 250_000))
    words[23] ^= 1  # the amount's last byte
    assert run(machine, bytes(words)) == [Reason.BAD_SIGNATURE]
    key_words = bytearray(build_trader().set_key(1, KEY.public, SCOPE_ALL))
    key_words[40] ^= 1  # in the new key's x
    assert run(machine, bytes(key_words)) == [Reason.BAD_SIGNATURE]


def test_the_words_of_an_order_say_what_was_asked() -> None:
    words = build_trader(last_nonce=8).place(
        7,
        Side.SELL,
        300,
        12_500,
        slot=9,
        time_in_force=TimeInForce.FOK,
        reduce_only=True,
        replace=True,
        good_for_s=60,
    )
    assert view(words).fields | {"flags": 0} == {
        "account": ACCOUNT,
        "key": 0,
        "nonce": 9,
        "valid_until_s": NOW_S + 60,
        "slot": 9,
        "instrument": 7,
        "flags": 0,
        "price_ticks": 12_500,
        "size_lots": 300,
        "good_for_s": 60,
    }


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, 0),
        ({"time_in_force": TimeInForce.IOC}, 0b10),
        ({"time_in_force": TimeInForce.FOK}, 0b100),
        ({"market": True}, 0b1000),
        ({"post_only": True}, 0b1_0000),
        ({"reduce_only": True}, 0b10_0000),
        ({"replace": True}, 0b100_0000),
    ],
)
def test_each_term_of_an_order_is_its_own_flag(options: dict[str, TimeInForce | bool], flags: int) -> None:
    buy = build_trader().place(1, Side.BUY, 1, 1, slot=0, **options)  # type: ignore[arg-type]
    sell = build_trader().place(1, Side.SELL, 1, 1, slot=0, **options)  # type: ignore[arg-type]
    assert (view(buy).fields["flags"], view(sell).fields["flags"]) == (flags, flags | 1)


def test_amend_and_cancels_say_what_was_asked() -> None:
    trader = build_trader()
    amend = view(trader.amend(3, 11, 200, 9_000)).fields
    assert [amend[name] for name in ("slot", "generation", "size_lots", "price_ticks")] == [3, 11, 200, 9_000]
    names = ("mode", "slot", "generation", "instrument")
    for words, expected in (
        (trader.cancel(3, 11), [0, 3, 11, 0]),
        (trader.cancel_instrument(40), [1, 0, 0, 40]),
        (trader.cancel_all(), [2, 0, 0, 0]),
    ):
        fields = view(words).fields
        assert [fields[name] for name in names] == expected


def test_a_request_without_room_takes_no_nonce() -> None:
    trader = build_trader()
    with pytest.raises(RequestError, match="price_ticks"):
        trader.place(1, Side.BUY, 1, 1 << 32, slot=0)
    with pytest.raises(RequestError, match="slot"):
        trader.cancel(256)
    assert trader.last_nonce == 0


def test_a_key_without_nonces_is_refused() -> None:
    with pytest.raises(RequestError, match="set a new key"):
        build_trader(last_nonce=MAX_NONCE).cancel_all()
