"""What `miletus prove` and `miletus bounty` do: batches proved from L1's data, proofs posted and paid for."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from miletus.cli.errors import CliError
from miletus.cli.outlook import Outlook, Where
from miletus.cli.output import Output, get_plain
from miletus.cli.own_node import find_archive, find_states, open_archive
from miletus.cli.trading import parse_decimal
from miletus.client.keys import KEY_VARIABLE
from miletus.prover import Prover
from miletus.settlement.court import Court
from miletus.settlement.errors import CallReverted
from miletus.settlement.proving import BatchProver, Verdict
from miletus.settlement.rewards import Rewards
from miletus.settlement.sender import Sender
from miletus.settlement.service import Choice
from miletus.settlement.values import to_hex

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
        archive: folder of batch files with their signatures, for policy zk; None for the own node's, if any.

    """

    batch: int | None = None
    every: bool = False
    size: str = "small"
    wallet: Path | None = None
    post: bool = True
    mint: bool = False
    setup: bool = False
    side_by_side: int = 0
    archive: Path | None = None


def prove_batches(where: Where, options: Options, as_json: bool) -> None:
    """Prove a batch, or all that are pending. CliError if there is none."""
    output = Output(as_json)
    outlook = Outlook.open(where)
    own = is_own(options.wallet)
    sender = outlook.open_sender(
        outlook.get_wallet(OWN_WALLET, options.wallet, own=own), mint=options.mint or not options.post
    )
    verdicts: list[Verdict] = []

    def say(line: str) -> None:
        output.line(f"[dim]{line}[/]")

    try:
        with Prover(setup=options.setup, side_by_side=options.side_by_side, say=say) as program:
            node = outlook.folder.path / "node"
            prover = BatchProver(
                outlook.make_view(),
                outlook.genesis,
                sender,
                program,
                options.size,
                say,
                archive=open_archive(options.archive) if options.archive is not None else find_archive(node),
                states=find_states(node),
            )
            while not verdicts or options.every:
                number = options.batch if options.batch is not None else prover.find_next()
                if number is None:
                    break
                verdicts.append(prover.prove(number, post=options.post))
                output.line(describe(verdicts[-1], posted=options.post))
                if options.batch is not None or not options.post:
                    break
        earned_wei = collect_rewards(outlook, sender, say) if options.post and verdicts else 0
    finally:
        sender.store.close()
    if not verdicts:
        raise CliError("no batch is pending that is not proved: wait until one is on L1 (miletus status)")
    if earned_wei:
        output.line(f"{format_ether(earned_wei)} of bonds and bounties paid to {sender.address}")
    output.result([to_json(verdict) for verdict in verdicts])


def collect_rewards(outlook: Outlook, sender: Sender, say: Callable[[str], None]) -> int:
    """Have everything paid that a wallet earned by proofs; wei that went to it."""
    return Rewards(outlook.make_view(), sender, say).collect()


def offer_bounty(
    where: Where, number: int, amount: str, wallet_file: Path | None, *, mint: bool, as_json: bool
) -> None:
    """Offer ETH for a pending batch. CliError or SettlementError if that can't be."""
    output, amount_wei = Output(as_json), parse_ether(amount)
    outlook = Outlook.open(where)
    view = outlook.make_view()
    view.poll()
    posted = view.get_batch(number)
    if posted is None:
        raise CliError(f"there is no batch {number} on L1, the last one is {view.head_number}")
    wallet = outlook.get_wallet(OWN_WALLET, wallet_file, own=is_own(wallet_file))
    sender = outlook.open_sender(wallet, mint=mint)
    court = Court(outlook.l1, outlook.rollup.court)
    try:
        key = f"bounty {to_hex(posted.id)} {sender.get_next_nonce()}"
        sender.submit(key, court.offer_bounty(number, amount_wei))
        receipt = sender.wait(key)
    except CallReverted as error:
        raise CliError(f"no bounty on batch {number}: {explain_bounty(error.reason)}") from None
    finally:
        sender.store.close()
    total_wei = court.get_bounty(posted.id).amount_wei
    output.line(
        f"{format_ether(amount_wei)} offered for batch {number} ({format_ether(total_wei)} in all): for "
        "whoever proves it, and those before it, before its window ends; else it can be taken back"
    )
    output.result(
        {
            "batch": number,
            "batch_id": to_hex(posted.id),
            "amount_wei": amount_wei,
            "total_wei": total_wei,
            "gas": receipt.gas_used,
        }
    )


def explain_bounty(reason: str) -> str:
    """Why the court takes no bounty, and what to do."""
    told = {
        "court: policy has no bounties": "the policy of this rollup has none: deploy with hybrid or zk",
        "court: batch is final": "it is final already: nothing is left to prove of it",
        "court: window of the batch has passed": "its window has passed: it is final without a proof",
    }
    return told.get(reason, reason)


def is_own(wallet_file: Path | None) -> bool:
    """Whether the system's own wallet is used: nobody gave another, by file or environment."""
    return wallet_file is None and not os.environ.get(KEY_VARIABLE)


def parse_choice(text: str) -> Choice:
    """Which right batches to prove. CliError for a word that says nothing of it."""
    try:
        return Choice(text)
    except ValueError:
        raise CliError(f"--prove {text[:30]!r}: give one of {', '.join(Choice)}") from None


def parse_ether(text: str) -> int:
    """An amount of ETH in wei. CliError if it is none."""
    return parse_decimal(text, Decimal(10**9), "amount of ETH") * 10**9


def format_ether(wei: int) -> str:
    """An amount of ETH, without needless zeros."""
    return f"{(Decimal(wei) / 10**18).normalize():f} ETH"


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
