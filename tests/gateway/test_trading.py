"""Orders in every form: placed, changed, cancelled by all that names them, quoted many at once."""

from typing import Any

import pytest

from tests.gateway.client import ApiError, Client
from tests.gateway.running import Market
from tests.gateway.world import CALL, FUTURE, NAMES, PERPETUAL, TRADE_ONLY


@pytest.fixture
def other(market: Market) -> Client:
    return Client(market, 17)


def bid(client: Client, price: float = 60_000, amount: float = 0.01, **fields: Any) -> dict[str, Any]:
    fields = {"instrument_name": NAMES[PERPETUAL]} | fields
    result: dict[str, Any] = client.call("private/buy", amount=amount, price=price, **fields)
    return result


def offer(client: Client, price: float = 70_000, amount: float = 0.01, **fields: Any) -> dict[str, Any]:
    fields = {"instrument_name": NAMES[PERPETUAL]} | fields
    result: dict[str, Any] = client.call("private/sell", amount=amount, price=price, **fields)
    return result


def test_an_order_has_every_field_of_deribits(http: Client) -> None:
    order = bid(http, label="first", reduce_only=False)["order"]
    assert {
        *("time_in_force", "reduce_only", "price", "post_only", "order_type", "order_state", "order_id"),
        *("max_show", "last_update_timestamp", "label", "is_liquidation", "instrument_name"),
        *("filled_amount", "direction", "creation_timestamp", "average_price", "api", "amount", "web"),
        *("replaced", "mmp", "contracts", "risk_reducing", "is_rebalance"),
    } <= set(order)
    assert (order["price"], order["amount"], order["filled_amount"]) == (60_000.0, 0.01, 0.0)
    text = http.http.post(
        "/api/v2",
        json={"id": 7, "method": "private/get_order_state", "params": {"order_id": order["order_id"]}},
    ).text
    assert '"price":60000.0' in text
    assert '"amount":0.01' in text
    assert '"filled_amount":0.0' in text
    assert text.startswith('{"jsonrpc":"2.0","id":7,"result":')
    assert '"testnet":false' in text


def test_a_post_only_order_is_moved_behind_the_best_price_or_refused(http: Client, other: Client) -> None:
    offer(other, 65_100)
    moved = bid(http, 65_200, post_only=True)["order"]
    assert (moved["price"], moved["order_state"]) == (65_099.5, "open")
    with pytest.raises(ApiError) as refused:
        bid(http, 65_200, post_only=True, reject_post_only=True)
    assert (refused.value.code, refused.value.message) == (11054, "post_only_reject")
    other.call("private/cancel_all")


def test_an_amended_order_counts_what_was_filled(http: Client, other: Client) -> None:
    order = bid(http, 65_000, 0.01)["order"]
    offer(other, 65_000, 0.006)
    amended = http.call("private/edit", order_id=order["order_id"], amount=0.01, price=64_900)["order"]
    assert (amended["filled_amount"], amended["amount"], amended["replaced"]) == (0.006, 0.01, True)
    book = http.call("public/get_order_book", instrument_name=NAMES[PERPETUAL])
    assert book["bids"] == [[64_900.0, 0.004]]
    less = http.call("private/edit", order_id=order["order_id"], amount=0.008)["order"]
    assert (less["amount"], less["order_state"]) == (0.008, "open")
    assert http.call("public/get_order_book", instrument_name=NAMES[PERPETUAL])["bids"] == [[64_900.0, 0.002]]


def test_orders_are_found_and_cancelled_by_label_instrument_and_kind(http: Client) -> None:
    for price in (60_000, 60_001):
        bid(http, price, label="a")
    bid(http, 60_002, label="b")
    bid(http, 60_003, label="b", instrument_name=NAMES[FUTURE])
    bid(http, 1_000, label="b", instrument_name=NAMES[CALL])
    assert len(http.call("private/get_open_orders_by_label", currency="USDC", label="a")) == 2
    assert len(http.call("private/get_open_orders_by_instrument", instrument_name=NAMES[PERPETUAL])) == 3
    assert len(http.call("private/get_open_orders_by_currency", currency="BTC", kind="option")) == 1
    edited = http.call(
        "private/edit_by_label", label="b", instrument_name=NAMES[CALL], amount=0.02, price=1_100
    )
    assert (edited["order"]["price"], edited["order"]["amount"]) == (1_100, 0.02)
    with pytest.raises(ApiError, match="10004"):
        http.call("private/edit_by_label", label="a", instrument_name=NAMES[PERPETUAL], amount=0.02, price=9)
    assert http.call("private/cancel_by_label", label="a") == 2
    assert http.call("private/cancel_all_by_currency", currency="BTC", kind="option") == 1
    assert http.call("private/cancel_all_by_instrument", instrument_name=NAMES[FUTURE]) == 1
    assert http.call("private/cancel_all") == 1
    assert http.call("private/get_open_orders") == []
    ended = http.call(
        "private/get_order_history_by_currency", currency="USDC", include_unfilled=True, count=100
    )
    assert {each["order_state"] for each in ended} <= {"cancelled", "filled"}
    (by_label,) = http.call("private/get_order_state_by_label", currency="USDC", label="b")[:1]
    assert by_label["label"] == "b"


def test_another_accounts_order_is_out_of_reach(http: Client, other: Client) -> None:
    order = bid(http)["order"]["order_id"]
    for method, fields in [
        ("private/cancel", {}),
        ("private/edit", {"amount": 0.02, "price": 60_000}),
        ("private/get_order_state", {}),
        ("private/get_user_trades_by_order", {}),
    ]:
        with pytest.raises(ApiError) as refused:
            other.call(method, order_id=order, **fields)
        assert refused.value.code == 10029
    assert other.call("private/cancel_all") == 0
    assert [each["order_id"] for each in http.call("private/get_open_orders")] == [order]


def test_quotes_are_set_moved_and_cancelled_together(http: Client) -> None:
    def quote(price: float) -> dict[str, Any]:
        return {
            "quote_id": "q1",
            "detailed": True,
            "quotes": [
                {
                    "instrument_name": NAMES[number],
                    "quote_set_id": "set",
                    "bid": {"price": price, "amount": 0.01},
                    "ask": {"price": price + 20_000, "amount": 0.01},
                }
                for number in (PERPETUAL, FUTURE)
            ],
        }

    first = http.call("private/mass_quote", **quote(55_000))
    assert (len(first["orders"]), first["errors"]) == (4, [])
    moved = http.call("private/mass_quote", **quote(55_500))
    assert {each["order_id"] for each in moved["orders"]} == {each["order_id"] for each in first["orders"]}
    assert len(http.call("private/get_open_orders")) == 4
    bad = quote(55_500)
    bad["quotes"][0]["bid"]["amount"] = 0.00001
    told = http.call("private/mass_quote", **bad)
    (error,) = told["errors"]
    assert (error["side"], error["error"]["code"]) == ("bid", 10021)
    assert http.call("private/cancel_quotes", cancel_type="instrument", instrument_name=NAMES[FUTURE]) == 2
    assert http.call("private/cancel_quotes", cancel_type="quote_set_id", quote_set_id="set") == 2


def test_a_position_is_closed_and_its_profit_told(http: Client, other: Client) -> None:
    offer(other, 65_000, 0.05)
    bid(http, 65_000, 0.05)
    bid(other, 65_200, 0.5)
    closed = http.call("private/close_position", instrument_name=NAMES[PERPETUAL], type="market")
    assert closed["order"]["order_state"] == "filled"
    (trade,) = closed["trades"]
    assert trade["direction"] == "sell"
    assert http.call("private/get_position", instrument_name=NAMES[PERPETUAL])["size"] == 0.0
    with pytest.raises(ApiError, match="no position"):
        http.call("private/close_position", instrument_name=NAMES[PERPETUAL], type="market")


def test_margin_of_an_order_is_what_the_machine_then_asks_for(http: Client, other: Client) -> None:
    before = http.call("private/get_account_summary", currency="USDC")
    asked = http.call("private/get_margins", instrument_name=NAMES[CALL], amount=1, price=3_000)
    simulated = http.call(
        "private/simulate_portfolio", currency="USDC", simulated_positions={NAMES[CALL]: -1}
    )
    bid(other, 3_000, 1, instrument_name=NAMES[CALL])
    offer(http, 3_000, 1, instrument_name=NAMES[CALL])
    after = http.call("private/get_account_summary", currency="USDC")
    assert after["initial_margin"] - before["initial_margin"] == pytest.approx(asked["sell"], abs=1e-6)
    assert after["initial_margin"] == pytest.approx(simulated["initial_margin"], abs=1e-6)
    assert after["maintenance_margin"] == pytest.approx(after["initial_margin"] * 0.8, abs=1e-5)
    assert asked["fee"] == pytest.approx(65_000 * 0.0003, rel=0.01)


def test_greeks_of_a_position_and_of_the_account(http: Client, other: Client) -> None:
    before = http.call("private/get_account_summary")
    offer(other, 3_000, 2, instrument_name=NAMES[CALL])
    bid(http, 3_000, 2, instrument_name=NAMES[CALL])
    ticker = http.call("public/ticker", instrument_name=NAMES[CALL])["greeks"]
    after = http.call("private/get_account_summary")
    held = http.call("private/get_position", instrument_name=NAMES[CALL])
    for name in ("gamma", "vega", "theta"):
        change = after[f"options_{name}"] - before[f"options_{name}"]
        assert change == pytest.approx(2 * ticker[name], rel=0.02)
        assert held[name] == pytest.approx(held["size"] * ticker[name], rel=0.02)
    assert held["vega"] != 0


def test_the_transaction_log_adds_up_to_the_balance(http: Client, other: Client) -> None:
    offer(other, 65_000, 0.01)
    bid(http, 65_000, 0.01)
    rows = http.call("private/get_transaction_log", start_timestamp=0, end_timestamp=2**53, count=1_000)[
        "logs"
    ]
    newest, oldest = rows[0], rows[-1]
    assert newest["type"] == "trade"
    total = oldest["balance"] - oldest["change"] + sum(row["change"] for row in rows)
    assert newest["balance"] == pytest.approx(total, abs=1e-6)
    trades = http.call("private/get_user_trades_by_currency", currency="USDC", count=1_000)["trades"]
    assert {row["trade_id"] for row in rows if row["type"] == "trade"} == {
        each["trade_id"] for each in trades
    }


def test_pages_of_trades(http: Client, other: Client) -> None:
    for k in range(5):
        offer(other, 65_000 + k, 0.01)
        bid(http, 65_000 + k, 0.01)
    name = NAMES[PERPETUAL]
    all_of_them = http.call("public/get_last_trades_by_instrument", instrument_name=name, count=1_000)[
        "trades"
    ]
    seqs = [each["trade_seq"] for each in all_of_them]
    assert seqs == list(range(seqs[0], 0, -1))
    first = http.call("public/get_last_trades_by_instrument", instrument_name=name, start_seq=1, count=2)
    assert ([each["trade_seq"] for each in first["trades"]], first["has_more"]) == ([1, 2], True)
    since = all_of_them[1]["timestamp"]
    later = http.call(
        "public/get_last_trades_by_instrument_and_time",
        instrument_name=name,
        start_timestamp=since,
        end_timestamp=2**53,
    )["trades"]
    assert [each["trade_id"] for each in later][-1] == all_of_them[0]["trade_id"]
    chart = http.call(
        "public/get_tradingview_chart_data",
        instrument_name=name,
        resolution="1",
        start_timestamp=all_of_them[-1]["timestamp"] - 60_000,
        end_timestamp=2**53,
    )
    assert chart["status"] == "ok"
    assert sum(chart["volume"]) == pytest.approx(sum(each["amount"] for each in all_of_them))
    assert max(chart["high"]) == max(each["price"] for each in all_of_them)


def test_a_withdrawal_goes_to_the_owner_alone(http: Client) -> None:
    with pytest.raises(ApiError, match="only to the account's owner"):
        http.call("private/withdraw", currency="USDC", address="0x" + "11" * 20, amount=1)
    owner = http.call("miletus/get_exit")["owner"]
    before = http.call("private/get_account_summary", currency="USDC")["balance"]
    told = http.call("private/withdraw", currency="USDC", address=owner, amount=12.5)
    assert (told["amount"], told["state"]) == (12.5, "confirmed")
    after = http.call("private/get_account_summary", currency="USDC")["balance"]
    assert after == pytest.approx(before - 12.5)
    rows = http.call("private/get_withdrawals", currency="USDC")
    assert rows["data"][0]["id"] == told["id"]
    for amount, code in ((-1, 10021), (0, 10021), (1e-7, 10021), (1e9, 10009)):
        with pytest.raises(ApiError) as refused:
            http.call("private/withdraw", currency="USDC", address=owner, amount=amount)
        assert refused.value.code == code


@pytest.mark.rule("03-R07")
def test_a_trading_key_that_may_only_trade_moves_no_money(market: Market) -> None:
    """A gateway that others host holds such a key: who takes it over gets no money."""
    client = Client(market, TRADE_ONLY)
    owner = client.call("miletus/get_exit")["owner"]
    before = client.call("private/get_account_summary", currency="USDC")["balance"]
    for method, params in (
        ("private/withdraw", {"address": owner, "amount": 1}),
        ("private/submit_transfer_to_user", {"destination": "16", "amount": 1}),
    ):
        with pytest.raises(ApiError, match="scope does not allow") as refused:
            client.call(method, currency="USDC", **params)
        assert refused.value.data["machine_reason"] == "OUT_OF_SCOPE"
    assert client.call("private/get_account_summary", currency="USDC")["balance"] == before
    order = client.call("private/buy", instrument_name=NAMES[0], amount=0.01, price=60_000)["order"]
    assert client.call("private/cancel", order_id=order["order_id"])["order_state"] == "cancelled"
    client.close()


def test_a_payment_between_accounts(http: Client, other: Client) -> None:
    before = other.call("private/get_account_summary")["balance"]
    http.call("private/submit_transfer_to_user", currency="USDC", amount=3.25, destination="17")
    assert other.call("private/get_account_summary")["balance"] == pytest.approx(before + 3.25)
    assert other.call("private/get_transfers", currency="USDC")["data"][0]["amount"] == 3.25


def test_the_sequencers_word_for_an_order_can_be_checked(http: Client) -> None:
    from miletus.codec.table import WORD_BYTES
    from miletus.sequencer.confirmations import Confirmation, recover_signer
    from tests.gateway.world import DEPLOYMENT

    order = bid(http)["order"]
    told = http.call("miletus/get_proof", order_id=order["order_id"])
    confirmation = Confirmation(
        told["epoch"],
        told["number"],
        told["words"],
        told["time_ms"],
        bytes.fromhex(told["words_hash"][2:]),
        bytes.fromhex(told["running_keccak"][2:]),
        tuple(bytes.fromhex(each[2:]) for each in told["path"]),
        bytes.fromhex(told["signature"][2:]),
    )
    assert recover_signer(DEPLOYMENT, confirmation) == bytes.fromhex(told["sequencer"][2:])
    assert told["words"] * WORD_BYTES == 93
    road = http.call("miletus/get_finality", order_id=order["order_id"])
    assert (road["state"], road["number"]) == ("confirmed", told["number"])
