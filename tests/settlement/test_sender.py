"""Exactly once, whatever the pool, the fees, the chain or our own process do."""

from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from miletus.settlement.anvil import AnvilControl, derive_account
from miletus.settlement.errors import FeeCapReached, L1Refused, NonceTaken, StoreError
from miletus.settlement.fees import GWEI, FeePolicy
from miletus.settlement.intents import Call, IntentStore, State
from miletus.settlement.node import BlockTag, L1Node
from miletus.settlement.sender import Sender, load_account, open_store

TARGET = "0x00000000000000000000000000000000000A11cE"
PATIENCE_SECONDS = 30.0
FEES = FeePolicy(cap_wei=1_000 * GWEI, patience_seconds=PATIENCE_SECONDS, depth=4)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def account(control: AnvilControl) -> LocalAccount:
    """A new wallet: after a snapshot is taken back, anvil refuses the very bytes that it mined before."""
    wallet: LocalAccount = Account.create()
    control.set_balance(wallet.address, 10**20)
    return wallet


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "intents.sqlite"


def make_sender(
    node: L1Node, account: LocalAccount, path: Path, clock: Clock, fees: FeePolicy = FEES
) -> Sender:
    return Sender(node, account, open_store(path, node, account.address), fees, clock)


@pytest.fixture
def sender(node: L1Node, account: LocalAccount, path: Path, clock: Clock) -> Sender:
    return make_sender(node, account, path, clock)


def pay(wei: int) -> Call:
    return Call(TARGET, b"", wei)


def received(node: L1Node) -> int:
    node.rpc.call("evm_mine")  # automine answers a little before it has mined
    return node.get_balance(TARGET)


def test_a_key_names_one_thing_for_ever(sender: Sender, node: L1Node) -> None:
    sender.submit("rent", pay(7))
    sender.submit("rent", pay(7))
    assert sender.wait("rent").succeeded
    sender.submit("rent", pay(7))
    sender.poll()
    assert received(node) == 7


def test_stuck_is_replaced_at_a_higher_fee_and_paid_once(
    sender: Sender, node: L1Node, control: AnvilControl, clock: Clock
) -> None:
    control.set_automine(False)
    first = sender.submit("rent", pay(7))
    sender.poll()
    assert len(sender.store.get_attempts("rent", first.nonce)) == 1
    clock.seconds += PATIENCE_SECONDS
    sender.poll()
    attempts = sender.store.get_attempts("rent", first.nonce)
    assert len(attempts) == 2
    assert attempts[1].max_fee_wei * 1000 >= attempts[0].max_fee_wei * 1100
    assert attempts[1].tip_wei * 1000 >= attempts[0].tip_wei * 1100
    control.mine()
    assert sender.wait("rent").succeeded
    assert received(node) == 7


def test_repriced_when_the_base_fee_passes_its_fee(
    sender: Sender, node: L1Node, control: AnvilControl
) -> None:
    control.set_automine(False)
    first = sender.submit("rent", pay(7))
    control.set_next_base_fee(100 * GWEI)
    control.mine()
    assert received(node) == 0
    control.set_next_base_fee(100 * GWEI)
    sender.poll()  # no patience asked: it can't get in any more
    assert sender.store.get_attempts("rent", first.nonce)[-1].max_fee_wei > 100 * GWEI
    control.mine()
    assert sender.wait("rent").succeeded
    assert received(node) == 7


def test_the_fee_cap_holds_it_back_and_says_so(
    node: L1Node, control: AnvilControl, account: LocalAccount, path: Path, clock: Clock
) -> None:
    sender = make_sender(node, account, path, clock, FeePolicy(cap_wei=50 * GWEI))
    control.set_automine(False)
    sender.submit("rent", pay(7))
    control.set_next_base_fee(100 * GWEI)
    control.mine()
    with pytest.raises(FeeCapReached, match="raise the cap or wait"):
        sender.poll()
    control.set_next_base_fee(GWEI)
    control.mine()
    sender.poll()
    control.mine()
    assert sender.wait("rent").succeeded
    assert received(node) == 7


def test_dropped_by_the_node_is_sent_again(sender: Sender, node: L1Node, control: AnvilControl) -> None:
    control.set_automine(False)
    sender.submit("rent", pay(7))
    control.drop_transactions()
    control.mine()
    sender.poll()
    control.mine()
    assert sender.wait("rent").succeeded
    assert received(node) == 7


@pytest.mark.rule("09-R06")
def test_reorganised_out_is_sent_again_and_paid_once(
    sender: Sender, node: L1Node, control: AnvilControl
) -> None:
    before = node.get_head().number
    sender.submit("one", pay(7))
    sender.submit("two", pay(11))
    sender.wait("one")
    sender.wait("two")
    assert received(node) == 18
    control.reorganise(node.get_head().number - before)
    assert received(node) == 0
    changed = sender.poll()
    assert {intent.key for intent in changed} == {"one", "two"}
    assert all(intent.state is State.WAITING for intent in changed)
    control.mine()
    sender.poll()
    assert received(node) == 18
    control.mine(FEES.depth)
    sender.poll()
    assert [sender.get(key).state for key in ("one", "two")] == [State.SETTLED] * 2  # type: ignore[union-attr]


@pytest.mark.rule("09-R06")
def test_a_reorganisation_deeper_than_what_was_settled_is_undone_too(
    sender: Sender, node: L1Node, control: AnvilControl
) -> None:
    sender.submit("one", pay(7))
    control.mine(FEES.depth)
    sender.poll()
    assert sender.get("one").state is State.SETTLED  # type: ignore[union-attr]
    control.reorganise(FEES.depth + 1)
    assert received(node) == 0
    sender.poll()
    control.mine()
    assert received(node) == 7


def test_the_other_branch_may_have_it_already(sender: Sender, node: L1Node, control: AnvilControl) -> None:
    intent = sender.submit("one", pay(7))
    raw = sender.store.get_attempts("one", intent.nonce)[0].raw
    control.mine()
    control.reorganise(2, [(raw, 1)])
    sender.poll()
    assert received(node) == 7
    assert sender.get("one").state is State.INCLUDED  # type: ignore[union-attr]


def test_crash_between_storing_and_sending(
    node: L1Node, account: LocalAccount, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender(node, account, path, clock)

    def crash(raw: bytes) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(node, "send_raw", crash)
        with pytest.raises(KeyboardInterrupt):
            sender.submit("rent", pay(7))
    assert received(node) == 0
    again = make_sender(node, account, path, clock)
    again.submit("rent", pay(7))
    again.poll()
    assert received(node) == 7


def test_crash_after_sending_before_the_answer(
    node: L1Node, account: LocalAccount, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender(node, account, path, clock)
    send = node.send_raw

    def send_and_crash(raw: bytes) -> bytes:
        send(raw)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(node, "send_raw", send_and_crash)
        with pytest.raises(KeyboardInterrupt):
            sender.submit("rent", pay(7))
    assert received(node) == 7
    again = make_sender(node, account, path, clock)
    again.submit("rent", pay(7))
    again.poll()
    assert received(node) == 7
    assert again.get("rent").state is State.INCLUDED  # type: ignore[union-attr]


def test_a_lost_file_collides_at_the_nonce_instead_of_paying_beside(
    node: L1Node, control: AnvilControl, account: LocalAccount, tmp_path: Path, clock: Clock
) -> None:
    control.set_automine(False)
    make_sender(node, account, tmp_path / "lost.sqlite", clock).submit("rent", pay(7))
    fresh = make_sender(node, account, tmp_path / "fresh.sqlite", clock)
    fresh.submit("rent", pay(7))
    control.mine(2)
    fresh.poll()
    assert received(node) == 7


def test_a_nonce_that_another_program_used(
    sender: Sender, node: L1Node, control: AnvilControl, account: LocalAccount, tmp_path: Path, clock: Clock
) -> None:
    control.set_automine(False)
    sender.submit("ours", pay(7))
    control.drop_transactions()
    other = make_sender(node, account, tmp_path / "other.sqlite", clock)
    other.submit("theirs", pay(100))
    control.mine()
    with pytest.raises(NonceTaken, match="another program"):
        sender.poll()
    assert received(node) == 100
    control.mine(FEES.depth)
    sender.poll()  # deep enough: it gets another nonce
    control.mine()
    sender.poll()
    assert received(node) == 107


def test_a_node_that_is_taking_in_a_block_has_nothing_sent_twice(
    sender: Sender, node: L1Node, control: AnvilControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives the nonce after that block with the head before it, and no receipt yet."""
    control.set_automine(False)
    waiting = sender.submit("claim", Call(TARGET, b"", 7, guarded=True))
    true = node.get_nonce

    def get_nonce(account: str, block: BlockTag = "latest") -> int:
        return true(account, block) + isinstance(block, bytes)

    monkeypatch.setattr(node, "get_nonce", get_nonce)
    sender.poll()
    monkeypatch.undo()
    assert sender.get("claim") == waiting
    control.mine()
    control.set_automine(True)
    assert sender.wait("claim").succeeded
    sender.poll()
    assert received(node) == 7


def test_what_the_contract_guards_goes_on_a_block_after_its_nonce_was_used(
    account: LocalAccount, node: L1Node, control: AnvilControl, path: Path, clock: Clock, tmp_path: Path
) -> None:
    control.set_automine(False)
    sender = make_sender(node, account, path, clock)
    sender.submit("claim", Call(TARGET, b"", 7, guarded=True))
    control.drop_transactions()
    control.set_automine(True)
    other = make_sender(node, account, tmp_path / "other.sqlite", clock)
    assert other.submit("theirs", pay(5)).nonce == 0
    assert other.wait("theirs").succeeded
    control.mine()
    assert sender.wait("claim").succeeded
    assert received(node) == 12


def test_a_gap_of_nonces_is_filled(
    sender: Sender, node: L1Node, control: AnvilControl, account: LocalAccount, tmp_path: Path, clock: Clock
) -> None:
    other = make_sender(node, account, tmp_path / "other.sqlite", clock)
    other.submit("theirs", pay(100))
    control.mine()
    sender.submit("ours", pay(7))
    control.mine()
    control.reorganise(4)
    sender.poll()
    control.mine()
    assert received(node) == 0  # ours waits for a nonce that nobody uses
    clock.seconds += PATIENCE_SECONDS
    sender.poll()
    clock.seconds += PATIENCE_SECONDS
    sender.poll()
    control.mine()
    sender.poll()
    assert received(node) == 7


def test_replacing_what_waits(sender: Sender, node: L1Node, control: AnvilControl) -> None:
    control.set_automine(False)
    sender.submit("rent", pay(7))
    sender.resubmit("rent", pay(8))
    control.mine(2)
    sender.poll()
    assert received(node) == 8
    with pytest.raises(ValueError, match="done in block"):
        sender.resubmit("rent", pay(9))


def test_an_account_that_cant_pay_says_how_much_it_needs(
    node: L1Node, control: AnvilControl, account: LocalAccount, path: Path, clock: Clock
) -> None:
    sender = make_sender(node, account, path, clock)
    control.set_balance(account.address, 1000)
    with pytest.raises(L1Refused, match="can't pay for 'rent': send it at least"):
        sender.submit("rent", Call(TARGET, b"", 7, 21_000))
    control.set_balance(account.address, 10**18)
    sender.poll()
    assert received(node) == 7


def test_files_of_another_account_or_damaged_are_refused(node: L1Node, tmp_path: Path) -> None:
    path = tmp_path / "intents.sqlite"
    open_store(path, node, derive_account(1).address).close()
    with pytest.raises(StoreError, match="use another directory"):
        open_store(path, node, derive_account(2).address)
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    with pytest.raises(StoreError, match="restore it from a copy"):
        IntentStore(path, {})
    with pytest.raises(StoreError):
        IntentStore(tmp_path / "no such folder" / "intents.sqlite", {})


def test_a_bad_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="32 bytes in hex") as failure:
        load_account("0xdeadbeef")
    assert "deadbeef" not in str(failure.value)
