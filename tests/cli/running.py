"""Running the command as people do: as a process, with its output and exit status."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "miletus.cli"]


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as the one JSON document that it must be."""
        return json.loads(self.out)


def run(*arguments: str, seconds: float = 240.0, environment: Mapping[str, str] | None = None) -> Ended:
    """Run `miletus <arguments>` to its end."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int], seconds: float = 120.0) -> list[int]:
    """Wait until processes have ended; those that have not."""
    end = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


@dataclass
class Running:
    """A `miletus up` that runs."""

    process: subprocess.Popen[str]
    folder: Path
    started: dict[str, Any] = field(default_factory=dict)

    def read_pids(self) -> dict[str, int]:
        """Its processes."""
        system = json.loads((self.folder / "system.json").read_text())
        return {str(name): int(pid) for name, pid in system["processes"].items()}

    def do(self, *arguments: str, seconds: float = 240.0) -> Ended:
        """Run a command on this system, with --json."""
        return run(*arguments, "--folder", str(self.folder), "--json", seconds=seconds)

    def stop(self, number: int = signal.SIGINT) -> Ended:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=240)
        return Ended(self.process.returncode, out, err)


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Running]:
    """Start `miletus up` on free ports, and stop it at the end."""
    process = subprocess.Popen(
        [*COMMAND, "up", "--folder", str(folder), "--port", "0", "--l1-port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Running(process, folder)
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            line = process.stdout.readline()
            if not line:
                out, err = process.communicate(timeout=240)
                raise AssertionError(f"miletus up ended with {process.returncode}: {out}{err}")
            lines.append(line)
        running.started = json.loads("".join(lines))
        yield running
    finally:
        if process.poll() is None:
            running.stop()
