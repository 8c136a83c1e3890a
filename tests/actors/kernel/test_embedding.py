"""The system inside other people's programs."""

import asyncio
import threading

import pykka
import pytest
import trio

from actors.kernel import (
    Actor,
    ActorDeadError,
    ActorFailedError,
    ActorSystem,
    AskTimeoutError,
    Child,
    Supervisor,
    run_in_asyncio,
    run_in_thread,
)


class Echo(Actor):
    def __init__(self):
        self.log = []

    async def on_receive(self, message):
        if isinstance(message, float):
            await trio.sleep(message)
        if isinstance(message, Exception):
            raise message
        self.log.append(message)
        return list(self.log) if message == "log" else (message, threading.get_ident())


class Unstartable(Supervisor):
    def children(self):
        return [Child(Broken, "broken")]


class Broken(Actor):
    def on_start(self):
        raise ValueError("no")


def test_plain_threads_spawn_ask_tell_and_stop():
    with run_in_thread() as system:
        ref = system.spawn(Echo, name="echo")
        message, thread = ref.ask("hello").get(timeout=5)
        assert (message, thread != threading.get_ident()) == ("hello", True)
        for number in range(100):
            ref.tell(number)
        assert ref.ask("log", block=True, timeout=5) == ["hello", *range(100), "log"]
        with pytest.raises(KeyError):
            ref.ask(KeyError("x")).get(timeout=5)
        with pytest.raises(AskTimeoutError):
            ref.ask(0.5).get(timeout=0.01)
        assert ref.stop().get(timeout=5) is True
        with pytest.raises(ActorDeadError):
            ref.tell("late")
    with pytest.raises(ActorDeadError):
        ref.ask("later").get(timeout=1)


def test_several_threads_keep_their_own_order():
    with run_in_thread() as system:
        ref = system.spawn(Echo)

        def work(name):
            for number in range(200):
                ref.tell((name, number))

        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log = ref.ask("log", block=True, timeout=5)[:-1]
    assert len(log) == 600
    for name in "abc":
        assert [number for who, number in log if who == name] == list(range(200))


def test_a_failed_start_is_raised_in_the_callers_thread():
    with pytest.raises(ActorFailedError), run_in_thread(lambda: ActorSystem(Unstartable)):
        pytest.fail("the body must not run")


def test_asyncio_awaits_what_it_asks():
    async def main():
        async with run_in_asyncio() as system:
            ref = system.spawn(Echo)
            message, thread = await ref.ask("hello")
            assert (message, thread) == ("hello", threading.get_ident())
            first, second = await asyncio.gather(*(_await(ref.ask(n)) for n in (1, 2)))
            assert (first[0], second[0]) == (1, 2)
            with pytest.raises(KeyError):
                await ref.ask(KeyError("x"))
            with pytest.raises(AskTimeoutError):
                await ref.ask(0.5, timeout=0.01)
            assert await ref.stop() is True

    async def _await(future):
        return await future

    asyncio.run(main())


def test_asyncio_hears_of_a_failed_start():
    async def main():
        async with run_in_asyncio(lambda: ActorSystem(Unstartable)):
            pytest.fail("the body must not run")

    with pytest.raises(ActorFailedError):
        asyncio.run(main())


async def test_a_thread_of_a_trio_program_asks(autojump_clock):
    async with ActorSystem() as system:
        ref = system.spawn(Echo)
        got = await trio.to_thread.run_sync(lambda: ref.ask("x").get(timeout=5))
        assert got[0] == "x"
        proxied = await trio.to_thread.run_sync(lambda: ref.proxy().log.get(timeout=5))
        assert proxied == ["x"]
        assert isinstance(ref, pykka.ActorRef)
