"""A system is copied, lost and brought back: what L1 has of it is followed, what is damaged is refused."""

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.cli.folder import Folder
from miletus.settlement.anvil import Anvil
from tests.cli.running import Running, run, up
from tests.cli.test_up import get, trade, until

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
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            assert file is not None
            data = change.get(member.name, file.read())
            if data is None:
                continue
            info = tarfile.TarInfo(member.name)
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))


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
    refuse_damaged(copy, tmp_path)
    assert "is not empty" in run("restore", str(copy), "--folder", str(folder)).err
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


def refuse_damaged(copy: Path, place: Path) -> None:
    """What is no whole copy is refused in one line, and leaves nothing behind."""
    with tarfile.open(copy) as archive:
        manifest = json.loads(archive.extractfile("backup.json").read())  # type: ignore[union-attr]
    name = next(each for each in manifest["files"] if each.endswith(".log"))
    evil = {**manifest, "files": {**manifest["files"], "../outside": "0" * 64}}
    bad = {
        "flipped": {name: b"x"},
        "without a file": {name: None},
        "without its list": {"backup.json": None},
        "of another version": {"backup.json": json.dumps({**manifest, "version": 99}).encode()},
        "that leads out": {"backup.json": json.dumps(evil).encode()},
    }
    for what, change in bad.items():
        target = place / "bad.tar.gz"
        rewrite(copy, target, change)  # type: ignore[arg-type]
        done = run("restore", str(target), "--folder", str(place / "bad"))
        assert (done.status, done.err.count("\n")) == (1, 1), (what, done.err)
        assert list((place / "bad").iterdir()) == [], what
    half = place / "half.tar.gz"
    half.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    for path, message in ((half, "no whole backup"), (place / "none", "no such file")):
        done = run("restore", str(path), "--folder", str(place / "bad"))
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert message in done.err


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
