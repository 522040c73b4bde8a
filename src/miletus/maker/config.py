"""What a maker is set up with: a TOML file. Sizes are in coins, money in USDC, spreads as said.

    [account]
    number = 16
    wallet = "maker.key"            # or the environment's MILETUS_WALLET_KEY

    [quotes]
    coins = ["BTC"]
    option_size = 0.5

Every field of the file is a field of these classes; one that is not is an error that names it.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from miletus.maker.errors import MakerError
from miletus.market.names import UNDERLYINGS

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a configuration."""


class AccountConfig(Section, frozen=True):
    """Which account trades. Without a number the wallet's own one is looked up on L1."""

    number: Annotated[int, Meta(ge=16, lt=262_144)] | None = None
    wallet: str = ""
    key_slot: Annotated[int, Meta(ge=0, le=3)] = 0


class QuotesConfig(Section, frozen=True):
    """What is quoted, and how wide.

    The half spread of an option is vega x `volatility_points` + delta x index x `hedge_share` + half a step;
    of a future its second and third part. `edge_points` shifts the volatility that is quoted around.
    """

    coins: tuple[str, ...] = ("BTC", "ETH")
    options: bool = True
    futures: bool = True
    least_delta: Share = 0.05
    most_delta: Share = 0.95
    most_days: Positive = 400.0
    least_minutes: Positive = 30.0
    option_size: Positive = 0.2
    future_size: Positive = 0.3
    volatility_points: Annotated[float, Meta(gt=0, le=100)] = 1.0
    edge_points: Annotated[float, Meta(ge=-50, le=50)] = 0.0
    hedge_share: Annotated[float, Meta(ge=0, le=0.1)] = 0.0002
    widest_share: Share = 0.4
    """Half spread, at most, as a share of the price."""
    requote_share: Share = 0.33
    """A quote that moved by more than this share of its half spread is sent anew."""


class SkewConfig(Section, frozen=True):
    """How the middle gives way to what is held: by a whole half spread where a limit is reached."""

    delta: Share = 1.0
    vega: Share = 1.0


class LimitsConfig(Section, frozen=True):
    """What is not gone beyond. A side that would is not quoted; `loss` ends the run."""

    position: Positive = 2.0
    """Coins of one instrument."""
    delta: Positive = 5.0
    """Coins of net delta in one underlying."""
    vega: Positive = 2_000.0
    """USDC for one point of volatility, in one underlying."""
    loss: Positive = 50_000.0
    """USDC below where the run began."""
    margin_share: Share = 0.8
    """Share of the equity that initial margin may use."""


class ProtectionConfig(Section, frozen=True):
    """When quotes are taken out though no limit is reached."""

    fill_size: Positive = 1.0
    """Coins of one underlying, bought and sold together by others within `fill_seconds`."""
    fill_seconds: Seconds = 5.0
    pause_seconds: Seconds = 10.0
    sheet_seconds: Seconds = 900.0
    """Age of the oracle's sheet above which its marks are not believed."""
    index_seconds: Seconds = 45.0
    silence_seconds: Seconds = 5.0
    """Silence of the node's feed after which all quotes are taken out."""
    good_for_seconds: Annotated[int, Meta(ge=2, le=3_600)] = 20
    """The dead man's switch: every order ends by itself so long after it was sent."""
    index_move_share: Share = 0.01
    """Move of the index within `fill_seconds` above which quotes are taken out."""
    refusals: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Refused orders within `pause_seconds` after which it pauses."""


class RunConfig(Section, frozen=True):
    """How it runs."""

    step_seconds: Annotated[float, Meta(ge=0.02, le=60)] = 0.5
    chunk: Annotated[int, Meta(ge=1, le=256)] = 16
    report_seconds: Seconds = 5.0


class MakerConfig(Section, frozen=True):
    """A whole configuration."""

    account: AccountConfig = AccountConfig()
    quotes: QuotesConfig = QuotesConfig()
    skew: SkewConfig = SkewConfig()
    limits: LimitsConfig = LimitsConfig()
    protection: ProtectionConfig = ProtectionConfig()
    run: RunConfig = RunConfig()


def load_config(path: Path | None) -> MakerConfig:
    """Read a configuration, the defaults if there is no file. MakerError names the field that is wrong."""
    if path is None:
        return MakerConfig()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MakerError(f"{path}: {(error.strerror or 'cannot be read').lower()}: check the path") from None
    try:
        config = msgspec.toml.decode(text, type=MakerConfig)
    except msgspec.ValidationError as error:
        raise MakerError(f"{path}: {_describe(str(error))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MakerError(f"{path}: not TOML: {error}") from None
    check_config(config, str(path))
    return config


def check_config(config: MakerConfig, source: str) -> None:
    """Check what no single field can say. Raises MakerError."""
    quotes, protection, run = config.quotes, config.protection, config.run
    unknown = [coin for coin in quotes.coins if coin not in UNDERLYINGS]
    if unknown or not quotes.coins:
        raise MakerError(f"{source}: quotes.coins: choose of {', '.join(UNDERLYINGS)}")
    if quotes.least_delta >= quotes.most_delta:
        raise MakerError(f"{source}: quotes.least_delta must be below quotes.most_delta")
    if 3 * run.step_seconds > protection.good_for_seconds:
        raise MakerError(
            f"{source}: protection.good_for_seconds {protection.good_for_seconds} must be three steps at "
            f"least (run.step_seconds {run.step_seconds:g}): orders would end before they are sent anew"
        )


def _describe(message: str) -> str:
    match = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<field>.*)`)?", message, re.DOTALL)
    assert match is not None
    what = match["what"].replace("`", "")
    return f"{match['field']}: {what}" if match["field"] else what
