"""The outbox alone: order, partial writes, the bound, and the path of streams without a socket."""

import os
import socket
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from transport.codec import PING_FRAME
from transport.outbox import Outbox
from transport.readiness import Readiness

LIMIT = 1 << 16


@asynccontextmanager
async def pair(limit=LIMIT, readiness=None):
    """Yield an outbox over a socket, the other end, and the overflows it reported."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ours.setblocking(False)
    peer = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    overflows = []
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, peer:
            if readiness is not None:
                nursery.start_soon(readiness.run)
            outbox = Outbox(ours, nursery, limit, lambda: overflows.append(1), readiness)
            yield outbox, peer, overflows
            outbox.shut()
            ours.close()
            nursery.cancel_scope.cancel()


async def take(peer, size):
    received = b""
    while len(received) < size:
        received += await peer.receive_some(1000)
    return received


async def fill(outbox, piece=b"f" * 1000):
    """Write until the kernel takes no more; return what was written."""
    written = b""
    while not outbox.waiting:
        outbox.write(piece)
        written += piece
    return written


async def test_what_the_kernel_takes_leaves_at_once_and_needs_no_task():
    async with pair() as (outbox, peer, _):
        outbox.write(b"reply")
        assert peer.socket._sock.recv(100) == b"reply"
        assert outbox.waiting == 0
        assert not outbox._writing


async def test_replies_pings_and_broadcasts_keep_their_order_across_partial_writes():
    async with pair() as (outbox, peer, overflows):
        expected = await fill(outbox, b"f" * 50_000)
        assert isinstance(outbox._queue[0], memoryview)  # a frame is half out
        for number in range(20):
            for data in (b"reply%d" % number, PING_FRAME, b"broadcast%d" % number):
                outbox.write(data)
                expected += data
        assert await take(peer, len(expected)) == expected
        await outbox.wait_below(0)
        outbox.write(b"direct again")
        assert await take(peer, 12) == b"direct again"
        assert outbox.waiting == 0
        assert not overflows


async def test_waiting_counts_the_bytes_that_are_not_out():
    async with pair() as (outbox, peer, _):
        written = len(await fill(outbox))
        outbox.write(b"x" * 500)
        inside = written + 500 - outbox.waiting
        assert len(await take(peer, inside)) == inside
        assert outbox.statistics().waiting == outbox.waiting


async def test_more_than_the_bound_is_reported_once_and_dropped():
    async with pair(limit=2000) as (outbox, _, overflows):
        await fill(outbox)
        for _ in range(10):
            outbox.write(b"y" * 1000)
        assert overflows == [1]
        assert outbox.overflowed
        assert outbox.waiting <= 3000


async def test_a_cut_leaves_the_frame_that_is_half_out_and_the_close_behind_it():
    async with pair(limit=3000) as (outbox, peer, _):
        expected = await fill(outbox, b"f" * 50_000)
        for _ in range(5):
            outbox.write(b"dropped" * 100)
        outbox.cut()
        outbox.write(b"close")
        assert await take(peer, len(expected) + 5) == expected + b"close"


async def test_a_close_behind_a_queue_comes_after_all_of_it():
    async with pair() as (outbox, peer, _):
        expected = await fill(outbox)
        outbox.write(b"close")
        flushed = trio.Event()

        async def flush():
            await outbox.wait_below(0)
            flushed.set()

        outbox._nursery.start_soon(flush)
        await trio.testing.wait_all_tasks_blocked()
        assert not flushed.is_set()
        assert await take(peer, len(expected) + 5) == expected + b"close"
        await flushed.wait()


async def test_what_is_held_comes_behind_what_releases_it():
    async with pair() as (outbox, peer, _):
        outbox.hold()
        outbox.write(b"event")
        assert outbox.holding
        assert outbox.waiting == 5
        outbox.release(b"answer")
        outbox.write(b"after")
        assert await take(peer, 16) == b"answereventafter"
        assert outbox.waiting == 0


async def test_what_is_held_is_bounded_too():
    async with pair(limit=100) as (outbox, _, overflows):
        outbox.hold()
        for _ in range(5):
            outbox.write(b"z" * 50)
        assert overflows == [1]


async def test_writes_to_a_peer_that_has_gone_are_dropped_and_raise_nothing():
    async with pair() as (outbox, peer, _):
        await peer.aclose()
        for _ in range(3):
            outbox.write(b"into the void")
        assert outbox.statistics().closed
        assert outbox.waiting == 0


class Slow(trio.abc.Stream):
    """A stream without a socket, as TLS is: takes one piece at a time when told to."""

    def __init__(self):
        self.sent = []
        self.gate = trio.Semaphore(0)

    async def send_all(self, data):
        await self.gate.acquire()
        self.sent.append(bytes(data))

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        return b"in"

    async def aclose(self):
        await trio.lowlevel.checkpoint()


async def test_a_stream_without_a_socket_gets_the_same_order_from_a_queue(nursery):
    stream = Slow()
    outbox = Outbox(stream, nursery, LIMIT, lambda: None)
    outbox.write(b"a")
    await trio.testing.wait_all_tasks_blocked()  # "a" is on its way, nothing waits in the queue
    outbox.write(b"b")
    outbox.write(PING_FRAME)
    assert outbox.waiting == 4
    stream.gate.release()
    stream.gate.release()
    await outbox.wait_below(0)
    assert b"".join(stream.sent) == b"ab" + PING_FRAME
    assert await outbox.receive_some(10) == b"in"


async def test_a_stream_without_a_socket_is_bounded_as_well(nursery):
    overflows = []
    outbox = Outbox(Slow(), nursery, 100, lambda: overflows.append(1))
    for _ in range(5):
        outbox.write(b"x" * 50)
    assert overflows == [1]
    outbox.shut()
    nursery.cancel_scope.cancel()


async def test_many_who_speak_at_once_are_read_a_few_in_a_round():
    """Somebody else gets a turn at least once for every so many sockets."""
    readiness, pairs, order = Readiness(), [socket.socketpair() for _ in range(40)], []

    async def read(ours):
        assert await readiness.read(ours.fileno(), 10) == b"x"
        order.append("read")

    async def turns():
        while True:
            order.append("turn")
            await trio.lowlevel.checkpoint()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(readiness.run)
            async with trio.open_nursery() as readers:
                for ours, _ in pairs:
                    ours.setblocking(False)
                    readers.start_soon(read, ours)
                await trio.testing.wait_all_tasks_blocked()
                for _, theirs in pairs:
                    theirs.send(b"x")
                nursery.start_soon(turns)
            nursery.cancel_scope.cancel()
    runs = "".join("r" if one == "read" else " " for one in order).split()
    assert sum(map(len, runs)) == 40
    assert max(map(len, runs)) <= 16
    for ours, theirs in pairs:
        readiness.forget(ours.fileno())
        ours.close()
        theirs.close()


async def test_input_that_came_while_nobody_waited_is_not_missed():
    async with pair(readiness=Readiness()) as (outbox, peer, _):
        for number in range(5):
            await peer.send_all(b"%d" % number)
            await trio.testing.wait_all_tasks_blocked()
            assert await outbox.receive_some(100) == b"%d" % number
            with trio.move_on_after(0.01):
                await outbox.receive_some(100)
        await peer.send_eof()
        assert await outbox.receive_some(100) == b""


async def test_a_descriptor_used_again_is_waited_for_anew():
    readiness = Readiness()
    async with pair(readiness=readiness) as (outbox, peer, _):
        with trio.move_on_after(0.01):
            await outbox.receive_some(100)
        number = outbox._descriptor
        outbox.shut()
        assert number not in readiness._registered
        with pytest.raises(OSError, match="Bad file descriptor"):
            await readiness.read(os.dup(number) + 1000, 1)
        assert peer is not None


async def test_a_writer_ends_with_its_outbox_and_not_with_its_nursery():
    async with pair() as (outbox, peer, _):
        await fill(outbox)
        await trio.testing.wait_all_tasks_blocked()
        nursery = outbox._nursery
        assert len(nursery.child_tasks) == 1
        outbox.shut()
        await trio.testing.wait_all_tasks_blocked()
        assert not nursery.child_tasks
        assert peer is not None
