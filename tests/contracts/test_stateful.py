"""Long random lives of a deployment, next to a model that knows only the rules.

The trader deposits, sets keys and forces operations; the proposers commit what an honest machine could have
put out; the challenger freezes what has stopped; the thief tries what is not his. After every step the ids
are those of the specification, and the vault has what the model says, to the unit; so it is with the ETH.
"""

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

from tests.contracts.model import Batch, Entry, run_lives
from tests.contracts.reference import (
    Segment,
    compute_genesis_id,
    compute_proof,
    compute_running,
    make_deposit_word,
    make_forced_word,
    make_key_words,
)
from tests.contracts.world import GENESIS_ROOT, ROLLUP, VAULT, WEALTH_MICROS, World, refused, to_number

TRADERS = ("trader", "challenger", "thief")
PROPOSERS = ("sequencer", "proposer", "thief")
AMOUNTS = st.one_of(
    st.integers(VAULT["min_deposit_micros"], VAULT["max_deposit_micros"]),
    st.sampled_from([0, VAULT["min_deposit_micros"] - 1, VAULT["max_deposit_micros"] + 1, 2**52, 2**200]),
)
WAITS_S = (1, 60, 60, 3_600, 7_200, 86_400, 3 * 86_400, 7 * 86_400, 7 * 86_400)
BOND_WEI, WORD_FEE_WEI = ROLLUP["bond_wei"], VAULT["word_fee_wei"]


class Life(RuleBasedStateMachine):
    """One deployment and all that happens to it."""

    @initialize()
    def deploy(self) -> None:
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.owners: dict[int, str] = {}
        self.entries: list[Entry] = []
        self.running = bytes(32)
        now_s = self.world.now_s
        self.batches = [Batch(compute_genesis_id(GENESIS_ROOT), "", now_s, 0, 0)]
        self.final = 0
        self.sequencer_at_s = now_s
        self.frozen = False
        self.machine_micros = 0  # what the honest machine's accounts hold in sum
        self.paid = dict.fromkeys((*TRADERS, "proposer", "sequencer"), 0)  # tokens that came and went
        self.credit_wei = dict.fromkeys(self.world.people, 0)
        self.reward_wei = dict.fromkeys(self.world.people, 0)
        for name in TRADERS:
            self.register(name)
        self.add_deposit("trader", 16, 2_000_000_000)
        self.wait(60)

    def teardown(self) -> None:
        if hasattr(self, "anchor"):
            self.anchor.__exit__(None, None, None)

    # ---- what the model knows

    @property
    def head(self) -> Batch:
        return self.batches[-1]

    def has_waited(self, period_s: int) -> bool:
        waiting = self.entries[self.head.end :]
        return bool(waiting) and self.world.now_s >= waiting[0].created_at_s + period_s

    def may_propose(self, name: str) -> bool:
        silent = self.world.now_s >= self.sequencer_at_s + ROLLUP["silence_s"]
        return name == "sequencer" or silent or self.has_waited(ROLLUP["deadline_s"])

    def count_consumable(self) -> tuple[int, int]:
        """How many entries the next batch must and may consume."""
        least = most = words = 0
        for entry in self.entries[self.head.end :]:
            words += len(entry.words)
            if words > 256 or entry.created_at_s + ROLLUP["reorg_age_s"] > self.world.now_s:
                break
            most += 1
            if entry.created_at_s + ROLLUP["deadline_s"] <= self.head.at_s:
                least = most
        return least, most

    def add_entry(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.running = compute_running(self.running, entry.words)

    def add_deposit(self, payer: str, account: int, amount: int) -> None:
        entry = self.world.deposit(payer, account, amount)
        assert entry == len(self.entries)
        self.paid[payer] -= amount
        owner = self.owners[account]
        words = [make_deposit_word(account, to_number(self.world[owner]), amount)]
        self.add_entry(Entry(self.world.now_s, words, owner, amount))

    # ---- the trader

    @precondition(lambda self: len(self.owners) < 6)
    @rule(name=st.sampled_from(TRADERS))
    def register(self, name: str) -> None:
        if self.frozen:
            with refused("vault: rollup is frozen"):
                self.world.register(name)
            return
        self.owners[self.world.register(name)] = name

    @rule(data=st.data(), amount=AMOUNTS, payer=st.sampled_from(TRADERS))
    def deposit(self, data: Any, amount: int, payer: str) -> None:
        account = data.draw(st.sampled_from(sorted(self.owners)))
        if self.frozen:
            with refused("vault: rollup is frozen"):
                self.world.deposit(payer, account, amount)
        elif amount < VAULT["min_deposit_micros"]:
            with refused("vault: deposit is below the least"):
                self.world.deposit(payer, account, amount)
        elif amount > VAULT["max_deposit_micros"]:
            with refused("vault: deposit is above the most"):
                self.world.deposit(payer, account, amount)
        else:
            self.add_deposit(payer, account, amount)

    @precondition(lambda self: not self.frozen)
    @rule(data=st.data(), slot=st.integers(0, 3), x=st.integers(0, 2**253), burst=st.integers(1, 3))
    def set_keys(self, data: Any, slot: int, x: int, burst: int) -> None:
        account = data.draw(st.sampled_from(sorted(self.owners)))
        owner = self.owners[account]
        self.world.wait(12)  # many keys fill a block
        for _ in range(burst):
            self.world.set_key(owner, account, slot, 255, 0, x, 1)
            words = make_key_words(account, slot, 255, 0, x, 1)
            self.add_entry(Entry(self.world.now_s, words, owner))

    @precondition(lambda self: not self.frozen)
    @rule(data=st.data(), kind=st.integers(0x10, 0x14), sender=st.sampled_from(TRADERS))
    def force(self, data: Any, kind: int, sender: str) -> None:
        account = data.draw(st.sampled_from(sorted(self.owners)))
        word = make_forced_word(kind, account, b"\x07" * 27)
        if sender != self.owners[account]:
            with refused("accounts: account has another owner"):
                self.world.force(sender, word)
            return
        self.world.force(sender, word)
        self.add_entry(Entry(self.world.now_s, [word], sender))

    # ---- the proposers

    @rule(
        name=st.sampled_from(("sequencer", *PROPOSERS)),
        data=st.data(),
        words=st.lists(st.lists(st.integers(0, 2**248 - 1), min_size=1, max_size=40), max_size=3),
        shares=st.lists(st.integers(1, 99), min_size=1, max_size=4) | st.just([]),
        surplus_wei=st.sampled_from([0, 0, 0, 5, BOND_WEI]),
    )
    def commit(
        self, name: str, data: Any, words: list[list[int]], shares: list[int], surplus_wei: int
    ) -> None:
        least, most = self.count_consumable()
        count = data.draw(st.sampled_from(sorted({least, (least + most) // 2, most}, reverse=True)))
        receivers = data.draw(st.lists(st.sampled_from(TRADERS), min_size=len(shares), max_size=len(shares)))
        self.add_batch(name, count, words, list(zip(receivers, shares, strict=True)), surplus_wei)

    def add_batch(
        self, name: str, count: int, words: list[list[int]], shares: list[tuple[str, int]], surplus_wei: int
    ) -> None:
        """The next batch; an honest machine puts out shares (percent) of what it holds."""
        consumed = self.entries[self.head.end : self.head.end + count]
        available = self.machine_micros + sum(entry.amount_micros for entry in consumed)
        outbox = []
        for receiver, share in shares:
            amount = available * share // 100
            if amount > 0:
                available -= amount
                outbox.append((to_number(self.world[receiver]), amount))
        draft = self.world.draft(
            inbox_count=count,
            segments=tuple(Segment(tuple(part), h=i + 1, root=i + 2) for i, part in enumerate(words)),
            outbox=tuple(outbox),
        )
        assert list(draft.inbox.words) == [word for entry in consumed for word in entry.words]
        call = (name, draft.encode(), BOND_WEI + surplus_wei)
        if self.frozen:
            with refused("rollup: frozen"):
                self.world.send(*call)
        elif not self.may_propose(name):
            with refused("rollup: only the sequencer may propose now"):
                self.world.send(*call)
        else:
            self.world.send(*call)
            first = self.head.end
            identity = draft.compute_id(boa.env.evm.patch.block_number, first)
            self.batches.append(Batch(identity, name, self.world.now_s, first, first + count, draft.outbox))
            self.machine_micros = available
            self.credit_wei[name] += surplus_wei
            if name == "sequencer":
                self.sequencer_at_s = self.world.now_s

    @precondition(lambda self: not self.frozen)
    @rule(data=st.data(), receiver=st.sampled_from(TRADERS), share=st.integers(1, 100))
    def have_an_ordinary_week(self, data: Any, receiver: str, share: int) -> None:
        """Serve the inbox, let the window pass, make final what is ready, claim something."""
        self.wait(ROLLUP["reorg_age_s"])
        _, most = self.count_consumable()
        self.add_batch("sequencer", most, [[1, 2, 3]], [(receiver, share)], 0)
        self.wait(ROLLUP["window_s"])
        self.finalize(5, receiver)
        if any(batch.outbox for batch in self.batches):
            self.claim(data, receiver)

    @precondition(lambda self: not self.frozen)
    @rule()
    def leave_out_what_is_due(self) -> None:
        least, _ = self.count_consumable()
        if least > 0:
            with refused("rollup: an inbox entry that is due is left out"):
                self.world.commit("sequencer", self.world.draft(inbox_count=least - 1))

    @precondition(lambda self: not self.frozen and len(self.batches) > 1)
    @rule(data=st.data())
    def commit_to_another_parent(self, data: Any) -> None:
        parent = data.draw(st.sampled_from(self.batches[:-1])).id
        with refused("rollup: parent is not the head"):
            self.world.commit("sequencer", self.world.draft(inbox_count=0).changed(parent=parent))

    # ---- time, finality, withdrawals

    @rule(seconds=st.sampled_from(WAITS_S))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @precondition(lambda self: self.final < len(self.batches) - 1)
    @rule(limit=st.integers(1, 5), name=st.sampled_from(TRADERS))
    def finalize(self, limit: int, name: str) -> None:
        ready = 0
        for batch in self.batches[self.final + 1 : self.final + 1 + limit]:
            if batch.at_s + ROLLUP["window_s"] > self.world.now_s:
                break
            ready += 1
            self.credit_wei[batch.proposer] += BOND_WEI
            count = sum(len(entry.words) for entry in self.entries[batch.first : batch.end])
            self.reward_wei[batch.proposer] += count * WORD_FEE_WEI
        if ready == 0:
            with refused("rollup: no batch is proved or has passed its window"):
                self.world.rollup.finalize(limit, sender=self.world[name])
        else:
            assert self.world.rollup.finalize(limit, sender=self.world[name]) == ready
            self.final += ready

    @precondition(lambda self: any(batch.outbox for batch in self.batches))
    @rule(data=st.data(), name=st.sampled_from(TRADERS))
    def claim(self, data: Any, name: str) -> None:
        number = data.draw(st.sampled_from([i for i, batch in enumerate(self.batches) if batch.outbox]))
        batch = self.batches[number]
        index = data.draw(st.integers(0, len(batch.outbox) - 1))
        if number > self.final:
            with refused("rollup: batch is not final"):
                self.world.claim(number, batch.outbox, index, name)
        elif index in batch.claimed:
            with refused("outbox: withdrawal is paid already"):
                self.world.claim(number, batch.outbox, index, name)
        else:
            self.world.claim(number, batch.outbox, index, name)
            batch.claimed.add(index)
            owner, amount = batch.outbox[index]
            (person,) = [person for person in TRADERS if to_number(self.world[person]) == owner]
            self.paid[person] += amount

    @precondition(lambda self: any(batch.outbox for batch in self.batches[: self.final + 1]))
    @rule(data=st.data(), more=st.integers(1, 2**50))
    def claim_more_than_is_owed(self, data: Any, more: int) -> None:
        final = self.batches[: self.final + 1]
        number = data.draw(st.sampled_from([i for i, batch in enumerate(final) if batch.outbox]))
        outbox = self.batches[number].outbox
        owner, amount = outbox[0]
        with refused("outbox: proof does not fit"):
            self.world.rollup.claim(
                number,
                0,
                f"0x{owner:040x}",
                amount + more,
                compute_proof(outbox, 0),
                sender=self.world["thief"],
            )

    # ---- the end

    @precondition(lambda self: self.frozen or len(self.entries[self.head.end :]) % 3 == 1)
    @rule()
    def freeze(self) -> None:
        if self.frozen:
            with refused("rollup: frozen"):
                self.world.rollup.freeze(sender=self.world["challenger"])
        elif self.has_waited(ROLLUP["freeze_s"]):
            self.world.rollup.freeze(sender=self.world["challenger"])
            self.frozen = True
        else:
            with refused("rollup: no inbox entry has waited long enough"):
                self.world.rollup.freeze(sender=self.world["thief"])

    @precondition(lambda self: self.frozen or len(self.entries) % 4 == 3)
    @rule(data=st.data(), name=st.sampled_from(TRADERS))
    def reclaim(self, data: Any, name: str) -> None:
        index = data.draw(st.integers(0, len(self.entries) - 1))
        entry = self.entries[index]
        sender = self.world[name]
        if not self.frozen:
            with refused("vault: rollup is not frozen"):
                self.world.vault.reclaim(index, sender=sender)
        elif index < self.head.end:
            with refused("vault: a batch consumed the entry"):
                self.world.vault.reclaim(index, sender=sender)
        elif entry.reclaimed:
            with refused("vault: entry is given back already"):
                self.world.vault.reclaim(index, sender=sender)
        else:
            self.world.vault.reclaim(index, sender=sender)
            entry.reclaimed = True
            self.paid[entry.owner] += entry.amount_micros
            self.reward_wei[entry.owner] += len(entry.words) * WORD_FEE_WEI

    @precondition(lambda self: any(self.credit_wei.values()) or any(self.reward_wei.values()))
    @rule(name=st.sampled_from(("sequencer", *TRADERS)))
    def withdraw_credit(self, name: str) -> None:
        for contract, credit in ((self.world.rollup, self.credit_wei), (self.world.vault, self.reward_wei)):
            if credit[name] == 0:
                with refused("credit: nothing is owed to the sender"):
                    contract.withdraw_credit(sender=self.world[name])
            else:
                before_wei = boa.env.get_balance(self.world[name])
                contract.withdraw_credit(sender=self.world[name])
                assert boa.env.get_balance(self.world[name]) == before_wei + credit[name]
                credit[name] = 0

    # ---- what is true after every step

    @invariant()
    def the_money_is_whole(self) -> None:
        """Token balance = deposits - payments = what the machine holds + what waits + what is owed."""
        vault = self.world.vault
        held = self.world.token.balanceOf(vault.address)
        assert held == vault.held_micros() == -sum(self.paid.values())
        waiting = sum(e.amount_micros for e in self.entries[self.head.end :] if not e.reclaimed)
        owed = sum(
            amount
            for batch in self.batches
            for index, (_, amount) in enumerate(batch.outbox)
            if index not in batch.claimed
        )
        assert held == self.machine_micros + waiting + owed
        for name in TRADERS:
            assert self.world.token.balanceOf(self.world[name]) == WEALTH_MICROS + self.paid[name]

    @invariant()
    def the_ether_is_whole(self) -> None:
        pending = len(self.batches) - 1 - self.final
        rollup, vault = self.world.rollup, self.world.vault
        assert boa.env.get_balance(rollup.address) == pending * BOND_WEI + sum(self.credit_wei.values())
        first_waiting = self.batches[self.final].end
        prepaid = sum(len(e.words) for e in self.entries[first_waiting:] if not e.reclaimed) * WORD_FEE_WEI
        burnt = len(self.owners) * VAULT["account_fee_wei"]
        assert boa.env.get_balance(vault.address) == prepaid + burnt + sum(self.reward_wei.values())

    @invariant()
    def the_chain_is_that_of_the_model(self) -> None:
        rollup = self.world.rollup
        assert (rollup.head_number(), rollup.final_number()) == (len(self.batches) - 1, self.final)
        assert bytes(rollup.get_batch(len(self.batches) - 1).id) == self.head.id
        assert bytes(rollup.get_batch(self.final).id) == self.batches[self.final].id
        assert rollup.head_inbox_end() == self.head.end
        assert bytes(self.world.vault.running_keccak()) == self.running
        assert rollup.is_open() == (not self.frozen and self.may_propose(""))


@pytest.mark.rule("08-R05", "08-R06", "08-R07", "08-R08", "08-R09", "08-R10")
@pytest.mark.rule("08-R12", "08-R15", "08-R16", "08-R18")
def test_random_lives() -> None:
    run_lives(Life, max_examples=20, steps=50)


@pytest.mark.long
def test_long_random_lives() -> None:
    run_lives(Life, max_examples=300, steps=120)
