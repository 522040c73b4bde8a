"""How a process of a system speaks with the one that started it: lines of JSON on its standard streams.

The child says {"event": "ready", ...} once it works, {"event": "report", ...} whenever it has something to
tell, {"event": "answer", "id": n, ...} to a request, and {"event": "failed", "message": ...} before it gives
up. The parent says {"id": n, "do": name, ...}. The end of the parent's stream means: stop. So no child
outlives its parent, whatever became of that.
"""

import asyncio
import os
import queue
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from miletus.cli.errors import explain

Fields = dict[str, Any]
Handler = Callable[..., Fields | Awaitable[Fields | None] | None]
"""Does what a request asks, and gives the fields of the answer, or will."""

STOP = "stop"


def describe(error: BaseException) -> str:
    """An error that nobody foresaw, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Channel:
    """A child's side. SIGTERM, SIGINT and the end of the parent's stream all set `stopping`.

    Args:
        handlers: what answers each request, by name.
        supervised: False for a process that a person started: then nothing is read, and what it tells goes to
            the log, for people.

    """

    def __init__(self, handlers: dict[str, Handler], *, supervised: bool) -> None:
        self.stopping = False
        self.is_ready = False
        self.problem = ""
        """What is wrong now, empty if nothing is."""
        self.told: Fields = {}
        """What was told last, field by field."""
        self.measure: Callable[[], Fields] | None = None
        """Gives what is to be measured of this process; called from other threads."""
        self.metrics_port: int | None = None
        """Where health and metrics are served, None if they are not."""
        self.supervised = supervised
        self.handlers = handlers
        self._requests: queue.SimpleQueue[Fields] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger()
        self._lock = threading.Lock()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if supervised:
            threading.Thread(target=self._read, name="parent", daemon=True).start()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer requests in an event loop from now on; handlers may then be coroutine functions."""
        self._loop = loop
        loop.call_soon_threadsafe(self.answer_waiting)

    def ready(self, **fields: Any) -> None:
        """Say that this process works."""
        self.is_ready = True
        if self.metrics_port is not None:
            fields = {**fields, "metrics_port": self.metrics_port}
        self.told |= fields
        self._tell("ready", fields)

    def report(self, **fields: Any) -> None:
        """Tell the parent something; a field `problem` says what is wrong until it is said anew."""
        self.problem = str(fields.get("problem") or "") if "problem" in fields else self.problem
        self.told |= fields
        self._tell("report", fields)

    def fail(self, message: str) -> None:
        """Say why this process gives up, in one line."""
        if self.supervised:
            self._tell("failed", {"message": message})
        else:
            sys.stderr.write(f"miletus: {message}\n")

    def wait(self, seconds: float) -> None:
        """Answer requests for so long, or until this process shall stop."""
        try:
            request = self._requests.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return
        self._answer(request)
        self.answer_waiting()

    def answer_waiting(self) -> None:
        """Answer the requests that wait now."""
        while not self._requests.empty():
            self._answer(self._requests.get())

    def _answer(self, request: Fields) -> None:
        name, number = request.pop("do", None), request.pop("id", None)
        if name == STOP:
            self.stopping = True
            return
        handler = self.handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            self._tell("answer", {"id": number, "error": f"unknown request {name!r}"})
            return
        try:
            answer = handler(**request)
        except Exception as error:
            self._answer_error(name, number, error)
            return
        if answer is None or isinstance(answer, dict):
            self._tell("answer", {"id": number, **(answer or {})})
            return
        assert self._loop is not None
        task = self._loop.create_task(self._answer_later(name, number, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, name: object, number: object, answer: Awaitable[Fields | None]) -> None:
        try:
            fields = await answer
        except Exception as error:
            self._answer_error(name, number, error)
        else:
            self._tell("answer", {"id": number, **(fields or {})})

    def _answer_error(self, name: object, number: object, error: Exception) -> None:
        """Tell the parent, which decides what an error of a request means."""
        self._log.warning("request failed", request=name, error=repr(error), exc_info=explain(error) is None)
        self._tell("answer", {"id": number, "error": explain(error) or describe(error)})

    def _read(self) -> None:
        buffer = b""
        # not through sys.stdin, whose lock this thread would hold when the process ends
        while data := os.read(0, 65_536):
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                try:
                    request = msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError:
                    continue
                self._put(request)
        self._put({"do": STOP})

    def _put(self, request: Fields) -> None:
        self._requests.put(request)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.answer_waiting)

    def _on_signal(self, number: int, frame: object) -> None:
        self.stopping = True
        self._put({"do": STOP})

    def _tell(self, event: str, fields: Fields) -> None:
        if not self.supervised:
            self._log.info(event, **fields)
            return
        line = msgspec.json.encode({"event": event, **fields}, enc_hook=str) + b"\n"
        with self._lock:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                self.stopping = True
