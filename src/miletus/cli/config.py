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

Port = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[int, Meta(ge=1, le=10 * 365 * 86_400)]
Count = Annotated[int, Meta(ge=0, le=1_000)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a configuration."""


class L1Config(Section, frozen=True):
    """L1: an RPC, or a development chain of the system's own. Port 0 takes any free one."""

    rpc: str = ""
    port: Port = 8_545
    block_time_seconds: Annotated[int, Meta(ge=1, le=60)] = 1


class NodeConfig(Section, frozen=True):
    """The sequencer's node. Port 0 takes any free one."""

    port: Port = 8_600
    batch_words: Annotated[int, Meta(ge=64, le=16_384)] = 3_500
    batch_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 5.0


class RollupConfig(Section, frozen=True):
    """Parameters of the contracts that a deployment chooses; the rest are the contracts' defaults."""

    window_s: Seconds = 120
    reorg_age_s: Annotated[int, Meta(ge=0, le=3_600)] = 2
    max_delay_s: Seconds = 3_600
    deadline_s: Seconds = 86_400
    bond_wei: Annotated[int, Meta(ge=0)] = 10**17


class ProofsConfig(Section, frozen=True):
    """The circuits that the deployment has keys of: sizes of edges, the smallest first; none to do without.

    The first use of a circuit makes its development keys, which takes minutes and is kept beside the prover.
    """

    sizes: tuple[Annotated[str, Meta(pattern="^(small|medium|large)$")], ...] = ()


class OracleConfig(Section, frozen=True):
    """How many signers there are, and how many must agree."""

    signers: Annotated[int, Meta(ge=1, le=8)] = 3
    threshold: Annotated[int, Meta(ge=1, le=8)] = 2
    step_seconds: Annotated[float, Meta(gt=0, le=30)] = 5.0


class MarketConfig(Section, frozen=True):
    """What is traded, and by whom. A generated market begins at `start_s`; 0 leaves it to the command."""

    chains: str = ""
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 1
    start_s: Annotated[int, Meta(ge=0, le=2**33)] = 0
    days: Annotated[int, Meta(ge=1, le=366)] = 30
    expiries: Annotated[int, Meta(ge=1, le=12)] = 4
    quarterlies: Annotated[int, Meta(ge=0, le=4)] = 2
    strikes: Annotated[int, Meta(ge=1, le=40)] = 12
    makers: Annotated[int, Meta(ge=0, le=8)] = 1
    takers: Annotated[int, Meta(ge=0, le=64)] = 4
    deposit_usdc: Annotated[int, Meta(ge=1, le=10**9)] = 2_000_000


class Config(Section, frozen=True):
    """A whole configuration."""

    l1: L1Config = L1Config()
    node: NodeConfig = NodeConfig()
    rollup: RollupConfig = RollupConfig()
    oracle: OracleConfig = OracleConfig()
    market: MarketConfig = MarketConfig()
    proofs: ProofsConfig = ProofsConfig()


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
    if config.l1.rpc and not config.l1.rpc.startswith(("http://", "https://")):
        raise CliError(f"{source}: l1.rpc: an address that begins with http:// or https:// is needed")


def describe(message: str) -> str:
    """A validation error as `field: what`, from the decoder's `what - at $.field`."""
    match = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<field>.*)`)?", message, re.DOTALL)
    assert match is not None
    what = match["what"].replace("`", "")
    return f"{match['field']}: {what}" if match["field"] else what
