"""What can go wrong with the program, its keys and its memory: one line each, and the next job works."""

import os
import queue
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from miletus.prover import (
    EdgesJob,
    JobRefused,
    KeyDamaged,
    KeyMissing,
    KeyOfAnother,
    OutboxJob,
    ProofStopped,
    Prover,
    ProverDied,
    ProverError,
    ProverMissing,
    SegmentJob,
    TooLittleMemory,
    find_program,
)
from miletus.prover.jobs import PAGE_BYTES, encode_pages

PAYEE = b"\x34" * 20
JOB = OutboxJob(PAYEE, [(b"\x12" * 20, 5_000_000)])


def copy_keys(prover: Prover, to: Path) -> Prover:
    """A prover with its own copy of the outbox's keys."""
    to.mkdir()
    for path in prover.keys.glob("outbox-*"):
        (to / path.name).write_bytes(path.read_bytes())
    return Prover(keys=to, program=prover.program)


def assert_line(error: ProverError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) > 20


def test_a_missing_key_is_told_with_the_command_that_makes_it(prover: Prover, tmp_path: Path) -> None:
    with Prover(keys=tmp_path, program=prover.program) as bare:
        with pytest.raises(KeyMissing, match="run `prover setup outbox`") as caught:
            bare.prove(JOB)
        assert_line(caught.value)
        with pytest.raises(KeyMissing):
            bare.export_key("outbox")


@pytest.mark.parametrize("ending", ["pk", "vk"])
def test_a_damaged_key_is_refused(prover: Prover, tmp_path: Path, ending: str) -> None:
    with copy_keys(prover, tmp_path / "keys") as other:
        (path,) = other.keys.glob(f"outbox-*.{ending}")
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        with pytest.raises(KeyDamaged, match=r"(does|do) not match") as caught:
            other.prove(JOB)
        assert_line(caught.value)
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        assert len(other.prove(JOB)) == 1


def test_keys_of_two_setups_are_not_mixed(prover: Prover, tmp_path: Path) -> None:
    with copy_keys(prover, tmp_path / "keys") as other:
        (path,) = other.keys.glob("outbox-*.vk")
        path.rename(path.with_suffix(".old"))
        (proving,) = other.keys.glob("outbox-*.pk")
        path.write_bytes(proving.read_bytes())
        with pytest.raises(KeyOfAnother, match="holds a proving key, not a verifying key") as caught:
            other.prove(JOB)
        assert_line(caught.value)


@pytest.mark.parametrize("circuit", ["silence", "exit"])
def test_a_key_of_another_circuit_is_refused(prover: Prover, tmp_path: Path, circuit: str) -> None:
    """Whole, and of the same set-up's kind: only that it proves something else."""
    prover.setup(circuit)
    with copy_keys(prover, tmp_path / "keys") as other:
        for ending in ("pk", "vk"):
            for path in other.keys.glob(f"outbox-*.{ending}"):
                (foreign,) = sorted(prover.keys.glob(f"{circuit}-*.{ending}"))[-1:]
                path.write_bytes(foreign.read_bytes())
        with pytest.raises(KeyOfAnother, match="another circuit") as caught:
            other.prove(JOB)
        assert_line(caught.value)


def test_too_little_memory_is_told_before_anything_is_read(prover: Prover) -> None:
    """What is needed, what is left, and what to do; nothing was taken for it."""
    with Prover(keys=prover.keys, program=prover.program, memory_bytes=64 << 20) as small:
        run = small.start(JOB)
        with pytest.raises(
            TooLittleMemory, match=r"needs about \d+ MiB and \d+ MiB are left: end other"
        ) as caught:
            run.result()
        assert_line(caught.value)
        assert run.peak_bytes < 200 << 20
    with Prover(keys=prover.keys, program=prover.program, memory_bytes=4 << 30) as enough:
        assert len(enough.prove(JOB)) == 1


def test_a_prover_that_is_killed_starts_again(prover: Prover) -> None:
    with Prover(keys=prover.keys, program=prover.program) as mortal:
        run = mortal.start(JOB)
        seen: queue.Queue[str] = queue.Queue()

        def kill(progress: object) -> None:
            seen.put(str(progress))
            process = mortal._process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)

        with pytest.raises(ProverDied, match="killed, perhaps for want of memory") as caught:
            run.result(kill)
        assert not seen.empty()
        assert_line(caught.value)
        assert len(mortal.prove(JOB)) == 1


def test_a_job_can_be_stopped_and_the_next_is_done(prover: Prover) -> None:
    first, second, third = prover.start(JOB), prover.start(JOB), prover.start(JOB)
    second.stop()
    with pytest.raises(ProofStopped, match="stopped"):
        second.result()
    assert len(first.result()) == len(third.result()) == 1


def test_nothing_said_is_a_timeout_and_the_job_goes_on(prover: Prover) -> None:
    prover.prove(JOB)
    run = prover.start(JOB)
    with pytest.raises(TimeoutError, match="said nothing for"):
        run.result(timeout_seconds=0.001)
    assert len(run.result()) == 1


def test_what_waits_is_told_when_the_prover_is_closed(prover: Prover) -> None:
    closing = Prover(keys=prover.keys, program=prover.program)
    runs = [closing.start(JOB) for _ in range(5)]
    closing.close()
    closing.close()
    for run in runs[1:]:
        with pytest.raises((ProverDied, ProofStopped)):
            run.result()


def test_the_program_ends_with_its_client(prover: Prover) -> None:
    process = subprocess.Popen(
        [str(prover.program), "-keys", str(prover.keys), "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_program_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "prover"
    text.write_text("no program")
    with Prover(keys=tmp_path, program=text) as none, pytest.raises(ProverMissing, match="run `make prover`"):
        none.prove(JOB)
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho '[1]'; echo 'nonsense'; echo 'no keys at all' >&2; exit 3\n")
    liar.chmod(liar.stat().st_mode | stat.S_IXUSR)
    with Prover(keys=tmp_path, program=liar) as none:
        with pytest.raises(ProverDied, match="starts again with the next job") as caught:
            none.prove(JOB)
        assert_line(caught.value)
    monkeypatch.setenv("MILETUS_PROVER", str(tmp_path / "nowhere"))
    with pytest.raises(ProverMissing, match="unset or correct it"):
        find_program()
    monkeypatch.delenv("MILETUS_PROVER")
    with pytest.raises(ProverMissing, match="run `make prover`"):
        find_program(tmp_path)


def test_a_state_that_is_not_the_batchs_is_refused(prover: Prover) -> None:
    job = EdgesJob(
        size="small",
        chain_id=1,
        rollup=b"\x11" * 20,
        payee=b"\x22" * 20,
        time_bound_ms=1,
        clock_floor_ms=0,
        root_before=b"\x01" * 32,
        pages={},
        segments=[SegmentJob(0, b"", last=True)],
    )
    with pytest.raises(JobRefused, match="rebuild it from L1") as caught:
        prover.prove(job)
    assert_line(caught.value)


def test_pages_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=f"not {PAGE_BYTES}"):
        encode_pages({7: b"\x00"})


def test_many_clients_threads_share_a_prover(prover: Prover) -> None:
    runs = [prover.start(OutboxJob(PAYEE, [(bytes([i]) * 20, i)])) for i in range(1, 6)]
    for i, run in enumerate(runs, 1):
        (proof,) = run.result()
        assert proof.public_inputs[0] >> 160 == 1
        assert proof.about["count"] == 1
        assert int(proof.about["accumulator"], 16) == proof.public_inputs[3], i
