"""Children of a system: started, asked, watched and stopped, in order and without orphans."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.cli.errors import CliError
from miletus.cli.supervisor import Supervisor

CHILD = """
import os, sys, time
from miletus.cli.channel import Channel

def add(a, b):
    if a < 0:
        raise ValueError("no negative\\nnumbers")
    return {"sum": a + b}

channel = Channel({"add": add, "die": lambda: os._exit(7)}, supervised=True)
channel.ready(port=4321)
channel.report(step=1)
while not channel.stopping:
    channel.wait(5.0)
channel.report(step=2)
"""


def write_child(folder: Path, text: str) -> list[str]:
    path = folder / "child.py"
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path)]


@pytest.fixture
def reports() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, reports: list[tuple[str, dict[str, object]]]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", lambda name, fields: reports.append((name, fields))) as supervisor:
        yield supervisor


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(pid)


def test_a_child_works_answers_reports_and_stops(
    supervisor: Supervisor, tmp_path: Path, reports: list[tuple[str, dict[str, object]]]
) -> None:
    child = supervisor.start("adder", write_child(tmp_path, CHILD))
    supervisor.wait_ready()
    assert child.ready == {"port": 4321}
    assert child.request("add", a=2, b=3) == {"sum": 5}
    with pytest.raises(CliError, match=r"^adder: ValueError: no negative numbers$"):
        child.request("add", a=-1, b=3)
    with pytest.raises(CliError, match="unknown request 'sub'"):
        child.request("sub")
    assert child.request("add", a=2, b=4) == {"sum": 6}  # an error of a request ends nothing
    supervisor.stop()
    assert child.process.returncode == 0
    assert reports == [("adder", {"step": 1}), ("adder", {"step": 2})]


def test_a_child_that_dies_is_told_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start("adder", write_child(tmp_path, CHILD))
    supervisor.wait_ready()
    with pytest.raises(CliError, match=r"the adder ended with status 7; see .*adder\.log"):
        child.request("die")
    with pytest.raises(CliError, match="the adder ended"):
        supervisor.check()


def test_a_child_that_fails_at_the_start_says_why(supervisor: Supervisor, tmp_path: Path) -> None:
    text = """
    import sys
    from miletus.cli.channel import Channel
    Channel({}, supervised=True).fail("port 80 is in use; choose another")
    sys.exit(1)
    """
    supervisor.start("server", write_child(tmp_path, text))
    with pytest.raises(CliError, match=r"^port 80 is in use; choose another$"):
        supervisor.wait_ready()


def test_what_a_child_writes_that_is_no_message_is_passed_over(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    text = (
        "print('hello', flush=True)\nprint('{broken', flush=True)\nprint('[1]', flush=True)\n"
        + textwrap.dedent(CHILD)
    )
    child = supervisor.start("adder", write_child(tmp_path, text))
    supervisor.wait_ready()
    assert child.request("add", a=1, b=1) == {"sum": 2}


def test_a_child_that_does_not_want_to_stop_is_killed(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miletus.cli.supervisor.STOP_SECONDS", 0.2)
    text = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print('{"event": "ready"}', flush=True)
    time.sleep(60)
    """
    child = supervisor.start("stubborn", write_child(tmp_path, text))
    supervisor.wait_ready()
    monkeypatch.setattr("miletus.cli.supervisor.TERMINATE_SECONDS", 0.2)
    supervisor.stop()
    assert child.process.returncode == -9


def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = write_child(tmp_path, CHILD)
    parent_text = f"""
    import time
    from pathlib import Path
    from miletus.cli.supervisor import Supervisor
    supervisor = Supervisor(Path({str(tmp_path)!r}))
    child = supervisor.start("adder", {command!r})
    supervisor.wait_ready()
    print(child.pid, flush=True)
    time.sleep(60)
    """
    path = tmp_path / "parent.py"
    path.write_text(textwrap.dedent(parent_text))
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert wait_until_gone(pid)


def test_ctrl_c_reaches_the_parent_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start("adder", write_child(tmp_path, CHILD))
    supervisor.wait_ready()
    assert os.getpgid(child.pid) != os.getpgid(0)
