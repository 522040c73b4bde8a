"""Subscribing to channels."""

from typing import Annotated

from msgspec import Meta as Constraint

from miletus.gateway.errors import make_invalid
from miletus.gateway.methods.session import get_websocket
from miletus.gateway.rpc import Call, Params, method

ChannelName = Annotated[str, Constraint(max_length=200)]


class SubscribeParams(Params, kw_only=True):
    """Parameters of subscribe and unsubscribe."""

    channels: Annotated[list[ChannelName], Constraint(max_length=1_000)]
    label: str | None = None


def subscribe_to(call: Call, params: SubscribeParams) -> list[str]:
    """Subscribe the connection."""
    session = get_websocket(call)
    most = call.gateway.limits.channels
    if len(session.channels) + len(params.channels) > most:
        raise make_invalid("channels", f"at most {most} on one connection")
    account = call.given.account if call.given is not None else None
    if account is not None:
        if any(name.startswith("user.") for name in params.channels):
            call.grant.require("trade", 1)
        call.gateway.get_desk(account)
    return call.gateway.hub.subscribe(session, params.channels, account)


@method("public/subscribe", websocket_only=True)
def public_subscribe(call: Call, params: SubscribeParams) -> list[str]:
    """Subscribe to channels."""
    return subscribe_to(call, params)


@method("private/subscribe", "trade:read", websocket_only=True)
def private_subscribe(call: Call, params: SubscribeParams) -> list[str]:
    """Subscribe to channels, those of the account too."""
    return subscribe_to(call, params)


@method("public/unsubscribe", websocket_only=True)
def public_unsubscribe(call: Call, params: SubscribeParams) -> list[str]:
    """End subscriptions."""
    return call.gateway.hub.unsubscribe(get_websocket(call), params.channels)


@method("private/unsubscribe", websocket_only=True)
def private_unsubscribe(call: Call, params: SubscribeParams) -> list[str]:
    """End subscriptions."""
    return call.gateway.hub.unsubscribe(get_websocket(call), params.channels)


@method("public/unsubscribe_all", websocket_only=True)
def public_unsubscribe_all(call: Call, params: Params) -> str:
    """End all subscriptions of the connection."""
    call.gateway.hub.forget(get_websocket(call))
    return "ok"


@method("private/unsubscribe_all", websocket_only=True)
def private_unsubscribe_all(call: Call, params: Params) -> str:
    """End all subscriptions of the connection."""
    call.gateway.hub.forget(get_websocket(call))
    return "ok"
