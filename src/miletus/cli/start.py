"""Starting `miletus up` from its options, and going on where an earlier run stopped."""

import time
from pathlib import Path

import msgspec

from miletus.cli.clock import get_real_time_ms
from miletus.cli.config import Config, check_config, describe, load_config
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.launch import check_disk, check_port, check_tools, stop_left_over
from miletus.cli.output import Output
from miletus.cli.roles.markets import open_market
from miletus.cli.system import SERVICES
from miletus.cli.upkeep import Upkeep

HOUR_S = 3_600


def start_system(
    *,
    folder_path: Path,
    config_path: Path | None,
    fresh: bool,
    port: int | None,
    l1_port: int | None,
    rpc: str | None,
    window_s: int | None,
    chains: Path | None,
    as_json: bool,
) -> None:
    """Start a system, or take up the one in the folder, and keep it running until it is interrupted."""
    folder = Folder(folder_path)
    stop_left_over(folder)
    folder.create(fresh=fresh)
    going_on = folder.deployment_path.exists()
    if going_on and (config_path or rpc or window_s or chains):
        raise CliError(
            f"{folder.path} has a system with a configuration of its own: add --fresh to begin anew"
        )
    config = folder.read_config() if going_on else load_config(config_path)
    config = apply_options(config, port=port, l1_port=l1_port, rpc=rpc, window_s=window_s, chains=chains)
    if going_on and config.market.chains:
        raise CliError("a system on recorded chains can't go on after a stop: begin anew with --fresh")
    check_tools(own_l1=not config.l1.rpc)
    check_disk(folder.path)
    check_port(config.node.port, "--port")
    if not config.l1.rpc:
        check_port(config.l1.port, "--l1-port")
    if config.gateway.run:
        check_port(config.gateway.port, "gateway.port", config.gateway.host)
    if config.metrics.run and config.metrics.port:
        for number in range(len(SERVICES) + 1):
            check_port(config.metrics.port + number, "metrics.port", config.metrics.host)
    if not going_on and not config.market.chains:
        begin_s = int(time.time()) // HOUR_S * HOUR_S
        config = replace_section(config, "market", start_s=begin_s)
    market = open_market(config.market)  # before anything runs, since its files may be missing
    start_ms = market.start_s * 1000 if config.market.chains else get_real_time_ms()
    if start_ms // 1000 >= market.end_s:
        raise CliError("the generated market of this system is over: begin anew with --fresh")
    Upkeep(folder, config, Output(as_json)).run(start_ms)


def apply_options(
    config: Config,
    *,
    port: int | None,
    l1_port: int | None,
    rpc: str | None,
    window_s: int | None,
    chains: Path | None,
) -> Config:
    """A configuration with what the command line says in place of what the file says."""
    if port is not None:
        config = replace_section(config, "node", port=port)
        if port == 0:
            config = replace_section(config, "gateway", port=0)
            config = replace_section(config, "metrics", port=0)
    if l1_port is not None:
        config = replace_section(config, "l1", port=l1_port)
    if rpc is not None:
        config = replace_section(config, "l1", rpc=rpc)
    if window_s is not None:
        config = replace_section(config, "rollup", window_s=window_s)
    if chains is not None:
        config = replace_section(config, "market", chains=str(chains.absolute()))
    check_config(config, "options")
    return config


def replace_section(config: Config, section: str, **values: object) -> Config:
    """A configuration with some values of a section replaced, checked as a file's would be."""
    part = msgspec.structs.replace(getattr(config, section), **values)
    try:
        return msgspec.convert(
            msgspec.to_builtins(msgspec.structs.replace(config, **{section: part})), Config
        )
    except msgspec.ValidationError as error:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in values)
        raise CliError(f"{names}: {describe(str(error))}") from None
