"""Real Groth16 proofs of a circuit that says nothing, made by gnark.

The circuit (circuits/internal/fixture) has a proof for any public inputs. In the place of the machine's
circuits it lets a test bring about every verdict while the real verifier checks real proofs; what the
machine's circuits say is tested with them, and they are plugged in by their keys alone.
"""

import atexit
import json
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

CIRCUITS = Path(__file__).resolve().parents[2] / "circuits"
KEY_FIELDS = (
    *("alpha", "beta_negated", "gamma_negated", "delta_negated", "commitment_g"),
    "commitment_g_sigma_negated",
)

Proof = tuple[int, ...]
VerifyingKey = tuple[Any, ...]


class Fixture:
    """The running command."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "fixture"
        subprocess.run(["go", "build", "-o", path, "./internal/fixture"], cwd=CIRCUITS, check=True)
        self._process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self._stop)

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._folder.cleanup()

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer


@cache
def get_fixture() -> Fixture:
    """The one of this process."""
    return Fixture()


@cache
def get_key(count: int) -> VerifyingKey:
    """Key of the circuit with `count` public inputs, as Verifier's constructor takes it."""
    return read_key(get_fixture().ask(key=count)["key"])


def read_key(exported: dict[str, Any]) -> VerifyingKey:
    """A verifying key from its JSON."""
    points = [to_numbers(exported[name]) for name in KEY_FIELDS]
    return (*points, [to_numbers(point) for point in exported["k"]])


def prove(inputs: Sequence[int]) -> Proof:
    """A proof of these public inputs."""
    return to_numbers(get_fixture().ask(prove=[hex(number) for number in inputs])["proof"])


def to_numbers(texts: Sequence[str]) -> tuple[int, ...]:
    """Numbers from their hex digits."""
    return tuple(int(text, 16) for text in texts)
