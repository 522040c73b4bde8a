"""The page of the API is what the code says, and says all that issue and code have."""

import pytest

from miletus.gateway.reference import render
from miletus.gateway.rpc import METHODS, UNSUPPORTED
from tests.house.repository import ROOT

WANTED = """
public/auth public/get_time public/test public/hello public/set_heartbeat public/get_currencies
public/get_index_price public/get_instruments public/get_instrument public/get_book_summary_by_currency
public/get_book_summary_by_instrument public/get_order_book public/ticker public/get_last_trades_by_instrument
public/get_last_trades_by_currency public/get_last_trades_by_instrument_and_time
public/get_last_trades_by_currency_and_time public/get_tradingview_chart_data public/get_historical_volatility
public/get_volatility_index_data public/get_delivery_prices public/get_funding_rate_history
public/get_funding_rate_value public/get_expirations private/buy private/sell private/edit
private/edit_by_label private/cancel private/cancel_all private/cancel_all_by_instrument
private/cancel_all_by_currency
private/cancel_by_label private/get_open_orders private/get_open_orders_by_currency
private/get_open_orders_by_instrument private/get_open_orders_by_label private/get_order_state
private/get_order_history_by_currency private/get_order_history_by_instrument
private/get_user_trades_by_currency private/get_user_trades_by_currency_and_time
private/get_user_trades_by_instrument private/get_user_trades_by_instrument_and_time
private/get_user_trades_by_order private/get_positions private/get_position private/get_account_summary
private/get_account_summaries private/get_transaction_log private/get_margins private/simulate_portfolio
private/mass_quote private/enable_cancel_on_disconnect private/disable_cancel_on_disconnect
private/get_subaccounts private/withdraw private/get_deposits private/get_withdrawals
public/get_last_settlements_by_instrument private/get_settlement_history_by_currency
"""


def test_the_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "reference" / "gateway.md").read_text()
    assert page == render(), "write it anew: python -m miletus.gateway.reference > docs/reference/gateway.md"


@pytest.mark.parametrize("name", WANTED.split())
def test_every_method_that_clients_know_is_there_or_says_why_not(name: str) -> None:
    render()
    assert (name in METHODS) != (name in UNSUPPORTED)


def test_every_method_has_a_summary_of_one_line() -> None:
    render()
    assert [name for name, each in METHODS.items() if not each.summary or "\n" in each.summary] == []
