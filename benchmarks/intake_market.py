"""The flow's market behind a node: real keys, real signatures, through inbox and bundles."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.flow import INDEX_TICKS, Flow, build_words
from miletus.codec import encode, payload_element, with_signature
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.native import PrivateKey, absorb_entry, derive_key, domain, message
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.node import Node

CHAIN_ID, ROLLUP = 31_337, "0x" + "be" * 20
DEPLOYMENT = Deployment.of(CHAIN_ID, ROLLUP)
SECRET = bytes(31) + b"\1"
FLOW = Flow()
DAY_S = 86_400
NEVER_S = 2**32 - 1


@dataclass(frozen=True)
class FirstState:
    """One signer, two underlyings, the clock a minute ago."""

    clock_ms: int

    def build_machine(self, crypto: Crypto, capacity: int) -> Machine:
        machine = Machine(capacity, crypto)
        apply_genesis(machine.state, [get_key(0).public], 1, 2, self.clock_ms)
        return machine


def get_key(account: int) -> PrivateKey:
    return derive_key(account.to_bytes(32, "big"))


def build_inbox() -> list[InboxEntry]:
    """A deposit and a key for each account."""
    texts = []
    for account in range(16, 16 + FLOW.accounts):
        cash = 2 * 10**15 if account < 16 + FLOW.makers else 5 * 10**13
        x, y = get_key(account).public
        texts.append(encode.deposit(account=account, owner=account, amount_micros=cash))
        texts.append(encode.set_key_inbox(account=account, slot=0, scope=15, expiry_s=0, x=x, y=y))
    return [InboxEntry(index, words) for index, words in enumerate(texts)]


def approve(proposal: bytes, staged: int = 0) -> bytes:
    text = message(domain(CHAIN_ID, ROLLUP), payload_element(proposal), staged, 1)
    return proposal + with_signature(encode.approve(signer=0), get_key(0).sign(text))


def build_bundle(now_s: int) -> bytes:
    """Index, instruments and sheets of both underlyings."""
    parts = []
    for u, index in enumerate(INDEX_TICKS):
        tick = encode.index_tick(underlying=u, time_s=now_s, index_ticks=index, cumulative=1)
        parts.append(approve(tick))
    expiry_s = (now_s // DAY_S + 30) * DAY_S + 28_800
    for i in range(FLOW.instruments):
        listing = encode.list_instrument(
            instrument=i,
            type=i // 2 % 2,
            underlying=i % 2,
            strike_ticks=INDEX_TICKS[i % 2] * (70 + i % 60) // 100,
            expiry_s=expiry_s,
            tick_step=1,
            lot_step=1,
            min_size_lots=1,
        )
        parts.append(approve(listing))
    chance = random.Random(7)
    return b"".join([*parts, *(build_sheet(u, now_s, chance) for u in range(2))])


def build_sheet(u: int, now_s: int, chance: random.Random) -> bytes:
    mine = [i for i in range(FLOW.instruments) if i % 2 == u]
    entries, staged, span = [], 0, INDEX_TICKS[u] // 25
    for n, i in enumerate(mine):
        entry = encode.sheet_entry(
            underlying=u,
            first=int(n == 0),
            instrument=i,
            mark_ticks=INDEX_TICKS[u] // 40,
            delta=5_000,
            gamma=100,
            scenarios=[chance.randrange(-span, span) for _ in range(16)],
        )
        staged = absorb_entry(staged, entry)
        entries.append(entry)
    flip = encode.flip(
        underlying=u, number=1, reference_index_ticks=INDEX_TICKS[u], time_s=now_s, count=len(mine)
    )
    return b"".join(entries) + approve(flip, staged)


def sign_flow(count: int, seed: int, nonce_from: int) -> list[bytes]:
    """Signed operations of the flow, in order."""
    keys = {account: get_key(account) for account in range(16, 16 + FLOW.accounts)}
    deployment_domain = domain(CHAIN_ID, ROLLUP)
    texts = []
    for row in build_words(FLOW, count, seed):
        kind, account, _key, nonce, _valid, *fields = row
        head = {"account": account, "key": 0, "nonce": nonce + nonce_from, "valid_until_s": NEVER_S}
        if kind == G.PLACE_ORDER:
            names = ("slot", "instrument", "flags", "price_ticks", "size_lots", "good_for_s")
            words = encode.place_order(**head, **dict(zip(names, fields, strict=True)))
        else:
            words = encode.cancel(**head, mode=0, slot=fields[1], generation=0, instrument=0)
        text = message(deployment_domain, payload_element(words))
        texts.append(with_signature(words, keys[account].sign(text)))
    return texts


def open_market(directory: Path) -> Node:
    """A node on which the flow's market is open."""
    now_ms = time.time_ns() // 1_000_000
    config = NodeConfig(capacity_accounts=FLOW.accounts + 16)
    node = Node(directory, DEPLOYMENT, FirstState(now_ms - 60_000), SECRET, config)
    node.offer_inbox(build_inbox())
    while node.inbox:
        node.close_batch()
        node.run_idle()
    answers = node.submit_bundle(build_bundle(now_ms // 1000))
    refused = [answer for answer in answers if answer.result.reason]
    if refused:
        raise RuntimeError(f"{len(refused)} operations of the market were refused: {refused[0].result}")
    node.wait_for_roots()
    return node
