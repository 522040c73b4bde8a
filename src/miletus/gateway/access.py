"""Who may do what: clients' credentials, the tokens that they are given, and proofs of their secrets.

A credential names an account whose trading key the gateway holds. What a token allows is the smaller of what
its credential allows and what was asked for.
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from miletus.gateway.errors import RpcError, make_error

TOKEN_SECONDS: Final = 31_536_000
"""How long a token holds, as Deribit's does; it ends with the gateway in any case."""

CLOCK_WINDOW_MS: Final = 60_000
"""How far the time of a signed request may be from ours."""

MOST_TOKENS: Final = 10_000
MOST_NONCES: Final = 100_000

ALL_SCOPES: Final = {"account": 2, "trade": 2, "wallet": 2}
"""Areas of a scope, and how far a full one goes: 1 read, 2 read_write."""

_LEVELS: Final = {"none": 0, "read": 1, "read_write": 2}


class Credential(msgspec.Struct, frozen=True):
    """A client of the gateway: its id and secret, the account it acts for, and its scope."""

    client_id: str
    client_secret: str
    account: int
    scope: str = "account:read_write trade:read_write wallet:read_write"
    name: str = "default"


class CredentialsFile(msgspec.Struct):
    """The credentials of a gateway, in a file that only its owner may read."""

    credentials: list[Credential] = []


def load_credentials(path: Path) -> list[Credential]:
    """Read credentials; none if there is no file. ValueError names a damaged file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=CredentialsFile).credentials
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is damaged ({error}): remove it, and new credentials are made") from None


def make_credential(account: int, scope: str | None = None, name: str = "default") -> Credential:
    """New credentials of an account."""
    made = Credential(secrets.token_hex(4), secrets.token_urlsafe(32), account, name=name)
    return made if scope is None else msgspec.structs.replace(made, scope=scope)


@dataclass(slots=True, eq=False)
class Grant:
    """What a client was given: tokens, and what they allow."""

    credential: Credential
    scopes: dict[str, int]
    access_token: str
    refresh_token: str
    expires_at: float
    session_name: str = ""
    connection: int | None = None

    @property
    def account(self) -> int:
        """The account it acts for."""
        return self.credential.account

    @property
    def scope(self) -> str:
        """Its scope in words."""
        words = [
            f"{area}:{'read_write' if level == 2 else 'read'}" for area, level in self.scopes.items() if level
        ]
        words.append(f"session:{self.session_name}" if self.session_name else "connection")
        return " ".join(sorted([*words, "mainaccount", f"name:{self.credential.name}"]))

    def require(self, area: str, level: int) -> None:
        """RpcError unless it allows this."""
        if self.scopes.get(area, 0) < level:
            wanted = f"{area}:{'read_write' if level == 2 else 'read'}"
            raise make_error("forbidden", f"the token's scope lacks {wanted}: it has {self.scope}")


def parse_scope(text: str) -> tuple[dict[str, int], str]:
    """Areas with their levels, and the session's name; words that mean nothing here are passed over."""
    scopes: dict[str, int] = {}
    session = ""
    for word in text.replace(",", " ").split():
        area, _, level = word.partition(":")
        if area in ALL_SCOPES and level in _LEVELS:
            scopes[area] = _LEVELS[level]
        elif area == "session":
            session = level[:64]
    return scopes, session


@dataclass
class Access:
    """The door: checks secrets and signatures, gives out tokens and takes them back."""

    credentials: dict[str, Credential]
    grants: "OrderedDict[str, Grant]" = field(default_factory=OrderedDict)
    refreshes: dict[str, Grant] = field(default_factory=dict)
    _nonces: "OrderedDict[tuple[str, str, str], None]" = field(default_factory=OrderedDict)

    def open_by_secret(self, client_id: str, secret: str, scope: str | None, connection: int | None) -> Grant:
        """Give tokens for an id and its secret."""
        return self._open(self.check_secret(client_id, secret), scope, connection)

    def open_by_signature(
        self,
        client_id: str,
        timestamp_ms: int,
        nonce: str,
        data: str,
        signature: str,
        scope: str | None,
        connection: int | None,
    ) -> Grant:
        """Give tokens for a signature of time, nonce and data."""
        text = f"{timestamp_ms}\n{nonce}\n{data}"
        credential = self.check_signature(client_id, str(timestamp_ms), nonce, text, signature)
        return self._open(credential, scope, connection)

    def open_by_refresh(self, refresh_token: str, connection: int | None) -> Grant:
        """Give new tokens for a refresh token, which is used up."""
        old = self.refreshes.get(refresh_token)
        if old is None:
            raise make_error("invalid_credentials", "the refresh token is unknown or was used")
        self.close(old)
        scope = " ".join(
            f"{area}:{'read_write' if n == 2 else 'read'}" for area, n in old.scopes.items() if n
        )
        if old.session_name:
            scope += f" session:{old.session_name}"
        return self._open(old.credential, scope or "account:none", connection)

    def open_for(self, credential: Credential, scope: str) -> Grant:
        """Give tokens to whoever has proved to be a credential's owner."""
        return self._open(credential, scope, None)

    def check_secret(self, client_id: str, secret: str) -> Credential:
        """The credential of an id, if the secret is its own."""
        credential = self.credentials.get(client_id)
        known = credential.client_secret if credential is not None else ""
        if not hmac.compare_digest(known.encode(), secret.encode()) or credential is None:
            raise make_error("invalid_credentials")
        return credential

    def check_signature(
        self, client_id: str, timestamp: str, nonce: str, text: str, signature: str
    ) -> Credential:
        """The credential of an id, if it signed `text` now and for the first time."""
        credential = self.credentials.get(client_id)
        key = credential.client_secret if credential is not None else ""
        good = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(good.encode(), signature.lower().encode()) or credential is None:
            raise make_error("invalid_credentials")
        digits = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20
        if not digits or abs(int(timestamp) - time.time_ns() // 1_000_000) > CLOCK_WINDOW_MS:
            raise make_error("invalid_credentials", "the signature's time is more than a minute from ours")
        used = (client_id, timestamp, nonce)
        if used in self._nonces:
            raise make_error("invalid_credentials", "this nonce was used with this time: sign anew")
        self._nonces[used] = None
        if len(self._nonces) > MOST_NONCES:
            self._nonces.popitem(last=False)
        return credential

    def make_passing(self, credential: Credential) -> Grant:
        """A grant for one request that proved itself; it has no token."""
        return Grant(credential, parse_scope(credential.scope)[0], "", "", time.monotonic() + 60)

    def find(self, token: str) -> Grant:
        """What a token grants. RpcError if it is unknown, ended, or of another connection."""
        grant = self.grants.get(token)
        if grant is None or time.monotonic() > grant.expires_at:
            raise make_error("unauthorized", "the access token is unknown or has expired: authenticate again")
        return grant

    def close(self, grant: Grant) -> None:
        """Take tokens back."""
        self.grants.pop(grant.access_token, None)
        self.refreshes.pop(grant.refresh_token, None)

    def _open(self, credential: Credential, scope: str | None, connection: int | None) -> Grant:
        allowed, _ = parse_scope(credential.scope)
        asked, session = parse_scope(scope or "")
        scopes = {area: min(level, asked.get(area, level)) for area, level in allowed.items()}
        grant = Grant(
            credential,
            scopes,
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            time.monotonic() + TOKEN_SECONDS,
            session,
            None if session else connection,
        )
        self.grants[grant.access_token] = grant
        self.refreshes[grant.refresh_token] = grant
        while len(self.grants) > MOST_TOKENS:
            self.close(next(iter(self.grants.values())))
        return grant


def parse_authorization(header: str) -> tuple[str, dict[str, str]]:
    """Scheme and fields of a `deri-hmac-sha256 id=..,ts=..` header; other schemes have one field, `value`."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "deri-hmac-sha256":
        pairs = (part.strip().partition("=") for part in rest.split(","))
        return scheme.lower(), {name: value for name, _, value in pairs}
    return scheme.lower(), {"value": rest.strip()}


def require_fields(fields: dict[str, str], *names: str) -> list[str]:
    """Fields of a header. RpcError if one is missing."""
    missing = [name for name in names if not fields.get(name)]
    if missing:
        raise RpcError(13004, "invalid_credentials", {"reason": f"the header lacks {', '.join(missing)}"})
    return [fields[name] for name in names]
