"""The verifier, with real proofs made by gnark."""

import random
from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth.precompiles.ecadd import ecadd
from eth.precompiles.ecmul import ecmul
from eth.precompiles.ecpairing import ecpairing

from tests.contracts.fixture import Proof, get_key, prove
from tests.contracts.precompiles import ADD, MULTIPLY, PAIR, call_precompile, register_precompiles
from tests.contracts.reference import FIELD
from tests.contracts.world import CONTRACTS, get_deployer, refused

BASE = 21888242871839275222246405745257275088696311157297823662689037894645226208583
INPUTS = (0, FIELD - 1, *(7**50 * i % FIELD for i in range(1, 9)))
"""As many as an edge has, small and large."""

register_precompiles()


@pytest.fixture(scope="module")
def verifier() -> Iterator[Any]:
    with boa.env.anchor():
        yield deploy(get_key(len(INPUTS)))


@pytest.fixture(scope="module")
def proof() -> Proof:
    return prove(INPUTS)


def deploy(key: tuple[Any, ...]) -> Any:
    return get_deployer(CONTRACTS / "Verifier.vy").deploy(key)


def change(numbers: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*numbers[:place], value, *numbers[place + 1 :])


def holds(verifier: Any, proof: Proof) -> bool:
    """Whether the verifier takes a proof of INPUTS."""
    try:
        return bool(verifier.verify(list(INPUTS), proof))
    except boa.BoaError:
        return False


@pytest.mark.rule("08-R20")
def test_a_proof_holds_for_its_public_inputs_alone(verifier: Any, proof: Proof) -> None:
    assert verifier.input_count() == len(INPUTS)
    assert verifier.verify(list(INPUTS), proof)
    for place, value in enumerate(INPUTS):
        for other in ((value + 1) % FIELD, (value - 1) % FIELD, 0, 5):
            if other != value:
                assert not verifier.verify(list(change(INPUTS, place, other)), proof)
    assert not verifier.verify(list(reversed(INPUTS)), proof)


@pytest.mark.rule("08-R20")
def test_attack_public_inputs_of_r_and_more(verifier: Any, proof: Proof) -> None:
    """A number and it plus r are the same to the pairing, and not to whoever compares it with a claim."""
    for place, value in enumerate(INPUTS):
        for alias in (value + FIELD, value + 5 * FIELD, 2**256 - 1):
            if alias < 2**256:
                with refused("verifier: public input is not a field element"):
                    verifier.verify(list(change(INPUTS, place, alias)), proof)


@pytest.mark.rule("08-R20")
@pytest.mark.parametrize("inputs", [(), INPUTS[:-1], (*INPUTS, 0), (*INPUTS, 1, 2, 3, 4)])
def test_the_number_of_public_inputs_is_the_keys(
    verifier: Any, proof: Proof, inputs: tuple[int, ...]
) -> None:
    with refused("verifier: wrong number of public inputs"):
        verifier.verify(list(inputs), proof)


@pytest.mark.rule("08-R20")
def test_attack_a_proof_is_changed(verifier: Any, proof: Proof) -> None:
    for place, value in enumerate(proof):
        for other in ((value + 1) % BASE, BASE - value, 0, 2**256 - 1):
            assert not holds(verifier, change(proof, place, other))
    second = prove(INPUTS)
    assert second != proof
    for first, end in ((0, 2), (2, 6), (6, 8), (8, 10), (10, 12), (8, 12)):
        mixed = (*proof[:first], *second[first:end], *proof[end:])
        assert not verifier.verify(list(INPUTS), mixed)
    for nothing in ((0,) * 12, (1, 2, *proof[2:]), (*proof[:8], 1, 2, 1, 2)):
        assert not holds(verifier, nothing)


@pytest.mark.rule("08-R20")
def test_proofs_are_malleable_and_so_never_a_name(verifier: Any, proof: Proof) -> None:
    """(-A, -B, C) is another proof of the same."""
    a_x, a_y, *rest = proof
    x_1, x_0, y_1, y_0 = rest[:4]
    twin = (a_x, BASE - a_y, x_1, x_0, BASE - y_1, BASE - y_0, *rest[4:])
    assert verifier.verify(list(INPUTS), twin)


@pytest.mark.rule("08-R20")
def test_attack_gas_griefing_by_a_bad_point(verifier: Any, proof: Proof) -> None:
    """Precompiles burn all they are given for a bad point; here that is little, wherever the point is."""
    assert holds(verifier, proof)
    good_gas = verifier.call_trace().gas_used
    assert good_gas < 450_000
    for place in range(12):
        for bad in (change(proof, place, 5), change(proof, place, BASE), change(proof, place, 2**256 - 1)):
            assert not holds(verifier, bad)
            used = verifier.call_trace().gas_used
            assert used < (good_gas + 5_000 if place in range(2, 6) else 10_000), place


@pytest.mark.rule("08-R20")
def test_a_call_that_is_cut_short(verifier: Any, proof: Proof) -> None:
    call = verifier.verify.prepare_calldata(list(INPUTS), proof)
    for length in (*range(0, len(call), 31), len(call) - 1):
        computation = boa.env.execute_code(to_address=verifier.address, data=call[:length])
        assert computation.is_error or not any(computation.output), length


@pytest.mark.rule("08-R20")
def test_another_circuits_key(proof: Proof) -> None:
    with boa.env.anchor():
        other = deploy(get_key(len(INPUTS) - 1))
        with refused("verifier: wrong number of public inputs"):
            other.verify(list(INPUTS), proof)
        assert not other.verify(list(INPUTS[:-1]), proof)
        assert other.verify(list(INPUTS[:-1]), prove(INPUTS[:-1]))


@pytest.mark.rule("08-R20")
@pytest.mark.parametrize("count", [1, 2, 14])
def test_one_source_serves_every_number_of_inputs(count: int) -> None:
    with boa.env.anchor():
        verifier = deploy(get_key(count))
        inputs = list(range(5, 5 + count))
        assert verifier.verify(inputs, prove(inputs))
        for place in range(count):
            assert not verifier.verify(list(change(tuple(inputs), place, 99)), prove(inputs))


@pytest.mark.rule("08-R20")
def test_a_key_that_could_not_work_is_refused() -> None:
    *points, k = get_key(2)
    bad: list[tuple[str, tuple[Any, ...]]] = [
        ("verifier: key has no public input", (*points, k[:2])),
        ("verifier: point is not of the curve", (change(points[0], 0, 5), *points[1:], k)),
        ("verifier: point is not of the curve", (*points, [k[0], (0, 0), *k[2:]])),
        ("verifier: point is not of the curve", (*points, [*k[:-1], (k[-1][0] + BASE, k[-1][1])])),
        ("verifier: point is not of the curve", (*points, [*k[:-1], (k[-1][0], 5)])),
    ]
    for place in range(1, 6):
        changed = [*points]
        changed[place] = change(points[place], 1, 5)
        bad.append(("verifier: key has a point that is not of the curve", (*changed, k)))
    with boa.env.anchor():
        for reason, key in bad:
            with refused(reason):
                deploy(key)


class Computation:
    """As much of a computation as py-evm's own precompiles use."""

    def __init__(self, data: bytes) -> None:
        self.msg = self
        self.data_as_bytes = self.data = data
        self.output = b""

    def consume_gas(self, amount: int, reason: str) -> None:
        """Gas is not compared."""


def test_the_fast_precompiles_compute_what_the_evms_own_do() -> None:
    key, some = get_key(2), random.Random(5)
    points = [key[0], *key[6], (0, 0), (1, 2), (1, 3), (BASE, 0), (some.getrandbits(254), 7)]
    for one in points:
        for two in points:
            compare(ADD, ecadd, (*one, *two))
        for factor in (0, 1, FIELD, 2**256 - 1, some.getrandbits(256)):
            compare(MULTIPLY, ecmul, (*one, factor))
    for pairs in ((), (0, 0, *key[1]), (*key[0], *key[1]), (*key[0], 0, 0, 0, 0), (*key[0], *key[1][:3], 5)):
        compare(PAIR, ecpairing(gas_cost_base=0, gas_cost_per_point=0), pairs)
    proof = prove((3, 4))
    for one, two in ((key[5], key[4]), (key[4], key[5])):
        pairs = (*proof[8:10], *one, *proof[10:], *two)
        compare(PAIR, ecpairing(gas_cost_base=0, gas_cost_per_point=0), pairs)


def compare(number: int, own: Any, numbers: tuple[int, ...]) -> None:
    data = b"".join(number.to_bytes(32, "big") for number in numbers)
    computation = Computation(data)
    try:
        own(computation)
    except Exception:
        expected = None
    else:
        expected = computation.output
    assert call_precompile(number, data) == expected, numbers
