"""A service of proofs.

What is wrong is challenged, what is paid for or asked for is proved, what was earned is fetched.
"""

import queue
from enum import StrEnum

import structlog

from miletus.prover import ProverError
from miletus.settlement.challenger import Challenger
from miletus.settlement.errors import CallReverted, L1Error
from miletus.settlement.proving import NothingToProve, Verdict
from miletus.settlement.rewards import Rewards

REFUSED_AGAIN = 3
"""How often a batch is tried that the court refuses, before it is left alone."""


class Choice(StrEnum):
    """Which right batches are proved; wrong ones always are."""

    NOTHING = "nothing"
    BOUNTIES = "bounties"
    ALL = "all"


class ProvingService:
    """Challenges and proves on one rollup; whoever owns the prover's wallet is paid.

    Args:
        challenger: a watchtower and a prover.
        rewards: of the prover's wallet.
        choice: which right batches are proved without being asked for.
        least_bounty_wei: what a bounty must have at least to count.

    """

    def __init__(
        self,
        challenger: Challenger,
        rewards: Rewards,
        choice: Choice = Choice.NOTHING,
        least_bounty_wei: int = 1,
    ) -> None:
        self.challenger = challenger
        self.rewards = rewards
        self.choice = choice
        self.verdicts: list[Verdict] = []
        """Verdicts that this service brought about, wrong batches and right ones."""
        self.earned_wei = 0
        self.proving: int | None = None
        """The batch that is being proved."""
        self._least_bounty_wei = least_bounty_wei
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._wanted: list[int] = []
        self._refused: dict[bytes, int] = {}
        self._collected = -1  # what an earlier run earned is fetched too
        self._told = 0
        self._log = structlog.get_logger("miletus.proving")

    def ask(self, number: int) -> None:
        """Have a pending batch proved at the next poll; called from any thread."""
        self._asked.put(number)

    def poll(self) -> list[Verdict]:
        """Follow L1 to its head, and do what there is to do; the verdicts that were not told yet.

        Raises:
            L1Error: L1 can't be used now; poll again.
            ProverError: a proof can't be made now; poll again.
            CallReverted: the court refuses a proof; poll again.
            NothingToProve: a wrong batch is final: nobody challenged it in time.

        """
        known = len(self.challenger.verdicts)
        try:
            self.challenger.poll()
        finally:
            self.verdicts += self.challenger.verdicts[known:]
        if self.challenger.tower.alarm is None:
            number = self._choose()
            if number is not None:
                self._prove(number)
        if len(self.verdicts) > self._collected:
            self.earned_wei += self.rewards.collect()
            self._collected = len(self.verdicts)
        fresh = self.verdicts[self._told :]  # those too after which something failed
        self._told = len(self.verdicts)
        return fresh

    def _choose(self) -> int | None:
        """The next right batch to prove: its parents first, since it is final after them alone."""
        while not self._asked.empty():
            self._wanted.append(self._asked.get())
        if self.choice is Choice.NOTHING and not self._wanted:
            return None
        first = self._find_next()
        if first is None:
            return None
        last = max(self._wanted, default=0)
        if self.choice is Choice.ALL:
            last = first
        elif self.choice is Choice.BOUNTIES:
            last = max([last, *self.rewards.find_bounties(self._least_bounty_wei)])
        return first if first <= last else None

    def _find_next(self) -> int | None:
        """The first pending batch that is not proved, if a proof of it may still come in time."""
        prover = self.challenger.prover
        number = prover.find_next()
        posted = prover.view.get_batch(number) if number is not None else None
        if posted is None or prover.view.head is None:
            return None
        window_s = prover.view.rollup.window_s
        in_time = prover.view.head.timestamp_s < posted.committed_at_s + window_s
        tried = self._refused.get(posted.id, 0)
        return number if in_time and tried < REFUSED_AGAIN else None

    def _prove(self, number: int) -> None:
        prover = self.challenger.prover
        posted = prover.view.get_batch(number)
        self.proving = number
        try:
            verdict = prover.prove(number)
        except NothingToProve:
            return  # it became final, or left, while it was looked at
        except CallReverted:
            if posted is not None:
                self._refused[posted.id] = self._refused.get(posted.id, 0) + 1
            raise
        finally:
            self.proving = None
        self.verdicts.append(verdict)
        self._wanted = [wanted for wanted in self._wanted if wanted > number]
        self._log.info("verdict", batch=number, final=verdict.final, removed=verdict.removed)


PASSING = (L1Error, ProverError, CallReverted)
"""What a service waits out."""
