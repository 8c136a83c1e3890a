"""What a room's rules say reaches the forwarding unit; what its people ask does too."""

from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import trio

from actors.clock import SystemClock
from actors.errors import Refused
from actors.kernel import ActorSystem
from actors.media import Hung, MediaActor, Standing, deliver, follow
from actors.ports import MediaFact, Rights
from actors.presence import Presence
from actors.rules import rtc
from actors.rules.base import Event, Person
from actors.rules.media import Changed, MediaState
from actors.services import Services
from tests.actors.house import GUESTS, HANA, everybody_in, open_house

ROOM = "session/ux"
ANA = Person(id="ana", name="Ana", event="fair")
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


class Plane:
    """Writes down what it is ordered."""

    def __init__(self) -> None:
        self.orders: list[tuple[Any, ...]] = []

    def __getattr__(self, order: str) -> Any:
        async def take(*args: Any) -> Mapping[str, Any]:
            self.orders.append((order, *args))
            return {"sdp": "answer", "epoch": 1, "ice_servers": []}

        return take


@attrs.define
class State:
    """Ana is on screen, Ben watches."""

    media: MediaState = attrs.field(factory=MediaState)

    def media_place(self, person: str) -> str | None:
        return {"ana": "publish", "ben": "watch"}.get(person)


@asynccontextmanager
async def room():
    plane = Plane()
    async with ActorSystem() as system:
        services = Services(
            journal=None,
            publisher=None,
            archive=None,
            clock=SystemClock(),
            presence=Presence(),
            address=lambda entity: system.get("media", entity.partition("/")[2]),
            noticing=frozenset(),
            media=plane,
        )
        system.register("media", lambda key: (MediaActor, (key, services)))
        yield plane, services


async def ask(services, command):
    return await services.address(f"media/{ROOM}").ask(command, timeout=1)


async def settled(services):
    with pytest.raises(Refused):
        await ask(services, rtc.Restart(by=Person(id="x", name="x", event="fair"), room=ROOM))


async def test_rights_follow_the_place_and_the_switches():
    async with room() as (plane, services):
        state = State()
        state.media.put("ana", mic=True, camera=False)
        services.presence.begin("c1")
        services.presence.enter(ROOM, ANA, "c1")
        follow(services, ROOM, state, [], ["ana", "ben", "eve"])
        await settled(services)
        allowed = {order[2]: order[3] for order in plane.orders if order[0] == "allow"}
        assert allowed == {"ana": Rights(frozenset({"audio"})), "ben": Rights()}
        assert ("join", ROOM, "c1", "ana") in plane.orders


async def test_a_block_is_ordered_once_and_alone():
    async with room() as (plane, services):
        state = State()
        state.media.put("ana", mic=True, camera=True)
        follow(services, ROOM, state, [], ["ana", "ben"])
        await settled(services)
        plane.orders.clear()
        state.media.people["ana"].blocked.add("camera")
        flags = dict.fromkeys(("mic", "camera"), True)
        event = Changed(
            at=NOW, person="ana", screen=False, background="", blocked=["camera"], by="h", **flags
        )
        follow(services, ROOM, state, [event], [])
        await settled(services)
        assert plane.orders == [("allow", ROOM, "ana", Rights(frozenset({"audio"})))]


async def test_who_is_no_longer_there_loses_every_right_and_an_empty_room_closes():
    async with room() as (plane, services):
        state = State()
        follow(services, ROOM, state, [], ["ana"])
        await settled(services)
        address = services.address(f"media/{ROOM}")
        address.tell(Standing({}, {}, everybody=True))
        await settled(services)
        assert ("allow", ROOM, "ana", None) in plane.orders
        assert plane.orders[-1] == ("close", ROOM)


async def test_only_who_is_in_the_room_may_offer():
    async with room() as (_plane, services):
        with pytest.raises(Refused, match="not in this room"):
            await ask(services, rtc.Offer(by=ANA, connection="c1", room=ROOM, sdp="v=0"))
        follow(services, ROOM, State(), [], ["ana"])
        answer = await ask(services, rtc.Offer(by=ANA, connection="c1", room=ROOM, sdp="v=0"))
        assert answer["sdp"] == "answer"


async def test_a_connection_that_ends_hangs_up():
    async with room() as (plane, services):
        follow(services, ROOM, State(), [], ["ana"])
        services.address(f"media/{ROOM}").tell(Hung("c1"))
        await settled(services)
        assert ("leave", "c1", ROOM) in plane.orders


async def test_who_leaves_a_session_hangs_up_and_who_leaves_a_breakout_room_does_not(
    autojump_clock,
):
    plane = Plane()
    async with open_house(media=plane) as house:
        await everybody_in(house)
        await house.call(HANA, "breakout.open", session="ux", assign="list", groups=[["ana"], []])
        await house.call(HANA, "breakout.move", session="ux", person="ana", room=None)
        await trio.testing.wait_all_tasks_blocked()
        assert ("allow", "room/ux.1", "ana", None) in plane.orders
        assert not [order for order in plane.orders if order[0] == "leave"]
        await house.call(GUESTS[0], "session.leave", session="ux")
        await house.call(HANA, "people.kick", session="ux", person="ben")
        await trio.testing.wait_all_tasks_blocked()
        left = [order for order in plane.orders if order[0] == "leave"]
        assert left == [("leave", "ana", ROOM), ("leave", "ben", ROOM)]


async def test_events_that_touch_no_right_cost_nothing():
    @attrs.frozen(kw_only=True)
    class Posted(Event):
        type = "chat.posted"

    async with room() as (plane, services):
        follow(services, ROOM, State(), [Posted(at=NOW)], [])
        await settled(services)
        assert plane.orders == []


@pytest.mark.parametrize("wrong", ["event/x", "session/", "ux"])
def test_a_command_for_what_has_no_media_is_refused(wrong):
    with pytest.raises(Refused):
        rtc.Restart(by=ANA, room=wrong)


def test_facts_go_to_the_connection_or_to_the_room():
    class Publisher:
        def __init__(self):
            self.sent = []

        def send(self, *args):
            self.sent.append(args)

        publish = send

    publisher = Publisher()
    take = deliver(publisher, lambda: NOW)
    take(MediaFact(kind="rtc.offer", room=ROOM, connection="c1", data={"sdp": "x"}))
    take(MediaFact(kind="rtc.speaking", room=ROOM, data={"people": []}))
    take(MediaFact(kind="rtc.unavailable", data={"deaths": 4}))
    assert publisher.sent == [
        ("c1", ROOM, "rtc.offer", NOW, {"sdp": "x"}),
        (ROOM, "rtc.speaking", NOW, {"people": []}, None),
    ]
