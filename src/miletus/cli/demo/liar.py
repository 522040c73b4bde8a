"""A dishonest proposer: it has the operator's L1 key, and claims a state with money from nothing."""

from eth_account.signers.local import LocalAccount

from miletus.codec import encode
from miletus.engine import layout as L
from miletus.native import bind_data
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import (
    CLOCK_LAG_S,
    TIME_AHEAD_S,
    WORD,
    Claim,
    Commitment,
    PostedSegment,
)
from miletus.settlement.contracts import keccak256
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import L1Node
from miletus.settlement.replica import BatchInputs, Pages, Replica
from miletus.settlement.sender import FeePolicy, Sender, open_store
from miletus.settlement.watchtower import Watchtower

DEPTH = 2


def post_lie(
    l1: L1Node,
    rollup: Rollup,
    genesis: Genesis,
    start_block: int,
    wallet: LocalAccount,
    account: int,
    amount_micros: int,
) -> int:
    """Post a batch of one Tick whose last claim gives an account money that nobody paid in; its number.

    `wallet` is who may propose; the rest says where the rollup is, and whom the lie is for.
    """
    tower = Watchtower(ChainView(rollup, Vault(l1, rollup.vault), start_block), genesis)
    tower.poll()
    time_s = max(l1.get_head().timestamp_s, tower.replica.clock_ms // 1000 - CLOCK_LAG_S)
    text = encode.tick(time_ms=max(time_s * 1_000, tower.replica.clock_ms + 1))
    inputs = BatchInputs((time_s + TIME_AHEAD_S) * 1_000, max(time_s - CLOCK_LAG_S, 0) * 1_000, (b"", text))
    result = tower.replica.execute(inputs)
    pages = give(tower.replica.export_pages(), account, amount_micros)
    forged = Replica.from_pages(pages, rollup.build_crypto()).root
    claims = (result.claims[0], Claim(forged, result.claims[1].outbox))
    commitment = Commitment(
        parent=tower.view.head_id,
        time_s=time_s,
        inbox_count=0,
        inbox_keccak=keccak256(b""),
        segments=tuple(
            PostedSegment(words, bind_data(words, len(words) // WORD).h, claim)
            for words, claim in zip(inputs.segments, claims, strict=True)
        ),
        outbox=(),
    )
    store = open_store(":memory:", l1, wallet.address)
    sender = Sender(l1, wallet, store, FeePolicy(depth=DEPTH))
    try:
        bond_wei = max(rollup.get_next_bond() - rollup.get_credit(wallet.address), 0)
        sender.submit("lie", rollup.commit(commitment, bond_wei))
        sender.wait("lie")
    finally:
        store.close()
    return tower.view.head_number + 1


def give(pages: Pages, account: int, amount_micros: int) -> Pages:
    """A state in which an account has more cash."""
    number = account * int(L.ACCOUNT_PAGES)
    page = bytearray(pages[number])
    cells = memoryview(page).cast("q")
    cells[int(L.CASH)] += amount_micros
    return {**pages, number: bytes(page)}
