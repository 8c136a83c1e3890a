"""What Pykka's documentation shows, on the trio runtime: another base class, and ``await``."""

import queue
from unittest import mock

import pykka
import pytest
import trio
import trio.testing
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from actors.kernel import (
    Actor,
    ActorDeadError,
    ActorProxy,
    ActorRegistry,
    ActorSystem,
    AskCycleError,
    Future,
    get_all,
    traversable,
)


@pytest.fixture
async def system():
    async with ActorSystem() as running:
        yield running


SHOW = object()


class Notebook(Actor):
    def __init__(self):
        super().__init__()
        self._notes = []

    def on_receive(self, message):
        if message is SHOW:
            return self._notes
        self._notes.append(message)
        return None


async def test_tell_then_ask(autojump_clock, system):
    ref = Notebook.start()
    assert isinstance(ref, pykka.ActorRef)
    ref.tell({"no": "Norway"})
    ref.tell({"a": 3})
    assert await ref.ask(SHOW) == [{"no": "Norway"}, {"a": 3}]
    assert await ref.stop() is True
    assert ref.is_alive() is False
    assert ref.actor_stopped.is_set()


class Increment(Actor):
    def add_one(self, number):
        return number + 1


class Ledger(Actor):
    def __init__(self, increment):
        super().__init__()
        self.increment = increment

    async def count_to(self, target):
        number = 0
        while number < target:
            number = await self.increment.add_one(number)
        return number


async def test_actors_cooperate_through_proxies(autojump_clock, system):
    ledger = Ledger.start(Increment.start().proxy()).proxy()
    assert await ledger.count_to(5) == 5
    stopped = ActorRegistry.stop_all()
    assert await get_all(stopped) == [True, True]
    assert ActorRegistry.get_all() == []


class Left(Actor):
    async def foo(self, right):
        return await right.bar()


class Right(Actor):
    def __init__(self, left):
        self.left = left

    async def bar(self):
        return await self.left.foo(None)


async def test_the_documented_deadlock_is_refused(autojump_clock, system):
    left = Left.start().proxy()
    with pytest.raises(AskCycleError):
        await left.foo(Right.start(left).proxy())


class Player:
    def __init__(self):
        self.position = 0

    def play(self):
        return "playing"


class Radio(Actor):
    station = "P2"
    speaker = traversable(Player())

    def __init__(self):
        super().__init__()
        self.volume = 3
        self._me = self.actor_ref.proxy()
        self.done = []

    def louder(self, by=1):
        self.volume += by
        return self.volume

    def fail(self):
        raise ValueError("static")

    def in_parts(self, left):
        self.done.append(left)
        if left:
            self._me.in_parts(left - 1)


async def test_proxies_read_call_and_set(autojump_clock, system):
    ref = Radio.start()
    proxy = ref.proxy()
    assert isinstance(proxy, pykka.ActorProxy)
    assert isinstance(proxy, ActorProxy)
    assert await proxy.station == "P2"
    assert await proxy.louder(by=2) == 5
    proxy.volume = 9
    assert await proxy.volume == 9
    assert await proxy.speaker.play() == "playing"
    proxy.speaker.position = 7
    assert await proxy.speaker.position == 7
    with pytest.raises(ValueError, match="static"):
        await proxy.fail()
    with pytest.raises(AttributeError):
        _ = proxy.nothing
    with pytest.raises(AttributeError):
        _ = proxy._me
    assert {"station", "louder", "volume", "speaker"} <= set(dir(proxy))
    assert proxy == ref.proxy()
    assert len({proxy, ref.proxy()}) == 1
    await ref.stop()
    with pytest.raises(ActorDeadError):
        ref.proxy()


async def test_a_proxy_to_oneself_defers_work(autojump_clock, system):
    proxy = Radio.start().proxy()
    proxy.in_parts(3)
    await trio.testing.wait_all_tasks_blocked()
    assert await proxy.done == [3, 2, 1, 0]


async def test_defer_has_no_future_and_its_exception_is_a_failure(autojump_clock, system):
    seen = []

    class Failing(Radio):
        def on_failure(self, kind, value, traceback):
            seen.append(kind)

    ref = Failing.start()
    assert ref.proxy().louder.defer() is None
    assert await ref.proxy().volume == 4
    ref.proxy().fail.defer()
    await trio.testing.wait_all_tasks_blocked()
    assert seen == [ValueError]
    assert not ref.is_alive()


async def test_messages_without_a_proxy(autojump_clock, system):
    ref = Radio.start()
    assert await ref.ask(ProxyCall(("louder",), (), {"by": 4})) == 7
    await ref.ask(ProxySetAttr(("volume",), 1))
    assert await ref.ask(ProxyGetAttr(("volume",))) == 1
    ref.tell(pykka.messages._ActorStop())
    await ref.stopped()
    assert not ref.is_alive()


async def test_an_actor_started_as_in_pykka_dies_of_an_exception(autojump_clock, system):
    class Fragile(Actor):
        def on_receive(self, message):
            raise ValueError(message)

    ref = Fragile.start()
    with pytest.raises(ValueError, match="asked"):
        await ref.ask("asked")
    assert ref.is_alive()
    ref.tell("told")
    await trio.testing.wait_all_tasks_blocked()
    assert not ref.is_alive()


class Resolver(Actor):
    def resolve(self, number):
        return {"10.0.0.1": "one", "10.0.0.2": "two"}.get(number)


async def test_a_pool_of_workers(autojump_clock, system):
    workers = [Resolver.start().proxy() for _ in range(3)]
    addresses = [f"10.0.0.{number}" for number in range(6)]
    futures = [workers[n % 3].resolve(address) for n, address in enumerate(addresses)]
    assert await get_all(futures, timeout=1) == [None, "one", "two", None, None, None]


async def test_a_mock_stands_in_for_a_method(autojump_clock, system):
    with mock.patch.object(Resolver, "resolve", lambda _self, number: f"mock {number}"):
        assert await Resolver.start().proxy().resolve(1) == "mock 1"


async def test_the_registry_finds_by_urn_class_and_name(autojump_clock, system):
    class Special(Resolver):
        pass

    one, two, other = Resolver.start(), Special.start(), Notebook.start()
    assert ActorRegistry.get_by_urn(one.actor_urn) == one
    assert ActorRegistry.get_by_urn("urn:none") is None
    assert ActorRegistry.get_by_class(Resolver) == [one, two]
    assert ActorRegistry.get_by_class_name("Special") == [two]
    ActorRegistry.broadcast("hello", target_class=Notebook)
    ActorRegistry.broadcast("again", target_class="Notebook")
    assert await other.ask(SHOW) == ["hello", "again"]
    await other.stop()
    assert other not in ActorRegistry.get_all()


# Futures


async def resolved(value):
    future = Future()
    future.set(value)
    return future


async def test_map_filter_reduce_and_join_await_their_sources(autojump_clock, system):
    number, numbers, words = Future(), Future(), Future()
    mapped = number.map(lambda value: value + 10)
    filtered = numbers.filter(lambda value: value > 10)
    reduced = numbers.reduce(lambda one, two: one + two, 5)
    joined = number.join(numbers, words)
    chained = words.map(str.upper).map(len)
    number.set(30)
    numbers.set(range(9, 14))
    words.set("abc")
    assert await mapped == 40
    assert await filtered == [11, 12, 13]
    assert await reduced == 5 + sum(range(9, 14))
    assert await joined == [30, range(9, 14), "abc"]
    assert await chained == 3
    assert mapped.get() == 40
    with pytest.raises(TypeError):
        await number.filter(bool)


async def test_a_map_is_computed_once(autojump_clock, system):
    calls = []
    future = await resolved(1)
    mapped = future.map(calls.append)
    await mapped
    await mapped
    assert calls == [1]


async def test_a_future_is_set_once_and_can_be_awaited_by_many(autojump_clock, system):
    future = Future()
    got = []

    async def wait():
        got.append(await future)

    with trio.move_on_after(1):
        await future  # a waiter that gives up disturbs nobody
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        future.set(7)
    assert got == [7, 7, 7]
    with pytest.raises(queue.Full):
        future.set(8)
    try:
        raise KeyError("mine")  # noqa: TRY301  it is to be in hand
    except KeyError:
        failed = Future()
        assert failed.error is None
        failed.set_exception()
    assert isinstance(failed.error, KeyError)
    assert future.error is None
    with pytest.raises(KeyError):
        await failed


async def test_a_get_hook_computes_the_value_once(autojump_clock, system):
    calls = []
    future = Future()
    future.set_get_hook(lambda timeout: calls.append(timeout) or "hooked")
    assert await future == "hooked"
    assert future.get() == "hooked"
    assert calls == [None]


async def test_ask_returns_the_future_whatever_block_says(autojump_clock, system):
    ref = Notebook.start()
    assert await ref.ask("x", block=True) is None
    assert await ref.ask(SHOW, block=False) == ["x"]
