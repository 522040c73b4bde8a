"""The end of a rollup: what accounts are owed, in whatever order they come."""

from dataclasses import dataclass, field
from itertools import permutations

import boa
import pytest

from tests.contracts.fixture import prove
from tests.contracts.proving import NO_TIP, Posted, Prover, post
from tests.contracts.reference import Segment, make_forced_word
from tests.contracts.world import (
    EXIT,
    NOBODY,
    World,
    refused,
    to_number,
)

DONE = 2**32 - 1
ZERO = 2**63
CLAIM_S = EXIT["claim_s"]
SILENCE_S = EXIT["oracle_silence_s"]
USDC = 10**6


@dataclass
class Leaver:
    """Freezes the rollup and claims."""

    prover: Prover
    last: Posted | None = None
    sums: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """The deployment."""
        return self.prover.world

    @property
    def tip(self) -> object:
        """Tip of the last final batch."""
        return NO_TIP if self.last is None else self.last.tip

    @property
    def root(self) -> int:
        """Root of the last final state."""
        if self.last is None:
            return int.from_bytes(self.world.rollup_parameters["genesis_root"], "big")
        return self.last.commit.rows[-1][5]

    def freeze(self) -> None:
        """Let an entry wait until anyone may freeze; what is pending becomes final."""
        self.world.force("trader", make_forced_word(0x12, 16))
        self.world.wait(self.world.rollup_parameters["freeze_s"])
        self.world.rollup.freeze()
        if self.world.rollup.head_number() > self.world.rollup.final_number():
            self.world.finalize_all()

    def open(self) -> None:
        """Freeze and open the claims."""
        self.freeze()
        self.world.exit.open(self.tip, sender=self.world["thief"])

    def claim(self, account: int, owner: str, value: int, cursor: int = DONE, sender: str = "thief") -> None:
        """Prove that an account is worth `value` micros up to a cursor."""
        before_cursor, before = self.sums.get(account, (0, 0))
        owner_number = to_number(self.world[owner])
        walk = account | before_cursor << 24 | cursor << 56
        values = before + ZERO | value + ZERO << 64
        proof = prove([self.root, owner_number, walk, values])
        self.world.exit.claim_account(
            account, self.world[owner], cursor, value + ZERO, proof, sender=self.world[sender]
        )
        self.sums[account] = cursor, value

    def get_tokens(self, name: str) -> int:
        """Tokens of a person."""
        return int(self.world.token.balanceOf(self.world[name]))


@pytest.fixture
def leaver(proving: Prover) -> Leaver:
    """A rollup with one final batch that consumed deposits of 100 USDC and put out 10."""
    world = proving.world
    for name in ("trader", "challenger", "thief"):
        world.register(name)
    world.deposit("trader", 16, 60 * USDC)
    world.deposit("challenger", 17, 40 * USDC)
    world.wait(60)
    outbox = ((to_number(world["trader"]), 10 * USDC),)
    posted = post(world, segments=(Segment((5,), 3, 13, 9),), outbox=outbox)
    assert world.finalize_all() == 1
    return Leaver(proving, posted)


@pytest.mark.rule("08-R32", "08-R33")
def test_everyone_is_paid_in_full_if_there_is_enough(leaver: Leaver) -> None:
    world = leaver.world
    before = leaver.get_tokens("trader"), leaver.get_tokens("challenger")
    leaver.open()
    event = world.get_event(world.exit, "Opened")
    assert (event.root, event.available_micros) == (13, 90 * USDC)
    assert event.claims_end_s == world.now_s + CLAIM_S
    leaver.claim(16, "trader", 30 * USDC)
    event = world.get_event(world.exit, "Claimed")
    assert (event.account, event.owner) == (16, world["trader"])
    assert (event.cursor, event.owed_micros) == (DONE, 30 * USDC)
    leaver.claim(17, "challenger", 60 * USDC)
    assert world.exit.owed_micros() == 90 * USDC
    with refused("exit: claim period is not over"):
        world.exit.pay_account(16)
    world.wait(CLAIM_S)
    world.exit.pay_account(16, sender=world["thief"])
    event = world.get_event(world.exit, "ExitPaid")
    assert (event.account, event.owner, event.amount_micros) == (16, world["trader"], 30 * USDC)
    world.exit.pay_account(17)
    after = leaver.get_tokens("trader"), leaver.get_tokens("challenger")
    assert after == (before[0] + 30 * USDC, before[1] + 60 * USDC)
    assert world.vault.exited_micros() == 90 * USDC
    world.claim(1, leaver.last.commit.outbox, 0)  # type: ignore[union-attr]
    assert world.vault.held_micros() == world.token.balanceOf(world.vault.address) == 0


@pytest.mark.rule("08-R32")
def test_if_it_is_not_enough_all_get_the_same_share_whatever_the_order(leaver: Leaver) -> None:
    """Withdrawals and deposits that nobody consumed come first."""
    world = leaver.world
    world.deposit("thief", 18, 7 * USDC)
    owed = {16: ("trader", 70 * USDC), 17: ("challenger", 50 * USDC + 1), 18: ("thief", -5 * USDC)}
    leaver.open()
    available, total = 90 * USDC, 120 * USDC + 1
    results = set()
    for order in permutations(owed):
        with boa.env.anchor():
            leaver.sums.clear()
            before = {name: leaver.get_tokens(name) for name, _ in owed.values()}
            for account in order:
                leaver.claim(account, *owed[account])
            world.wait(CLAIM_S)
            for account in reversed(order):
                world.exit.pay_account(account)
            gained = tuple(leaver.get_tokens(name) - before[name] for name, _ in owed.values())
            results.add(gained)
            world.claim(1, leaver.last.commit.outbox, 0)  # type: ignore[union-attr]
            world.vault.reclaim(2)
            assert world.vault.held_micros() == available - sum(gained) <= 3
    assert results == {(70 * USDC * available // total, (50 * USDC + 1) * available // total, 0)}


@pytest.mark.rule("08-R33")
def test_several_proofs_go_on_from_each_other(leaver: Leaver) -> None:
    world = leaver.world
    leaver.open()
    leaver.claim(16, "trader", -5, cursor=1)
    progress = world.exit.get_progress(16)
    assert (progress.cursor, progress.sum, progress.owed_micros) == (1, ZERO - 5, 0)
    with refused("exit: account is not claimed"):
        world.wait(CLAIM_S)
        world.exit.pay_account(16)
    leaver.claim(16, "trader", 2**63 - 1, cursor=2**32 - 2)
    leaver.claim(16, "trader", 9)
    progress = world.exit.get_progress(16)
    assert (progress.owed_micros, progress.owner, progress.paid) == (9, world["trader"], False)
    world.exit.pay_account(16)
    assert world.exit.get_progress(16).paid


@pytest.mark.rule("08-R33")
def test_attack_nobody_claims_twice_or_for_more_or_for_another(leaver: Leaver) -> None:
    world = leaver.world
    leaver.open()
    good = [13, to_number(world["trader"]), 16 | DONE << 56, ZERO | ZERO + 5 << 64]
    proof = prove(good)
    attempts: list[tuple[int, str, int, int]] = [
        (16, "thief", DONE, ZERO + 5),
        (16, "trader", DONE, ZERO + 6),
        (16, "trader", DONE, 5),
        (16, "trader", 7, ZERO + 5),
        (17, "trader", DONE, ZERO + 5),
    ]
    for account, owner, cursor, total in attempts:
        with refused("exit: proof does not hold"):
            world.exit.claim_account(account, world[owner], cursor, total, proof, sender=world["thief"])
    for place in range(4):
        other = prove([*good[:place], good[place] + 1, *good[place + 1 :]])
        with refused("exit: proof does not hold"):
            world.exit.claim_account(16, world["trader"], DONE, ZERO + 5, other, sender=world["thief"])
    for account in (2**24, 2**24 + 16):
        with refused("exit: no such account"):
            world.exit.claim_account(account, world["trader"], DONE, ZERO + 5, proof)
    with refused("exit: account has no owner"):
        world.exit.claim_account(3, NOBODY, DONE, ZERO + 5, proof)
    for cursor, total in ((2**32, ZERO), (DONE, 2**64)):
        with refused("exit: cursor or sum is too wide"):
            world.exit.claim_account(16, world["trader"], cursor, total, proof)
    world.exit.claim_account(16, world["trader"], DONE, ZERO + 5, proof, sender=world["thief"])
    with refused("exit: account is claimed already"):
        world.exit.claim_account(16, world["trader"], DONE, ZERO + 5, proof)
    world.wait(CLAIM_S)
    with refused("exit: account is not claimed"):
        world.exit.pay_account(17)
    world.exit.pay_account(16)
    with refused("exit: account is paid already"):
        world.exit.pay_account(16)


@pytest.mark.rule("08-R33")
def test_attack_a_proof_skips_what_is_owed_to_the_exchange(leaver: Leaver) -> None:
    """Parts that don't begin where the last one ended: the losses of an account can't be left out."""
    world = leaver.world
    leaver.open()
    owner = to_number(world["trader"])
    leaver.claim(16, "trader", -50, cursor=4)
    for cursor, before in ((0, 0), (4, 0), (5, -50), (4, -49)):
        proof = prove([13, owner, 16 | cursor << 24 | DONE << 56, before + ZERO | ZERO + 5 << 64])
        with refused("exit: proof does not hold"):
            world.exit.claim_account(16, world["trader"], DONE, ZERO + 5, proof)
    leaver.claim(16, "trader", -1)
    assert world.exit.get_progress(16).owed_micros == 0


@pytest.mark.rule("08-R32")
def test_late_claims_get_what_is_left(leaver: Leaver) -> None:
    world = leaver.world
    leaver.open()
    leaver.claim(16, "trader", 50 * USDC)
    world.wait(CLAIM_S)
    with refused("exit: nothing is left for late claims"):
        leaver.claim(17, "challenger", 40 * USDC + 1)
    leaver.claim(17, "challenger", 40 * USDC)
    for account in (16, 17):
        world.exit.pay_account(account)
    assert world.vault.exited_micros() == 90 * USDC
    with refused("exit: nothing is left for late claims"):
        leaver.claim(18, "thief", 1)


@pytest.mark.rule("08-R32")
def test_pending_batches_get_their_verdict_first(leaver: Leaver) -> None:
    world = leaver.world
    with refused("exit: rollup is not frozen"):
        world.exit.open(leaver.tip)
    with refused("exit: claims are not open"):
        leaver.claim(16, "trader", 5)
    with refused("exit: claim period is not over"):
        world.exit.pay_account(16)
    pending = post(world, leaver.last, inbox_count=0)
    wrong = post(world, pending, inbox_count=0)
    world.force("trader", make_forced_word(0x12, 16))
    world.wait(world.rollup_parameters["freeze_s"])
    world.rollup.freeze()
    with refused("exit: a batch is pending"):
        world.exit.open(leaver.tip)
    leaver.prover.refute(wrong, 0)
    with refused("exit: a batch is pending"):
        world.exit.open(leaver.tip)
    leaver.prover.prove_all(pending)
    with refused("exit: data are not those of the last final batch"):
        world.exit.open(leaver.tip)
    leaver.last = pending
    world.exit.open(pending.tip)
    with refused("exit: claims are open already"):
        world.exit.open(pending.tip)
    assert world.exit.root() == 12
    leaver.claim(16, "trader", 5)


@pytest.mark.rule("08-R32")
def test_a_rollup_that_never_had_a_batch(proving: Prover) -> None:
    """Nothing was consumed, so nothing is available, and all deposits come back."""
    world = proving.world
    leaver = Leaver(proving)
    world.deposit("trader", world.register("trader"), 5 * USDC)
    leaver.open()
    assert world.exit.available_micros() == 0
    leaver.claim(16, "trader", 5)
    world.vault.reclaim(0)
    world.wait(CLAIM_S)
    world.exit.pay_account(16)
    assert world.vault.exited_micros() == world.vault.held_micros() == 0


@pytest.mark.rule("08-R18", "08-R32")
def test_a_lie_that_became_final_cannot_touch_what_was_set_aside(leaver: Leaver) -> None:
    world = leaver.world
    outbox = ((to_number(world["thief"]), 500 * USDC),)
    lie = post(world, leaver.last, inbox_count=0, segments=(Segment((5,), 3, 14, 9),), outbox=outbox)
    world.deposit("challenger", 17, 8 * USDC)
    world.finalize_all()
    leaver.last = lie
    leaver.open()
    assert world.exit.available_micros() == 0
    world.wait(CLAIM_S)
    world.vault.reclaim(2)
    with refused("vault: more than was deposited"):
        world.claim(2, outbox, 0)


@pytest.mark.rule("08-R18")
def test_exits_and_withdrawals_together_pay_no_more_than_was_deposited(leaver: Leaver) -> None:
    """Even if the exit computed what is available wrongly, the vault counts for itself."""
    world = leaver.world
    leaver.open()
    world.exit.eval(f"self.available_micros = {200 * USDC}")
    leaver.claim(16, "trader", 95 * USDC)
    world.wait(CLAIM_S)
    world.claim(1, leaver.last.commit.outbox, 0)  # type: ignore[union-attr]
    with refused("vault: more than was deposited"):
        world.exit.pay_account(16)


# ---- silence of the oracle


def prove_silence(
    leaver: Leaver, underlying: int, clock_ms: int, tick_s: int, root: int | None = None
) -> None:
    what = underlying | clock_ms << 8 | tick_s << 72
    proof = prove([leaver.root if root is None else root, what])
    leaver.world.exit.prove_silence(leaver.tip, underlying, clock_ms, tick_s, proof)


@pytest.mark.rule("08-R34")
def test_the_oracles_silence_freezes(leaver: Leaver) -> None:
    world = leaver.world
    tick_s = 1_700_000_000
    with refused("exit: oracle was not silent for long enough"):
        prove_silence(leaver, 1, (tick_s + SILENCE_S) * 1000 - 1, tick_s)
    with refused("exit: no such underlying"):
        world.exit.prove_silence(leaver.tip, 256, 2**40, 0, (0,) * 12)
    for clock_ms, tick in ((2**64, 0), (2**63, 2**64)):
        with refused("exit: time is wider than 64 bits"):
            world.exit.prove_silence(leaver.tip, 1, clock_ms, tick, (0,) * 12)
    clock_ms = (tick_s + SILENCE_S) * 1000
    with boa.env.anchor(), refused("exit: proof does not hold"):
        prove_silence(leaver, 1, clock_ms, tick_s, root=12)
    pending = post(world, leaver.last)
    with refused("exit: data are not those of the last final batch"):
        world.exit.prove_silence(pending.tip, 1, clock_ms, tick_s, prove([12, 1]))
    prove_silence(leaver, 1, clock_ms, tick_s)
    assert world.get_event(world.exit, "FrozenSilent").final_number == 1
    assert world.rollup.frozen_at_s() == world.now_s
    with refused("rollup: frozen"):
        prove_silence(leaver, 1, clock_ms, tick_s)
    with refused("rollup: frozen"):
        world.commit()
    leaver.prover.prove_all(pending)
    leaver.last = pending
    world.exit.open(pending.tip)
