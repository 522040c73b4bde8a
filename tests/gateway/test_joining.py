"""A wallet joins by its signature: only its own, only for this deployment, only on the user's machine."""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.client.keys import build_typed_data
from miletus.gateway.errors import RpcError
from miletus.gateway.gateway import Gateway
from miletus.gateway.methods import joining
from miletus.gateway.methods.joining import (
    ClaimsParams,
    JoinParams,
    get_claims,
    get_trading_key_message,
    join,
)
from miletus.gateway.rpc import Call, Params
from tests.gateway.test_mirror import Following
from tests.gateway.world import make_settings

WALLET: LocalAccount = Account.from_key("0x" + "11" * 32)
OTHER: LocalAccount = Account.from_key("0x" + "22" * 32)
TAKEN = 16
"""An account of the exchange, whose trading key is no wallet's."""
COMING = 9_999
"""An account that L1 has given and the exchange has not heard of."""


class Registry:
    """Accounts by owner, as L1 would tell them."""

    l1_url = None

    def __init__(self, accounts: dict[str, int]) -> None:
        self.accounts = accounts

    def find_account(self, owner: str) -> int | None:
        return self.accounts.get(owner)


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Following]:
    made = Following(tmp_path_factory.mktemp("node") / "node")
    yield made
    made.node.close()


def make_call(
    following: Following | None = None, accounts: dict[str, int] | None = None, **changes: Any
) -> Call:
    custody: Any = Registry(accounts or {})
    changes = {"custody": custody, "takes_wallets": True} | changes
    gateway = Gateway(dataclasses.replace(make_settings(1), **changes))
    if following is not None:
        gateway.exchange = following.exchange
    return Call(gateway, gateway.make_http_session(), None)


def sign(call: Call, wallet: LocalAccount = WALLET) -> str:
    return "0x" + wallet.sign_typed_data(full_message=get_trading_key_message(call, Params())).signature.hex()


def ask(call: Call, owner: str = WALLET.address, signature: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = asyncio.run(
        join(call, JoinParams(owner=owner, signature=sign(call) if signature is None else signature))
    )
    return told


def refuse(call: Call, **what: Any) -> RpcError:
    with pytest.raises(RpcError) as caught:
        ask(call, **what)
    return caught.value


@pytest.mark.rule("10-R06")
def test_a_stranger_is_told_its_key_and_gets_nothing(following: Following) -> None:
    told = ask(make_call(following))
    assert told["state"] == "unregistered"
    assert told["account"] is None
    assert "tokens" not in told
    assert int(told["key"]["x"], 16) > 0
    assert told == ask(make_call(following))  # the same wallet gives the same key again


def test_an_account_without_a_key_or_with_another_is_not_let_in(following: Following) -> None:
    coming = make_call(following, {WALLET.address: COMING})
    assert ask(coming)["state"] == "unbound"
    taken = make_call(following, {WALLET.address: TAKEN})
    told = ask(taken)
    assert told["state"] == "other_key"
    assert "tokens" not in told
    assert not taken.gateway.access.grants


def test_only_the_owner_can_sign_for_itself() -> None:
    call = make_call()
    error = refuse(call, signature=sign(call, OTHER))
    assert error.message == "invalid_credentials"
    assert refuse(call, owner=OTHER.address).message == "invalid_credentials"
    assert refuse(call, owner="0x12").message == "Invalid params"


def test_a_signature_of_another_deployment_or_message_is_refused() -> None:
    call = make_call()
    deployment = call.gateway.settings.deployment
    elsewhere = build_typed_data(deployment.chain_id + 1, WALLET.address, 0)
    second = build_typed_data(deployment.chain_id, "0x" + deployment.rollup.hex(), 1)
    for message in (elsewhere, second):
        signature = WALLET.sign_typed_data(full_message=message).signature.hex()
        assert refuse(call, signature=signature).message == "invalid_credentials"


def test_where_others_reach_it_no_wallet_is_taken() -> None:
    assert refuse(make_call(takes_wallets=False)).message == "forbidden"
    assert refuse(make_call(custody=None)).message == "not_implemented"


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=200), st.binary(min_size=60, max_size=70).map(bytes.hex)))
def test_garbage_for_a_signature_is_refused_and_not_repeated(signature: str) -> None:
    error = refuse(make_call(), signature=signature)
    assert error.message in ("Invalid params", "invalid_credentials")
    if len(signature) > 8:
        assert signature not in str(error.data)


def test_a_malleable_signature_is_refused() -> None:
    """The same signature with a high s recovers the same wallet, and would give another key."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    call = make_call()
    raw = bytes.fromhex(sign(call)[2:])
    s = order - int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])
    assert refuse(call, signature=twin.hex()).message in ("Invalid params", "invalid_credentials")


def test_there_is_an_end_to_the_accounts_that_one_gateway_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST_SEATS", 0)
    call = make_call()
    seat = make_settings(1).seats[0]
    unknown = dataclasses.replace(seat, account=COMING)
    with pytest.raises(RpcError, match="too_many_requests"):
        joining.open_grant(call, unknown)
    assert joining.open_grant(call, seat).account == seat.account  # one that it serves already


def test_claims_are_of_an_address() -> None:
    with pytest.raises(RpcError, match="Invalid params"):
        asyncio.run(get_claims(make_call(), ClaimsParams(owner="somebody")))


def test_the_page_s_folder_is_where_make_puts_it() -> None:
    from miletus.gateway.page import BUILT_PAGE
    from tests.house.repository import ROOT

    assert Path(ROOT) / "build" / "web" == BUILT_PAGE
