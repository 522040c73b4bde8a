"""`miletus gateway`: the Deribit API on loopback, for a trader's own software, with the trader's own key."""

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption
from miletus.tuning import calm_collector

DEFAULT_PORT = 8_700

LABELS = "labels.sqlite"
"""File of a system's folder, in `gateway`."""

LOOK_SECONDS = 0.5
"""Pause between two looks at the line to the node."""

ACCOUNT_SECONDS = 1.0
"""Pause between two looks for the account of a wallet that has none yet."""


def gateway(
    folder: FolderOption = DEFAULT_FOLDER / "system",
    wallet: WalletOption = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback reach beyond.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = DEFAULT_PORT,
    credentials: Annotated[
        Path | None, typer.Option(help="File of client ids and secrets; made at the first start.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name that clients may call it by.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of a page that may call it, such as http://localhost:5173."),
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="Database of miletus index, for what was before; else the folder's.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of a page to serve at /; else the one of make web."
        ),
    ] = None,
    orders_per_second: Annotated[
        int, typer.Option(min=1, help="Orders of an account, in a second.")
    ] = 20_000,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve the Deribit API v2 for the wallet's account: HTTP and WebSocket, signed here with its key."""
    from miletus.cli.output import Output
    from miletus.gateway.limits import Limits, Rate

    options = Options(
        folder,
        wallet,
        (host, port),
        credentials,
        index,
        page,
        (frozenset(allow_host or ()), frozenset(allow_origin or ())),
        Limits(matching=Rate(2 * orders_per_second, orders_per_second)),
    )
    import uvloop

    if not supervised:
        uvloop.run(serve(options, Output(as_json)))
        return
    from miletus.cli.roles.base import run_role

    run_role(lambda channel: uvloop.run(serve_supervised(options, channel)), supervised=True)


@dataclass(frozen=True)
class Options:
    """What the command was given."""

    folder: Path
    wallet: Path | None
    address: tuple[str, int]
    credentials: Path | None
    index: str | None
    page: Path | None
    allowed: tuple[frozenset[str], frozenset[str]]
    limits: Any


class Place:
    """A system and a wallet, and the gateway between them."""

    def __init__(self, options: Options, site: Any) -> None:
        from miletus.cli.person import open_person

        self.options = options
        self.site = site
        self.l1 = site.connect_l1()
        self.rollup = site.deployment.check(self.l1)
        self.person = open_person(site, self.l1, options.wallet)
        self.path = options.credentials or site.folder.keys / "gateway.json"
        self.credentials: list[Any] = []
        self.server: Any = None

    def look_for_account(self) -> int | None:
        """The wallet's account on L1, if it has one by now."""
        from miletus.cli.person import open_person

        if self.person.account is None:
            self.person = open_person(self.site, self.l1, self.options.wallet)
        return self.person.account

    def make_seat(self, account: int) -> Any:
        """The seat of the account."""
        from miletus.cli.actors import KEY_SLOT
        from miletus.gateway.desk import Seat

        return Seat(account, KEY_SLOT, self.person.key)

    async def start(self, account: int | None) -> Any:
        """Start the server, with a seat for the account if there is one. CliError if the port is taken."""
        from miletus.cli.actors import open_bridge
        from miletus.cli.errors import CliError
        from miletus.gateway.chain import L1Reader
        from miletus.gateway.custody import Custody
        from miletus.gateway.guard import LOOPBACK
        from miletus.gateway.page import find_page
        from miletus.gateway.service import Gateway, GatewayServer, Settings
        from miletus.gateway.services import Services
        from miletus.gateway.trail import Trail
        from miletus.sequencer.chain import Deployment
        from miletus.settlement.chain import ChainView
        from miletus.settlement.l1 import Vault

        options, site = self.options, self.site
        self.credentials = open_credentials(self.path, account)
        vault = Vault(self.l1, self.rollup.vault)
        settings = Settings(
            (site.system.node_host, site.system.node_port),
            Deployment.of(site.deployment.chain_id, site.deployment.rollup),
            site.sequencer,
            [] if account is None else [self.make_seat(account)],
            self.credentials,
            site.clock,
            options.limits,
            self.rollup.vault,
            L1Reader(ChainView(self.rollup, vault, site.deployment.start_block)),
            open_history(site, options.index),
            options.page or find_page(),
            *options.allowed,
            services=Services(self.find_services),
            custody=Custody(
                ChainView(self.rollup, vault, site.deployment.start_block), site.deployment.chain_id
            ),
            # by another name others reach it, through whatever listens for it
            takes_wallets=options.address[0] in LOOPBACK and not options.allowed[0],
            labels=site.folder.subfolder("gateway") / LABELS,
            trail=Trail(
                ChainView(self.rollup, vault, site.deployment.start_block),
                lambda: open_bridge(site.folder, self.l1, site.deployment, self.person.wallet).sender,
                self.person.wallet.address,
            ),
        )
        self.server = GatewayServer(Gateway(settings), *options.address)
        try:
            await self.server.start()
        except OSError as error:
            host, port = options.address
            raise CliError(
                f"port {port} of {host} can't be used ({error.strerror or error}): stop what listens there "
                "or choose another --port"
            ) from None
        return self.server

    def find_services(self) -> dict[str, str]:
        """Where each process of the system serves its health now."""
        system = self.site.folder.read_system(required=False)
        return {} if system is None else dict(system.health)

    def seat(self, account: int) -> None:
        """Serve an account from now on. CliError as long as its key is not on the exchange."""
        from miletus.cli.actors import KEY_SLOT

        gateway = self.server.gateway
        check_key(gateway, account, KEY_SLOT, self.person.key.public)
        self.credentials = open_credentials(self.path, account)
        gateway.add_seat(self.make_seat(account), self.credentials)


async def serve(options: Options, output: Any) -> None:
    """Serve until told to stop. CliError for a wallet without an account, or a key that is not its own."""
    from miletus.cli.actors import KEY_SLOT
    from miletus.cli.person import open_site

    place = Place(options, open_site(options.folder))
    account = place.person.require_account()
    try:
        server = await place.start(account)
        calm_collector()
        check_key(server.gateway, account, KEY_SLOT, place.person.key.public)
        announce(server, account, place.path, place.credentials, output)
        await serve_until_signal(server.gateway)
    finally:
        if place.server is not None:
            await place.server.stop()


async def serve_until_signal(gateway: Any) -> None:
    """Tell of health and metrics, if the environment says where, until Ctrl-C or SIGTERM."""
    from miletus.cli.telemetry import Plain, serve_as_told

    plain = Plain(is_ready=True, measure=lambda: measure(gateway))
    telemetry = serve_as_told(plain, "gateway")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        while not stop.is_set():
            plain.problem = "" if gateway.link.is_up else "the node is away"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    finally:
        if telemetry is not None:
            telemetry.close()


async def serve_supervised(options: Options, channel: Any) -> None:
    """Serve what is public at once, and the wallet's account as soon as it has one."""
    from miletus.cli.roles.base import Site

    place = Place(options, Site.open(options.folder))
    channel.attach(asyncio.get_running_loop())
    try:
        server = await place.start(place.person.account)
        calm_collector()
        channel.measure = lambda: measure(server.gateway)
        channel.ready(port=server.port)
        seating = asyncio.create_task(seat_when_there(place, channel))
        try:
            while not channel.stopping:
                await asyncio.sleep(0.05)
                up = server.gateway.link.is_up
                channel.problem = "" if up else "the node is away"
        finally:
            seating.cancel()
            await asyncio.gather(seating, return_exceptions=True)
    finally:
        if place.server is not None:
            await place.server.stop()


async def seat_when_there(place: Place, channel: Any) -> None:
    """Serve the wallet's account once it is on L1 and its key on the exchange."""
    import structlog

    from miletus.cli.errors import CliError
    from miletus.settlement.errors import SettlementError

    log, told = structlog.get_logger(), ""
    while True:
        try:
            account = await asyncio.to_thread(place.look_for_account)
            if account is not None:
                place.seat(account)
                log.info("account served", account=account)
                channel.report(account=account)
                return
        except (CliError, SettlementError) as error:
            if str(error) != told:
                told = str(error)
                log.info("account not served yet", reason=told)
        await asyncio.sleep(ACCOUNT_SECONDS)


def measure(gateway: Any) -> dict[str, Any]:
    """What is to be measured of a gateway."""
    link = gateway.link
    return {
        "node_up": link.is_up,
        "sessions": len(gateway.sessions),
        "operations_waiting": link.waiting,
        "reconnects": link.reconnects,
        "next_number": gateway.mirror.next_number,
        "clock_ms": gateway.mirror.clock_ms,
    }


def open_history(site: Any, index: str | None) -> Any:
    """History of a database, or of the system's own if it has one; else None."""
    from miletus.cli.roles.indexer import DATABASE
    from miletus.indexer.database import open_database
    from miletus.indexer.errors import OtherVersion
    from miletus.indexer.history import History

    own = site.folder.path / "market" / DATABASE
    index = index or site.config.index.database
    if index:
        return History(open_database(index))
    try:
        return History(open_database(own)) if own.exists() else None
    except OtherVersion:
        return None  # miletus index begins it anew


def open_credentials(path: Path, account: int | None) -> list[Any]:
    """The credentials of a file, with one for the account if there is one. CliError for a damaged file."""
    import msgspec

    from miletus.cli.errors import CliError
    from miletus.cli.folder import write_private
    from miletus.gateway.access import CredentialsFile, load_credentials, make_credential

    try:
        known = load_credentials(path)
    except ValueError as error:
        raise CliError(str(error)) from None
    if account is not None and not any(each.account == account for each in known):
        known.append(make_credential(account))
        text = msgspec.json.format(msgspec.json.encode(CredentialsFile(known)), indent=2).decode()
        write_private(path, text)
    return known


def check_key(running: Any, account: int, slot: int, public: tuple[int, int]) -> None:
    """CliError unless the exchange has this trading key in the account's slot."""
    from miletus.cli.errors import CliError
    from miletus.sequencer.query import view_account

    view = view_account(running.exchange.state, account)
    keys = {} if view is None else {each.slot: each for each in view.keys}
    if slot not in keys:
        raise CliError(
            f"account {account} has no trading key on the exchange yet: its deposit waits to be old enough; "
            "try again in a few seconds"
        )
    known = int.from_bytes(keys[slot].x, "big"), int.from_bytes(keys[slot].y, "big")
    if known != public:
        raise CliError(f"account {account} has another trading key: bind this wallet's with miletus deposit")


def announce(server: Any, account: int, path: Path, credentials: Any, output: Any) -> None:
    """Say where it listens and how to authenticate."""
    own = next(each for each in credentials if each.account == account)
    host = server.host if ":" not in server.host else f"[{server.host}]"
    http, websocket = f"http://{host}:{server.port}", f"ws://{host}:{server.port}/ws/api/v2"
    page = {} if server.gateway.settings.page is None else {"page": f"{http}/"}
    output.facts(
        "Gateway",
        page
        | {
            "HTTP": f"{http}/api/v2",
            "WebSocket": websocket,
            "account": account,
            "client_id": own.client_id,
            "client_secret": f"in {path}",
        },
    )
    output.line(f"ccxt: exchange.urls['api'] = {{'rest': '{http}', 'ws': '{websocket}'}}")
    output.result(
        {
            "http": f"{http}/api/v2",
            "websocket": websocket,
            "port": server.port,
            "account": account,
            "client_id": own.client_id,
            "credentials": str(path),
        }
    )
