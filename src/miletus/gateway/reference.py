"""docs/reference/gateway.md, made from the tables of methods and channels.

`python -m miletus.gateway.reference` writes it anew to standard output.
"""

import sys
from collections.abc import Iterator
from typing import get_args, get_type_hints

import msgspec

from miletus.gateway.channels.base import DESCRIPTIONS
from miletus.gateway.channels.hub import load_families
from miletus.gateway.errors import CODES
from miletus.gateway.limits import Limits, Rate
from miletus.gateway.rpc import METHODS, UNSUPPORTED, Method
from miletus.gateway.service import methods

INTRODUCTION = """# The gateway's API

`miletus gateway` serves Deribit's API v2 for a trader's own software: JSON-RPC over HTTP (GET and POST
at `/api/v2`) and over WebSocket at `/ws/api/v2`, on one port of loopback. It holds the trading key and
signs each operation; it follows the confirmed words and runs the machine itself, so books, marks and
margins are computed here, from what the sequencer signed. This page is made from the code: `python -m
miletus.gateway.reference`.

Instruments have Deribit's linear names: `BTC_USDC-PERPETUAL`, `BTC_USDC-27MAR26`,
`BTC_USDC-27MAR26-90000-C`. Prices and money are USDC, amounts are coins. Deribit's own documentation
tells what the fields of each method mean; what differs here stands below.

## What differs

- An order's id is `USDC-` and a number made of account, slot and generation; it stays when the order is
  changed. A trade's id is `USDC-`, the number of its word and its place in it: `miletus audit` finds it
  on L1.
- 256 orders of an account can rest. An order of one's own that would be met is cancelled, not the new
  one.
- A change that the machine refuses cancels the order (04-R18); what is off the grid is refused before.
- `change_id` counts the words of the exchange. `raw` tells of each confirmed group, `100ms` and `agg2`
  (a second) of all since. Raw channels need no authentication.
- One balance, in USDC; `currency` may be USDC, any, or a coin, which selects the instruments on that
  coin.
- History is what the gateway has seen since it started, and what `miletus index` had in its database before
  (`--index`, or the system's own). Labels of orders are kept in the system's folder
  (`gateway/labels.sqlite`). A position that no index knows is carried at the mark of the start.
- A request by HTTP that failed has status 400 and an error in the body, as Deribit's have.
- The gateway answers to loopback's names alone, and to no page of another origin, unless `--allow-host`
  and `--allow-origin` say so.

## Finality and its price

`miletus/get_finality` tells how far an order, trade or word has come. `miletus/get_proof` gives the
sequencer's signature for it, and under `l1` what L1 holds: the data words, the batch and its transaction,
the claimed root, each proof with its transaction, and the verdict (`pending`, `proved`, or `unchallenged`
when it became final by its window). Where the deployment pays for proofs (policies zk and hybrid),
`miletus/get_faster_finality` says what it costs to have a batch proved now: proofs, gas at today's price,
core-seconds, a bounty that makes it worth while, what others offered already, and the transaction by which
any wallet offers the rest. `miletus/pay_faster_finality` sends it from the gateway's own wallet. A bounty
goes to whoever proves the batch and those before it before its window ends; else it can be taken back.

## Keys

The first start writes a client id and a secret into the system's folder (`keys/gateway.json`, readable
by its owner alone); more can be added there, each with an account that the gateway has the key of, and a
`scope` of `account`, `trade` and `wallet`, each `read` or `read_write`. Clients authenticate by
`public/auth` (client_credentials, client_signature, refresh_token), or with each HTTP request:
`Authorization: Bearer`, `Basic`, or `deri-hmac-sha256`. A signature counts once.

```python
exchange = ccxt.deribit({"apiKey": client_id, "secret": client_secret})
exchange.urls["api"] = {"rest": "http://127.0.0.1:8700", "ws": "ws://127.0.0.1:8700/ws/api/v2"}
```

nautilus_trader takes `base_url_http="http://127.0.0.1:8700/api/v2"` and
`base_url_ws="ws://127.0.0.1:8700/ws/api/v2"` in the configurations of its Deribit clients.
"""


def list_params(method: Method) -> Iterator[str]:
    """Parameters of a method, those that are needed in bold."""
    hints = get_type_hints(method.params)
    for field in msgspec.structs.fields(method.params):
        if field.name == "access_token":
            continue
        text = f"**{field.name}**" if field.required else field.name
        options = get_args(hints[field.name])
        if options and all(isinstance(option, str) for option in options):
            text += f" ({', '.join(options)})"
        yield text


def describe_method(name: str) -> str:
    """A row of the table of methods."""
    method = METHODS[name]
    scope = f"`{method.area}:{'read_write' if method.level == 2 else 'read'}`" if method.level else ""
    note = f" *{method.note[0].upper()}{method.note[1:]}.*" if method.note else ""
    marks = " WebSocket only." if method.websocket_only else ""
    return f"| `{name}` | {method.summary}{marks}{note} | {', '.join(list_params(method))} | {scope} |"


def describe_rate(rate: Rate) -> str:
    """A rate in words."""
    return f"{rate.rate:,.0f} a second, {rate.burst:,} at once"


def render() -> str:
    """The page."""
    assert methods  # importing it fills the tables
    load_families()
    limits = Limits()
    parts = [INTRODUCTION]
    for title, prefix in (
        ("Public methods", "public/"),
        ("Private methods", "private/"),
        ("Methods of our own", "miletus/"),
    ):
        rows = [describe_method(name) for name in sorted(METHODS) if name.startswith(prefix)]
        head = "| method | what it does | parameters | scope |\n|---|---|---|---|"
        parts.append(f"## {title}\n\nParameters in bold are needed.\n\n{head}\n" + "\n".join(rows) + "\n")
    rows = [f"| `{form}` | {text} |" for form, text in sorted(DESCRIPTIONS.items())]
    head = "| channel | what it tells |\n|---|---|"
    parts.append(
        "## Channels\n\n`{interval}` is raw, 100ms or agg2; private channels need `private/subscribe`.\n\n"
        f"{head}\n" + "\n".join(rows) + "\n"
    )
    by_reason: dict[str, list[str]] = {}
    for name, reason in UNSUPPORTED.items():
        by_reason.setdefault(reason, []).append(f"`{name}`")
    listed = "\n".join(
        f"- {reason[0].upper()}{reason[1:]}: {', '.join(names)}." for reason, names in by_reason.items()
    )
    parts.append(
        "## What is not supported\n\nThese answer with error 10033, `not_implemented`, and the reason. So do "
        "order types other than limit and market, triggers, icebergs (`max_show`), linked orders, `advanced` "
        f"prices and `mmp`.\n\n{listed}\n"
    )
    rows = [f"| {code} | `{message}` |" for message, code in sorted(CODES.items(), key=lambda pair: pair[1])]
    parts.append("## Errors\n\n| code | message |\n|---|---|\n" + "\n".join(rows) + "\n")
    parts.append(
        f"""## Limits

| limit | value |
|---|---|
| orders, changes and cancels of an account | {describe_rate(limits.matching)} |
| other requests of a connection | {describe_rate(limits.other)} |
| WebSocket connections | {limits.connections:,} |
| channels of a connection | {limits.channels:,} |
| requests of a connection that wait | {limits.in_flight:,} |
| length of a message | {limits.frame_bytes:,} bytes |
| what a connection may leave unread | {limits.buffer_bytes:,} bytes |

Past a rate the answer is error 10028 with the seconds to wait; past the length or the unread bytes the
connection ends.
"""
    )
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    sys.stdout.write(render())


if __name__ == "__main__":
    main()
