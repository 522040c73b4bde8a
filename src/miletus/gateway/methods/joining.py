"""How a wallet joins: what it signs for its trading key, its account, and the claims of what it withdrew.

The wallet's signature is the trading key (10-R06), so whoever has it is the account's trader: it is proof
enough to be let in, and is taken only where the gateway listens on loopback and is called by no other name.
"""

import asyncio
from typing import Any, Literal

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.address import is_address, to_checksum_address

from miletus.client import WalletError
from miletus.client.keys import build_typed_data, derive_key_of_signature
from miletus.client.trader import KEY_SLOT, SCOPE_ALL
from miletus.gateway.access import Grant, make_credential
from miletus.gateway.custody import Custody
from miletus.gateway.desk import Seat
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.methods.session import describe_grant
from miletus.gateway.numbers import format_money
from miletus.gateway.rpc import Call, Params, method
from miletus.native import PrivateKey
from miletus.sequencer.query import view_account
from miletus.settlement.errors import SettlementError

MOST_SEATS = 256
"""Accounts that a gateway serves at once."""

SCOPE = "account:read_write trade:read_write wallet:read_write session:page"

State = Literal["unregistered", "unbound", "other_key", "ready"]


def require_custody(call: Call) -> Custody:
    """The way to L1. RpcError if the gateway has none."""
    custody = call.gateway.settings.custody
    if custody is None:
        raise make_error("not_implemented", "this gateway does not read L1")
    return custody


def check_owner(text: str) -> str:
    """An L1 address, checksummed. RpcError if it is none."""
    if not is_address(text):
        raise make_invalid("owner", "an L1 address is needed: 0x and 40 hex digits")
    return str(to_checksum_address(text))


@method("miletus/get_trading_key_message")
def get_trading_key_message(call: Call, params: Params) -> dict[str, Any]:
    """The EIP-712 message whose signature by a wallet gives its trading key."""
    deployment = call.gateway.settings.deployment
    return build_typed_data(deployment.chain_id, to_checksum_address(deployment.rollup), 0)


class JoinParams(Params, kw_only=True):
    """Parameters of miletus/join."""

    owner: str
    signature: str


@method("miletus/join", note="only where the gateway listens on loopback, and has no other name")
async def join(call: Call, params: JoinParams) -> dict[str, Any]:
    """Log a wallet in by its signature, if its account has the key; else tell the key and what is missing."""
    gateway = call.gateway
    if not gateway.settings.takes_wallets:
        raise make_error("forbidden", "this gateway is not on your machine: log in by an id and a secret")
    owner = check_owner(params.owner)
    key = derive_key(call, owner, params.signature)
    try:
        account = await asyncio.to_thread(require_custody(call).find_account, owner)
    except SettlementError as error:
        raise make_error("retry", str(error)) from None
    x, y = key.public
    state = find_state(call, account, key)
    told: dict[str, Any] = {
        "state": state,
        "account": account,
        "key": {"slot": KEY_SLOT, "scope": SCOPE_ALL, "x": hex(x), "y": hex(y)},
    }
    if state == "ready":
        assert account is not None
        grant = open_grant(call, Seat(account, KEY_SLOT, key))
        told["tokens"] = describe_grant(grant)
    return told


def derive_key(call: Call, owner: str, signature: str) -> PrivateKey:
    """The trading key of a signature. RpcError unless the owner's wallet signed this deployment's message."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        signer = Account.recover_message(
            encode_typed_data(full_message=get_trading_key_message(call, Params())), signature=raw
        )
        key = derive_key_of_signature(raw)
    except WalletError as error:
        raise make_invalid("signature", str(error)) from None
    except Exception:  # the libraries raise many kinds; none may repeat the signature, which is the key
        raise make_invalid("signature", "65 bytes in hex are needed, as a wallet signs typed data") from None
    if signer != owner:
        raise make_error(
            "invalid_credentials", f"the signature is not {owner}'s of this deployment's message"
        )
    return key


def find_state(call: Call, account: int | None, key: PrivateKey) -> State:
    """What is missing until the account can trade with a key."""
    if account is None:
        return "unregistered"
    view = view_account(call.gateway.exchange.state, account)
    bound = next((each for each in view.keys if each.slot == KEY_SLOT), None) if view is not None else None
    if bound is None:
        return "unbound"
    x, y = key.public
    same = (bound.x, bound.y) == (x.to_bytes(32, "big"), y.to_bytes(32, "big"))
    return "ready" if same else "other_key"


def open_grant(call: Call, seat: Seat) -> Grant:
    """Serve the account from now on, and let this connection act for it."""
    gateway = call.gateway
    known = [each for each in gateway.access.credentials.values() if each.account == seat.account]
    if not known and len(gateway.desks) >= MOST_SEATS:
        raise make_error("too_many_requests", f"this gateway serves {MOST_SEATS} accounts already")
    credential = known[0] if known else make_credential(seat.account, name="wallet")
    gateway.add_seat(seat, [credential])
    grant = gateway.access.open_for(credential, SCOPE)
    if call.session.is_websocket:
        call.session.grant = grant
    return grant


class ClaimsParams(Params, kw_only=True):
    """Parameters of miletus/get_claims."""

    owner: str


@method("miletus/get_claims")
async def get_claims(call: Call, params: ClaimsParams) -> list[dict[str, Any]]:
    """Withdrawals to an L1 address that batches on L1 hold, and the proof of each that can be claimed."""
    owner = check_owner(params.owner)
    try:
        found = await asyncio.to_thread(require_custody(call).get_withdrawals, owner)
    except SettlementError as error:
        raise make_error("retry", str(error)) from None
    return [
        {
            "batch": each.withdrawal.number,
            "index": each.withdrawal.index,
            "owner": each.withdrawal.owner,
            "amount": format_money(each.withdrawal.amount_micros),
            "amount_micros": each.withdrawal.amount_micros,
            "state": "claimed" if each.withdrawal.claimed else "final" if each.withdrawal.final else "posted",
            "final_at": each.final_at_s * 1000,
            "proof": None if each.proof is None else ["0x" + node.hex() for node in each.proof],
        }
        for each in found
    ]
