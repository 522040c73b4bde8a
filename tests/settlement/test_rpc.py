"""L1 down, slow, limiting or talking nonsense: one clear line each, after bounded tries."""

from collections.abc import Iterator

import pytest

from miletus.settlement.anvil import find_free_port
from miletus.settlement.errors import CallReverted, L1Error, L1Garbled, L1Refused, L1Unreachable
from miletus.settlement.rpc import JsonRpc
from tests.settlement.meddler import Meddler
from tests.settlement.world import World


@pytest.fixture
def meddler(world: World) -> Iterator[Meddler]:
    with Meddler(world.node.rpc.url) as proxy:
        yield proxy


def connect(url: str, pauses: list[float] | None = None, **options: float) -> JsonRpc:
    seen = pauses if pauses is not None else []
    return JsonRpc(url, sleep=seen.append, **options)  # type: ignore[arg-type]


def test_nobody_listens() -> None:
    pauses: list[float] = []
    url = f"http://127.0.0.1:{find_free_port()}"
    with pytest.raises(L1Unreachable, match=r"after 4 tries.*check that the node runs") as failure:
        connect(url, pauses).call("eth_chainId")
    assert url in str(failure.value)
    assert "\n" not in str(failure.value)
    assert pauses == [0.2, 0.4, 0.8]


def test_too_slow(meddler: Meddler) -> None:
    meddler.delay_seconds = 0.5
    with pytest.raises(L1Unreachable, match=r"no answer to eth_chainId within 0\.1 s"):
        connect(meddler.url, timeout_seconds=0.1, attempts=2).call("eth_chainId")
    meddler.delay_seconds = 0.0
    assert connect(meddler.url).call("eth_chainId") == "0x7a69"


def test_troubles_that_pass_are_waited_out(meddler: Meddler) -> None:
    meddler.failures = [503, 429, 502]
    assert connect(meddler.url).call("eth_chainId") == "0x7a69"
    assert meddler.requests == 4


def test_tries_are_bounded(meddler: Meddler) -> None:
    meddler.failures = [500] * 100
    with pytest.raises(L1Unreachable, match="HTTP status 500"):
        connect(meddler.url, attempts=3).call("eth_chainId")
    assert meddler.requests == 3


def test_rate_limit_inside_json_is_waited_out(meddler: Meddler) -> None:
    meddler.body = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "slow down"}}'
    with pytest.raises(L1Unreachable, match="limits the rate"):
        connect(meddler.url).call("eth_chainId")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>welcome</html>",
        b'"text"',
        b"[]",
        b'{"jsonrpc": "2.0", "id": 77, "result": "0x1"}',
        b'{"jsonrpc": "2.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "error": "no"}',
    ],
)
def test_nonsense(meddler: Meddler, body: bytes) -> None:
    meddler.body = body
    with pytest.raises(L1Garbled, match="L1 at http"):
        connect(meddler.url).call("eth_chainId")


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'[{"id": 1}]', b'[{"jsonrpc": "2.0", "id": 1, "result": 1}]']
)
def test_nonsense_in_batches(meddler: Meddler, body: bytes) -> None:
    meddler.body = body
    with pytest.raises(L1Garbled):
        connect(meddler.url).batch([("eth_chainId", []), ("eth_blockNumber", [])])


def test_batches_come_in_their_order(world: World) -> None:
    numbers = [f"0x{number:x}" for number in range(world.node.get_head().number)]
    calls = [("eth_getBlockByNumber", [number, False]) for number in numbers]
    assert [block["number"] for block in world.node.rpc.batch(calls)] == numbers
    assert world.node.rpc.batch([]) == []


def test_refusals_keep_their_code(world: World) -> None:
    with pytest.raises(L1Refused, match="no_such_method") as failure:
        world.node.rpc.call("no_such_method")
    assert failure.value.code == -32601


def test_reverts_say_the_contract_s_reason(world: World) -> None:
    with pytest.raises(CallReverted) as failure:
        world.node.estimate_gas(world.sequencer.address, world.rollup.address, world.rollup.finalise().data)
    assert failure.value.reason == "rollup: no batch is proved or has passed its window"


def test_an_address_without_http_is_refused() -> None:
    with pytest.raises(L1Error, match="http://"):
        JsonRpc("ws://127.0.0.1:8546")
