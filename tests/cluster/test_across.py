"""What concerns several entities, with people and entities on different nodes."""

from collections import Counter
from datetime import timedelta

import pytest
import trio

from actors.errors import Refused
from actors.holding import Hold, Loan, Peek
from actors.rules.agenda import commands as agenda
from actors.rules.base import SYSTEM, Person
from actors.rules.event_model import Change
from actors.rules.meeting import commands as meeting
from actors.rules.records import instant
from tests.cluster.nodes import cluster, event_of
from tests.engine.daemon import EVENT, START

PEOPLE, SLOTS = 30, 5
DESK = Person(id="desk", name="Desk", event=EVENT, role="employee", company="acme")


async def test_rule_42_people_at_all_nodes_race_for_a_few_slots(nats, tmp_path):
    async with cluster(nats.url, tmp_path) as nodes:
        await nodes.load()
        calls = [one.node.engine.call for one in nodes.nodes]
        day = (START + timedelta(days=2)).date().isoformat()
        policy = {"durations": [30], "hours": ["09:00", "14:00"]}
        await calls[0](Change(by=SYSTEM, id=EVENT, days=[day], one_to_one=policy))
        await calls[1](agenda.Draft(by=DESK, day=day, duration=30, slots="all"))
        published = await calls[2](agenda.Publish(by=DESK))
        starts = [slot["start"] for slot in published["days"][0]["slots"]][:SLOTS]
        outcomes: Counter[str] = Counter()

        async def race(number: int) -> None:
            call = calls[number % 3]
            someone = Person(id=f"p{number}", name="P", event=EVENT)
            asked = await call(meeting.Request(by=someone, to="desk"))
            ident = asked["meeting"]["id"]
            await calls[(number + 1) % 3](meeting.Approve(by=DESK, id=ident))
            try:
                await call(meeting.Pick(by=someone, id=ident, slot=instant(starts[number % SLOTS])))
                outcomes["confirmed"] += 1
            except Refused as refused:
                outcomes[refused.reason] += 1

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number in range(PEOPLE):
                    nursery.start_soon(race, number)
        assert outcomes == {"confirmed": SLOTS, "slot_taken": PEOPLE - SLOTS}
        for call in calls:
            listed = await call(agenda.ListMeetings(by=DESK, tab="confirmed"))
            assert len(listed["meetings"]) == SLOTS
        # A transaction whose entities move meanwhile is told so at once: no state is lent afar.
        entity = f"agenda/{EVENT}.desk"
        far = nodes.stranger(entity).node.bridge.address(entity)
        for message in (Hold(Loan(entity)), Peek()):
            with pytest.raises(Refused) as refusal:
                await far.ask(message)
            assert refusal.value.reason == "moved"
            assert not refusal.value.data


async def test_a_drop_at_one_node_is_seen_at_the_others(nats, tmp_path):
    async with cluster(nats.url, tmp_path) as nodes:
        await nodes.load()
        one, two, three = nodes.nodes
        async with one.client("hana", sessions=frozenset({"ux"})) as hana:
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            for node in (one, two, three):
                async with node.client("ana") as ana:
                    await ana.call("session.join", session="ux")
                    await event_of(ana, "snapshot")
                    presence = [each.node.engine.services.presence for each in nodes.nodes]
                    followed = [book.connections("session/ux", "ana") for book in presence]
                    assert sum(map(len, followed)) == 1, "the owner alone keeps the book"
                with trio.fail_after(10):
                    while any(book.connections("session/ux", "ana") for book in presence):
                        await trio.sleep(0.05)


async def present(host):
    """Return the ids of those in the session."""
    people = await host.call("people.list", session="ux")
    return [person["id"] for person in people["people"]]


async def test_rule_24_a_ban_ends_connections_at_every_node(nats, tmp_path):
    async with cluster(nats.url, tmp_path) as nodes:
        await nodes.load()
        one, two, three = nodes.nodes
        async with (
            one.client("olga", role="organizer") as olga,
            one.client("hana", sessions=frozenset({"ux"})) as hana,
            two.client("ana") as first,
            three.client("ana") as second,
        ):
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            for client in (first, second):
                await client.call("session.join", session="ux")
            await olga.call("event.ban", person="ana")
            for client in (first, second):
                with trio.fail_after(10):
                    try:
                        while True:
                            await client.next_event()
                    except Exception as error:  # noqa: BLE001  its code is looked at
                        assert getattr(error, "code", None) in (3503, 403)  # noqa: PT017  either way
            with trio.fail_after(10):  # the session hears of the ban from the event
                while "ana" in await present(hana):
                    await trio.sleep(0.05)
