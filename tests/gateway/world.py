"""A small market in real time, served by a node of its own, with the oracle inside it.

`... world node DIRECTORY [PORT]` serves the node, `... world gateway NODE_PORT [PORT [LABELS]]` a gateway
with the keys of accounts 16 to 23; each prints its port. Two processes, as they run in life.
"""

import asyncio
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

from miletus.codec import encode, payload_element, with_signature
from miletus.engine.crypto import Crypto
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.gateway.access import Credential
from miletus.gateway.desk import Seat
from miletus.gateway.limits import Limits, Rate
from miletus.gateway.service import Gateway, GatewayServer, Settings
from miletus.market.names import InstrumentType, Terms
from miletus.native import PrivateKey, absorb_entry, derive_key, domain, message
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import Policy
from miletus.sequencer.server import Server
from miletus.tuning import calm_collector

DEPLOYMENT = Deployment.of(31337, "0x" + "cd" * 20)
DOMAIN = domain(31337, "0x" + "cd" * 20)
SECRET = bytes(31) + b"\x2a"
INDEX_TICKS = 6_500_000
FIRST, ACCOUNTS = 16, 8
TRADE_ONLY = 21
DEPOSIT_MICROS = 10**12
SIGNERS = [derive_key(bytes([1, k]).ljust(32, b"s")) for k in range(3)]
SHEET_SECONDS = 600

# said by the first process to those that it starts: one of them may begin after midnight
EXPIRY_S = int(
    os.environ.setdefault("MILETUS_TEST_EXPIRY_S", str((int(time.time()) // 86_400 + 31) * 86_400 + 28_800))
)
TERMS = [
    Terms(0, 0, 0, InstrumentType.PERPETUAL),
    Terms(0, EXPIRY_S, 0, InstrumentType.FUTURE),
    Terms(0, EXPIRY_S, 6_600_000, InstrumentType.CALL),
    Terms(0, EXPIRY_S, 6_400_000, InstrumentType.PUT),
]
MARKS = [INDEX_TICKS, INDEX_TICKS + 20_000, 300_000, 250_000]
DELTAS = [10_000, 10_000, 5_000, -4_500]
NAMES = [terms.name for terms in TERMS]
PERPETUAL, FUTURE, CALL, PUT = range(4)


def get_key(account: int) -> PrivateKey:
    return derive_key(account.to_bytes(32, "big"))


def get_scope(account: int) -> int:
    """All that a key may do; one account's only trades (03-R07)."""
    return 1 if account == TRADE_ONLY else 15


class Genesis:
    def build_machine(self, crypto: Crypto, capacity: int) -> Machine:
        machine = Machine(capacity, crypto)
        public = [key.public for key in SIGNERS]
        apply_genesis(machine.state, public, 2, 2, (int(time.time()) - 60) * 1000)
        return machine


def inbox_entries() -> list[InboxEntry]:
    texts = []
    for account in range(FIRST, FIRST + ACCOUNTS):
        texts.append(encode.deposit(account=account, owner=0xA000 + account, amount_micros=DEPOSIT_MICROS))
        x, y = get_key(account).public
        texts.append(
            encode.set_key_inbox(account=account, slot=0, scope=get_scope(account), expiry_s=0, x=x, y=y)
        )
    return [InboxEntry(place, words) for place, words in enumerate(texts)]


def approve(proposal: bytes, staged: int = 0) -> bytes:
    text = message(DOMAIN, payload_element(proposal), staged, 1)
    votes = (with_signature(encode.approve(signer=s), SIGNERS[s].sign(text)) for s in (0, 2))
    return proposal + b"".join(votes)


def tick(now_s: int, index_ticks: int, cumulative: int) -> bytes:
    fields = {"underlying": 0, "time_s": now_s, "index_ticks": index_ticks, "cumulative": cumulative}
    return approve(encode.index_tick(**fields))


def listing(number: int) -> bytes:
    terms = TERMS[number]
    return approve(
        encode.list_instrument(
            instrument=number,
            type=int(terms.type),
            underlying=0,
            strike_ticks=terms.strike_ticks,
            expiry_s=terms.expiry_s,
            tick_step=50,
            lot_step=10,
            min_size_lots=10,
        )
    )


def sheet(number: int, now_s: int, index_ticks: int) -> bytes:
    entries, staged = [], 0
    for place in range(len(TERMS)):
        moves = [DELTAS[place] * (INDEX_TICKS * k // 100) // 10_000 for k in range(-16, 16, 2)]
        entry = encode.sheet_entry(
            underlying=0,
            first=int(not place),
            instrument=place,
            mark_ticks=MARKS[place],
            delta=DELTAS[place],
            gamma=0,
            scenarios=moves,
        )
        entries.append(entry)
        staged = absorb_entry(staged, entry)
    flip = encode.flip(
        underlying=0, number=number, reference_index_ticks=index_ticks, time_s=now_s, count=len(TERMS)
    )
    return b"".join(entries) + approve(flip, staged)


class Oracle:
    """Opens the market, then ticks: the index moves a little each time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cumulative = INDEX_TICKS * 1_000
        self.last_s = 0
        self.sheets = 0
        self.ticks = 0

    def send(self, words: bytes) -> None:
        self.server.pipeline.put_bundle(words, lambda outcomes: None)

    def tick(self, seconds: int) -> int:
        now_s = int(time.time())
        if now_s <= self.last_s:
            now_s = self.last_s + 1
        self.cumulative += INDEX_TICKS * (now_s - self.last_s if self.last_s else 1)
        self.last_s = now_s
        self.ticks += 1
        index_ticks = INDEX_TICKS + self.ticks % 3 * 100
        self.send(tick(now_s, index_ticks, self.cumulative))
        return index_ticks

    async def run(self) -> None:
        node = self.server.node
        fresh = node.next_number == 1
        if fresh:
            node.offer_inbox(inbox_entries())
        while node.next_number == 1:
            await asyncio.sleep(0.02)
        view = node.machine.state
        if not fresh:
            from miletus.sequencer.query import view_underlying

            known = view_underlying(view, 0)
            assert known is not None
            self.cumulative, self.last_s, self.sheets = (
                known.cumulative,
                known.tick_time_s,
                known.sheet_number,
            )
        index_ticks = self.tick(1)
        if fresh:
            for number in range(len(TERMS)):
                self.send(listing(number))
        due = 0.0
        while True:
            if time.monotonic() >= due:
                self.sheets += 1
                self.send(sheet(self.sheets, self.last_s, index_ticks))
                due = time.monotonic() + SHEET_SECONDS
            await asyncio.sleep(1.0)
            index_ticks = self.tick(1)


async def serve_node(directory: Path, port: int) -> None:
    config = NodeConfig(Policy(batch_ms=1_000, inbox_wait_ms=50), capacity_accounts=64, snapshot_batches=4)
    node = Node(directory, DEPLOYMENT, Genesis(), SECRET, config)
    server = Server(node)
    await server.start("127.0.0.1", port)
    calm_collector()
    oracle = asyncio.create_task(Oracle(server).run())
    print(server.port, flush=True)
    await wait_for_signal()
    oracle.cancel()
    await server.stop()
    node.close()


def make_settings(node_port: int, limits: Limits | None = None) -> Settings:
    accounts = range(FIRST, FIRST + ACCOUNTS)
    return Settings(
        ("127.0.0.1", node_port),
        DEPLOYMENT,
        None,
        [Seat(account, 0, get_key(account)) for account in accounts],
        [Credential(f"client-{account}", f"secret-{account}", account) for account in accounts]
        + [Credential("reader", "secret-reader", FIRST, "account:read trade:read wallet:none", "reader")],
        lambda: time.time_ns() // 1_000_000,
        limits or Limits(Rate(40_000, 20_000), Rate(100_000, 100_000)),
    )


async def serve_gateway(node_port: int, port: int, labels: Path | None) -> None:
    settings = dataclasses.replace(make_settings(node_port), labels=labels)
    server = GatewayServer(Gateway(settings), port=port)
    await server.start()
    calm_collector()
    print(server.port, flush=True)
    await wait_for_signal()
    await server.stop()


async def wait_for_signal() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> None:
    import uvloop

    kind, rest = sys.argv[1], sys.argv[2:]
    port = int(rest[1]) if len(rest) > 1 else 0
    if kind == "node":
        uvloop.run(serve_node(Path(rest[0]), port))
    else:
        uvloop.run(serve_gateway(int(rest[0]), port, Path(rest[2]) if len(rest) > 2 else None))


if __name__ == "__main__":
    main()
