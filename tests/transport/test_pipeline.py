"""Several commands of one connection under way at once."""

import gc
import weakref
from contextvars import copy_context
from typing import Any

import attrs
import pytest
import trio

from actors.errors import Refused
from actors.kernel import ActorDeadError, Future, MailboxFullError
from actors.kernel.context import current
from actors.rules.base import COMMANDS, Command
from transport.limits import Limits
from transport.pipeline import UNDER_WAY


@attrs.frozen(kw_only=True)
class Tell(Command):
    """For whichever entity."""

    to: str

    @property
    def entity(self) -> str:
        return self.to


class Asked:
    """A door's way of beginning commands, whose answers the test gives."""

    def __init__(self, door: Any) -> None:
        self._begun, self._received = trio.open_memory_channel[Future[Any]](100)
        self.count = 0
        door.begin = self._begin

    def _begin(self, command: Command) -> Future[Any]:
        future: Future[Any] = Future()
        self.count += 1
        self._begun.send_nowait(future)
        return future

    async def next(self) -> Future[Any]:
        return await self._received.receive()


@pytest.fixture(autouse=True)
def _tell(monkeypatch):
    monkeypatch.setattr(Tell, "method", "test.tell")
    monkeypatch.setitem(COMMANDS, "test.tell", Tell)


def tell(ident, to="session/a", **params):
    return {
        "jsonrpc": "2.0",
        "id": ident,
        "method": "test.tell",
        "params": {"to": to, **params},
    }


async def test_a_second_command_need_not_wait_and_answers_keep_the_order(house, speaking):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        for ident in (1, 2, 3):
            await speaker.say(tell(ident))
        first, second, third = [await asked.next() for _ in range(3)]
        third.set({"n": 3})
        second.set_exception(Refused("wrong_state", "Not now."))
        first.set({"n": 1})
        assert await speaker.hear() == {"jsonrpc": "2.0", "id": 1, "result": {"n": 1}}
        assert (await speaker.hear())["error"]["data"]["reason"] == "wrong_state"
        assert (await speaker.hear())["id"] == 3


@pytest.mark.parametrize(
    "other",
    [
        tell(2, "session/b"),
        [tell(2, "session/b")],
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
        {"jsonrpc": "2.0", "id": 2, "method": "no.such.method"},
        {"jsonrpc": "2.0", "id": 2, "method": "test.tell", "params": {}},
    ],
)
async def test_what_is_for_another_waits_until_those_under_way_are_answered(house, speaking, other):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        await speaker.say(tell(1))
        await speaker.say(other)
        first = await asked.next()
        with trio.move_on_after(0.1) as scope:
            await speaker.hear()
        assert scope.cancelled_caught
        assert asked.count == 1
        first.set({})
        assert (await speaker.hear())["id"] == 1
        if other == tell(2, "session/b"):
            (await asked.next()).set({})
        answer = await speaker.hear()
        assert (answer[0] if isinstance(answer, list) else answer)["id"] == 2


async def test_so_many_are_under_way_at_once_and_no_more(house, speaking):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        for ident in range(UNDER_WAY + 1):
            await speaker.say(tell(ident))
        futures = [await asked.next() for _ in range(UNDER_WAY)]
        with trio.move_on_after(0.1) as scope:
            await asked.next()
        assert scope.cancelled_caught
        futures[0].set({})
        assert (await speaker.hear())["id"] == 0
        await asked.next()


async def test_what_takes_too_long_is_given_up_and_answered_once(running, speaking):
    async with running(Limits(request_seconds=0.3)) as house:
        asked = Asked(house.door)
        async with speaking(house) as speaker:
            await speaker.say(tell(1))
            future = await asked.next()
            assert (await speaker.hear())["error"]["data"]["reason"] == "overloaded"
            future.set({})
            await speaker.say(tell(2))
            (await asked.next()).set({})
            assert (await speaker.hear())["id"] == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ActorDeadError("gone"), "internal"), (MailboxFullError("full"), "overloaded")],
)
async def test_what_goes_wrong_among_actors_is_told(house, speaking, error, reason):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        await speaker.say(tell(1))
        (await asked.next()).set_exception(error)
        assert (await speaker.hear())["error"]["data"]["reason"] == reason


@pytest.mark.parametrize("crash", [RuntimeError("a crash"), Refused("internal", "Our side.")])
async def test_rule_36_a_command_with_a_key_is_asked_again_when_its_actor_failed(
    house, speaking, crash
):
    asked = Asked(house.door)

    async def again(command: Command) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        return {"again": command.key}

    house.door.again = again
    async with speaking(house) as speaker:
        await speaker.say(tell(1, key="k"))
        await speaker.say(tell(2, key="l"))
        first, second = await asked.next(), await asked.next()
        second.set({})
        first.set_exception(crash)
        assert (await speaker.hear())["result"] == {"again": "k"}
        assert (await speaker.hear())["id"] == 2


async def test_rule_36_who_asks_again_is_not_the_actor_that_failed(house, speaking):
    asked, askers = Asked(house.door), []

    async def again(command: Command) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        askers.append(current.get())
        return {}

    def fail(future: Future[Any]) -> None:
        current.set(future.target)
        future.set_exception(RuntimeError("a crash"))

    house.door.again = again
    async with speaking(house) as speaker:
        await speaker.say(tell(1, key="k"))
        future = await asked.next()
        future.target = object()  # stands for the actor's cell
        copy_context().run(fail, future)
        assert (await speaker.hear())["result"] == {}
    assert askers == [None]


async def test_answers_to_whoever_has_gone_harm_nobody(house, speaking):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        await speaker.say(tell(1))
        future = await asked.next()
    while not house.door.left:
        await trio.sleep(0.01)
    future.set({})
    async with speaking(house, sub="ben") as speaker:
        await speaker.say(tell(1))
        (await asked.next()).set({})
        assert (await speaker.hear())["id"] == 1


@pytest.mark.parametrize("refused", [False, True], ids=["carried out", "refused"])
async def test_what_was_answered_leaves_no_circle_behind(house, speaking, refused):
    asked = Asked(house.door)
    async with speaking(house) as speaker:
        await speaker.say(tell(1))
        future = await asked.next()
        gone = weakref.ref(future)
        gc.disable()
        try:
            if refused:
                future.set_exception(Refused("wrong_state", "Not now."))
            else:
                future.set({})
            del future
            assert (await speaker.hear())["id"] == 1
            assert gone() is None
        finally:
            gc.enable()
