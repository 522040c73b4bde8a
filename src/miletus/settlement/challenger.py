"""The challenger: a watchtower that has what it finds wrong removed.

It proves the segment whose claim is the first wrong one, or the forged list of withdrawals, and posts the
proof; L1 removes the batch and what is on it, and the watchtower goes on from the last good one. Nothing is
remembered: after a crash it finds the same claim again, and L1 knows what was proved of it.
"""

from collections.abc import Callable
from threading import Event

import structlog

from miletus.prover import ProverError
from miletus.settlement.errors import CallReverted, L1Error
from miletus.settlement.proving import BatchProver, NothingToProve, Verdict
from miletus.settlement.verify import Verified
from miletus.settlement.watchtower import Watchtower


class Challenger:
    """Watches one rollup and challenges.

    Args:
        tower: the watchtower; the challenger polls it.
        prover: proves and posts; its wallet pays the gas and gets the reward.

    """

    def __init__(self, tower: Watchtower, prover: BatchProver) -> None:
        self.tower = tower
        self.prover = prover
        self.verdicts: list[Verdict] = []
        self._log = structlog.get_logger("miletus.challenger")

    def poll(self) -> list[Verified]:
        """Follow L1 to its head; challenge what is wrong, and go on; the batches that were found right.

        Under policy zk what nobody proved in time is removed first, right or wrong.

        Raises:
            L1Error: L1 can't be used now; poll again.
            ProverError: the proof can't be made now; poll again.
            CallReverted: the court refuses the proof.
            NothingToProve: the wrong batch is final: nobody challenged it in time.

        """
        self.prover.remove_overdue()
        found = self.tower.poll()
        while self.tower.alarm is not None:
            alarm = self.tower.alarm
            self._log.warning("challenging", **alarm.to_json())
            verdict = self.prover.prove(alarm.batch)
            self.verdicts.append(verdict)
            self._log.warning("verdict", batch=alarm.batch, removed=verdict.removed, gas=verdict.gas)
            if not verdict.removed:
                break  # L1 has not shown it yet
            found += self.tower.poll()
        return found

    def run(
        self,
        stop: Event,
        poll_seconds: float = 2.0,
        report: Callable[["Challenger"], None] | None = None,
    ) -> None:
        """Poll until told to stop; troubles of L1 and of the prover are logged once each and waited out.

        Raises:
            NothingToProve: a wrong batch is final; a person must know.

        """
        last = ""
        while not stop.is_set():
            try:
                self.poll()
                if report is not None:
                    report(self)
                last = ""
            except NothingToProve:
                raise
            except (L1Error, ProverError, CallReverted) as error:
                if str(error) != last:
                    self._log.warning("can't challenge now", problem=str(error))
                last = str(error)
            stop.wait(poll_seconds)
