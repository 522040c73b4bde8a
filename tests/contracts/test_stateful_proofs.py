"""Long random lives of a court, next to a model that knows only the rules: every wei of bonds and bounties.

Batches are committed, proved in edges of anyone, refuted; bounties are offered, shared, taken back. After
every step the contracts hold what the model says, to the wei: payments + burns + what is locked = all that
came in.
"""

from dataclasses import dataclass, field
from typing import Any

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.contracts.model import run_lives
from tests.contracts.proving import OUTBOX, Posted, Prover, post
from tests.contracts.reference import Segment
from tests.contracts.world import ETHER, ROLLUP, World, refused, to_number

PAYEES = ("trader", "challenger", "thief")
PROPOSERS = ("sequencer", "proposer")
BOND_WEI, WINDOW_S = ROLLUP["bond_wei"], ROLLUP["window_s"]
SEGMENTS = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))
WITHDRAWING = (Segment((5, 6), 3, 13, 9), Segment((7,), 4, 14, 9))


@dataclass
class Batch:
    """A batch as the model remembers it; `paths` are payees and weights of what was proved, by part."""

    posted: Posted
    proposer: str
    bond_wei: int
    at_s: int
    facts: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    paths: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    offers: dict[str, int] = field(default_factory=dict)
    first: int = 0
    settled: bool = False

    @property
    def parts(self) -> set[int]:
        """What has to be proved."""
        return {*range(self.posted.row_count), *([OUTBOX] if self.posted.commit.outbox else [])}

    @property
    def proved(self) -> bool:
        """Whether all is."""
        return self.parts <= self.paths.keys()

    def walk(self, part: int, before: int) -> list[tuple[str, int]]:
        """Payees and weights of the path to a fact, the newest first."""
        path = []
        while before:
            earlier, payee = self.facts[part, before]
            path.append((payee, before - earlier + 1))
            before = earlier
        return path


class Court(RuleBasedStateMachine):
    """One deployment of policy hybrid and all that happens to its batches."""

    @initialize()
    def deploy(self) -> None:
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World(keys=True, rollup={"policy": 2})
        self.prover = Prover(self.world)
        self.batches: list[Batch] = []
        self.final = 0
        self.doublings = 0
        self.held: dict[int, tuple[str, int]] = {}
        self.returnable: list[Batch] = []
        self.rollup_wei = dict.fromkeys(self.world.people, 0)
        self.court_wei = dict.fromkeys(self.world.people, 0)
        self.burnt_wei = self.came_wei = self.left_wei = self.dust_wei = 0
        self.pots: list[tuple[Batch, int, int, set[tuple[int, int]]]] = []
        self.world.wait(ROLLUP["silence_s"])
        self.commit("proposer", withdrawing=False)

    def teardown(self) -> None:
        if hasattr(self, "anchor"):
            self.anchor.__exit__(None, None, None)

    # ---- the chain

    @rule(name=st.sampled_from(PROPOSERS), withdrawing=st.booleans())
    def commit(self, name: str, withdrawing: bool) -> None:
        self.world.wait(12)
        if not (name == "sequencer" or self.world.rollup.is_open()):
            return
        bond_wei = BOND_WEI << self.doublings
        number = len(self.batches) + 1
        changes: dict[str, Any] = {"segments": SEGMENTS}
        if withdrawing:
            changes = {"segments": WITHDRAWING, "outbox": ((to_number(self.world["trader"]), 1),)}
        parent = self.batches[-1].posted if self.batches else None
        posted = post(self.world, parent, name=name, **changes)
        if number in self.held:
            proposer, held_wei = self.held.pop(number)
            self.rollup_wei[proposer] += held_wei
        self.came_wei += bond_wei
        self.batches.append(Batch(posted, name, bond_wei, self.world.now_s))

    @rule(seconds=st.sampled_from([1, 3_600, 86_400, WINDOW_S]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule()
    def finalize(self) -> None:
        ready = self.count_ready()
        if ready:
            assert self.world.rollup.finalize(64) == ready
            self.advance(ready)
        else:
            with refused("rollup: no batch is proved or has passed its window"):
                self.world.rollup.finalize(64)

    def count_ready(self) -> int:
        """How many batches can be made final now."""
        ready = 0
        for batch in self.batches[self.final :]:
            if not batch.proved and self.world.now_s < batch.at_s + WINDOW_S:
                break
            ready += 1
        return ready

    def advance(self, count: int) -> None:
        for batch in self.batches[self.final : self.final + count]:
            self.rollup_wei[batch.proposer] += batch.bond_wei
            if batch.bond_wei > BOND_WEI and self.doublings:
                self.doublings -= 1
        self.final += count

    # ---- proofs

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), cuts=st.lists(st.integers(1, 30), max_size=3), bounty_wei=st.integers(0, ETHER))
    def prove_the_next_batch(self, data: Any, cuts: list[int], bounty_wei: int) -> None:
        """An ordinary day: somebody offers, many prove, and each segment in a few edges."""
        batch = self.batches[self.final]
        if self.is_late(batch):
            return
        if bounty_wei and not batch.offers:
            self.make_offer(data.draw(st.sampled_from(PAYEES)), self.final, bounty_wei)
        for part in sorted(batch.parts - batch.paths.keys()):
            before = self.lay_path(data, batch, part, cuts) if part != OUTBOX else 0
            self.prove_to_the_end(batch, part, before, data.draw(st.sampled_from(PAYEES)), 3)
        if self.pots and self.pots[-1][0] is batch:
            while self.pots[-1][-1]:
                self.pay(len(self.pots) - 1, min(self.pots[-1][-1]))

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), cuts=st.lists(st.integers(1, 30), min_size=1, max_size=4))
    def refute_by_a_path(self, data: Any, cuts: list[int]) -> None:
        batch = data.draw(st.sampled_from(self.batches[self.final :]))
        part = data.draw(st.integers(0, batch.posted.row_count - 1))
        if self.is_late(batch) or part in batch.paths:
            return
        before = self.lay_path(data, batch, part, cuts)
        self.refute_to_the_end(batch, part, before, data.draw(st.sampled_from(PAYEES)), 3)

    def lay_path(self, data: Any, batch: Batch, part: int, cuts: list[int]) -> int:
        """Facts one after the other, of anyone; steps up to the last of them."""
        before = 0
        for steps in cuts:
            if (part, before + steps) not in batch.facts:
                payee = data.draw(st.sampled_from(PAYEES))
                self.prover.prove(
                    batch.posted,
                    part,
                    before=before,
                    steps=steps,
                    end=False,
                    cursor=0,
                    root=before + steps,
                    payee=payee,
                )
                batch.facts[part, before + steps] = before, payee
            before += steps
        return before

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), payee=st.sampled_from(PAYEES), steps=st.integers(1, 40))
    def add_fact(self, data: Any, payee: str, steps: int) -> None:
        batch = data.draw(st.sampled_from(self.batches[self.final :]))
        part = data.draw(st.integers(0, batch.posted.row_count - 1))
        before = data.draw(st.sampled_from([0, *(at for p, at in batch.facts if p == part)]))
        after = before + steps
        call = {"before": before, "steps": steps, "end": False, "cursor": 0, "root": after, "payee": payee}
        if self.is_late(batch):
            with refused("court: window of the batch has passed"):
                self.prover.prove(batch.posted, part, **call)
        elif (part, after) in batch.facts:
            with refused("court: fact is known already"):
                self.prover.prove(batch.posted, part, **call)
        else:
            self.prover.prove(batch.posted, part, **call)
            batch.facts[part, after] = before, payee

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), payee=st.sampled_from(PAYEES), steps=st.integers(0, 40))
    def prove_part(self, data: Any, payee: str, steps: int) -> None:
        batch = data.draw(st.sampled_from(self.batches[self.final :]))
        if self.is_late(batch):
            return
        part = data.draw(st.sampled_from(sorted(batch.parts)))
        if part in batch.paths:
            return
        before = data.draw(st.sampled_from([0, *(at for p, at in batch.facts if p == part)]))
        self.prove_to_the_end(batch, part, before, payee, steps)

    def prove_to_the_end(self, batch: Batch, part: int, before: int, payee: str, steps: int) -> None:
        if part == OUTBOX:
            self.prover.prove_outbox(batch.posted, payee)
            batch.paths[part] = [(payee, 2)]
        else:
            self.prover.prove(batch.posted, part, before=before, steps=steps, payee=payee)
            batch.paths[part] = [(payee, steps + 1), *batch.walk(part, before)]
        if batch.proved and self.batches.index(batch) == self.final:
            self.advance(self.count_ready())
            self.settle(batch)

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), payee=st.sampled_from(PAYEES), steps=st.integers(0, 40))
    def refute(self, data: Any, payee: str, steps: int) -> None:
        place = data.draw(st.integers(self.final, len(self.batches) - 1))
        batch = self.batches[place]
        part = data.draw(st.sampled_from(sorted(batch.parts)))
        # of a proved part this would say that proofs are worth nothing, which is another test's
        if self.is_late(batch) or part in batch.paths:
            return
        before = data.draw(st.sampled_from([0, *(at for p, at in batch.facts if p == part)]))
        self.refute_to_the_end(batch, part, before, payee, steps)

    def refute_to_the_end(self, batch: Batch, part: int, before: int, payee: str, steps: int) -> None:
        place = self.batches.index(batch)
        if part == OUTBOX:
            self.prover.refute_outbox(batch.posted, 10, payee)
            path = [(payee, 2)]
        else:
            self.prover.refute(batch.posted, part, before=before, steps=steps, payee=payee)
            path = [(payee, steps + 1), *batch.walk(part, before)]
        reward_wei = batch.bond_wei // 2
        self.burnt_wei += batch.bond_wei - reward_wei
        self.share(reward_wei, sum(weight for _, weight in path), path)
        for number, other in enumerate(self.batches[place + 1 :], place + 2):
            self.held[number] = other.proposer, other.bond_wei
        self.returnable += self.batches[place:]
        del self.batches[place:]
        self.doublings = min(self.doublings + 1, 6)
        assert self.world.rollup.head_number() == place

    def is_late(self, batch: Batch) -> bool:
        return self.world.now_s >= batch.at_s + WINDOW_S

    def share(self, amount_wei: int, weight: int, path: list[tuple[str, int]]) -> None:
        paid_wei = 0
        for payee, part in path:
            self.court_wei[payee] += amount_wei * part // weight
            paid_wei += amount_wei * part // weight
        self.dust_wei += amount_wei - paid_wei

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        self.world.rollup.release(number)
        proposer, held_wei = self.held.pop(number)
        self.rollup_wei[proposer] += held_wei

    # ---- bounties

    @precondition(lambda self: self.final < len(self.batches))
    @rule(data=st.data(), name=st.sampled_from(PAYEES), amount_wei=st.integers(1, ETHER))
    def offer(self, data: Any, name: str, amount_wei: int) -> None:
        place = data.draw(st.integers(self.final, len(self.batches) - 1))
        if not self.is_late(self.batches[place]):
            self.make_offer(name, place, amount_wei)

    def make_offer(self, name: str, place: int, amount_wei: int) -> None:
        batch = self.batches[place]
        self.world.court.offer_bounty(place + 1, sender=self.world[name], value=amount_wei)
        batch.first = batch.first if batch.offers else self.final
        batch.offers[name] = batch.offers.get(name, 0) + amount_wei
        self.came_wei += amount_wei

    @precondition(lambda self: any(batch.offers for batch in self.batches[: self.final]))
    @rule(data=st.data())
    def settle_some(self, data: Any) -> None:
        some = [batch for batch in self.batches[: self.final] if batch.offers]
        batch = data.draw(st.sampled_from(some))
        number = self.batches.index(batch) + 1
        if batch.settled:
            with refused("court: no bounty to settle"):
                self.world.court.settle_bounty(number)
        elif self.is_late(batch):
            with refused("court: window of the batch has passed"):
                self.world.court.settle_bounty(number)
        else:
            self.world.court.settle_bounty(number)
            self.settle(batch)

    def settle(self, batch: Batch) -> None:
        if not batch.offers or batch.settled:
            return
        batch.settled = True
        place = self.batches.index(batch)
        covered = self.batches[batch.first : place + 1]
        total = sum(w for other in covered for path in other.paths.values() for _, w in path)
        unpaid = {(i, part) for i in range(batch.first, place + 1) for part in self.batches[i].paths}
        self.pots.append((batch, sum(batch.offers.values()), total, unpaid))
        self.dust_wei += sum(batch.offers.values())

    @precondition(lambda self: any(unpaid for *_, unpaid in self.pots))
    @rule(data=st.data())
    def pay_bounty(self, data: Any) -> None:
        pot = data.draw(st.sampled_from([i for i, (*_, unpaid) in enumerate(self.pots) if unpaid]))
        self.pay(pot, data.draw(st.sampled_from(sorted(self.pots[pot][-1]))))

    def pay(self, pot: int, share: tuple[int, int]) -> None:
        """One part of what a bounty covers."""
        batch, amount_wei, total, unpaid = self.pots[pot]
        place, part = share
        number = self.batches.index(batch) + 1
        self.world.court.pay_bounty(number, place + 1, part, 64)
        unpaid.remove((place, part))
        for payee, weight in self.batches[place].paths[part]:
            self.court_wei[payee] += amount_wei * weight // total
            self.dust_wei -= amount_wei * weight // total

    @rule(data=st.data(), name=st.sampled_from(PAYEES))
    def take_back(self, data: Any, name: str) -> None:
        late = [batch for batch in self.batches if self.is_late(batch) and not batch.settled]
        some = [batch for batch in (*self.returnable, *late) if batch.offers.get(name)]
        if not some:
            return
        batch = data.draw(st.sampled_from(some))
        self.world.court.return_bounty(batch.posted.id, sender=self.world[name])
        self.court_wei[name] += batch.offers.pop(name)

    # ---- money

    @rule(name=st.sampled_from((*PAYEES, *PROPOSERS)))
    def withdraw(self, name: str) -> None:
        for contract, credit in ((self.world.rollup, self.rollup_wei), (self.world.court, self.court_wei)):
            if credit[name]:
                before_wei = boa.env.get_balance(self.world[name])
                contract.withdraw_credit(sender=self.world[name])
                assert boa.env.get_balance(self.world[name]) == before_wei + credit[name]
                self.left_wei += credit[name]
                credit[name] = 0

    @invariant()
    def every_wei_is_where_the_model_has_it(self) -> None:
        rollup, court = self.world.rollup, self.world.court
        pending_wei = sum(batch.bond_wei for batch in self.batches[self.final :])
        held_wei = sum(amount for _, amount in self.held.values())
        rollup_wei = pending_wei + held_wei + sum(self.rollup_wei.values()) + self.burnt_wei
        assert boa.env.get_balance(rollup.address) == rollup_wei
        offered = [batch for batch in (*self.batches, *self.returnable) if not batch.settled]
        offered_wei = sum(sum(batch.offers.values()) for batch in offered)
        court_wei = offered_wei + sum(self.court_wei.values()) + self.dust_wei
        assert boa.env.get_balance(court.address) == court_wei
        assert self.came_wei == self.left_wei + rollup_wei + court_wei
        assert rollup.burnt_wei() == self.burnt_wei
        assert rollup.next_bond_wei() == BOND_WEI << self.doublings
        for name, person in self.world.people.items():
            assert rollup.credit_wei(person) == self.rollup_wei[name]
            assert court.credit_wei(person) == self.court_wei[name]

    @invariant()
    def the_chain_is_that_of_the_model(self) -> None:
        rollup = self.world.rollup
        assert (rollup.head_number(), rollup.final_number()) == (len(self.batches), self.final)
        for batch in self.batches[-3:]:
            assert self.world.court.is_proved(batch.posted.id) == batch.proved


@pytest.mark.rule("08-R08", "08-R22", "08-R26", "08-R27", "08-R28", "08-R30")
def test_random_lives_of_a_court() -> None:
    run_lives(Court, max_examples=10, steps=40)


@pytest.mark.long
def test_long_random_lives_of_a_court() -> None:
    run_lives(Court, max_examples=200, steps=100)
