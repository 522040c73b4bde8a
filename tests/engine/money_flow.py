"""The part of a flow that is money and keys: deposits, withdrawals, transfers, and keys that come and go."""

from __future__ import annotations

from miletus.engine import params, segment
from miletus.engine.segment import INBOX, SEQUENCED
from tests.engine import worlds as w
from tests.engine.oracle_flow import OracleFlow
from tests.engine.records import make

HIGHEST_ACCOUNT = 100
"""Deposits go no higher, since a machine makes room for every account below the highest."""


class MoneyFlow(OracleFlow):
    """What owners send, of their cash and of their keys."""

    def pick_account(self) -> int:
        raise NotImplementedError

    # ---- money

    def pick_amount(self, account: int) -> int:
        cash = self.world.accounts[account].cash if account in self.world.accounts else 0
        return self.choices.of((1, 1_000_000, max(0, cash // 2), max(0, cash), max(0, cash) + 1, 0, 10**9))

    def withdraw(self) -> None:
        account = self.pick_account()
        amount = min(self.pick_amount(account), 2**56 - 1)
        self.send(w.sign(self.world, account, segment.WITHDRAW, amount=amount))

    def withdraw_often(self) -> None:
        account = self.choices.of(w.TRADERS)
        for _ in range(self.choices.of((0, 5, 40, 258))):
            self.send(w.sign(self.world, account, segment.WITHDRAW, amount=1))

    def transfer(self) -> None:
        account, to = self.pick_account(), self.pick_account() & 0xFFFFFF
        amount = min(self.pick_amount(account), 2**56 - 1)
        self.send(w.sign(self.world, account, segment.TRANSFER, to=to, amount=amount))

    def deposit(self) -> None:
        account = self.choices.of((*w.TRADERS, w.WHALE, 15, 49, HIGHEST_ACCOUNT, 262_144))
        amount = self.choices.of((1_000_000, 10**10, 0, 2**56 - 1))
        record = w.deposit(account, amount)
        if self.choices.one_in(8):
            record["owner"] = self.choices.of((0, 5))
        self.mutates = False
        self.send(record, source=self.choices.of((INBOX, INBOX, INBOX, INBOX, SEQUENCED)))

    # ---- keys

    def change_key(self) -> None:
        """A new key, then at once a word that the new, the old or no key has signed."""
        account, slot = self.pick_account(), self.choices.of((0, 1, 1, 2, 4))
        expiry_s = self.choices.of((0, 0, self.world.clock_s + 10, self.world.clock_s - 1, 2**32 - 1))
        scope = self.choices.of((15, 15, 1, 2, 4, 8, 0, 255))
        x = self.choices.of((5, 6, 0, 2**255))
        y = self.choices.of((0, 9)) if x == 0 else 3
        fields = {"slot": slot, "scope": scope, "expiry_s": expiry_s, "x": x, "y": y}
        if slot == 0:  # key 0 has to go on working
            fields |= {"scope": 15, "expiry_s": 0, "x": 5}
        if self.choices.pick(2):
            self.send(make(segment.SET_KEY_INBOX, account=account, **fields), source=INBOX)
            return
        works = self.can_set_key(account) and slot < params.KEYS
        words = [w.sign(self.world, account, segment.SET_KEY, **fields)]
        for k in range(self.choices.pick(3)):
            key = self.choices.of((slot, 0, 3))
            nonce = max(self.get_nonce(account, key), words[0]["nonce"]) + 1 + k
            word = w.sign(self.world, account, segment.CANCEL, mode=2, slot=0, generation=0, instrument=0)
            # a result from before the new key was set doesn't count
            hint = self.choices.pick(2) if key == slot and works else 1
            words.append(word | {"key": key, "nonce": nonce, "hint": hint})
        self.mutates = False
        self.send(*words)

    def can_set_key(self, account: int) -> bool:
        if not self.world.has_account(account):
            return False
        key = self.world.accounts[account].keys[0]
        return key.x + key.y > 0 and key.scope & 8 > 0 and not 0 < key.expiry_s < self.world.clock_s

    def use_short_key(self) -> None:
        """A key with an end or a narrow scope, used before and after its end."""
        account, slot = self.choices.of(w.TRADERS), 1 + self.choices.pick(3)
        expiry_s = self.world.clock_s + self.choices.of((0, 1))
        self.send(w.set_key(account, slot, self.choices.of((15, 1, 6)), expiry_s), source=INBOX)
        for _ in range(2):
            word = w.sign(self.world, account, segment.CANCEL, mode=2, slot=0, generation=0, instrument=0)
            self.send(word | {"key": slot, "nonce": self.get_nonce(account, slot) + 1})
            self.pass_time(self.world.clock_ms + 1_000)

    def repair_key(self) -> None:
        self.send(w.set_key(self.choices.of((*w.TRADERS, w.WHALE, w.WHALE + 1))), source=INBOX)

    def get_nonce(self, account: int, key: int) -> int:
        keys = self.world.accounts[account].keys if account in self.world.accounts else []
        return keys[key].nonce if key < len(keys) else 0
