"""`miletus gateway`: the Deribit API on loopback, for a trader's own software, with the trader's own key."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

DEFAULT_PORT = 8_700


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
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of a page to serve at /.")
    ] = None,
    orders_per_second: Annotated[
        int, typer.Option(min=1, help="Orders of an account, in a second.")
    ] = 20_000,
    as_json: JsonOption = False,
) -> None:
    """Serve the Deribit API v2 for the wallet's account: HTTP and WebSocket, signed here with its key."""
    from miletus.cli.output import Output
    from miletus.gateway.limits import Limits, Rate

    limits = Limits(matching=Rate(2 * orders_per_second, orders_per_second))
    work = serve(
        folder,
        wallet,
        (host, port),
        credentials,
        index,
        page,
        (frozenset(allow_host or ()), frozenset(allow_origin or ())),
        limits,
        Output(as_json),
    )
    import uvloop

    uvloop.run(work)


async def serve(
    folder: Path,
    wallet: Path | None,
    address: tuple[str, int],
    credentials: Path | None,
    index: str | None,
    page: Path | None,
    allowed: tuple[frozenset[str], frozenset[str]],
    limits: Any,
    output: Any,
) -> None:
    """Serve until told to stop. CliError for a wallet without an account, or a key that is not its own."""
    from miletus.cli.actors import KEY_SLOT
    from miletus.cli.errors import CliError
    from miletus.cli.person import open_person, open_site
    from miletus.gateway.chain import L1Reader
    from miletus.gateway.desk import Seat
    from miletus.gateway.service import Gateway, GatewayServer, Settings
    from miletus.sequencer.chain import Deployment
    from miletus.settlement.chain import ChainView
    from miletus.settlement.l1 import Vault

    site = open_site(folder)
    l1 = site.connect_l1()
    person = open_person(site, l1, wallet)
    account = person.require_account()
    path = credentials or site.folder.keys / "gateway.json"
    rollup = site.deployment.check(l1)
    settings = Settings(
        (site.system.node_host, site.system.node_port),
        Deployment.of(site.deployment.chain_id, site.deployment.rollup),
        site.sequencer,
        [Seat(account, KEY_SLOT, person.key)],
        open_credentials(path, account),
        site.clock,
        limits,
        rollup.vault,
        L1Reader(ChainView(rollup, Vault(l1, rollup.vault), site.deployment.start_block)),
        open_history(site, index),
        page,
        *allowed,
    )
    running = Gateway(settings)
    server = GatewayServer(running, *address)
    try:
        await server.start()
    except OSError as error:
        raise CliError(
            f"port {address[1]} of {address[0]} can't be used ({error.strerror or error}): stop what listens "
            "there or choose another --port"
        ) from None
    try:
        check_key(running, account, KEY_SLOT, person.key.public)
        announce(server, account, path, settings.credentials, output)
        await wait_for_signal()
    finally:
        await server.stop()


def open_history(site: Any, index: str | None) -> Any:
    """History of a database, or of the system's own if it has one; else None."""
    from miletus.cli.roles.indexer import DATABASE
    from miletus.indexer.database import open_database
    from miletus.indexer.history import History

    own = site.folder.path / "market" / DATABASE
    if index is None and not own.exists():
        return None
    return History(open_database(index or own))


def open_credentials(path: Path, account: int) -> list[Any]:
    """The credentials of a file, with one for the account at least. CliError for a damaged file."""
    import msgspec

    from miletus.cli.errors import CliError
    from miletus.cli.folder import write_private
    from miletus.gateway.access import CredentialsFile, load_credentials, make_credential

    try:
        known = load_credentials(path)
    except ValueError as error:
        raise CliError(str(error)) from None
    if not any(each.account == account for each in known):
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
    output.facts(
        "Gateway",
        {
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


async def wait_for_signal() -> None:
    """Return at Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
