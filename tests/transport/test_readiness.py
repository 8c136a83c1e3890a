"""Reading sockets of which one task hears."""

import random
import socket

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from transport import readiness
from transport.readiness import Readiness


@pytest.fixture
def pair():
    """Two ends of a connection, neither of which blocks."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def looks(monkeypatch):
    """How many bytes each look at a socket gave; None for nothing."""
    seen = []
    read = readiness._read

    def counted(descriptor, size):
        data = read(descriptor, size)
        seen.append(None if data is None else len(data))
        return data

    monkeypatch.setattr(readiness, "_read", counted)
    return seen


async def to_the_end(ready, descriptor, size=16):
    found = b""
    while data := await ready.read(descriptor, size):
        found += data
    return found


@pytest.fixture
def ready(nursery):
    """It, at work."""
    ready = Readiness()
    nursery.start_soon(ready.run)
    return ready


async def test_each_message_costs_one_look_at_its_socket(pair, ready, looks, nursery):
    ours, theirs = pair
    heard = []

    async def listen():
        while data := await ready.read(ours.fileno(), 16):
            heard.append(data)

    nursery.start_soon(listen)
    for number in range(5):
        await wait_all_tasks_blocked()
        theirs.send(b"%d" % number)
    theirs.close()
    with trio.fail_after(5):
        while len(looks) < 7:
            await trio.lowlevel.checkpoint()
    assert heard == [b"0", b"1", b"2", b"3", b"4"]
    assert looks == [None, 1, 1, 1, 1, 1, 0]


async def test_an_end_that_came_with_the_last_message_is_seen(pair, ready):
    ours, theirs = pair
    theirs.send(b"first")
    assert await ready.read(ours.fileno(), 16) == b"first"
    found = []

    async def listen():
        found.append(await to_the_end(ready, ours.fileno()))

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await wait_all_tasks_blocked()
            theirs.send(b"last")
            theirs.close()
    assert found == [b"last"]


async def test_what_comes_while_nobody_waits_is_read_afterwards(pair, ready):
    ours, theirs = pair
    theirs.send(b"a")
    assert await ready.read(ours.fileno(), 16) == b"a"
    with trio.move_on_after(0.01):
        await ready.read(ours.fileno(), 16)
    theirs.send(b"b")
    await wait_all_tasks_blocked()
    theirs.send(b"c")
    await wait_all_tasks_blocked()
    with trio.fail_after(5):
        assert await ready.read(ours.fileno(), 16) == b"bc"
        theirs.close()
        assert await ready.read(ours.fileno(), 16) == b""


async def test_a_descriptor_used_anew_starts_anew(pair, ready):
    ours, theirs = pair
    theirs.send(b"a")
    with trio.move_on_after(0.01):
        await to_the_end(ready, ours.fileno())
    descriptor = ours.fileno()
    ready.forget(descriptor)
    ours.close()
    again, other = socket.socketpair()
    with again, other:
        again.setblocking(False)
        assert again.fileno() == descriptor
        other.send(b"new")
        with trio.fail_after(5):
            assert await ready.read(descriptor, 16) == b"new"
        ready.forget(descriptor)


@pytest.mark.parametrize("seed", range(20))
async def test_everything_is_read_however_it_comes(pair, ready, seed):
    ours, theirs = pair
    chance = random.Random(seed)
    sent = b""
    found = []

    async def listen():
        found.append(await to_the_end(ready, ours.fileno()))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            for _ in range(40):
                piece = chance.randbytes(chance.choice((1, 15, 16, 17, 32, 200)))
                sent += piece
                theirs.send(piece)
                for _ in range(chance.choice((0, 0, 1, 3))):
                    await trio.lowlevel.checkpoint()
            theirs.close()
    assert found == [sent]
