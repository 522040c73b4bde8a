"""Real Groth16 proofs of a circuit that says nothing, made by gnark; and BN254's precompiles at its speed.

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

from boa.util.abi import Address
from boa.vm.py_evm import register_raw_precompile
from eth.exceptions import VMError

CIRCUITS = Path(__file__).resolve().parents[2] / "circuits"
ADD, MULTIPLY, PAIR = 6, 7, 8
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


def call_precompile(number: int, data: bytes) -> bytes | None:
    """What a precompile gives; None if it fails."""
    output = get_fixture().ask(call=number, input=data.hex()).get("output")
    return None if output is None else bytes.fromhex(output[2:])


def register_precompiles() -> None:
    """Let titanoboa's EVM compute BN254 by gnark-crypto: its own takes seconds for a pairing."""
    for number in (ADD, MULTIPLY, PAIR):
        register_raw_precompile(Address(f"0x{number:040x}"), make_precompile(number), force=True)


def make_precompile(number: int) -> Any:
    """One of the precompiles, with its gas (EIP-1108)."""

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        gas = {ADD: 150, MULTIPLY: 6_000, PAIR: 45_000 + 34_000 * (len(data) // 192)}[number]
        computation.consume_gas(gas, reason="BN254")
        output = call_precompile(number, data)
        if output is None:
            raise VMError("not a point of the curve")
        computation.output = output
        return computation

    return run
