"""A system is copied, lost and brought back: what L1 has of it is followed, what is damaged is refused."""

import hashlib
import io
import json
import random
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.cli.backing import make_backup, restore_backup, unpack
from miletus.cli.config import Config, L1Config
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder, SystemFile
from miletus.settlement.anvil import Anvil
from miletus.settlement.deployment import Deployment
from tests.cli.running import Running, run, up
from tests.cli.test_up import get, trade, until
from tests.sequencer import world as w

OWN_L1 = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = 6
[oracle]
step_seconds = 1.0
[gateway]
run = false
[index]
run = false
[market]
strikes = 2
expiries = 1
quarterlies = 1
takers = 0
"""

OTHERS_L1 = OWN_L1.replace("block_time_seconds = 1", 'rpc = "{rpc}"')


def rewrite(source: Path, target: Path, change: dict[str, bytes | None]) -> None:
    """Write an archive with some of its files changed, or left out."""
    files: dict[str, bytes | None] = {}
    with tarfile.open(source) as old:
        for member in old.getmembers():
            file = old.extractfile(member)
            assert file is not None
            files[member.name] = file.read()
    with tarfile.open(target, "w:gz") as new:
        for name, data in {**files, **change}.items():
            if data is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))


@pytest.mark.long
def test_a_stopped_system_is_brought_back_elsewhere(tmp_path: Path) -> None:
    folder, copy = tmp_path / "system", tmp_path / "copy.tar.gz"
    (tmp_path / "miletus.toml").write_text(OWN_L1)
    with up(folder, "--config", str(tmp_path / "miletus.toml")) as first:
        get(first.do("deposit", "700"))
        until(lambda: first.do("account").status == 0)
        trade(first, "buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "70000")
        refused = run("backup", str(copy), "--folder", str(folder))
        assert (refused.status, refused.err.count("\n")) == (1, 1)
        assert "stop the system, then make the backup" in refused.err
        before = get(first.do("account"))
    done = run("backup", str(copy), "--folder", str(folder), "--json")
    assert done.status == 0, done.err
    assert done.json["last_batch"] > 0
    assert copy.stat().st_mode & 0o077 == 0
    assert "there already" in run("backup", str(copy), "--folder", str(folder)).err
    shutil.rmtree(folder)
    again = tmp_path / "again"
    restored = run("restore", str(copy), "--folder", str(again), "--json")
    assert restored.status == 0, restored.err
    assert restored.json["followed"] is None
    with up(again) as second:
        after = get(second.do("account"))
        assert (after["cash_micros"], after["orders"]) == (before["cash_micros"], before["orders"])
        trade(second, "cancel", "--all")
        until(lambda: get(second.do("status"))["watchtower"]["conserved"])


def make_system(path: Path, **l1: str) -> w.Node:
    """A folder as a system has it, with a node that has traded; the node is open."""
    folder = Folder(path)
    folder.create()
    folder.write_config(Config(l1=L1Config(**l1)))
    Deployment(31337, "0x" + "cd" * 20, *["0x" + "ab" * 20] * 2, 0, "0x" + "00" * 32, "0x0", "0x0").save(
        folder.deployment_path
    )
    folder.write_system(SystemFile("", 31337, "127.0.0.1", 1, "0x0", False, 0))
    folder.get_wallet("operator")
    database = sqlite3.connect(folder.subfolder("batcher") / "intents.db")
    database.execute("CREATE TABLE intents (name TEXT)")
    database.execute("INSERT INTO intents VALUES ('batch 1')")
    database.commit()
    database.close()
    node = w.open_market(path / "node", w.Clock())
    trade_on(node, w.Trader(16))
    return node


def trade_on(node: w.Node, trader: w.Trader, count: int = 20) -> None:
    """Some orders of an account."""
    chance = random.Random(node.next_number)
    w.take(node.submit([trader.random_order(chance) for _ in range(count)]))


def test_a_copy_has_all_and_is_private(tmp_path: Path) -> None:
    folder, copy, again = tmp_path / "system", tmp_path / "copy.tar.gz", tmp_path / "again"
    node = make_system(folder)
    node.close_batch()
    node.wait_for_roots()
    number, root = node.next_number, node.compute_root()
    node.close()
    make_backup(folder, copy, True)
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(CliError, match="there already"):
        make_backup(folder, copy, True)
    restore_backup(again, copy, True)
    assert (again / "keys").stat().st_mode & 0o077 == 0
    assert (again / "keys" / "wallet-operator").read_text() == (
        folder / "keys" / "wallet-operator"
    ).read_text()
    kept = sqlite3.connect(again / "batcher" / "intents.db")
    assert kept.execute("SELECT name FROM intents").fetchall() == [("batch 1",)]
    kept.close()
    back = w.open_node(again / "node", w.Clock())
    assert (back.next_number, back.compute_root()) == (number, root)
    back.close()
    with pytest.raises(CliError, match="is not empty"):
        restore_backup(again, copy, True)


def test_a_copy_of_a_node_at_work_is_whole(tmp_path: Path) -> None:
    """Whatever is written meanwhile: what was confirmed before the copy is in it."""
    folder = tmp_path / "system"
    node = make_system(folder, rpc="http://127.0.0.1:1")
    done = threading.Event()
    copies: list[tuple[int, Path]] = []

    def copy_again_and_again() -> None:
        for turn in range(5):
            confirmed, target = node.next_number, tmp_path / f"copy-{turn}.tar.gz"
            make_backup(folder, target, True)
            copies.append((confirmed, target))
        done.set()

    thread = threading.Thread(target=copy_again_and_again)
    thread.start()
    trader = w.Trader(17)
    while not done.is_set():
        trade_on(node, trader)
        node.close_batch()
    thread.join()
    node.close()
    for turn, (confirmed, target) in enumerate(copies):
        place = tmp_path / f"again-{turn}"
        place.mkdir()
        unpack(target, place)
        back = w.open_node(place / "node", w.Clock())
        assert back.next_number >= confirmed
        back.close()


def test_what_is_no_whole_copy_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder, copy, empty = tmp_path / "system", tmp_path / "copy.tar.gz", tmp_path / "empty"
    make_system(folder).close()
    make_backup(folder, copy, True)
    with tarfile.open(copy) as archive:
        manifest = json.loads(archive.extractfile("backup.json").read())  # type: ignore[union-attr]
    name = next(each for each in manifest["files"] if each.endswith(".log"))
    digest = hashlib.sha256(b"evil").hexdigest()
    evil = {**manifest, "files": {**manifest["files"], "../outside": digest}}
    bad: dict[str, dict[str, bytes | None]] = {
        "is damaged": {name: b"x"},
        "no whole backup": {name: None},
        "is no whole": {"backup.json": None},
        "another version": {"backup.json": json.dumps({**manifest, "version": 99}).encode()},
        "leads out of the folder": {"backup.json": json.dumps(evil).encode(), "../outside": b"evil"},
    }
    for message, change in bad.items():
        target = tmp_path / "bad.tar.gz"
        rewrite(copy, target, change)
        with pytest.raises(CliError, match=message):
            restore_backup(empty, target, True)
        assert list(empty.iterdir()) == []
        assert not (tmp_path / "outside").exists()
    for size in (0, 10, copy.stat().st_size // 2):
        half = tmp_path / "half.tar.gz"
        half.write_bytes(copy.read_bytes()[:size])
        with pytest.raises(CliError, match="no whole backup"):
            restore_backup(empty, half, True)
        assert list(empty.iterdir()) == []
    with pytest.raises(CliError, match="no such file"):
        restore_backup(empty, tmp_path / "none", True)
    with pytest.raises(CliError, match="no system in"):
        make_backup(tmp_path / "nothing", tmp_path / "x.tar.gz", True)
    assert not (tmp_path / "x.tar.gz").exists()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with Anvil() as process:
        process.control().set_interval_mining(1)
        yield process


@pytest.mark.long
@pytest.mark.rule("09-R16", "09-R03")
def test_a_system_that_was_lost_follows_what_l1_has_of_it(tmp_path: Path, anvil: Anvil) -> None:
    """The copy is of a running system; it trades on, posts, and is killed: nothing on L1 is lost."""
    folder, copy, again = tmp_path / "system", tmp_path / "copy.tar.gz", tmp_path / "again"
    (tmp_path / "miletus.toml").write_text(OTHERS_L1.format(rpc=anvil.url))
    made = Folder(folder)
    made.create()
    anvil.control().set_balance(made.get_wallet("operator").address, 10**22)
    made.system_path.unlink(missing_ok=True)
    with up(folder, "--config", str(tmp_path / "miletus.toml")) as first:
        get(first.do("deposit", "700", "--mint"))
        until(lambda: first.do("account").status == 0)
        trade(first, "buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "60000")
        done = run("backup", str(copy), "--folder", str(folder), "--json")
        assert done.status == 0, done.err
        trade(first, "buy", "BTC_USDC-PERPETUAL", "0.02", "--price", "59000")
        last = get(first.do("status"))["last_batch"] + 1
        until(lambda: get(first.do("status"))["batches_on_l1"] >= last + 1)
        before = get(first.do("account"))
        first.process.kill()
        first.process.communicate(timeout=120)
    shutil.rmtree(folder)
    restored = run("restore", str(copy), "--folder", str(again), "--json")
    assert restored.status == 0, restored.err
    assert restored.json["followed"] >= 1
    with up(again) as second:
        after = get(second.do("account"))
        assert [order["price_ticks"] for order in after["orders"]] == [6_000_000, 5_900_000]
        assert after["cash_micros"] == before["cash_micros"]
        check_goes_on(second)


def check_goes_on(running: Running) -> None:
    """New words are confirmed, posted, and agreed with by the watchtower."""
    posted = get(running.do("status"))["batches_on_l1"]
    trade(running, "buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "58000")
    status = until(
        lambda: (
            (told := get(running.do("status")))["batches_on_l1"] > posted
            and told["watchtower"]
            and told["watchtower"]["batches_verified"] > posted
            and told
        )
    )
    assert status["well"]
