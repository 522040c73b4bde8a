"""The gateway: what all sessions share."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from miletus.gateway.access import Access, Credential, Grant
from miletus.gateway.custody import Custody
from miletus.gateway.desk import Desk, Seat
from miletus.gateway.errors import RpcError, make_error
from miletus.gateway.exchange import Exchange
from miletus.gateway.finality import ChainReader, Roads
from miletus.gateway.labels import Labels
from miletus.gateway.limits import Limits, Pool
from miletus.gateway.link import Link
from miletus.gateway.mirror import Applied, Mirror
from miletus.gateway.restore import Restorer
from miletus.gateway.rpc import Call, Method, Params
from miletus.gateway.services import Services
from miletus.gateway.sessions import Session, WebSocketSession
from miletus.gateway.trail import Trail
from miletus.indexer.history import History
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.chain import Deployment

if TYPE_CHECKING:
    pass


@dataclass
class Settings:
    """What a gateway is set up with.

    `page` is a folder of files to serve at /, `hosts` are names besides loopback's that requests may be sent
    to, `origins` pages of others that may call. `takes_wallets` lets in whoever signs with a wallet, whose
    trading key is then held here: for a gateway on its user's own machine. `labels` is a file that keeps
    those of orders over a restart.
    """

    node: tuple[str, int]
    deployment: Deployment
    sequencer: bytes | None
    seats: Sequence[Seat]
    credentials: Sequence[Credential]
    get_time_ms: Callable[[], int]
    limits: Limits = field(default_factory=Limits)
    vault: str | None = None
    chain: ChainReader | None = None
    history: History | None = None
    page: Path | None = None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    services: Services | None = None
    custody: Custody | None = None
    takes_wallets: bool = False
    trail: Trail | None = None
    labels: Path | None = None


class Gateway:
    """One gateway, for one event loop."""

    def __init__(self, settings: Settings) -> None:
        from miletus.gateway.channels.hub import Hub

        self.settings = settings
        self.limits = settings.limits
        self.access = Access({each.client_id: each for each in settings.credentials})
        self.mirror = Mirror(settings.deployment)
        self.roads = Roads(settings.chain)
        self.exchange = Exchange(self.mirror, settings.get_time_ms)
        self.link = Link(
            settings.node,
            settings.deployment,
            settings.sequencer,
            self.mirror,
            self._take,
            self._reset,
        )
        self.sessions: set[WebSocketSession] = set()
        self.desks = {seat.account: self._make_desk(seat) for seat in settings.seats}
        self.hub: Hub = Hub(self)
        self.cancelling_accounts: set[int] = set()
        """Accounts whose new connections cancel their orders when they are lost."""
        self._pools: dict[int, Pool] = {}
        self._anonymous = Pool(self.limits.other)
        self._log = structlog.get_logger()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._restorer: Restorer | None = None

    async def start(self) -> None:
        """Connect to the node and take up its state. Raises what Link.start raises, and IndexerError."""
        await self.link.start()
        if self.settings.history is not None:  # nothing of the feed was taken yet
            self._restorer = Restorer(self.exchange, self.settings.history, self.mirror.next_number)
            self._restorer.restore()
        if self.settings.labels is not None:
            self.exchange.labels = Labels(self.settings.labels)
            for book in self.exchange.accounts.values():
                self.exchange.labels.apply(book.orders.by_id.values())
            self.exchange.labels.start()
        self.hub.start()
        self.roads.start()

    async def stop(self) -> None:
        """End every session and the link."""
        self.hub.stop()
        for session in list(self.sessions):
            session.end(_going_away(), "the gateway is going down")
        await asyncio.sleep(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.link.stop()
        await self.roads.stop()
        if self.exchange.labels is not None:
            await self.exchange.labels.stop()

    def add_seat(self, seat: Seat, credentials: Sequence[Credential]) -> None:
        """Serve another account from now on, with what is known of it before."""
        if seat.account not in self.desks:
            self.desks[seat.account] = self._make_desk(seat)
            if self._restorer is not None:
                self._restorer.restore_account(self.desks[seat.account].book)
            if self.exchange.labels is not None:
                self.exchange.labels.apply(self.desks[seat.account].book.orders.by_id.values())
        self.access.credentials |= {each.client_id: each for each in credentials}

    # ---- requests

    def run(self, session: Session, found: Method, params: Params) -> Any:
        """Carry out a method: its result, or a coroutine of it. RpcError if it is refused."""
        if found.websocket_only and not session.is_websocket:
            raise make_error("must_be_websocket_request", "call it on a WebSocket connection")
        grant = self._get_grant(session, params)
        if found.level or found.name.startswith("private/"):
            if grant is None:
                raise make_error("unauthorized", "authenticate with public/auth first")
            if found.level:
                grant.require(found.area, found.level)
            if found.is_matching:
                self._get_pool(grant.account).take()
            else:
                session.pool.take()
        else:
            session.pool.take()
        return found.run(Call(self, session, grant), params)

    def make_http_session(self) -> Session:
        """A session for one HTTP request."""
        return Session(self, self._anonymous)

    def get_desk(self, account: int) -> Desk:
        """The desk of an account. RpcError if no trading key of it is held here."""
        desk = self.desks.get(account)
        if desk is None:
            raise make_error("forbidden", f"this gateway holds no trading key of account {account}")
        return desk

    def charge(self, account: int, count: int) -> None:
        """Take credits for a request that counts as many. RpcError if there are not enough."""
        self._get_pool(account).take(count)

    def forget(self, session: WebSocketSession) -> None:
        """A connection is gone: its subscriptions end, and its orders if it asked for that."""
        self.sessions.discard(session)
        self.hub.forget(session)
        if session.grant is None or not session.placed:
            return
        cancels = session.cancels_on_disconnect
        if cancels is None:
            cancels = session.grant.account in self.cancelling_accounts
        if cancels:
            task = asyncio.get_running_loop().create_task(self._cancel_left(session))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _cancel_left(self, session: WebSocketSession) -> None:
        """Cancel what a connection placed and left open."""
        assert session.grant is not None
        desk = self.get_desk(session.grant.account)
        orders = [desk.book.orders.get(order_id) for order_id in session.placed]
        left = [order for order in orders if order is not None and order.is_open]
        results = await asyncio.gather(*(desk.cancel(order) for order in left), return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            self._log.warning(
                "orders not cancelled after a disconnect", count=len(failed), error=str(failed[0])
            )

    def tell_crash(self, method: str) -> None:
        """Log an error that nobody foresaw."""
        self._log.exception("a method failed", method=method)

    # ---- inside

    def _make_desk(self, seat: Seat) -> Desk:
        return Desk(self.exchange, self.link, seat, lambda: self.settings.get_time_ms() // 1000)

    def _take(self, group: FeedGroup, applied: list[Applied]) -> None:
        self.roads.take(group)
        self.exchange.take(group, applied)

    def _reset(self) -> None:
        self.roads.begin(self.mirror.epoch, self.mirror.next_number, self.mirror.batch)
        self.exchange.reset()

    def _get_grant(self, session: Session, params: Params) -> Grant | None:
        if params.access_token is not None:
            grant = self.access.find(params.access_token)
            if grant.connection is not None and grant.connection != session.id:
                raise make_error("unauthorized", "the token is another connection's: ask for a session scope")
            return grant
        return session.grant

    def _get_pool(self, account: int) -> Pool:
        pool = self._pools.get(account)
        if pool is None:
            pool = self._pools[account] = Pool(self.limits.matching)
        return pool


def _going_away() -> Any:
    from picows import WSCloseCode

    return WSCloseCode.GOING_AWAY


__all__ = ["Gateway", "RpcError", "Settings"]
