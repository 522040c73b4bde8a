"""What accounts are worth, proved by the real program, is what the engine's state says; and so is silence."""

import json
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from miletus.engine import layout as L
from miletus.native import NativeCrypto
from miletus.prover import ExitJob, JobRefused, Proof, Prover, SilenceJob
from miletus.prover.values import FIELD
from miletus.settlement.court import DONE, ZERO
from miletus.settlement.replica import Pages, Replica
from miletus.settlement.worth import Worth, compute_worth, find_accounts, find_silent
from tests.engine.pair import restore
from tests.engine.support import get_pages
from tests.engine.worlds import WHALE, build_wide
from tests.prover.test_outbox import verify
from vectors.make_vectors import FOLDER

CRYPTO = NativeCrypto(31_337, "0x" + 40 * "1")
ROOM = 12
"""Positions that one proof walks over."""


def read_end(name: str) -> tuple[bytes, Pages]:
    """Root and pages of the end of a vector."""
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    pages: Pages = {}
    for number, page in {**vector["pages_before"], **vector["pages_changed"]}.items():
        pages[int(number)] = array("q", [page.get(str(k), 0) for k in range(64)]).tobytes()
    root = Replica.from_pages(pages, CRYPTO).root
    assert root.hex() == vector["segments"][-1]["root_after"]
    return root, pages


def find_owned(pages: Pages) -> list[Worth]:
    """Every account that somebody has."""
    numbers = {number // int(L.ACCOUNT_PAGES) for number in pages if number < int(L.INSTRUMENT_REGION)}
    worths = (compute_worth(pages, account) for account in sorted(numbers) if account >= 16)
    return [worth for worth in worths if any(worth.owner)]


def check_walk(root: bytes, worth: Worth, proofs: tuple[Proof, ...]) -> None:
    """See that proofs lead from the account's beginning to its end, and say what L1 will make them say."""
    assert len(proofs) == max(1, -(-len(worth.holdings) // ROOM))
    cursor, total = 0, 0
    for proof in proofs:
        after, total_after = proof.about["cursor_after"], proof.about["sum_after_micros"]
        walk = worth.account | cursor << 24 | after << 56
        sums = total + ZERO | (total_after + ZERO) << 64
        owner = int.from_bytes(worth.owner, "big")
        assert proof.public_inputs == (int.from_bytes(root, "big"), owner, walk, sums)
        cursor, total = after, total_after
    assert (cursor, total) == (DONE, worth.total_micros)


@pytest.mark.rule("08-R33", "05-R10")
def test_what_is_owed_is_what_the_engine_says(prover: Prover, tmp_path: Path) -> None:
    """Of a state with longs and shorts of several instruments, the account with most positions."""
    root, pages = read_end("positions")
    worth = max(find_owned(pages), key=lambda one: len(one.holdings))
    assert len(worth.holdings) > 1
    assert worth.account in find_accounts(pages, worth.owner)
    proofs = prover.prove(ExitJob(root, pages, worth.account))
    check_walk(root, worth, proofs)
    assert verify(prover, tmp_path, proofs[0])[0]
    for place in range(4):
        changed = list(proofs[0].public_inputs)
        changed[place] = (changed[place] + 1) % FIELD
        assert not verify(prover, tmp_path, replace(proofs[0], public_inputs=tuple(changed)))[0]


@pytest.mark.rule("08-R34")
def test_silence_is_what_the_state_says(prover: Prover, tmp_path: Path) -> None:
    root, pages = read_end("positions")
    (proof,) = prover.prove(SilenceJob(root, pages, 0))
    machine = memoryview(pages[int(L.MACHINE_REGION)]).cast("q")
    first = memoryview(pages[int(L.MACHINE_REGION) + int(L.MACHINE_UNDERLYINGS)]).cast("q")
    what = int(machine[int(L.CLOCK_MS)]) << 8 | int(first[int(L.TICK_TIME_S)]) << 72
    assert proof.public_inputs == (int.from_bytes(root, "big"), what)
    assert verify(prover, tmp_path, proof)[0]
    for place in range(2):
        changed = list(proof.public_inputs)
        changed[place] = (changed[place] + 1) % FIELD
        assert not verify(prover, tmp_path, replace(proof, public_inputs=tuple(changed)))[0]


@pytest.mark.rule("08-R34")
@pytest.mark.parametrize("name", ["positions", "cash", "expiry"])
def test_an_oracle_is_silent_from_the_second_on(name: str) -> None:
    """And only where somebody holds something."""
    _, pages = read_end(name)
    machine = memoryview(pages[int(L.MACHINE_REGION)]).cast("q")
    ages = []
    for underlying in range(int(machine[int(L.UNDERLYINGS)])):
        number = int(L.MACHINE_REGION) + int(L.MACHINE_UNDERLYINGS) + underlying
        tick_s = int(memoryview(pages[number]).cast("q")[int(L.TICK_TIME_S)])
        ages.append(int(machine[int(L.CLOCK_MS)]) // 1_000 - tick_s)
    held = [age for underlying, age in enumerate(ages) if is_held(pages, underlying)]
    oldest = max(held, default=0)
    assert (find_silent(pages, oldest) is not None) == bool(held)
    assert find_silent(pages, oldest + 1) is None


def is_held(pages: Pages, underlying: int) -> bool:
    """Whether an account has a position in a listed instrument of an underlying: by accounts, no books."""
    for worth in find_owned(pages):
        for holding in worth.holdings:
            number = int(L.INSTRUMENT_REGION) + 2 * holding.instrument
            page = memoryview(pages[number]).cast("q")
            if page[int(L.INSTRUMENT_STATE)] == 1 and page[int(L.INSTRUMENT_UNDERLYING)] == underlying:
                return True
    return False


def test_jobs_that_no_state_fits_are_refused(prover: Prover) -> None:
    root, pages = read_end("cash")
    for job, line in (
        (ExitJob(bytes(31) + b"\1", pages, 16), "rebuild it from L1"),
        (ExitJob(root, pages, 1 << 18), "there is no account"),
        (ExitJob(root, pages, 16, cursor=1 << 13), "no proof ends at the cursor"),
        (SilenceJob(root, pages, 9), "there is no underlying"),
        (SilenceJob(root, pages, 3), "nobody holds a listed instrument"),
    ):
        with pytest.raises(JobRefused, match=line) as caught:
            prover.prove(job)
        assert "\n" not in str(caught.value)


@pytest.mark.long
@pytest.mark.rule("08-R33", "05-R10")
def test_every_account_of_many_states(prover: Prover) -> None:
    """Settled instruments, debts, and an account of 127 positions, which takes eleven proofs."""
    wide = restore(build_wide())
    raw = {number: array("q", page).tobytes() for number, page in get_pages(wide.machine).items()}
    states = [read_end(name) for name in ("positions", "expiry", "margin")]
    states.append((Replica.from_pages(raw, CRYPTO).root, raw))
    most = 0
    for root, pages in states:
        for worth in find_owned(pages):
            if root == states[-1][0] and worth.account not in (16, WHALE + 1):
                continue
            most = max(most, len(worth.holdings))
            check_walk(root, worth, prover.prove(ExitJob(root, pages, worth.account)))
    assert most > 10 * ROOM
