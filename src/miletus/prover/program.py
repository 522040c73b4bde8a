"""The prover's program, run as a service: a process of its own, as it may need more memory than there is."""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from miletus.prover.errors import KINDS, ProverDied, ProverFault, ProverMissing
from miletus.prover.jobs import Job
from miletus.prover.values import Circuit, Progress, Proof, VerifyingKey

PROGRAM_VARIABLE: Final = "MILETUS_PROVER"
"""Environment variable that names another program."""

KEYS_VARIABLE: Final = "MILETUS_KEYS"
"""Environment variable that names another folder of keys."""

PROGRAM_NAME: Final = "prover"

STOP_SECONDS: Final = 30.0
"""How long the program has to end after its input has ended, before it is killed."""

_KILLED: Final = -9

Answer = Mapping[str, Any]


def find_program(root: Path | None = None) -> Path:
    """The program: the environment's, or the one that `make prover` built, looked for from here upwards.

    Raises:
        ProverMissing: there is none.

    """
    named = os.environ.get(PROGRAM_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ProverMissing(f"{PROGRAM_VARIABLE} names {named}: no such file, unset or correct it")
        return Path(named)
    start = root if root is not None else Path(__file__).resolve().parent
    for folder in (start, *start.parents):
        if (folder / "build" / PROGRAM_NAME).is_file():
            return folder / "build" / PROGRAM_NAME
    raise ProverMissing("the prover is not built: run `make prover`")


def find_keys(program: Path) -> Path:
    """The folder of compiled circuits and keys: the environment's, or the one beside the program."""
    named = os.environ.get(KEYS_VARIABLE)
    return Path(named) if named else program.parent / "keys"


class Run:
    """A job that is being proved."""

    def __init__(self, prover: "Prover", job_id: str, answers: "queue.Queue[Answer]") -> None:
        self._prover = prover
        self._id = job_id
        self._answers = answers
        self._proofs: dict[int, Proof] = {}
        self.peak_bytes = 0
        """The most memory that the program had so far."""

    def result(
        self, tell: Callable[[Progress], None] | None = None, timeout_seconds: float | None = None
    ) -> tuple[Proof, ...]:
        """Wait for the proofs, in the order of their statements; `tell` is called with what happens.

        Raises:
            ProverError: there will be none; its kind and its line say why.
            TimeoutError: nothing happened for so long; the job goes on, and this can be called again.

        """
        proofs = self._proofs
        while True:
            answer = self._prover.wait(self._id, self._answers, timeout_seconds)
            happened = answer.get("happened")
            if happened is not None:
                progress = Progress.from_json(happened)
                self.peak_bytes = max(self.peak_bytes, progress.peak_bytes)
                if progress.proof is not None:
                    proofs[progress.index] = progress.proof
                if tell is not None:
                    tell(progress)
            elif answer["event"] == "done":
                self.peak_bytes = max(self.peak_bytes, answer.get("peak_bytes", 0))
                if len(proofs) != answer.get("count", 0):
                    raise ProverFault(
                        f"the prover says it made {answer['count']} proofs and gave {len(proofs)}"
                    )
                return tuple(proofs[index] for index in sorted(proofs))

    def stop(self) -> None:
        """End it after the proofs in progress; `result` then raises ProofStopped."""
        self._prover.send({"id": f"stop-{self._id}", "do": "stop", "job_id": self._id})


class Prover:
    """A client of the prover's program. It starts at the first request and again after it died.

    Args:
        keys: folder of compiled circuits and keys; else `find_keys`.
        program: the program; else `find_program`.
        setup: make development keys where there are none.
        side_by_side: proofs at once, 0 for as many as memory and cores are for.
        memory_bytes: the most memory that it may take, 0 for all that is left.
        niceness: how much other programs go first, 0..19.
        say: told lines about what takes time.

    """

    def __init__(
        self,
        keys: Path | None = None,
        program: Path | None = None,
        *,
        setup: bool = False,
        side_by_side: int = 0,
        memory_bytes: int = 0,
        niceness: int = 0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.program = program if program is not None else find_program()
        self.keys = keys if keys is not None else find_keys(self.program)
        self._options = (["-setup"] if setup else []) + ["-side-by-side", str(side_by_side)]
        self._options += ["-memory", str(memory_bytes >> 20)] if memory_bytes else []
        self._niceness = niceness
        self._say = say
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        # an answer to a request comes from the process that it was sent to, or not at all
        self._waiting: dict[str, tuple[subprocess.Popen[bytes], queue.Queue[Answer]]] = {}
        self._numbers = itertools.count(1)
        self._last_lines: deque[str] = deque(maxlen=3)

    def __enter__(self) -> "Prover":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, job: Job) -> Run:
        """Have a job proved; jobs are taken in their order."""
        job_id, answers = self._request({"do": "prove", "job": job.to_json()})
        return Run(self, job_id, answers)

    def prove(self, job: Job, tell: Callable[[Progress], None] | None = None) -> tuple[Proof, ...]:
        """Have a job proved, and wait for its proofs; raises ProverError."""
        return self.start(job).result(tell)

    def export_key(self, circuit: str) -> VerifyingKey:
        """The verifying key of a circuit, as L1 takes it; raises ProverError."""
        return VerifyingKey.from_json(self._ask({"do": "export", "circuit": circuit})["key"])

    def setup(self, circuit: str) -> Circuit:
        """Make development keys of a circuit if there are none; raises ProverError."""
        return Circuit.from_json(self._ask({"do": "setup", "circuit": circuit})["about"])

    def close(self, seconds: float = STOP_SECONDS) -> None:
        """End the program after the proof in progress; what waits is not answered any more.

        A proof that takes longer than `seconds` from now is given up.
        """
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(OSError):  # what it has not read is of no use any more
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def send(self, request: Mapping[str, Any], answers: "queue.Queue[Answer] | None" = None) -> None:
        """Write a request to the program, which is started if it does not run.

        Raises:
            ProverMissing: it can't be started.
            ProverDied: it ended at this moment.

        """
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            process = self._ensure()
            if answers is not None:
                self._waiting[request["id"]] = (process, answers)
            try:
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
            except OSError:
                self._waiting.pop(request["id"], None)
                raise ProverDied(self._explain(process)) from None

    def wait(self, job_id: str, answers: "queue.Queue[Answer]", timeout_seconds: float | None) -> Answer:
        """The next answer to a request; raises what the program says went wrong."""
        try:
            answer = answers.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError(f"the prover said nothing for {timeout_seconds} s") from None
        if answer["event"] == "failed":
            self._waiting.pop(job_id, None)
            raise KINDS.get(answer.get("error_kind", ""), ProverFault)(answer["error"])
        if answer["event"] in ("done", "exported", "ready"):
            self._waiting.pop(job_id, None)
        return answer

    def _request(self, request: dict[str, Any]) -> "tuple[str, queue.Queue[Answer]]":
        answers: queue.Queue[Answer] = queue.Queue()
        job_id = str(next(self._numbers))
        self.send({"id": job_id, **request}, answers)
        return job_id, answers

    def _ask(self, request: dict[str, Any]) -> Answer:
        """The last answer to a request that is no job."""
        job_id, answers = self._request(request)
        while True:
            answer = self.wait(job_id, answers, None)
            if answer["event"] in ("exported", "ready"):
                return answer

    def _ensure(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        command = ["nice", "-n", str(self._niceness)] if self._niceness else []
        command += [str(self.program), "-keys", str(self.keys), "serve", *self._options]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise ProverMissing(
                f"{self.program} can't be started ({error.strerror}): run `make prover`"
            ) from None
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        listener = threading.Thread(target=self._listen, args=(process, process.stdout), daemon=True)
        listener.start()
        threading.Thread(target=self._overhear, args=(process.stderr,), daemon=True).start()
        return process

    def _listen(self, process: "subprocess.Popen[bytes]", lines: IO[bytes]) -> None:
        """Hand answers out; when the program ends, tell everyone who waits."""
        for line in lines:
            try:
                answer = json.loads(line)
                waiting = self._waiting.get(answer["id"])
            except (ValueError, KeyError, TypeError):
                self._last_lines.append(f"unreadable: {line[:80]!r}")
                continue
            if waiting is not None and waiting[0] is process:
                waiting[1].put(answer)
        process.wait()
        with self._lock:
            left = [job_id for job_id, (asked, _) in self._waiting.items() if asked is process]
            queues = [self._waiting.pop(job_id)[1] for job_id in left]
        for answers in queues:
            answers.put({"event": "failed", "error_kind": "died", "error": self._explain(process)})

    def _overhear(self, lines: IO[bytes]) -> None:
        for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            self._last_lines.append(line)
            if self._say is not None:
                self._say(line)

    def _explain(self, process: "subprocess.Popen[bytes]") -> str:
        code = process.poll()
        if code == _KILLED:
            return "the prover was killed, perhaps for want of memory: take a smaller size"
        last = self._last_lines[-1] if self._last_lines else "it said nothing"
        return f"the prover ended with code {code} ({last}): it starts again with the next job"
