"""What `miletus maker` does: a runner with a person's key, reports as lines, a clean end on Ctrl-C."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from miletus.cli.errors import CliError
from miletus.cli.output import Output
from miletus.cli.person import open_person, open_site
from miletus.cli.telemetry import Plain, flatten, serve_as_told
from miletus.client import Venue, derive_trading_key, load_wallet
from miletus.maker.config import MakerConfig, load_config
from miletus.maker.reports import encode_report, format_report
from miletus.maker.runner import Runner
from miletus.native import PrivateKey


def make_market(
    folder: Path,
    config_path: Path | None,
    key_file: Path | None,
    account: int | None,
    *,
    dry_run: bool,
    seconds: float,
    as_json: bool,
) -> None:
    """Quote until Ctrl-C, SIGTERM, the given seconds or the loss limit."""
    config = load_config(config_path)
    site = open_site(folder)
    venue = Venue.from_folder(folder)
    key: PrivateKey | None = None
    number = account if account is not None else config.account.number
    if not dry_run:
        file = key_file or (Path(config.account.wallet) if config.account.wallet else None)
        if number is None:
            person = open_person(site, site.connect_l1(), file)
            key, number = person.key, person.require_account()
        else:
            if file is None:
                raise CliError(f"account {number} needs its wallet: give --wallet FILE")
            key = derive_trading_key(load_wallet(file), venue.chain_id, venue.rollup)
    asyncio.run(run(venue, config, key, number, Output(as_json), dry_run=dry_run, seconds=seconds))


async def run(
    venue: Venue,
    config: MakerConfig,
    key: PrivateKey | None,
    account: int | None,
    output: Output,
    *,
    dry_run: bool,
    seconds: float,
) -> None:
    """Run the maker, and stop it in order at a signal or when the time is over."""
    plain = Plain()
    telemetry = serve_as_told(plain, "maker")

    def report(fields: dict[str, Any]) -> None:
        plain.is_ready = True
        if fields["event"] == "warning":
            plain.told["warnings"] = plain.told.get("warnings", 0) + 1
        else:
            plain.told |= flatten(fields)
            plain.problem = str(fields.get("reason") or "")
        sys.stderr.write((encode_report(fields) if output.as_json else format_report(fields)) + "\n")
        sys.stderr.flush()

    runner = Runner(venue, config, key, account, report, dry_run=dry_run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.stop)
    if seconds:
        loop.call_later(seconds, runner.stop)
    try:
        last = await runner.run()
    finally:
        if telemetry is not None:
            telemetry.close()
    output.result(last)
    output.line(f"{last['fills']} fills, {last['profit']['total']:,.2f} USDC; nothing rests")
