"""The network front: what clients ask is answered, and who misbehaves harms nobody else."""

import asyncio
import os
import random
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from miletus.codec import with_signature
from miletus.engine.reasons import Reason
from miletus.sequencer import protocol as p
from miletus.sequencer.answers import Answer
from miletus.sequencer.confirmations import verify_confirmation
from miletus.sequencer.connection import Connection, ConnectionEnded, connect, connect_operator
from miletus.sequencer.errors import NodeStopped, Refused
from miletus.sequencer.frames import SEQUENCED_WORDS, Item
from miletus.sequencer.node import Node
from miletus.sequencer.server import OPERATOR_SOCKET, Limits, Server
from tests.sequencer.test_node import full_disk
from tests.sequencer.world import (
    BUY,
    DEPLOYMENT,
    INDEX_TICKS,
    PERPETUAL,
    SELL,
    Clock,
    Trader,
    approve,
    inbox_entries,
    index_tick,
)

Play = Callable[[Server], Awaitable[None]]


def run(node: Node, play: Play, limits: Limits | None = None, **options: int) -> None:
    """Serve the node while `play` goes on; then it is closed in peace."""

    async def main() -> None:
        server = Server(node, limits or Limits(), **options)
        await server.start()
        try:
            await asyncio.wait_for(play(server), 60)
        finally:
            await server.stop()

    asyncio.run(main())


@asynccontextmanager
async def raw(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare socket to the node."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def read_end(reader: asyncio.StreamReader) -> list[p.Response]:
    """Everything until the node ends the connection."""
    frames = bytearray(await asyncio.wait_for(reader.read(-1), 30))
    return [p.response_decoder.decode(frame) for frame in p.split_frames(frames, 1 << 28)]


async def expect_working(server: Server, nonce: int) -> None:
    """Somebody else is served."""
    async with await connect("127.0.0.1", server.port) as other:
        (outcome,) = await other.submit([Trader(19).order(BUY, INDEX_TICKS - 900, 1, nonce=nonce)])
        assert isinstance(outcome, Answer), outcome


@pytest.mark.rule("09-R02", "09-R03", "09-R18")
def test_orders_are_answered_in_the_order_of_their_numbers(node: Node) -> None:
    async def play(server: Server) -> None:
        connections = [await connect("127.0.0.1", server.port) for _ in range(3)]
        chance = random.Random(1)

        async def trade(connection: Connection, account: int) -> list[int]:
            trader = Trader(account)
            sent = [[trader.random_order(chance) for _ in range(chance.randrange(1, 9))] for _ in range(20)]
            numbers: list[int] = []
            for words, outcomes in zip(
                sent, await asyncio.gather(*(connection.submit(orders) for orders in sent)), strict=True
            ):
                for own, outcome in zip(words, outcomes, strict=True):
                    assert isinstance(outcome, Answer), outcome
                    item = Item(SEQUENCED_WORDS, own)
                    assert verify_confirmation(DEPLOYMENT, outcome.confirmation, item, node.signer.address)
                    numbers.append(outcome.number)
            return numbers

        told = await asyncio.gather(*(trade(c, 16 + k) for k, c in enumerate(connections)))
        for numbers in told:
            assert numbers == sorted(numbers)
        every = [number for numbers in told for number in numbers]
        assert len(set(every)) == len(every)
        for connection in connections:
            await connection.close()

    run(node, play)


def test_questions_are_answered(node: Node) -> None:
    async def play(server: Server) -> None:
        async with await connect("127.0.0.1", server.port) as client:
            outcomes = await client.submit(
                [Trader(16).order(BUY, INDEX_TICKS - 50, 4), Trader(17).order(SELL, INDEX_TICKS - 50, 1)]
            )
            assert all(isinstance(outcome, Answer) for outcome in outcomes)
            account = await client.get_account(16)
            assert account is not None
            assert [position.size_lots for position in account.positions] == [1]
            assert await client.get_account(800) is None
            assert await client.get_account(-1) is None
            instrument = await client.get_instrument(PERPETUAL)
            assert instrument is not None
            assert instrument.open_interest_lots == 1
            assert await client.get_instrument(10**9) is None
            underlying = await client.get_underlying(0)
            assert underlying is not None
            assert underlying.index_ticks == INDEX_TICKS
            book = await client.get_book(PERPETUAL, 10**12)
            assert [order.left_lots for order in book.bids] == [3]
            assert (await client.get_book(10**9, -5)).bids == ()
            status = await client.get_status()
            assert (status.epoch, status.next_number) == (1, node.next_number)
            assert (status.sequencer, status.rollup) == (node.signer.address, DEPLOYMENT.rollup)
            assert isinstance(outcomes[0], Answer)
            again = await client.get_confirmations(outcomes[0].number)
            assert outcomes[0].confirmation in again
            with pytest.raises(Refused, match="is not confirmed yet"):
                await client.get_confirmations(status.next_number)
            with pytest.raises(Refused, match="number 0 was not given"):
                await client.get_confirmations(0)

    run(node, play)


@pytest.mark.rule("09-R13")
def test_bundles_and_settlements_go_over_the_network(node: Node, clock: Clock) -> None:
    async def play(server: Server) -> None:
        clock.now_ms += 2_000
        async with await connect("127.0.0.1", server.port) as client:
            bundle = approve(index_tick(clock.now_ms // 1_000))
            assert all(isinstance(outcome, Answer) for outcome in await client.submit_bundle(bundle))
            (refused,) = await client.submit_bundle(bundle)
            assert isinstance(refused, Refused)
            assert refused.reason is Reason.BAD_TIME
            settled = await client.submit_settle(b"\x31" + bytes(30))
            assert isinstance(settled, Refused)

    run(node, play)


@pytest.mark.rule("09-R18")
def test_the_feed_gives_every_group_once_from_any_number(node: Node) -> None:
    async def play(server: Server) -> None:
        chance, trader = random.Random(3), Trader(16)
        async with (
            await connect("127.0.0.1", server.port) as client,
            await connect("127.0.0.1", server.port) as early,
            await connect("127.0.0.1", server.port) as late,
        ):
            everything = early.subscribe(1)
            groups = [await anext(everything)]
            for _ in range(20):
                await client.submit([trader.random_order(chance) for _ in range(5)])
            while groups[-1].next_number < node.next_number:
                groups.append(await anext(everything))
            assert groups[0].first_number == 1
            for before, after in pairwise(groups):
                assert after.first_number == before.next_number
            words = b"".join(item.words for group in groups for item in group.items)
            assert words == b"".join(i.words for g in node._log.get_groups(1) for i in g.items)
            results = [item.result for group in groups for item in group.items if item.tag < 2]
            assert all(result is not None for result in results)
            # from inside a group, and from the next one on
            middle = await anext(late.subscribe(groups[7].first_number + 1))
            assert middle == groups[7]
            await client.submit([trader.random_order(chance)])
            assert (await anext(everything)).first_number == groups[-1].next_number
            with pytest.raises(Refused, match="was not given yet; the next is"):
                await anext(client.subscribe(node.next_number + 1))

    run(node, play)


@pytest.mark.rule("09-R18")
def test_what_the_node_forgot_is_refused_with_the_oldest_that_it_has(node: Node) -> None:
    node.config = type(node.config)(node.config.policy, feed_groups=5)

    async def play(server: Server) -> None:
        trader, chance = Trader(16), random.Random(1)
        async with await connect("127.0.0.1", server.port) as client:
            for _ in range(10):
                await client.submit([trader.random_order(chance)])
            with pytest.raises(Refused, match=f"the oldest group in memory begins at {server.get_oldest()}"):
                await anext(client.subscribe(1))
            assert len(server.history) == 5

    run(node, play)


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.rule("09-R17")
@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ((1 << 20) + 1, "a frame of 1048577 bytes, at most 1048576 are taken: send less"),
        (2**32 - 1, "a frame of 4294967295 bytes"),
        (frame(b"\xc1"), "no request that this socket takes"),
        (frame(b""), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode(["Nonsense", 1])), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode({"type": "Submit"})), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode(["Submit", 1, "text"])), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode(["Submit", "one", []])), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode(["OfferInbox", 1, []])), "no request that this socket takes"),
        (frame(msgspec.msgpack.encode(["CloseBatch", 1])), "no request that this socket takes"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes"),
        (frame(b"\x91" * 2_000), "no request that this socket takes"),
    ],
)
def test_who_sends_garbage_is_told_and_cut_off(node: Node, sent: bytes | int, message: str) -> None:
    async def play(server: Server) -> None:
        async with raw(server) as (reader, writer):
            writer.write(sent if isinstance(sent, bytes) else sent.to_bytes(4, "big"))
            (failure,) = await read_end(reader)
            assert isinstance(failure, p.Failure)
            assert message in failure.message
        await expect_working(server, 1)

    run(node, play)


@pytest.mark.rule("09-R17")
def test_random_bytes_end_only_their_own_connection(node: Node) -> None:
    async def play(server: Server) -> None:
        chance = random.Random(8)
        before = node.next_number
        for _ in range(60):
            async with raw(server) as (reader, writer):
                body = chance.randbytes(chance.randrange(1, 400))
                writer.write(frame(body) if chance.randrange(2) else body)
                writer.write_eof()
                await read_end(reader)
        assert node.next_number == before
        await expect_working(server, 1)
        assert len(server.sessions) <= 1

    run(node, play)


@pytest.mark.rule("09-R17")
def test_a_frame_that_is_never_finished_ends_the_connection(node: Node) -> None:
    async def play(server: Server) -> None:
        async with raw(server) as (reader, writer), await connect("127.0.0.1", server.port) as idle:
            writer.write(frame(bytes(100))[:50])
            (failure,) = await read_end(reader)
            assert isinstance(failure, p.Failure)
            assert "not finished within 0.2 seconds" in failure.message
            await idle.get_status()  # who says nothing is left alone

    run(node, play, Limits(frame_seconds=0.2))


@pytest.mark.rule("09-R17")
def test_a_connection_too_many_is_turned_away(node: Node) -> None:
    async def play(server: Server) -> None:
        clients = [await connect("127.0.0.1", server.port) for _ in range(3)]
        await asyncio.gather(*(client.get_status() for client in clients))
        async with raw(server) as (reader, _):
            (failure,) = await read_end(reader)
            assert isinstance(failure, p.Failure)
            assert "3 connections are open already: try again later" in failure.message
        operator = await connect_operator(node.directory / OPERATOR_SOCKET)
        assert (await operator.get_status()).epoch == 1  # the operator always gets in
        await operator.close()
        for client in clients:
            await client.close()
        await asyncio.sleep(0.05)
        await expect_working(server, 1)

    run(node, play, Limits(connections=3))


@pytest.mark.rule("09-R17")
def test_a_reader_that_is_too_slow_is_cut_off_and_the_feed_goes_on(node: Node) -> None:
    async def play(server: Server) -> None:
        trader, chance = Trader(16), random.Random(2)
        async with raw(server) as (reader, writer), await connect("127.0.0.1", server.port) as good:
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(60_000):  # asks more than the system's buffers hold, and reads nothing
                writer.write(p.encode_frame(p.GetAccount(number, 16)))
            feed = good.subscribe(0)
            task = asyncio.ensure_future(anext(feed))
            await good.submit([trader.random_order(chance)])
            assert (await asyncio.wait_for(task, 10)).items
            async with asyncio.timeout(20):
                while len(server.sessions) > 1:
                    await asyncio.sleep(0.01)
            assert await good.get_status()
        await expect_working(server, 1)

    run(node, play, Limits(buffer_bytes=64 * 1024))


@pytest.mark.rule("09-R17")
def test_who_sends_many_bad_signatures_is_cut_off(node: Node) -> None:
    async def play(server: Server) -> None:
        chance = random.Random(4)
        async with await connect("127.0.0.1", server.port) as client:
            orders = [Trader(16).order(BUY, 10, 1, nonce=nonce) for nonce in range(1, 101)]
            garbage = [[with_signature(words, chance.randbytes(64))] for words in orders]
            with pytest.raises(ConnectionEnded, match="20 bad signatures: check key, chain id and rollup"):
                await asyncio.gather(*(client.submit(words) for words in garbage))
        await expect_working(server, 1)

    run(node, play, Limits(bad_signatures=20))


@pytest.mark.rule("09-R17")
def test_a_client_with_too_much_in_flight_is_not_read_and_loses_nothing(node: Node) -> None:
    async def play(server: Server) -> None:
        trader, chance = Trader(16), random.Random(5)
        async with await connect("127.0.0.1", server.port) as client:
            orders = [[trader.random_order(chance)] for _ in range(200)]
            most = 0

            async def watch() -> None:
                nonlocal most
                while True:
                    most = max([most, *(session.in_flight for session in server.sessions)])
                    await asyncio.sleep(0)

            watcher = asyncio.create_task(watch())
            outcomes = await asyncio.gather(*(client.submit(words) for words in orders))
            watcher.cancel()
            assert all(isinstance(outcome, Answer) for (outcome,) in outcomes)
            assert most > 0

    run(node, play, Limits(in_flight=16))


@pytest.mark.rule("09-R17")
def test_when_too_many_wait_new_ones_are_refused(node: Node) -> None:
    async def play(server: Server) -> None:
        server.pipeline.most_waiting = 10
        trader, chance = Trader(16), random.Random(6)
        async with await connect("127.0.0.1", server.port) as client:
            outcomes = await client.submit([trader.random_order(chance) for _ in range(100)])
            refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
            assert len(refused) == 90
            assert "wait already: send it again a little later" in str(refused[0])
        await expect_working(server, 1)

    run(node, play)


@pytest.mark.rule("09-R14")
def test_a_full_disk_is_told_to_clients_and_passes(node: Node) -> None:
    async def play(server: Server) -> None:
        trader = Trader(16)
        async with await connect("127.0.0.1", server.port) as client:
            with full_disk():
                (refused,) = await client.submit([trader.order(BUY, INDEX_TICKS, 1)])
                assert isinstance(refused, Refused)
                assert "no room for more operations; free" in str(refused)
            (outcome,) = await client.submit([trader.order(BUY, INDEX_TICKS, 1)])
            assert isinstance(outcome, Answer)

    run(node, play)


@pytest.mark.rule("09-R14")
def test_when_the_disk_refuses_a_sync_every_client_is_told(node: Node) -> None:
    async def play(server: Server) -> None:
        async with await connect("127.0.0.1", server.port) as client:
            (first,) = await client.submit([Trader(16).order(BUY, INDEX_TICKS, 1, nonce=1)])
            assert isinstance(first, Answer)
            descriptor, node._log._descriptor = node._log._descriptor, 10**6
            for nonce in (2, 3):
                (outcome,) = await client.submit([Trader(16).order(BUY, INDEX_TICKS, 1, nonce=nonce)])
                assert isinstance(outcome, Refused)
            with pytest.raises(NodeStopped, match="check the disk and start the node again"):
                await server.wait_until_failed()
            assert (await client.get_status()).next_number >= first.number
            os.close(descriptor)

    run(node, play)


def test_the_operator_offers_the_inbox_and_closes_batches(node: Node) -> None:
    async def play(server: Server) -> None:
        path = node.directory / OPERATOR_SOCKET
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with await connect_operator(path) as operator:
            entries = inbox_entries(range(16, 24))
            await operator.offer_inbox(entries)
            with pytest.raises(Refused, match="inbox entry 99 where 16 is due"):
                await operator.offer_inbox([msgspec.structs.replace(entries[0], index=99)])
            await operator.close_batch()
            async with asyncio.timeout(10):
                while await operator.get_account(23) is None:
                    await asyncio.sleep(0.01)

    run(node, play)
    assert not (node.directory / OPERATOR_SOCKET).exists()


def test_a_taken_port_is_an_error_of_the_start(node: Node) -> None:
    async def play(server: Server) -> None:
        with pytest.raises(OSError, match="address already in use"):
            await Server(node).start("127.0.0.1", server.port)

    run(node, play)


def test_no_node_is_one_clear_line() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionEnded, match=r"no node at 127.0.0.1:1 .*: start it, or check the port"):
            await connect("127.0.0.1", 1)
        with pytest.raises(ConnectionEnded, match="start it, or check the path"):
            await connect_operator(Path("/nonexistent/operator.sock"))

    asyncio.run(main())


def test_stopping_answers_what_was_ordered(node: Node) -> None:
    async def main() -> None:
        server = Server(node)
        await server.start()
        client = await connect("127.0.0.1", server.port)
        trader, chance = Trader(16), random.Random(7)
        submits = [asyncio.create_task(client.submit([trader.random_order(chance)])) for _ in range(300)]
        await asyncio.sleep(0.02)
        await server.stop()
        outcomes = await asyncio.gather(*submits, return_exceptions=True)
        answers = [o[0] for o in outcomes if isinstance(o, list) and isinstance(o[0], Answer)]
        for outcome in outcomes:
            assert isinstance(outcome, list | ConnectionEnded), outcome
        last = max((answer.number for answer in answers), default=0)
        assert last < node.next_number

    asyncio.run(main())
