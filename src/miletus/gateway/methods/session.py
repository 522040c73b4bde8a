"""Authentication, heartbeats, and what becomes of orders when the connection is lost."""

from typing import Any, Literal

from miletus.gateway.access import Grant
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.sessions import LEAST_HEARTBEAT_SECONDS, WebSocketSession


class AuthParams(Params, kw_only=True):
    """Parameters of public/auth; which of them are needed depends on the grant type."""

    grant_type: Literal["client_credentials", "client_signature", "refresh_token"]
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    timestamp: int = 0
    signature: str = ""
    nonce: str = ""
    data: str = ""
    state: str | None = None
    scope: str | None = None


@method("public/auth")
def auth(call: Call, params: AuthParams) -> dict[str, Any]:
    """Get tokens by a secret, a signature or a refresh token; a WebSocket connection then has them."""
    access, session = call.gateway.access, call.session
    connection = session.id if session.is_websocket else None
    if params.grant_type == "client_credentials":
        grant = access.open_by_secret(params.client_id, params.client_secret, params.scope, connection)
    elif params.grant_type == "client_signature":
        grant = access.open_by_signature(
            params.client_id,
            params.timestamp,
            params.nonce,
            params.data,
            params.signature,
            params.scope,
            connection,
        )
    else:
        grant = access.open_by_refresh(params.refresh_token, connection)
    session.grant = grant
    told = describe_grant(grant)
    return told if params.state is None else told | {"state": params.state}


def describe_grant(grant: Grant) -> dict[str, Any]:
    """Tokens as public/auth gives them."""
    from miletus.gateway.access import TOKEN_SECONDS

    told = {
        "token_type": "bearer",
        "scope": grant.scope,
        "refresh_token": grant.refresh_token,
        "google_login": False,
        "mandatory_tfa_status": "disabled",
        "expires_in": TOKEN_SECONDS,
        "enabled_features": [],
        "access_token": grant.access_token,
    }
    return told | ({"sid": grant.session_name} if grant.session_name else {})


class ForkParams(Params, kw_only=True):
    """Parameters of public/fork_token."""

    refresh_token: str
    session_name: str


@method("public/fork_token")
def fork_token(call: Call, params: ForkParams) -> dict[str, Any]:
    """Get tokens for a named session from a refresh token."""
    access = call.gateway.access
    old = access.refreshes.get(params.refresh_token)
    if old is None:
        raise make_error("invalid_credentials", "the refresh token is unknown or was used")
    words = [
        f"{area}:{'read_write' if level == 2 else 'read'}" for area, level in old.scopes.items() if level
    ]
    grant = access.open_for(old.credential, " ".join([*words, f"session:{params.session_name}"]))
    return describe_grant(grant)


class LogoutParams(Params, kw_only=True):
    """Parameters of private/logout."""

    invalidate_token: bool = True


@method("private/logout", websocket_only=True)
def logout(call: Call, params: LogoutParams) -> str:
    """Take the connection's tokens back; it stays open, without rights."""
    if params.invalidate_token:
        call.gateway.access.close(call.grant)
    call.session.grant = None
    return "ok"


class HeartbeatParams(Params, kw_only=True):
    """Parameters of public/set_heartbeat."""

    interval: float


@method("public/set_heartbeat", websocket_only=True)
def set_heartbeat(call: Call, params: HeartbeatParams) -> str:
    """Have the connection ended when nothing comes for two intervals; answer test_request by public/test."""
    if not LEAST_HEARTBEAT_SECONDS <= params.interval <= 86_400:
        raise make_invalid("interval", f"seconds, at least {LEAST_HEARTBEAT_SECONDS}")
    get_websocket(call).set_heartbeat(int(params.interval))
    return "ok"


@method("public/disable_heartbeat", websocket_only=True)
def disable_heartbeat(call: Call, params: Params) -> str:
    """Stop heartbeats."""
    get_websocket(call).set_heartbeat(0)
    return "ok"


class DisconnectParams(Params, kw_only=True):
    """Parameters of the methods about cancelling on disconnect."""

    scope: Literal["connection", "account"] = "connection"


_NOTE = "scope `account` is the default of connections that are made later, until the gateway stops"


@method("private/enable_cancel_on_disconnect", "account:read_write", note=_NOTE)
def enable_cancel_on_disconnect(call: Call, params: DisconnectParams) -> str:
    """Have the orders that this connection placed cancelled when it is lost."""
    return set_cancel_on_disconnect(call, params, True)


@method("private/disable_cancel_on_disconnect", "account:read_write", note=_NOTE)
def disable_cancel_on_disconnect(call: Call, params: DisconnectParams) -> str:
    """Leave orders when the connection is lost."""
    return set_cancel_on_disconnect(call, params, False)


@method("private/get_cancel_on_disconnect", "account:read")
def get_cancel_on_disconnect(call: Call, params: DisconnectParams) -> dict[str, Any]:
    """Whether orders are cancelled when the connection is lost."""
    default = call.account in call.gateway.cancelling_accounts
    own = call.session.cancels_on_disconnect
    enabled = default if params.scope == "account" or own is None else own
    return {"scope": params.scope, "enabled": enabled}


def set_cancel_on_disconnect(call: Call, params: DisconnectParams, enabled: bool) -> str:
    """Set it for the connection, or for the account."""
    if params.scope == "account":
        if enabled:
            call.gateway.cancelling_accounts.add(call.account)
        else:
            call.gateway.cancelling_accounts.discard(call.account)
    elif not call.session.is_websocket:
        raise make_error("must_be_websocket_request", "a request over HTTP has no connection to lose")
    else:
        call.session.cancels_on_disconnect = enabled
    return "ok"


def get_websocket(call: Call) -> WebSocketSession:
    """The connection of a call that only comes on one."""
    assert isinstance(call.session, WebSocketSession)
    return call.session
