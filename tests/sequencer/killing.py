"""Kill -9 under load, again and again: whatever was confirmed must be there afterwards (09-R04)."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from miletus.codec import decode_segment
from miletus.codec.view import view_operations
from miletus.engine.machine import Machine
from miletus.engine.segment import INBOX, Segment
from miletus.native import NativeCrypto, Tree, prepare
from miletus.sequencer.answers import Answer
from miletus.sequencer.confirmations import (
    Confirmation,
    Signer,
    build_tree,
    contradict,
    verify_confirmation,
)
from miletus.sequencer.connection import Connection, ConnectionEnded, connect, connect_operator
from miletus.sequencer.epochs import get_epoch_directory
from miletus.sequencer.executor import Result, take_results
from miletus.sequencer.feed import BatchStore
from miletus.sequencer.frames import SEQUENCED_WORDS, Item
from miletus.sequencer.log import Log
from miletus.sequencer.server import OPERATOR_SOCKET
from tests.sequencer.world import (
    DEPLOYMENT,
    FIRST_TRADER,
    SECRET,
    Genesis,
    Trader,
    inbox_entries,
    opening_bundle,
)

Life = Callable[[asyncio.subprocess.Process, int], Awaitable[None]]

ROOT = Path(__file__).parents[2]
TRADERS = 4
IN_FLIGHT = 3
START_SECONDS = 60


@dataclass
class Confirmed:
    """What a client was promised."""

    words: bytes
    result: Result
    confirmation: Confirmation


@dataclass
class Killer:
    """A node's life: `run` lives through many deaths and checks after each, `check` after the last."""

    directory: Path
    chance: random.Random
    confirmed: list[Confirmed] = field(default_factory=list)
    kills: int = 0
    unanswered: int = 0

    def __post_init__(self) -> None:
        self.traders = [Trader(FIRST_TRADER + k) for k in range(TRADERS)]

    async def run(self, kills: int) -> None:
        """Let the node live and die."""
        await self.live(self.open_market)
        for _ in range(kills):
            await self.live(self.trade_until_killed)
            self.kills += 1
        await self.live(self.look_after_the_last)

    async def live(self, life: Life) -> None:
        """Start the node, and let `life` go on in it until it is dead."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.sequencer.serve_node",
            str(self.directory),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
            assert line, "the node did not start"
            await life(process, int(line))
            await asyncio.wait_for(process.wait(), START_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def open_market(self, process: asyncio.subprocess.Process, port: int) -> None:
        """The first life: deposits, keys, instruments, a sheet; and a death right after."""
        operator = await connect_operator(self.directory / OPERATOR_SOCKET)
        await operator.offer_inbox(inbox_entries(range(FIRST_TRADER, FIRST_TRADER + TRADERS)))
        async with await connect("127.0.0.1", port) as node:
            while await node.get_account(FIRST_TRADER) is None:
                await asyncio.sleep(0.01)
            for outcome in await node.submit_bundle(opening_bundle(int(time.time()))):
                assert isinstance(outcome, Answer), outcome
                assert outcome.result.reason == 0
        await operator.close()
        process.send_signal(signal.SIGKILL)

    async def trade_until_killed(self, process: asyncio.subprocess.Process, port: int) -> None:
        """Trade from several connections, and kill at any moment."""
        async with await connect("127.0.0.1", port) as node:
            await self.check_confirmations(node)
        loads = [asyncio.create_task(self.trade(trader, port)) for trader in self.traders]
        await asyncio.sleep(self.chance.uniform(0.01, 0.4))
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*loads)

    async def trade(self, trader: Trader, port: int) -> None:
        """Submit orders, several at a time, until the node is gone."""
        try:
            async with await connect("127.0.0.1", port) as node:
                while True:
                    submits = [self.submit(node, trader) for _ in range(IN_FLIGHT)]
                    await asyncio.gather(*submits)
        except ConnectionEnded:
            pass

    async def submit(self, node: Connection, trader: Trader) -> None:
        orders = [trader.random_order(self.chance) for _ in range(self.chance.randrange(1, 8))]
        self.unanswered += len(orders)
        for words, outcome in zip(orders, await node.submit(orders), strict=True):
            assert isinstance(outcome, Answer), outcome
            self.confirmed.append(Confirmed(words, outcome.result, outcome.confirmation))
            self.unanswered -= 1

    async def check_confirmations(self, node: Connection) -> None:
        """The node stands by its last words, in the same signature or one that does not contradict it."""
        status = await node.get_status()
        for promised in self.confirmed[-40:]:
            old = promised.confirmation
            assert old.number + old.words <= status.next_number
            again = await node.get_confirmations(old.number)
            assert any(new.leaf == old.leaf for new in again)
            assert not any(contradict(new, old) for new in again)

    async def look_after_the_last(self, process: asyncio.subprocess.Process, port: int) -> None:
        """The last life ends in peace, with every batch closed."""
        operator = await connect_operator(self.directory / OPERATOR_SOCKET)
        await self.check_confirmations(operator)
        await operator.close_batch()
        while (status := await operator.get_status()).open_batch is not None or status.segments_without_root:
            await asyncio.sleep(0.01)
        await operator.close()
        process.send_signal(signal.SIGTERM)

    # ---- after the last death, from the disk alone

    def check(self) -> None:
        """Everything confirmed is in the log at its number, with its words; a replay gives its result."""
        words, chains = self.read_log()
        results = self.replay()
        assert self.confirmed
        for promised in self.confirmed:
            confirmation = promised.confirmation
            assert verify_confirmation(
                DEPLOYMENT, confirmation, Item(SEQUENCED_WORDS, promised.words), get_sequencer()
            )
            assert words[confirmation.number] == promised.words
            assert chains[confirmation.number] == confirmation.running_keccak
            assert results[confirmation.number] == promised.result

    def read_log(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Words and running keccak of every item in the log, by number."""
        directory = get_epoch_directory(self.directory, 1) / "log"
        log = Log(directory, DEPLOYMENT.identity, 1, 320 * 1024)
        words, chains, number = {}, {}, 1
        running = DEPLOYMENT.start_chain(1)
        for group in log.get_groups(1):
            assert (group.first_number, group.running_keccak) == (number, running)
            for item, leaf in zip(group.items, build_tree(group).leaves, strict=True):
                words[leaf.number], chains[leaf.number] = item.words, leaf.running_keccak
                running = leaf.running_keccak
            number = group.end_number
        log.close()
        return words, chains

    def replay(self) -> dict[int, Result]:
        """Results by number, from the batch files alone, whole segments at once, as others replay."""
        machine = Genesis().build_machine(NativeCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup), 64)
        tree = Tree()
        results: dict[int, Result] = {}
        number = 0
        for batch in BatchStore(self.directory / "batches").get_batches(1):
            assert batch.first_number == number + 1
            machine.begin_batch(batch.time_bound_ms, batch.clock_floor_ms)
            for part in batch.segments:
                segment = decode_segment(part.source, part.words)
                if part.source != INBOX:
                    prepare(segment, machine)
                machine.run(segment)
                self.collect(results, machine, segment.count, part.first_number, segment)
                if part is batch.segments[-1]:
                    machine.end_batch()
                assert tree.update(*machine.take_dirty()) == part.root
                number = part.end_number
        return results

    def collect(
        self, results: dict[int, Result], machine: Machine, count: int, first: int, segment: Segment
    ) -> None:
        views = view_operations(segment)
        for view, result in zip(views, take_results(machine, count), strict=True):
            results[first + view.first_word] = result


def get_sequencer() -> bytes:
    return Signer(DEPLOYMENT, SECRET).address
