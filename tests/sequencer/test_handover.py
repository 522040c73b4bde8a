"""A follower that begins in the middle has the state that the node has, and never one that a crash undoes."""

import asyncio
import random
from pathlib import Path

import pytest

from miletus.engine.machine import build_machine
from miletus.native import NativeCrypto, Tree
from miletus.sequencer.connection import connect
from miletus.sequencer.errors import Refused
from miletus.sequencer.handover import HandoverDamaged, HandoverDesk, pack_state, unpack_state
from miletus.sequencer.node import Node
from miletus.sequencer.server import Server
from tests.sequencer.test_server import run
from tests.sequencer.world import DEPLOYMENT, Trader


def trade(chance: random.Random, traders: list[Trader], count: int) -> list[bytes]:
    return [chance.choice(traders).random_order(chance) for _ in range(count)]


@pytest.mark.rule("09-R18")
def test_a_state_in_the_middle_of_trading_is_the_nodes(node: Node) -> None:
    chance, traders = random.Random(5), [Trader(account) for account in range(16, 20)]

    async def play(server: Server) -> None:
        async with await connect("127.0.0.1", server.port) as client:
            await client.submit(trade(chance, traders, 200))
            head, numbers, fields = await client.fetch_state()
            assert head.next_number == node.next_number
            crypto = NativeCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)
            machine = build_machine(64, crypto, numbers, fields)
            expected = node.machine.export_pages()
            got = machine.export_pages()
            assert Tree().update(*got) == Tree().update(*expected)
            assert (head.time_bound_ms, head.clock_floor_ms) == (
                node.machine.state.time_bound_ms,
                node.machine.state.clock_floor_ms,
            )

    run(node, play)


def test_states_asked_for_together_are_made_once_and_parts_are_forgotten_in_order(node: Node) -> None:
    async def play(server: Server) -> None:
        async with await connect("127.0.0.1", server.port) as client:
            heads = await asyncio.gather(*(client.fetch_state() for _ in range(20)))
            assert len({head.next_number for head, _, _ in heads}) == 1
            assert server.handovers.get_part(heads[0][0].next_number, 0) is not None
            assert server.handovers.get_part(heads[0][0].next_number, 99) is None
            assert server.handovers.get_part(heads[0][0].next_number, -1) is None
            assert server.handovers.get_part(12345, 0) is None

    run(node, play)


def test_a_state_is_told_only_when_its_last_word_is_confirmed(node: Node) -> None:
    async def main() -> None:
        confirmed = node.next_number - 1
        desk = HandoverDesk(lambda: (1, node.next_number, node.machine), lambda: confirmed)
        asked = asyncio.create_task(desk.get())
        await asyncio.sleep(0.2)
        assert not asked.done()
        confirmed = node.next_number
        desk.note_group()
        handover = await asyncio.wait_for(asked, 5)
        assert handover.head.next_number == confirmed

    asyncio.run(main())


def test_damaged_parts_are_refused(node: Node) -> None:
    numbers, _, fields = node.machine.export_pages()
    body = memoryview(numbers).tobytes() + memoryview(fields).tobytes()
    handover = pack_state(1, 7, (0, 0), body)
    assert unpack_state(handover.head, list(handover.parts)) == (numbers, fields)
    (whole,) = handover.parts
    for parts in ([], [whole[:-1]], [whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]], [whole, b"x"][1:]):
        with pytest.raises(HandoverDamaged, match="again"):
            unpack_state(handover.head, parts)
    with pytest.raises(HandoverDamaged, match="head"):
        unpack_state(pack_state(1, 7, (0, 0), body[:-520]).head, list(handover.parts))


def test_an_unknown_part_is_a_failure_that_ends_nothing(node: Node, tmp_path: Path) -> None:
    async def play(server: Server) -> None:
        from miletus.sequencer import protocol as p

        async with await connect("127.0.0.1", server.port) as client:
            with pytest.raises(Refused, match="ask for a new one"):
                await client.request(p.GetStatePart(9_999, 3, 0))
            assert (await client.get_status()).next_number == node.next_number

    run(node, play)
