"""Starting the development chain, and what is said when it can't be."""

import socket
from pathlib import Path

import pytest

from miletus.settlement import anvil as module
from miletus.settlement.anvil import Anvil, derive_account, find_anvil
from miletus.settlement.errors import AnvilError, L1Unreachable
from miletus.settlement.intents import Call, State
from miletus.settlement.sender import FeePolicy, Sender, open_store


def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnvilError, match="run make setup"):
        find_anvil(tmp_path)


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind((module.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AnvilError, match=f"port {port} is in use; stop what listens there"):
            Anvil(port=port)


def test_ends_at_once(tmp_path: Path) -> None:
    log = tmp_path / "anvil.log"
    with pytest.raises(AnvilError, match=r"ended at once.*see .*anvil.log"):
        Anvil(log_path=log, arguments=("--no-such-option",))
    assert b"--no-such-option" in log.read_bytes()


@pytest.mark.rule("09-R06")
def test_a_node_that_restarts_with_its_chain(tmp_path: Path) -> None:
    """The node goes down with a transaction waiting, and comes back without it: it is sent again."""
    anvil = Anvil(state_path=tmp_path / "chain.json")
    try:
        node = anvil.connect(attempts=2, pause_seconds=0.01)
        account = derive_account(1)
        target = "0x00000000000000000000000000000000000A11cE"
        sender = Sender(node, account, open_store(tmp_path / "intents", node, account.address), FeePolicy())
        sender.submit("first", Call(target, b"", 5))
        sender.wait("first")
        anvil.control().set_automine(False)
        sender.submit("second", Call(target, b"", 6))
        anvil.stop()
        with pytest.raises(L1Unreachable, match="check that the node runs"):
            sender.poll()
        anvil.start()
        sender.wait("second")
        assert node.get_balance(target) == 11
        first = sender.get("first")
        assert first is not None
        assert first.state is State.INCLUDED
    finally:
        anvil.stop()
    assert anvil.pid is None
    with pytest.raises(L1Unreachable):
        node.get_head()
