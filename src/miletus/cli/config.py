"""What a system is set up with: a TOML file, or the defaults, which need none.

    [l1]
    rpc = "https://..."          # without it an anvil of the system's own, on `port`
    port = 8545
    block_time_seconds = 1

    [rollup]
    window_s = 120               # challenge window; 604800 is a week

    [market]
    chains = "../data/chains"    # recorded chains; without it a generated market
    strikes = 12                 # of each expiry

Every field of the file is a field of these classes; one that is not is an error that names it.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from miletus.cli.errors import CliError

METRICS_PORTS = 16
"""Ports from `metrics.port` on that a system's processes may use."""

Port = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[int, Meta(ge=1, le=10 * 365 * 86_400)]
Text = Annotated[str, Meta(max_length=1_000)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a configuration."""


class L1Config(Section, frozen=True):
    """L1: a node of it, or a development chain of the system's own."""

    rpc: Annotated[
        Text, Meta(description="address of an L1 node; empty starts an anvil of the system's own")
    ] = ""
    port: Annotated[Port, Meta(description="port of that anvil; 0 takes any free one")] = 8_545
    block_time_seconds: Annotated[int, Meta(ge=1, le=60, description="time between that anvil's blocks")] = 1


class NodeConfig(Section, frozen=True):
    """The sequencer's node."""

    port: Annotated[Port, Meta(description="where clients connect; 0 takes any free one")] = 8_600
    batch_words: Annotated[
        int,
        Meta(ge=64, le=16_384, description="words at which a batch closes; L1's nodes take 128 KiB at once"),
    ] = 3_500
    batch_seconds: Annotated[float, Meta(gt=0, le=3_600, description="age at which a batch closes")] = 5.0


class RollupConfig(Section, frozen=True):
    """Parameters of the contracts that a deployment chooses; the rest are the contracts' defaults."""

    window_s: Annotated[Seconds, Meta(description="challenge window; a week is 604800")] = 120
    reorg_age_s: Annotated[
        int, Meta(ge=0, le=3_600, description="how old an entry of the inbox must be before it is consumed")
    ] = 2
    max_delay_s: Annotated[
        Seconds, Meta(description="how much older than its L1 block a batch's time may be")
    ] = 3_600
    deadline_s: Annotated[
        Seconds, Meta(description="when an entry of the inbox waits so long, anyone may propose")
    ] = 86_400
    bond_wei: Annotated[
        int,
        Meta(
            ge=0, description="what a proposer loses for a wrong batch; 0 for the least that pays for proofs"
        ),
    ] = 0
    fee_wei: Annotated[
        int, Meta(ge=1, le=10**13, description="what gas may cost while a challenger posts proofs")
    ] = 10**9
    policy: Annotated[
        str,
        Meta(
            pattern="^(optimistic|zk|hybrid)$",
            description="optimistic: final by window or proof; hybrid: bounties too; zk: by proof alone",
        ),
    ] = "optimistic"


class ProofsConfig(Section, frozen=True):
    """Circuits that the deployment has keys of.

    The first use of a circuit makes its development keys, which takes minutes and is kept beside the prover.
    """

    sizes: Annotated[
        tuple[Annotated[str, Meta(pattern="^(small|medium|large)$")], ...],
        Meta(description="sizes of edges (small, medium, large), the smallest first; none to do without"),
    ] = ()


class ProverConfig(Section, frozen=True):
    """Challenges what is wrong on L1, and proves what it is paid for, by its own wallet."""

    run: Annotated[bool, Meta(description="whether it runs; proofs.sizes must have its size")] = False
    size: Annotated[
        str, Meta(pattern="^(small|medium|large)$", description="size of the circuit of edges")
    ] = "small"
    prove: Annotated[
        str,
        Meta(
            pattern="^(nothing|bounties|all)$",
            description="right batches to prove beside wrong ones: nothing, bounties, all",
        ),
    ] = "bounties"
    least_bounty_eth: Annotated[
        str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", description="least bounty that counts")
    ] = "0.01"
    side_by_side: Annotated[
        int, Meta(ge=0, le=64, description="proofs at once; 0 for as many as memory and cores are for")
    ] = 0
    niceness: Annotated[int, Meta(ge=0, le=19, description="how much other programs go first")] = 10


class OracleConfig(Section, frozen=True):
    """Signers of index, sheets and settlements."""

    signers: Annotated[int, Meta(ge=1, le=8, description="how many there are")] = 3
    threshold: Annotated[int, Meta(ge=1, le=8, description="how many must agree")] = 2
    step_seconds: Annotated[float, Meta(gt=0, le=30, description="time between two ticks")] = 5.0


class MarketConfig(Section, frozen=True):
    """What is traded, and by whom."""

    chains: Annotated[
        Text, Meta(description="folder of recorded chain snapshots; empty generates a market")
    ] = ""
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="seed of market and traders")] = 1
    start_s: Annotated[int, Meta(ge=0, le=2**33, description="where a generated market begins; 0 is now")] = 0
    days: Annotated[int, Meta(ge=1, le=366, description="length of a generated market")] = 30
    expiries: Annotated[int, Meta(ge=1, le=12, description="expiries of options beside quarterly ones")] = 4
    quarterlies: Annotated[int, Meta(ge=0, le=4, description="quarterly expiries, with a future each")] = 2
    strikes: Annotated[int, Meta(ge=1, le=40, description="strikes of an expiry")] = 12
    makers: Annotated[int, Meta(ge=0, le=8, description="market makers, of four accounts each")] = 1
    takers: Annotated[int, Meta(ge=0, le=64, description="accounts that take")] = 4
    deposit_usdc: Annotated[
        int, Meta(ge=1, le=10**9, description="what each of them is given; makers ten times as much")
    ] = 2_000_000


class GatewayConfig(Section, frozen=True):
    """The Deribit API for the wallet that the system keeps for its user."""

    run: Annotated[bool, Meta(description="whether it runs")] = True
    host: Annotated[
        Text, Meta(description="address that it listens on; others than loopback reach beyond")
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="0 takes any free one")] = 8_700
    allow_hosts: Annotated[
        tuple[str, ...], Meta(description="names beside loopback's that clients may call it by")
    ] = ()
    allow_origins: Annotated[
        tuple[str, ...], Meta(description="origins of pages that may call it, such as http://localhost:5173")
    ] = ()
    page: Annotated[
        Text, Meta(description="folder of a page to serve at /; empty is the one of make web")
    ] = ""
    orders_per_second: Annotated[int, Meta(ge=1, le=10**6, description="orders of an account")] = 20_000


class IndexConfig(Section, frozen=True):
    """History in a database."""

    run: Annotated[bool, Meta(description="whether it runs")] = True
    database: Annotated[
        Text, Meta(description="a file for SQLite, or postgresql://...; empty is a file of the folder")
    ] = ""


class MetricsConfig(Section, frozen=True):
    """Health and Prometheus metrics of each process, by HTTP."""

    run: Annotated[bool, Meta(description="whether they are served")] = True
    host: Annotated[Text, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_500, description="the first of the ports, of the node; 0 takes any free ones")
    ] = 9_600


class Config(Section, frozen=True):
    """A whole configuration."""

    l1: L1Config = L1Config()
    node: NodeConfig = NodeConfig()
    rollup: RollupConfig = RollupConfig()
    oracle: OracleConfig = OracleConfig()
    market: MarketConfig = MarketConfig()
    proofs: ProofsConfig = ProofsConfig()
    prover: ProverConfig = ProverConfig()
    gateway: GatewayConfig = GatewayConfig()
    index: IndexConfig = IndexConfig()
    metrics: MetricsConfig = MetricsConfig()


def load_config(path: Path | None) -> Config:
    """Read a configuration, the defaults if there is no file. CliError names the field that is wrong."""
    if path is None:
        return Config()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CliError(f"{path}: {(error.strerror or 'cannot be read').lower()}: check the path") from None
    try:
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise CliError(f"{path}: {describe(str(error))}") from None
    except msgspec.DecodeError as error:
        raise CliError(f"{path}: not TOML: {error}") from None
    check_config(config, str(path))
    return config


def check_config(config: Config, source: str) -> None:
    """Check what no single field can say. Raises CliError."""
    oracle = config.oracle
    if oracle.threshold > oracle.signers:
        raise CliError(
            f"{source}: oracle.threshold {oracle.threshold} is above oracle.signers {oracle.signers}: "
            "lower it"
        )
    if config.prover.run and config.prover.size not in config.proofs.sizes:
        raise CliError(
            f"{source}: prover.size {config.prover.size} is none of proofs.sizes: add it there, or set "
            "prover.run = false"
        )
    database = config.index.database
    if "://" in database and not database.startswith(("postgresql://", "sqlite://")):
        raise CliError(f"{source}: index.database: a file, or an address that begins with postgresql://")
    page = config.gateway.page
    if page and not Path(page).is_dir():
        raise CliError(f"{source}: gateway.page: {page} is no folder: build the page first, or leave it out")
    check_ports(config, source)
    if config.l1.rpc and not config.l1.rpc.startswith(("http://", "https://")):
        raise CliError(f"{source}: l1.rpc: an address that begins with http:// or https:// is needed")


def check_ports(config: Config, source: str) -> None:
    """Raise CliError if two services are to listen on one port."""
    wanted = {"node.port": config.node.port}
    if not config.l1.rpc:
        wanted["l1.port"] = config.l1.port
    if config.gateway.run:
        wanted["gateway.port"] = config.gateway.port
    taken: dict[int, str] = {}
    for name, port in wanted.items():
        if port and port in taken:
            raise CliError(f"{source}: {name} and {taken[port]} are both {port}: change one of them")
        taken[port] = name
    first = config.metrics.port
    for port, name in taken.items():
        if config.metrics.run and first and first <= port < first + METRICS_PORTS:
            last = first + METRICS_PORTS - 1
            raise CliError(f"{source}: {name} {port} is one of metrics' ports {first} to {last}: change it")


def describe(message: str) -> str:
    """A validation error as `field: what`, from the decoder's `what - at $.field`."""
    match = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<field>.*)`)?", message, re.DOTALL)
    assert match is not None
    what = match["what"].replace("`", "")
    return f"{match['field']}: {what}" if match["field"] else what
