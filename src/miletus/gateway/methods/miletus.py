"""What Deribit has not: how final an order or trade is, the sequencer's word for it, and how to leave."""

import asyncio
from typing import Any

from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.finality import Road
from miletus.gateway.methods.trades import parse_trade_id
from miletus.gateway.methods.trading import find_order
from miletus.gateway.methods.wallet import get_owner
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.trades import PLACES
from miletus.gateway.trail import Trace
from miletus.indexer.errors import IndexerError
from miletus.indexer.history import History
from miletus.sequencer.errors import SequencerError
from miletus.settlement.errors import SettlementError
from miletus.settlement.numbering import NotOnL1


class WhichParams(Params, kw_only=True):
    """One of an order's id, a trade's id, or the number of a word."""

    order_id: str | None = None
    trade_id: str | None = None
    number: int | None = None


def find_number(call: Call, params: WhichParams) -> int:
    """The number of the word that was asked for; of an order, the one that placed or last changed it."""
    given = [value for value in (params.order_id, params.trade_id, params.number) if value is not None]
    if len(given) != 1:
        raise make_invalid("number", "one of order_id, trade_id and number is needed")
    if params.number is not None:
        number = params.number
    elif params.trade_id is not None:
        number = (parse_trade_id(params.trade_id, "trade_id") or 0) // PLACES
    else:
        if call.given is None:
            raise make_error("unauthorized", "authenticate to ask about an order")
        number = find_order(call, params.order_id or "").number
        if not number:
            raise make_invalid(
                "order_id", "its word is of an earlier epoch, or from before the gateway was started"
            )
    if not 1 <= number < call.gateway.mirror.next_number:
        raise make_invalid("number", f"words 1 to {call.gateway.mirror.next_number - 1} are confirmed")
    return number


@method("miletus/get_finality")
def get_finality(call: Call, params: WhichParams) -> dict[str, Any]:
    """How far an order, trade or word has come: confirmed, posted to L1, or final there."""
    mirror = call.gateway.mirror
    road = call.gateway.roads.find(mirror.epoch, find_number(call, params))
    return describe_road(road)


def describe_road(road: Road) -> dict[str, Any]:
    """A road as it is told."""
    on_chain = road.on_chain
    return {
        "number": road.number,
        "epoch": road.epoch,
        "state": road.state,
        "batch": road.batch,
        "proved": on_chain is not None and on_chain.is_proved,
        "transaction": on_chain.transaction if on_chain is not None else None,
        "block": on_chain.block if on_chain is not None else None,
        "committed_at": on_chain.committed_at_s * 1000 if on_chain is not None else None,
        "final_at": road.final_at_s * 1000 if road.final_at_s is not None else None,
    }


@method("miletus/get_proof")
async def get_proof(call: Call, params: WhichParams) -> dict[str, Any]:
    """The sequencer's signature for a word, and what L1 holds of it: data, claim, proofs, verdict."""
    number = find_number(call, params)
    try:
        confirmation = await call.gateway.link.get_confirmation(number)
    except SequencerError as error:
        raise make_error("retry", str(error)) from None
    deployment = call.gateway.settings.deployment
    return {
        "chain_id": deployment.chain_id,
        "rollup": "0x" + deployment.rollup.hex(),
        "sequencer": "0x" + (call.gateway.link.sequencer or b"").hex(),
        "epoch": confirmation.epoch,
        "number": confirmation.number,
        "words": confirmation.words,
        "time_ms": confirmation.time_ms,
        "words_hash": "0x" + confirmation.words_hash.hex(),
        "running_keccak": "0x" + confirmation.running_keccak.hex(),
        "path": ["0x" + sibling.hex() for sibling in confirmation.path],
        "signature": "0x" + confirmation.signature.hex(),
        "l1": await read_trace(call, number),
    }


async def read_trace(call: Call, number: int) -> dict[str, Any] | None:
    """What L1 holds of a word; None if it is not there yet, or this gateway does not read L1."""
    trail, epoch = call.gateway.settings.trail, call.gateway.mirror.epoch
    if trail is None:
        return None
    try:
        known = await asyncio.to_thread(find_indexed, call.gateway.settings.history, number, epoch)
        trace = await asyncio.to_thread(trail.trace, number, epoch, known)
    except NotOnL1:
        return None
    except SettlementError as error:
        raise make_error("retry", str(error)) from None
    return describe_trace(trace)


def find_indexed(history: History | None, number: int, epoch: int) -> tuple[int, str, int] | None:
    """What an index knows of a word's batch: number, id on L1, number of its opening; None if nothing."""
    try:
        batch = history.find_batch(number) if history is not None else None
    except IndexerError:
        return None  # L1 has it too, and only takes longer
    if batch is None or batch.epoch != epoch or batch.l1_id is None:
        return None
    return batch.number, batch.l1_id, batch.first_number


def describe_trace(trace: Trace) -> dict[str, Any]:
    """What L1 holds of a word as it is told. A part is a segment's number; 17 is the outbox."""
    posted = trace.posted
    return {
        "batch": posted.number,
        "batch_id": "0x" + posted.id.hex(),
        "segment": trace.segment,
        "word": trace.word,
        "words": ["0x" + word.hex() for word in trace.words],
        "transaction": "0x" + posted.transaction_hash.hex(),
        "block": posted.block_number,
        "root": "0x" + trace.root.hex(),
        "parts": trace.parts,
        "proofs": [
            {
                "part": proof.part,
                "transaction": "0x" + proof.transaction_hash.hex(),
                "block": proof.block_number,
                "payee": proof.payee,
            }
            for proof in trace.proofs
        ],
        "verdict": trace.verdict,
        "final_transaction": (
            "0x" + trace.verdict_transaction.hex() if trace.verdict_transaction is not None else None
        ),
    }


@method("miletus/get_deposit")
async def get_deposit(call: Call, params: Params) -> dict[str, Any]:
    """Where and how to deposit: contracts on L1, what they charge, and the account to be named."""
    settings = call.gateway.settings
    told: dict[str, Any] = {
        "chain_id": settings.deployment.chain_id,
        "rollup": "0x" + settings.deployment.rollup.hex(),
        "vault": settings.vault,
        "how": "miletus deposit AMOUNT, or approve the vault on its token and call its deposit",
    }
    if settings.custody is not None:
        try:
            terms = await asyncio.to_thread(settings.custody.get_terms)
        except SettlementError as error:
            raise make_error("retry", str(error)) from None
        told |= {
            "token": terms.token,
            "word_fee_wei": str(terms.word_fee_wei),
            "account_fee_wei": str(terms.account_fee_wei),
            "l1_url": settings.custody.l1_url,
        }
    if call.given is not None:
        told |= {"account": call.account, "owner": get_owner(call)}
    return told


@method("miletus/get_exit", "account:read")
def get_exit(call: Call, params: Params) -> dict[str, Any]:
    """How to leave: by a withdrawal, by one forced through L1, and when the rollup is frozen."""
    deployment = call.gateway.settings.deployment
    return {
        "account": call.account,
        "owner": get_owner(call),
        "rollup": "0x" + deployment.rollup.hex(),
        "vault": call.gateway.settings.vault,
        "ways": [
            {"way": "withdraw", "how": "private/withdraw, then miletus claim once its batch is final"},
            {"way": "force", "how": "send a Withdraw word to the vault's force: it must be consumed in time"},
            {
                "way": "frozen",
                "how": "when the rollup is frozen, prove the account's cells to the exit contract",
            },
        ],
    }


@method("miletus/get_status")
def get_status(call: Call, params: Params) -> dict[str, Any]:
    """Where the exchange stands, as this gateway follows it."""
    gateway = call.gateway
    batches = gateway.roads.on_chain
    return {
        "node_up": gateway.link.is_up,
        "epoch": gateway.mirror.epoch,
        "next_number": gateway.mirror.next_number,
        "clock": gateway.mirror.clock_ms,
        "open_batch": gateway.mirror.batch,
        "last_posted_batch": max(batches, default=None),
        "last_final_batch": max((number for number, each in batches.items() if each.is_final), default=None),
        "reconnects": gateway.link.reconnects,
        "operations_waiting": gateway.link.waiting,
    }
