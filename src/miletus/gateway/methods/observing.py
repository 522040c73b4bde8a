"""What an operator and a page look at: processes, batches on their way, fees, a portfolio over time."""

import asyncio
from typing import Any

from miletus.engine import layout
from miletus.engine.params import FEE_ACCOUNT
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.numbers import format_money
from miletus.gateway.rpc import Call, Params, method
from miletus.indexer.history import History
from miletus.indexer.views import BatchView, PortfolioView

MOST_BATCHES = 200
MOST_POINTS = 1_000

INDEXED = "of the index that the gateway was given"


@method("miletus/get_services")
async def get_services(call: Call, params: Params) -> list[dict[str, Any]]:
    """The processes of the exchange with their health and figures; none if the gateway knows no addresses."""
    services = call.gateway.settings.services
    if services is None:
        return []
    return [
        {"name": each.name, "status": each.status, "figures": each.figures} for each in await services.get()
    ]


@method("miletus/get_fund")
def get_fund(call: Call, params: Params) -> dict[str, Any]:
    """Money of the exchange itself: the fees that it has taken, and where."""
    state = call.gateway.exchange.state
    account = int(FEE_ACCOUNT)
    cash = int(state.cells[state.header(account) + layout.CASH]) if account < state.capacity else 0
    return {"account": account, "balance": format_money(cash), "currency": "USDC"}


class BatchesParams(Params, kw_only=True):
    """Parameters of miletus/get_batches."""

    count: int = 20
    continuation: str | None = None


@method("miletus/get_batches", note=INDEXED)
async def get_batches(call: Call, params: BatchesParams) -> dict[str, Any]:
    """Batches, newest first: what is in them, and how far each is on L1."""
    if not 1 <= params.count <= MOST_BATCHES:
        raise make_invalid("count", f"1 to {MOST_BATCHES}")
    history = require_history(call)
    page = await asyncio.to_thread(history.get_batches, limit=params.count, continuation=params.continuation)
    now_s = call.gateway.exchange.now_ms() // 1000
    return {
        "batches": [describe_batch(each, now_s) for each in page.rows],
        "continuation": page.continuation,
    }


def describe_batch(batch: BatchView, now_s: int) -> dict[str, Any]:
    """A batch as it is told; times in milliseconds, None what L1 does not say yet."""
    return {
        "number": batch.number,
        "epoch": batch.epoch,
        "first_number": batch.first_number,
        "state": batch.get_status(now_s),
        "words": batch.words,
        "operations": batch.operations,
        "fills": batch.fills,
        "closed_at": batch.clock_ms,
        "transaction": batch.l1_transaction,
        "block": batch.l1_block,
        "root": batch.l1_root,
        "committed_at": _to_ms(batch.l1_time_s),
        "window_end": _to_ms(batch.l1_window_end_s),
        "proved_block": batch.l1_proved_block,
        "final_block": batch.l1_final_block,
        "bytes": batch.l1_bytes,
        "gas": batch.l1_gas,
    }


class PortfolioHistoryParams(Params, kw_only=True):
    """Parameters of miletus/get_portfolio_history."""

    start_timestamp: int | None = None
    end_timestamp: int | None = None
    count: int = 500
    continuation: str | None = None


@method("miletus/get_portfolio_history", "account:read", note=INDEXED)
async def get_portfolio_history(call: Call, params: PortfolioHistoryParams) -> dict[str, Any]:
    """Balance, equity and initial margin of the account over time, newest first."""
    if not 1 <= params.count <= MOST_POINTS:
        raise make_invalid("count", f"1 to {MOST_POINTS}")
    if call.given is None:
        raise make_error("unauthorized", "authenticate to see an account's history")
    call.given.require("account", 1)
    history = require_history(call)
    page = await asyncio.to_thread(
        history.get_portfolio,
        account=call.account,
        start_ms=params.start_timestamp,
        end_ms=params.end_timestamp,
        limit=params.count,
        continuation=params.continuation,
    )
    return {"points": [describe_point(each) for each in page.rows], "continuation": page.continuation}


def describe_point(view: PortfolioView) -> dict[str, Any]:
    """An account's money at a moment."""
    return {
        "timestamp": view.time_ms,
        "balance": format_money(view.cash_micros + view.locked_micros),
        "equity": format_money(view.equity_micros),
        "initial_margin": format_money(view.requirement_micros),
    }


def require_history(call: Call) -> History:
    """The index. RpcError if the gateway was started without one."""
    history = call.gateway.settings.history
    if history is None:
        raise make_error(
            "not_implemented", "this gateway has no index: run miletus index, and start it again"
        )
    return history


def _to_ms(time_s: int | None) -> int | None:
    return None if time_s is None else time_s * 1000
