"""The clock that the processes of a simulated system share."""

import threading
import time
from pathlib import Path

import pytest

from miletus.cli.clock import SharedClock, get_real_time_ms
from miletus.cli.errors import CliError

NOON_MS = 1_770_000_000_000


def test_a_clock_stands_where_it_was_put_and_goes_on(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", NOON_MS)
    first = clock()
    time.sleep(0.02)
    assert NOON_MS <= first < first + 20 <= clock() < NOON_MS + 10_000


def test_all_who_opened_it_see_a_move(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", NOON_MS)
    other = SharedClock(tmp_path / "clock")
    clock.move(NOON_MS + 3_600_000)
    assert 0 <= other() - NOON_MS - 3_600_000 < 1_000


def test_time_never_goes_back(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", NOON_MS)
    assert clock.move(NOON_MS - 1) >= NOON_MS
    assert clock() >= NOON_MS


def test_no_reader_sees_half_a_move(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", NOON_MS)
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        other = SharedClock(tmp_path / "clock")
        while not done.is_set():
            seen.append(other())

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(1, 2_000):
        clock.move(NOON_MS + step * 86_400_000)
    done.set()
    reader.join()
    assert seen == sorted(seen)
    assert all((time_ms - NOON_MS) % 86_400_000 < 60_000 for time_ms in seen)


def test_a_writer_that_died_in_a_move_is_told(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    SharedClock.create(path, NOON_MS)
    raw = bytearray(path.read_bytes())
    raw[8] = 1
    path.write_bytes(raw)
    with pytest.raises(CliError, match="start the system again"):
        SharedClock(path)()


def test_what_is_no_clock_is_told(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="miletus up"):
        SharedClock(tmp_path / "absent")
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(CliError, match="miletus up"):
        SharedClock(tmp_path / "short")
    (tmp_path / "other").write_bytes(bytes(64))
    with pytest.raises(CliError, match="not a clock"):
        SharedClock(tmp_path / "other")


def test_real_time_is_the_machines(tmp_path: Path) -> None:
    assert abs(get_real_time_ms() - time.time() * 1000) < 1_000
