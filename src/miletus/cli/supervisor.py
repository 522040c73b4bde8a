"""The processes of a system: started, watched, asked, and stopped in order.

Each child has a session of its own, so that Ctrl-C reaches the parent alone, which then stops the children in
the order that keeps them consistent. See `channel` for what they say to each other.
"""

import contextlib
import itertools
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from miletus.cli.channel import STOP, Fields
from miletus.cli.errors import CliError
from miletus.tuning import build_environment

START_SECONDS = 120.0
"""Longest wait for a child to say that it works; a slow disk and a cold cache are in it."""

STOP_SECONDS = 15.0
"""Longest wait for a child to end after it was asked to."""

TERMINATE_SECONDS = 5.0
"""Longest wait after SIGTERM, before SIGKILL."""

REQUEST_SECONDS = 60.0
"""Longest wait for the answer to a request, unless the asker says otherwise."""


@dataclass
class Child:
    """One process of the system."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    ready: Fields = field(default_factory=dict)
    failure: str | None = None
    stopped: bool = False
    _answers: dict[int, "queue.SimpleQueue[Fields]"] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _ready_event: threading.Event = field(default_factory=threading.Event)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def request(self, name: str, seconds: float = REQUEST_SECONDS, **fields: Any) -> Fields:
        """Ask the child to do something, and wait for its answer.

        Raises:
            CliError: it ended, it does not answer, or it could not do what was asked.

        """
        number = next(self._numbers)
        answer: queue.SimpleQueue[Fields] = queue.SimpleQueue()
        self._answers[number] = answer
        self.send({"id": number, "do": name, **fields})
        end = time.monotonic() + seconds
        try:
            result = self._wait_for(answer, end)
        except queue.Empty:
            raise CliError(
                f"the {self.name} does not answer {name} within {seconds:g} s; see {self.log_path}"
            ) from None
        finally:
            self._answers.pop(number, None)
        error = result.pop("error", None)
        if error is not None:
            raise CliError(f"{self.name}: {error}")
        return result

    def _wait_for(self, answer: "queue.SimpleQueue[Fields]", end: float) -> Fields:
        while True:
            try:
                return answer.get(timeout=0.2)
            except queue.Empty:
                self.check()
                if time.monotonic() > end:
                    raise

    def send(self, fields: Fields) -> None:
        """Send a line to the child; nothing if it is gone."""
        stream = self.process.stdin
        if stream is None or stream.closed:
            return
        try:
            stream.write(msgspec.json.encode(fields) + b"\n")
            stream.flush()
        except (BrokenPipeError, ValueError):
            pass

    def check(self) -> None:
        """Raise CliError if the child ended without being asked to."""
        status = self.process.poll()
        if status is None or self.stopped:
            return
        if self.failure is None:
            time.sleep(0.2)  # its last line may still be on its way
        what = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise CliError(self.failure or f"the {self.name} {what}; see {self.log_path}")

    def take(self, message: Fields, report: Callable[[str, Fields], None]) -> None:
        """Take in what the child said."""
        event = message.pop("event", None)
        if event == "ready":
            self.ready = message
            self._ready_event.set()
        elif event == "failed":
            self.failure = str(message.get("message"))
        elif event == "answer":
            waiting = self._answers.pop(int(message.pop("id", 0) or 0), None)
            if waiting is not None:
                waiting.put(message)
        elif event == "report":
            report(self.name, message)


class Supervisor:
    """The children of this process; as a context manager it stops them all.

    Args:
        log_folder: where each child's log goes, `<name>.log`.
        report: called with a child's name and what it reports, from a thread of its own.

    """

    def __init__(self, log_folder: Path, report: Callable[[str, Fields], None] | None = None) -> None:
        self.children: dict[str, Child] = {}
        self._log_folder = log_folder
        self._report = report or (lambda name, fields: None)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
        """Start a child named `name`, with a command of `get_command`; it may not work yet on return.

        `environment` is added to that of this process.
        """
        self._log_folder.mkdir(parents=True, exist_ok=True)
        log_path = self._log_folder / f"{name}.log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**build_environment(), **(environment or {})},
            )
        child = Child(name, process, log_path)
        self.children[name] = child
        threading.Thread(target=self._listen, args=(child,), name=f"listen {name}", daemon=True).start()
        return child

    def wait_ready(self, *names: str) -> None:
        """Wait until these children (or all) work. CliError if one ends or takes too long."""
        end = time.monotonic() + START_SECONDS
        for name in names or tuple(self.children):
            child = self.children[name]
            while not child._ready_event.wait(0.05):
                child.check()
                if time.monotonic() > end:
                    raise CliError(f"the {name} did not start in {START_SECONDS:g} s; see {child.log_path}")

    def check(self) -> None:
        """Raise CliError if a child ended without being asked to."""
        for child in self.children.values():
            child.check()

    def stop_child(self, name: str) -> None:
        """Stop one child, and wait until it has ended; nothing if there is none of that name."""
        child = self.children.pop(name, None)
        if child is not None:
            child.stopped = True
            child.send({"do": STOP})
            stop_process(child.process)

    def stop(self) -> None:
        """Stop all children, asking the last started first, and wait until they have ended; never raises."""
        children = list(reversed(self.children.values()))
        for child in children:
            child.stopped = True
            child.send({"do": STOP})
        for child in children:
            stop_process(child.process)

    def _listen(self, child: Child) -> None:
        stream = child.process.stdout
        assert stream is not None
        for line in stream:
            try:
                child.take(msgspec.json.decode(line, type=dict[str, Any]), self._report)
            except msgspec.DecodeError:
                continue


def get_command(*arguments: str) -> list[str]:
    """The command line of `miletus <arguments>`, with the Python that runs now."""
    return [sys.executable, "-m", "miletus.cli", *arguments]


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to stop; then ask by signals, the last of which can't be refused."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    for number, seconds in ((None, STOP_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS), (signal.SIGKILL, 5.0)):
        if number is not None:
            process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
