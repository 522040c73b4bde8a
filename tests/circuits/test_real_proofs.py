"""Real Groth16 proofs of random chunks, small size: Go's verifier and that of L1 take them all."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import pytest

from miletus.engine import layout as L
from miletus.prover import EdgesJob, Proof, Prover, SegmentJob
from tests.circuits.lives import make_lives
from tests.contracts.precompiles import register_precompiles
from tests.contracts.world import CONTRACTS, get_deployer

PARTS, PART_CHUNKS = 20, 6
WORDS = 12
"""Of a chunk: most fit one edge of the smallest size."""

PAYEE = b"\x34" * 20
FIELD_BYTES = 8

register_precompiles()


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    """A prover with the checkout's keys of the small size; the first run makes them, in some minutes."""
    with Prover(setup=True, niceness=5) as running:
        running.setup("edge-small")
        yield running


@pytest.fixture(scope="module")
def verifier(prover: Prover) -> Iterator[Any]:
    """L1's verifier with the key of the small size."""
    with boa.env.anchor():
        yield get_deployer(CONTRACTS / "Verifier.vy").deploy(prover.export_key("edge-small").arguments)


def read_pages(fields: dict[str, dict[str, int]]) -> dict[int, bytes]:
    """A vector's pages as the prover takes them."""
    pages = {}
    for number, page in fields.items():
        whole = bytearray(FIELD_BYTES * int(L.PAGE))
        for field, value in page.items():
            at = FIELD_BYTES * int(field)
            whole[at : at + FIELD_BYTES] = value.to_bytes(FIELD_BYTES, "little", signed=True)
        pages[int(number)] = bytes(whole)
    return pages


def make_job(vector: dict[str, Any]) -> EdgesJob:
    """The proof that a sequenced segment in the middle of a batch ends where the engine did."""
    (segment,) = vector["segments"]
    claim = bytes.fromhex(segment["root_after"]), int(segment["outbox_accumulator"], 16)
    words = b"".join(bytes.fromhex(word) for word in segment["words"])
    return EdgesJob(
        size="small",
        chain_id=vector["chain_id"],
        rollup=bytes.fromhex(vector["rollup"].removeprefix("0x")),
        payee=PAYEE,
        time_bound_ms=vector["time_bound_ms"],
        clock_floor_ms=0,
        root_before=bytes.fromhex(vector["root_before"]),
        pages=read_pages(vector["pages_before"]),
        segments=[SegmentJob(index=1, words=words, last=False, claim=claim)],
    )


def verify_by_go(prover: Prover, proofs: list[Proof], folder: Path) -> list[dict[str, Any]]:
    """What `prover verify` says of proofs."""
    path = folder / "proofs.json"
    path.write_text("".join(json.dumps(proof.to_json()) + "\n" for proof in proofs))
    command = [str(prover.program), "-keys", str(prover.keys), "verify", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def change_one(proof: Proof, place: int) -> Proof:
    """The proof with another public input."""
    inputs = list(proof.public_inputs)
    inputs[place] ^= 1
    return Proof(proof.circuit, proof.circuit_hash, proof.key_hash, tuple(inputs), proof.words)


@pytest.mark.long
@pytest.mark.rule("11-R01", "11-R02", "08-R20")
@pytest.mark.parametrize("part", range(PARTS))
def test_real_proofs_of_random_chunks_hold(prover: Prover, verifier: Any, tmp_path: Path, part: int) -> None:
    made_up = list(make_lives(2_000 + part, 100, WORDS))
    chunks = [vector for vector in made_up if vector["segments"][0]["source"] == "sequenced"]
    used: dict[str, int] = {}
    proofs: list[Proof] = []
    for vector in chunks[part :: len(chunks) // PART_CHUNKS][:PART_CHUNKS]:
        made = prover.prove(make_job(vector))
        assert made[-1].about["matches_claim"], vector["name"]
        proofs += made
        print(f"{len(proofs)} proofs: {vector['name']}", flush=True)
        for proof in made:
            for table, count in proof.about["used"].items():
                used[table] = used.get(table, 0) + count
    assert len(proofs) >= PART_CHUNKS
    assert all(verdict["holds"] for verdict in verify_by_go(prover, proofs, tmp_path))
    false = [change_one(proof, k % len(proof.public_inputs)) for k, proof in enumerate(proofs)]
    assert not any(verdict["holds"] for verdict in verify_by_go(prover, false, tmp_path))
    for proof in proofs[:: max(1, len(proofs) // 3)]:
        assert verifier.verify(list(proof.public_inputs), proof.words)
        assert not verifier.verify([proof.public_inputs[0] ^ 1, *proof.public_inputs[1:]], proof.words)
    print("proofs", len(proofs), "steps", used)
