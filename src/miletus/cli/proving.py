"""What `miletus prove` does: batches proved from L1's data, and the proofs posted."""

import os
from dataclasses import dataclass
from pathlib import Path

from miletus.cli.errors import CliError
from miletus.cli.outlook import Outlook, Where
from miletus.cli.output import Output, get_plain
from miletus.client.keys import KEY_VARIABLE
from miletus.prover import Prover
from miletus.settlement.proving import BatchProver, Verdict

OWN_WALLET = "prover"
"""The wallet that a system keeps for who proves and gives none of their own."""


@dataclass(frozen=True)
class Options:
    """How to prove.

    Attributes:
        batch: its number; None for the first that is pending and not proved.
        every: go on until nothing is left to prove.
        size: of the circuit of edges.
        post: post the proofs; else only make them.
        mint: have a development L1 give the wallet ETH for gas.
        setup: make development keys where there are none.
        side_by_side: proofs at once, 0 for as many as fit.

    """

    batch: int | None = None
    every: bool = False
    size: str = "small"
    wallet: Path | None = None
    post: bool = True
    mint: bool = False
    setup: bool = False
    side_by_side: int = 0


def prove_batches(where: Where, options: Options, as_json: bool) -> None:
    """Prove a batch, or all that are pending. CliError if there is none."""
    output = Output(as_json)
    outlook = Outlook.open(where)
    own = options.wallet is None and not os.environ.get(KEY_VARIABLE)
    sender = outlook.open_sender(
        outlook.get_wallet(OWN_WALLET, options.wallet, own=own), mint=options.mint or not options.post
    )
    verdicts: list[Verdict] = []

    def say(line: str) -> None:
        output.line(f"[dim]{line}[/]")

    try:
        with Prover(setup=options.setup, side_by_side=options.side_by_side, say=say) as program:
            prover = BatchProver(outlook.make_view(), outlook.genesis, sender, program, options.size, say)
            while not verdicts or options.every:
                number = options.batch if options.batch is not None else prover.find_next()
                if number is None:
                    break
                verdicts.append(prover.prove(number, post=options.post))
                output.line(describe(verdicts[-1], posted=options.post))
                if options.batch is not None or not options.post:
                    break
    finally:
        sender.store.close()
    if not verdicts:
        raise CliError("no batch is pending that is not proved: wait until one is on L1 (miletus status)")
    output.result([to_json(verdict) for verdict in verdicts])


def describe(verdict: Verdict, *, posted: bool) -> str:
    """A verdict as a line for people."""
    cost = (
        f"{verdict.proofs} proofs of {verdict.steps:,} steps in {verdict.seconds:.1f} s, "
        f"peak memory {verdict.peak_bytes >> 20} MiB, {verdict.gas:,} gas"
    )
    if not posted:
        end = f"is wrong ({verdict.wrong})" if verdict.wrong else "is right"
        return f"batch {verdict.number} {end}; not posted: {cost}"
    if verdict.removed:
        return f"batch {verdict.number} is removed: {verdict.wrong}: {cost}"
    if verdict.final:
        return f"batch {verdict.number} is final: {cost}"
    return f"batch {verdict.number} is proved, and final as soon as those before it are: {cost}"


def to_json(verdict: Verdict) -> dict[str, object]:
    """A verdict for programs."""
    plain: dict[str, object] = get_plain(verdict)
    return {**plain, "batch_id": "0x" + verdict.batch_id.hex()}
