"""What a node says is believed only as far as it can be checked."""

from collections.abc import Iterator
from typing import Any

import pytest

from miletus.settlement.errors import L1Garbled, L1Inconsistent
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from tests.settlement.meddler import Meddler
from tests.settlement.world import Trader, World

OTHER_HASH = "0x" + "ab" * 32


@pytest.fixture
def meddler(world: World) -> Iterator[Meddler]:
    with Meddler(world.node.rpc.url) as proxy:
        yield proxy


@pytest.fixture
def liar(meddler: Meddler) -> Iterator[L1Node]:
    node = L1Node.connect(meddler.url, MOVED_TIME, attempts=1)
    yield node
    node.close()


def replace(**fields: object) -> Any:
    return lambda result: result and {**result, **fields}


def test_time_ahead_of_ours(world: World) -> None:
    rules = HeadRules(max_ahead_seconds=60.0, now=lambda: world.get_time() - 61.0)
    with pytest.raises(L1Inconsistent, match=r"61 s in the future; check this machine's clock"):
        L1Node.connect(world.node.rpc.url, rules).get_head()


def test_a_head_that_stands_still(world: World) -> None:
    rules = HeadRules(max_age_seconds=120.0, now=lambda: world.get_time() + 121.0)
    with pytest.raises(L1Inconsistent, match="121 s old; the node is not in step"):
        L1Node.connect(world.node.rpc.url, rules).get_head()


def test_another_block_than_the_one_asked_for(meddler: Meddler, liar: L1Node, world: World) -> None:
    head = liar.get_head()
    meddler.changes = {"eth_getBlockByNumber": replace(number="0x1")}
    with pytest.raises(L1Inconsistent, match="gave block 1 when asked for 2"):
        liar.get_header(2)
    meddler.changes = {"eth_getBlockByHash": replace(hash=OTHER_HASH)}
    with pytest.raises(L1Inconsistent, match="another block"):
        liar.get_header(head.hash)


def test_receipts_from_nowhere(meddler: Meddler, liar: L1Node, world: World) -> None:
    wallet = world.make_wallet()
    receipt = world.do(world.make_sender(wallet), "register", world.vault.register())
    assert liar.get_receipt(receipt.transaction_hash) == receipt
    meddler.changes = {"eth_getTransactionReceipt": replace(blockHash=OTHER_HASH)}
    with pytest.raises(L1Inconsistent, match="which its own chain does not have"):
        liar.get_receipt(receipt.transaction_hash)
    meddler.changes = {"eth_getTransactionReceipt": replace(transactionHash=OTHER_HASH)}
    with pytest.raises(L1Inconsistent, match="another transaction"):
        liar.get_receipt(receipt.transaction_hash)
    meddler.changes = {"eth_getTransactionByHash": replace(hash=OTHER_HASH)}
    with pytest.raises(L1Inconsistent, match="another transaction"):
        liar.get_transaction(receipt.transaction_hash)


def test_events_that_nobody_asked_for(meddler: Meddler, liar: L1Node, world: World) -> None:
    Trader.join(world)
    head = liar.get_head().number

    def move(logs: Any) -> Any:
        return [{**log, "address": "0x" + "11" * 20} for log in logs]

    assert liar.get_logs([world.vault.address], 0, head)
    meddler.changes = {"eth_getLogs": move}
    with pytest.raises(L1Inconsistent, match="gave an event of"):
        liar.get_logs([world.vault.address], 0, head)


@pytest.mark.parametrize(
    ("method", "value", "match"),
    [
        ("eth_getBlockByNumber", 7, "a block as 7, not as an object"),
        ("eth_getBlockByNumber", {"number": "12"}, "not as a hex number"),
        ("eth_getBlockByNumber", {"number": "0x1", "hash": "0x12"}, "1 bytes instead of 32"),
        ("eth_getBlockByNumber", None, "has no newest block"),
        ("eth_getLogs", {"a": 1}, "without a list"),
        ("eth_getLogs", [{"address": "0x" + "11" * 20}], "without topics"),
        ("eth_feeHistory", {}, "without base fees"),
        ("eth_getTransactionCount", "0xzz", "not as a hex number"),
    ],
)
def test_answers_of_another_shape(
    meddler: Meddler, liar: L1Node, method: str, value: object, match: str
) -> None:
    meddler.changes = {method: lambda result: value}
    calls: dict[str, Any] = {
        "eth_getBlockByNumber": liar.get_head,
        "eth_getLogs": lambda: liar.get_logs(["0x" + "11" * 20], 0, 1),
        "eth_feeHistory": liar.get_next_base_fee,
        "eth_getTransactionCount": lambda: liar.get_nonce("0x" + "11" * 20),
    }
    with pytest.raises(L1Garbled, match=match):
        calls[method]()


def test_contracts_at_wrong_addresses(world: World) -> None:
    from miletus.settlement.deployment import check_rollup
    from miletus.settlement.errors import ContractMismatch

    with pytest.raises(ContractMismatch, match="no L1 address"):
        Rollup(world.node, "0x1234")
    with pytest.raises(ContractMismatch, match="holds no contract"):
        check_rollup(world.node, world.sequencer.address, bytes(32))
    with pytest.raises(ContractMismatch, match="genesis root"):
        check_rollup(world.node, world.rollup.address, bytes(32))
    with pytest.raises(ContractMismatch, match="is this the address of the Vault"):
        _ = Vault(world.node, world.sequencer.address).word_fee_wei
