"""Proofs of the outbox, made by the real program."""

import json
import subprocess
from pathlib import Path

import pytest

from miletus.native import absorb_withdrawal, hash7, keccak256
from miletus.prover import JobRefused, OutboxJob, Progress, Proof, Prover, VerifyingKey
from miletus.prover.values import FIELD, PROOF_WORDS

PAYEE = bytes(range(100, 120))
WITHDRAWALS = [(bytes(range(i, i + 20)), 1_000_000 * (i + 1)) for i in range(5)]


def fold(withdrawals: list[tuple[bytes, int]]) -> int:
    """The accumulator, as the machine computes it."""
    accumulator = 0
    for owner, amount in withdrawals:
        accumulator = absorb_withdrawal(accumulator, int.from_bytes(owner, "big"), amount)
    return accumulator


def bind(withdrawals: list[tuple[bytes, int]], accumulator: int) -> tuple[int, int]:
    """Point and value, as L1 computes them (08-R17)."""
    words = [int.from_bytes(owner, "big") << 56 | amount for owner, amount in withdrawals]
    digest = keccak256(b"".join(word.to_bytes(32, "big") for word in words))
    point = int.from_bytes(keccak256(digest + accumulator.to_bytes(32, "big")), "big") % FIELD
    value = 1
    for word in words:
        value = (value * point + word) % FIELD
    return point, value


def place(count: int) -> int:
    """The first public input (08-R25)."""
    return int.from_bytes(PAYEE, "big") | count << 160


def verify(prover: Prover, tmp_path: Path, proof: Proof) -> tuple[bool, str]:
    """What the program says of a proof in a file."""
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof.to_json()) + "\n")
    done = subprocess.run(
        [str(prover.program), "-keys", str(prover.keys), "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def proof(prover: Prover) -> Proof:
    (made,) = prover.prove(OutboxJob(PAYEE, WITHDRAWALS, claimed=fold(WITHDRAWALS)))
    return made


@pytest.mark.rule("08-R17")
@pytest.mark.rule("08-R25")
@pytest.mark.rule("10-R07")
def test_a_proof_says_what_l1_knows(prover: Prover, proof: Proof, tmp_path: Path) -> None:
    accumulator = fold(WITHDRAWALS)
    point, value = bind(WITHDRAWALS, accumulator)
    assert proof.public_inputs == (place(len(WITHDRAWALS)), point, value, accumulator)
    assert proof.about["matches_claim"] is True
    assert len(proof.words) == PROOF_WORDS
    assert verify(prover, tmp_path, proof)[0]


@pytest.mark.parametrize("index", range(4))
def test_no_public_input_can_be_another(prover: Prover, proof: Proof, tmp_path: Path, index: int) -> None:
    changed = list(proof.public_inputs)
    changed[index] = (changed[index] + 1) % FIELD
    forged = Proof(proof.circuit, proof.circuit_hash, proof.key_hash, tuple(changed), proof.words)
    holds, told = verify(prover, tmp_path, forged)
    assert not holds
    assert '"holds":false' in told


@pytest.mark.parametrize("index", range(PROOF_WORDS))
def test_no_word_of_a_proof_can_be_another(prover: Prover, proof: Proof, tmp_path: Path, index: int) -> None:
    words = list(proof.words)
    words[index] ^= 1
    forged = Proof(proof.circuit, proof.circuit_hash, proof.key_hash, proof.public_inputs, tuple(words))
    assert not verify(prover, tmp_path, forged)[0]


def test_a_wrong_claim_is_proved_wrong(prover: Prover, tmp_path: Path) -> None:
    told: list[Progress] = []
    run = prover.start(OutboxJob(PAYEE, WITHDRAWALS[:2], claimed=fold(WITHDRAWALS)))
    (made,) = run.result(told.append)
    assert made.about["matches_claim"] is False
    assert made.public_inputs[3] == fold(WITHDRAWALS[:2])
    assert verify(prover, tmp_path, made)[0]
    assert [progress.kind for progress in told] == ["loading", "proving", "proved"]
    assert run.peak_bytes > 50 << 20


def test_an_empty_outbox_is_zero_and_one(prover: Prover) -> None:
    (made,) = prover.prove(OutboxJob(PAYEE, []))
    assert made.public_inputs[0] == place(0)
    assert made.public_inputs[2:] == (1, 0)


def test_the_key_is_named_by_all_its_numbers(prover: Prover, proof: Proof) -> None:
    key = prover.export_key("outbox")
    points = (
        *(key.alpha, key.beta_negated, key.gamma_negated, key.delta_negated),
        *(key.commitment_g, key.commitment_g_sigma_negated, *key.k),
    )
    numbers = b"".join(number.to_bytes(32, "big") for point in points for number in point)
    assert keccak256(numbers) == key.key_hash == proof.key_hash
    assert len(key.k) == key.public_inputs + 2 == 6
    assert key.circuit_hash == proof.circuit_hash
    assert isinstance(key, VerifyingKey)


def test_lists_that_no_batch_has_are_refused(prover: Prover) -> None:
    for withdrawals in ([(b"\x01" * 20, 1)] * 257, [(b"\x01" * 20, 1 << 56)], [(b"\x01" * 19, 1)]):
        with pytest.raises(JobRefused, match=r"(outbox|owner)"):
            prover.prove(OutboxJob(PAYEE, withdrawals))
    with pytest.raises(JobRefused, match="no field element"):
        prover.prove(OutboxJob(PAYEE, [], claimed=FIELD))


def test_the_hash_is_the_librarys() -> None:
    owner, amount = WITHDRAWALS[0]
    assert fold(WITHDRAWALS[:1]) == hash7(4, 0, int.from_bytes(owner, "big"), amount)
