"""Jobs of the library: begun at once, told of on a pipe, and with the results of the calls that wait."""

import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus import codec
from miletus.engine import segment
from miletus.engine.segment import R_SIGNED, RECORD
from miletus.native import Jobs, prepare, start_prepare
from tests.native.test_crypto import ALICE, BOB, KEYS, build_machine, run, set_key, sign, withdraw

PATIENCE_SECONDS = 60.0


def wait_for(jobs: Jobs, count: int) -> list[int]:
    """The next jobs that are done."""
    done: list[int] = []
    while len(done) < count:
        assert select.select([jobs.fileno()], [], [], PATIENCE_SECONDS)[0], "no job was done"
        done += jobs.take_done()
    return done


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    opened = Jobs()
    yield opened
    opened.close()


@pytest.mark.rule("10-R04")
def test_a_check_says_what_prepare_says(jobs: Jobs) -> None:
    machine = build_machine()
    words = b"".join(
        sign(KEYS[(account == BOB) ^ (nonce % 5 == 0)], withdraw(nonce, account))
        for nonce in range(1, 30)
        for account in (ALICE, BOB)
    )
    expected, part = (codec.decode_segment(int(segment.SEQUENCED), words) for _ in range(2))
    held = prepare(expected, machine)
    started = start_prepare(part, machine, jobs)
    assert wait_for(jobs, 1) == [started.job]
    assert started.finish(jobs) == held == 48
    assert list(part.records) == list(expected.records)


def test_keys_and_words_are_those_of_the_start(jobs: Jobs) -> None:
    machine = build_machine()
    part = codec.decode_segment(int(segment.SEQUENCED), sign(KEYS[0], withdraw(2)))
    started = start_prepare(part, machine, jobs)
    assert run(machine, sign(KEYS[0], set_key(1, KEYS[2].public))) == [0]  # Alice's key is another one now
    assert started.finish(jobs) == 1  # waits by itself
    assert part.records[int(R_SIGNED)] == 1
    assert prepare(part, machine) == 0


def test_nothing_to_check_is_a_job_too(jobs: Jobs) -> None:
    part = codec.decode_segment(int(segment.SEQUENCED), b"")
    started = start_prepare(part, build_machine(), jobs)
    assert wait_for(jobs, 1) == [started.job]
    assert started.finish(jobs) == 0
    assert len(part.records) < int(RECORD) or part.count == 0


def test_many_jobs_are_told_of_once_each(jobs: Jobs, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    started = [jobs.start_sync(descriptor) for _ in range(40)]
    os.close(descriptor)  # jobs have their own
    assert sorted(wait_for(jobs, len(started))) == started
    assert jobs.take_done() == []
    for job in started:
        jobs.finish_sync(job)
        with pytest.raises(ValueError, match="freed already"):
            jobs.finish_sync(job)


def test_what_the_disk_refuses_is_an_os_error(jobs: Jobs) -> None:
    reader, writer = os.pipe()  # can't be synced
    for descriptor, number in ((reader, errno.EINVAL), (10**6, errno.EBADF)):
        job = jobs.start_sync(descriptor)
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            jobs.finish_sync(job)
        assert caught.value.errno == number
    os.close(reader)
    os.close(writer)
