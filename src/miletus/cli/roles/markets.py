"""What the roles of the market share: the market itself, and a checked way to the node."""

from pathlib import Path
from typing import TYPE_CHECKING

from miletus.cli.config import MarketConfig
from miletus.cli.roles.base import Site
from miletus.client.connection import CheckedConnection, connect
from miletus.sequencer.chain import Deployment

if TYPE_CHECKING:
    from miletus.market.timeline import Market

GENERATED_START_S = 1_769_594_400
"""Start of a generated market that is given none: 2026-01-28 10:00 UTC."""


def open_market(config: MarketConfig) -> "Market":
    """The market of a configuration: recorded chains, or a generated one. Raises MarketError."""
    # here, since scipy takes as long to import as most commands take in all
    from miletus.market.generated import GeneratedMarket
    from miletus.market.replay import ReplayMarket
    from miletus.market.timeline import Selection

    selection = Selection(nearest=config.expiries, quarterly=config.quarterlies, strikes=config.strikes)
    if config.chains:
        return ReplayMarket(Path(config.chains), config.seed, selection=selection)
    start_s = config.start_s or GENERATED_START_S
    return GeneratedMarket(config.seed, start_s, config.days, selection)


async def connect_node(site: Site) -> CheckedConnection:
    """Connect to the system's node, whose answers the rollup's sequencer must have signed."""
    system = site.system
    deployment = Deployment.of(site.deployment.chain_id, site.deployment.rollup)
    return await connect(system.node_host, system.node_port, deployment, site.sequencer)
