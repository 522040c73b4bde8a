"""On a real anvil: delegated accounts, reorganisations, and what a watcher with a plain RPC can rebuild."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from eth_account import Account

from miletus.settlement.anvil import Anvil, derive_account
from tests.contracts.live import GAS_LIMIT, LiveWorld, RevertedError
from tests.contracts.reference import (
    Commit,
    Segment,
    compute_genesis_id,
    compute_proof,
    compute_root,
    compute_running,
)
from tests.contracts.test_commit import make_segment
from tests.contracts.world import GENESIS_ROOT

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "contracts.md"


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as process:
        yield process


@pytest.fixture
def live(anvil: Anvil) -> Iterator[LiveWorld]:
    snapshot = anvil.control().snapshot()
    yield LiveWorld(anvil)
    anvil.control().revert(snapshot)


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    """The decoder as the reference page prints it."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType("page")
    sys.modules["page"] = module  # where dataclasses look their annotations up
    exec(compile(block, str(PAGE), "exec"), module.__dict__)
    yield module
    del sys.modules["page"]


@pytest.mark.rule("08-R01", "08-R02", "08-R15", "08-R17")
def test_a_watcher_rebuilds_every_id_from_logs_and_inputs_alone(live: LiveWorld, page: ModuleType) -> None:
    account = live.register("trader")
    live.deposit("trader", account, 5_000_000)
    live.wait(61)
    trader = int(live.people["trader"], 16)
    live.commit(
        "sequencer", live.draft(1, segments=(make_segment(3), make_segment(33, 1)), outbox=((trader, 7),))
    )
    live.deposit("trader", account, 6_000_000)
    live.deposit("trader", account, 7_000_000)
    live.wait(61)
    live.commit("sequencer", live.draft(2))
    live.wait(1)
    live.commit("sequencer", live.draft(segments=(make_segment(1, 2, 0),) * 16))

    entries, running = [], bytes(32)
    for log in get_logs(live, live.vault.address):
        name, values = live.vault.decode_log(log)
        if name == "EntryAdded":
            entries.append(values["words"])
            running = compute_running(running, values["words"])
            assert running == values["running_keccak"]
    assert running == live.get(live.vault, "running_keccak")
    parent, first, ids = compute_genesis_id(GENESIS_ROOT), 0, []
    for log in get_logs(live, live.rollup.address):
        name, values = live.rollup.decode_log(log)
        if name != "BatchCommitted":
            continue
        transaction = live.rpc.call("eth_getTransactionByHash", [log["transactionHash"]])
        words = [word for entry in entries[first : values["inbox_end"]] for word in entry]
        commit = read_commit(page, bytes.fromhex(transaction["input"][2:]), words)
        assert (commit.parent, values["parent"], values["inbox_first"]) == (parent, parent, first)
        parent = commit.compute_id(int(log["blockNumber"], 16), first)
        first = values["inbox_end"]
        ids.append(parent)
        assert values["id"] == parent
        assert int.from_bytes(values["root"], "big") == (commit.inbox, *commit.segments)[-1].root
    assert [live.get(live.rollup, "get_batch", number)[0] for number in (1, 2, 3)] == ids


def get_logs(live: LiveWorld, address: str) -> Any:
    return live.rpc.call("eth_getLogs", [{"address": address, "fromBlock": "0x0", "toBlock": "latest"}])


def read_commit(page: ModuleType, data: bytes, inbox_words: list[int]) -> Commit:
    """What the page's decoder reads, as the reference knows it."""
    read = page.decode_commit(data)
    segments = [
        Segment(
            tuple(int.from_bytes(part.words[at : at + 31], "big") for at in range(0, len(part.words), 31)),
            part.h,
            int.from_bytes(part.root, "big"),
            part.outbox,
        )
        for part in read.segments
    ]
    inbox = Segment(tuple(inbox_words), segments[0].h, segments[0].root, segments[0].accumulator)
    outbox = tuple((int.from_bytes(owner, "big"), amount) for owner, amount in read.outbox)
    commit = Commit(read.parent, read.time_s, read.inbox_count, inbox, tuple(segments[1:]), outbox)
    assert commit.encode() == data
    return commit


def test_the_pages_decoder_refuses_what_is_no_commit(page: ModuleType) -> None:
    for data in (b"", bytes(196), bytes(4) + bytes(32)):
        with pytest.raises(ValueError, match="not the input of a commit"):
            page.decode_commit(data)


@pytest.mark.rule("08-R02")
def test_an_account_that_delegated_its_code_cannot_commit(live: LiveWorld) -> None:
    """EIP-7702, for real: the account is the transaction's origin and yet anyone's instrument."""
    sequencer = derive_account(1)
    assert sequencer.address.lower() == live.people["sequencer"].lower()
    nonce = int(live.rpc.call("eth_getTransactionCount", [sequencer.address, "latest"]), 16)
    authorization = sequencer.sign_authorization(
        {"chainId": 31_337, "address": live.token.address, "nonce": nonce + 1}
    )
    transaction = {
        "chainId": 31_337,
        "nonce": nonce,
        "to": sequencer.address,
        "value": 0,
        "gas": 200_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 0,
        "authorizationList": [authorization],
    }
    signed = Account.sign_transaction(transaction, sequencer.key)
    live.rpc.call("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex().removeprefix("0x")])
    code = live.rpc.call("eth_getCode", [sequencer.address, "latest"])
    assert code.lower() == "0xef0100" + live.token.address[2:].lower()
    with pytest.raises(RevertedError, match="origin: sender has code"):
        live.commit("sequencer", live.draft())


@pytest.mark.rule("08-R01", "08-R05")
def test_a_reorganisation_under_a_batch_is_seen(live: LiveWorld) -> None:
    """The parent's block, or an entry of the queue, is another now: a commit about the old one is refused."""
    account = live.register("trader")
    live.control.mine(3)
    live.commit("sequencer", live.draft(segments=(make_segment(1, 0, 0),)))
    child = live.draft(segments=(make_segment(2, 0, 0),))
    old = live.get(live.rollup, "get_batch", 1)
    live.control.reorganise(1)
    assert live.get(live.rollup, "head_number") == 0
    with pytest.raises(RevertedError, match="rollup: parent is not the head"):
        live.commit("sequencer", child)
    live.commit("sequencer", live.draft(segments=(make_segment(1, 0, 0),)))
    assert live.get(live.rollup, "get_batch", 1)[0] != old[0]
    with pytest.raises(RevertedError, match="rollup: parent is not the head"):
        live.commit("sequencer", child)

    live.deposit("trader", account, 5_000_000)
    executed = live.draft(1).inbox
    live.control.reorganise(1)
    live.deposit("trader", account, 6_000_000)
    live.wait(61)
    with pytest.raises(RevertedError, match="tail: inbox words are not those that were executed"):
        live.commit("sequencer", live.draft(1).changed(inbox=executed))
    live.commit("sequencer", live.draft(1))


@pytest.mark.rule("08-R05")
def test_an_entry_too_young_to_outlive_a_reorganisation_is_not_consumed(live: LiveWorld) -> None:
    live.deposit("trader", live.register("trader"), 5_000_000)
    with pytest.raises(RevertedError, match="rollup: an inbox entry is too young"):
        live.commit("sequencer", live.draft(1))
    live.wait(60)
    live.commit("sequencer", live.draft(1))


@pytest.mark.rule("08-R03")
def test_a_batch_of_13_full_segments_fits_into_one_transaction(live: LiveWorld) -> None:
    segments = tuple(make_segment(1024, seed, 0) for seed in range(13))
    receipt = live.commit("sequencer", live.draft(segments=segments))
    assert int(receipt["gasUsed"], 16) <= GAS_LIMIT


@pytest.mark.rule("08-R09", "08-R10", "08-R18")
def test_money_comes_back_to_l1(live: LiveWorld) -> None:
    """Deposit, batch, window, claim by somebody else: the trader has his tokens on L1 again."""
    live.deposit("trader", live.register("trader"), 5_000_000)
    live.wait(61)
    outbox = tuple((int(live.people[name], 16), 1_000_000) for name in ("challenger", "trader", "proposer"))
    live.commit("sequencer", live.draft(1, outbox=outbox))
    assert live.get(live.rollup, "get_batch", 1)[5] == compute_root(outbox)
    live.wait(live.rollup_parameters["window_s"])
    live.transact("challenger", live.rollup, "finalize", 1)
    before = live.get(live.token, "balanceOf", live.people["trader"])
    claim = (1, 1, live.people["trader"], 1_000_000, compute_proof(outbox, 1))
    live.transact("thief", live.rollup, "claim", *claim)
    assert live.get(live.token, "balanceOf", live.people["trader"]) == before + 1_000_000
    with pytest.raises(RevertedError, match="outbox: withdrawal is paid already"):
        live.transact("thief", live.rollup, "claim", *claim)
