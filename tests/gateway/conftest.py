from collections.abc import Iterator

import pytest

from tests.gateway.client import Client
from tests.gateway.running import Market, open_market


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A node and a gateway, each a process; accounts 16 to 23 have a million USDC each."""
    with open_market(tmp_path_factory.mktemp("node")) as opened:
        yield opened


@pytest.fixture
def http(market: Market) -> Iterator[Client]:
    """JSON-RPC over HTTP, as account 16; orders are cancelled at the end."""
    client = Client(market, 16)
    yield client
    for account in range(16, 24):
        Client(market, account).call("private/cancel_all")
    client.close()
