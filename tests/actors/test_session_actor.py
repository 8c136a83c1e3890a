"""Who is put out, who drops, who comes back: a session and the connections that follow it."""

from collections import Counter
from datetime import timedelta
from functools import partial

import attrs
import pytest
import trio

from actors.errors import Refused
from actors.ports import StorageUnavailable
from tests.actors.house import ADMIN, GUESTS, HANA, HUGO, everybody_in, open_house, person

ANA, BEN, CEM, DORA = GUESTS
OLGA = person("olga", role="organizer")


async def test_rule_24_a_kick_ends_what_follows_the_session_and_nothing_else(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(ANA, "lobby tab")
        await house.call(ANA, "event.lobby", connection="lobby tab")
        await house.call(HANA, "people.kick", session="ux", person="ana", message="Bye")
        kicked = {"person": "ana", "by": "hana", "message": "Bye"}
        assert house.ears.data("ana", "people.kicked") == [kicked]
        assert house.ears.listening["ana"] == {"person/fair.ana"}
        assert house.ears.listening["lobby tab"] == {"person/fair.ana", "event/fair"}
        assert house.ears.closed == {}
        await house.call(ANA, "session.join", session="ux")
        assert "session/ux" in house.ears.listening["ana"]


async def test_rule_24_a_ban_from_a_session_holds_and_reaches_the_room(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(
            HANA, "breakout.open", session="ux", assign="list", groups=[["ana", "ben"], []]
        )
        assert "room/ux.1" in house.ears.listening["ana"]
        await house.call(HANA, "people.ban", session="ux", person="ana")
        assert house.ears.listening["ana"] == {"person/fair.ana"}
        assert house.state("room/ux.1").here == ["ben"]
        assert house.ears.data("ben", "room.left") == [{"person": "ana"}]
        with pytest.raises(Refused) as refused:
            await house.call(ANA, "session.join", session="ux")
        assert refused.value.reason == "banned"


async def test_rule_24_a_ban_from_the_event_ends_every_connection_with_3503(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(ANA, "second")
        await house.call(ADMIN, "event.ban", person="ana", message="Enough")
        assert house.ears.closed == {"ana": (3503, "Enough"), "second": (3503, "Enough")}
        assert ("notification.passed", {"kind": "event.banned", "data": {"message": "Enough"}}) in [
            row[1:3] for row in house.ears.heard["ana"]
        ]
        assert house.state("session/ux").member("ana") is None
        with pytest.raises(Refused) as refused:
            await house.enter(ANA, "third")
        assert refused.value.reason == "banned"


async def test_rule_24_an_event_in_memory_is_not_asked_who_may_come_in(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        asked, twice = [], house.door._twice

        async def noting(entity, message):
            asked.append(entity)
            return await twice(entity, message)

        house.door._twice = noting
        await house.enter(ANA, "second")
        assert asked == ["person/fair.ana"]
        await house.call(ADMIN, "event.ban", person="ana")
        asked.clear()
        with pytest.raises(Refused, match="banned"):
            await house.enter(ANA, "third")
        assert asked == []
        await house.call(ADMIN, "event.unban", person="ana")
        asked.clear()
        await house.enter(ANA, "fourth")
        assert asked == ["person/fair.ana"]


async def test_rule_24_an_event_that_is_not_in_memory_is_asked(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(ADMIN, "event.ban", person="ana")
        assert house.services.admissions.admit(BEN)
        await house.services.address("event/fair").stop()
        assert not house.services.admissions.admit(BEN)
        with pytest.raises(Refused, match="banned"):
            await house.enter(ANA, "second")
        with pytest.raises(Refused, match="banned"):
            house.services.admissions.admit(ANA)
        assert house.services.admissions.admit(BEN)


async def test_rule_24_what_could_not_be_written_leaves_nothing_known_of_who_may_come_in(
    autojump_clock,
):
    async with open_house() as house:
        await everybody_in(house)
        append = house.journal.append

        async def refusing(*writes):
            raise StorageUnavailable("no disk")

        house.journal.append = refusing
        ban = house.command(ADMIN, "event.ban", person="ana", key="k")
        with pytest.raises(Refused, match="saved"):
            await house.door.call(ban)
        house.journal.append = append
        assert not house.services.admissions.admit(ANA)
        await house.enter(ANA, "second")
        assert house.services.admissions.admit(ANA)


async def test_a_revoked_token_lets_nobody_in_who_was_let_in_with_it_before(autojump_clock):
    async with open_house() as house:
        dora = attrs.evolve(DORA, issued=house.clock.now() - timedelta(minutes=1))
        await house.enter(dora, "first")
        await house.call(ADMIN, "event.revoke", person="dora")
        with pytest.raises(Refused, match="revoked"):
            await house.enter(dora, "second")
        fresh = attrs.evolve(dora, issued=house.clock.now() + timedelta(minutes=1))
        await house.enter(fresh, "third")
        with pytest.raises(Refused, match="revoked"):
            await house.enter(dora, "fourth")


async def test_rule_24_who_comes_in_while_a_ban_is_written_is_put_out_by_it(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        house.journal.pause = 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(house.call, ADMIN, "event.ban", person="ana"))
            await trio.sleep(0.5)
            await house.enter(ANA, "late")
            assert house.ears.closed == {}
        assert {code for code, _ in house.ears.closed.values()} == {3503}
        assert house.ears.closed.keys() == {"ana", "late"}


async def test_rule_8_the_end_moves_everybody_out_of_session_and_rooms(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(HANA, "breakout.open", session="ux", rooms=2)
        await house.call(HANA, "session.end", session="ux")
        for one in (*GUESTS, HANA):
            assert house.ears.listening[one.id] == {f"person/fair.{one.id}"}
            assert house.ears.types(one.id, "session/ux")[-1] == "session.ended"
        assert house.state("room/ux.1").here == house.state("room/ux.2").here == []


async def test_rule_34_a_late_end_of_an_old_connection_removes_nobody(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(ANA, "new", session__ux=1)
        await house.drop(ANA, "ana")
        await house.wait(60)
        assert house.state("session/ux").member("ana") is not None
        assert house.state("session/ux").dropped == {}
        await house.drop(ANA, "ana")
        await house.wait(60)
        assert house.state("session/ux").member("ana") is not None


async def test_rule_34_who_is_gone_before_the_answer_leaves_no_ghost(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(late := person("late"), "late")
        join = house.command(late, "session.join", "late", session="ux")
        async with trio.open_nursery() as nursery:
            house.journal.pause = 1.0
            nursery.start_soon(house.door.call, join)
            await trio.sleep(0.5)
            house.door.gone(late, "late")
        await house.settle()
        assert house.state("session/ux").member("late") is not None
        await house.wait(20)
        assert house.state("session/ux").member("late") is None
        assert list(house.services.presence.connections("session/ux", "late")) == []


async def test_rule_34_an_end_that_stands_behind_the_newer_connections_coming_removes_nobody(
    autojump_clock,
):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(ANA, "new")
        house.journal.pause = 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                house.door.call, house.command(BEN, "chat.send", topic="session/ux", text="Hi")
            )
            await trio.sleep(0.5)
            # Both wait for that commit, and are decided together.
            join = house.command(ANA, "session.join", "new", session="ux")
            nursery.start_soon(house.door.call, join)
            await trio.sleep(0.1)
            house.door.gone(ANA, "ana")
        await house.settle()
        assert house.state("session/ux").dropped == {}
        await house.wait(60)
        assert house.state("session/ux").member("ana") is not None
        assert "session/ux" in house.ears.listening["new"]


async def test_rule_34_a_late_answer_to_an_ended_connection_drops_nobody_who_is_back(
    autojump_clock,
):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(late := person("late"), "old")
        house.journal.pause = 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                house.door.call, house.command(ANA, "chat.send", topic="session/ux", text="Hi")
            )
            await trio.sleep(0.5)
            # Both joins wait for that commit, and the second comes before the first is answered.
            for connection in ("old", "new"):
                if connection == "new":
                    await house.enter(late, "new")
                join = house.command(late, "session.join", connection, session="ux")
                nursery.start_soon(house.door.call, join)
                await trio.sleep(0.1)
                if connection == "old":
                    house.door.gone(late, "old")
        await house.wait(20)
        assert house.state("session/ux").member("late") is not None
        assert house.state("session/ux").dropped == {}


async def test_rule_35_back_within_the_grace_nobody_saw_a_leave(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.drop(ANA, "ana")
        await house.wait(10)
        back = await house.enter(
            ANA, "again", session__ux=house.ears.published["session/ux"][-1][0]
        )
        assert back["recovered"] == {"session/ux": True}
        await house.wait(30)
        assert house.state("session/ux").member("ana") is not None
        changes = house.ears.data("hana", "people.changed")
        assert "ana" not in [gone for change in changes for gone in change["left"]]


async def test_rule_35_not_back_in_time_is_gone_for_everybody(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.drop(ANA, "ana")
        await house.wait(16)
        await house.wait(1)
        changes = house.ears.data("hana", "people.changed")
        assert "ana" in [gone for change in changes for gone in change["left"]]


async def test_rule_32_who_resumes_is_led_to_the_room_they_are_in_by_now(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        groups = [["ana", "ben"], ["cem", "dora"]]
        await house.call(HANA, "breakout.open", session="ux", assign="list", groups=groups)
        seen = house.ears.published["session/ux"][-1][0]
        await house.drop(ANA, "ana")
        await house.call(HANA, "breakout.move", session="ux", person="ana", room="2")
        back = await house.enter(ANA, "again", session__ux=seen, **{"room/ux.1": 1})
        await house.settle()
        assert back["recovered"]["session/ux"] is True
        assert house.ears.listening["again"] == {"person/fair.ana", "session/ux", "room/ux.2"}


async def test_who_resumes_beside_others_is_sent_once_what_the_others_lead_to(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        seen = house.ears.published["session/ux"][-1][0]
        for one in (ANA, HANA, HUGO):
            await house.drop(one, one.id)
        await house.wait(20)
        await house.wait(1)
        assert house.state("session/ux").status == "hostless"
        house.journal.pause = 1.0
        async with trio.open_nursery() as nursery:
            for command in (
                house.command(BEN, "chat.send", topic="session/ux", text="Hi"),
                house.command(CEM, "chat.send", topic="session/ux", text="Ho"),
            ):
                nursery.start_soon(house.door.call, command)
            await trio.sleep(0.5)
            for one in (ANA, HANA):
                resume = partial(house.enter, one, f"{one.id} again", session__ux=seen)
                nursery.start_soon(resume)
                await trio.sleep(0.1)
        assert house.state("session/ux").status == "live"
        assert house.ears.types("ana again", "session/ux").count("session.resumed") == 1
        assert house.ears.gaps() == []


async def test_rule_36_a_repeated_command_is_carried_out_once(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        first = await house.call(ANA, "chat.send", topic="session/ux", text="Hi", key="mine")
        assert (
            await house.call(ANA, "chat.send", topic="session/ux", text="Hi", key="mine") == first
        )
        assert len(house.ears.data("ben", "chat.posted")) == 1


async def test_rule_36_a_repeated_join_lets_in_again_whoever_was_only_dropped(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(late := person("late"), "old")
        await house.call(late, "session.join", connection="old", session="ux", key="mine")
        await house.drop(late, "old")
        await house.wait(20)
        assert house.state("session/ux").member("late") is None
        await house.enter(late, "new")
        await house.call(late, "session.join", connection="new", session="ux", key="mine")
        assert house.state("session/ux").member("late") is not None
        assert "session/ux" in house.ears.listening["new"]


@pytest.mark.parametrize("way", ["people.kick", "people.ban"])
async def test_rule_24_a_repeated_join_lets_nobody_listen_who_was_put_out(autojump_clock, way):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(late := person("late"), "late")
        await house.call(late, "session.join", session="ux", key="mine")
        await house.call(HANA, way, session="ux", person="late")
        with pytest.raises(Refused) as refused:
            await house.call(late, "session.join", session="ux", key="mine")
        assert refused.value.reason == "wrong_state"
        assert house.ears.listening["late"] == {"person/fair.late"}


async def test_rule_36_a_repeated_join_is_refused_to_whoever_has_left(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.enter(late := person("late"), "late")
        await house.call(late, "session.join", session="ux", key="mine")
        await house.call(late, "session.leave", session="ux")
        with pytest.raises(Refused):
            await house.call(late, "session.join", session="ux", key="mine")
        assert house.ears.listening["late"] == {"person/fair.late"}


async def test_rule_35_only_those_are_told_of_who_goes_to_whom_it_matters(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(ANA, "event.lobby")
        assert house.services.presence.connections("event/fair", "ana")
        handled = {name: _handled(house, name) for name in ("event/fair", "session/ux")}
        await house.drop(ANA, "ana")
        assert not house.services.presence.connections("event/fair", "ana")
        assert _handled(house, "event/fair") == handled["event/fair"]
        assert _handled(house, "session/ux") > handled["session/ux"]
        assert "ana" in house.state("session/ux").dropped


def _handled(house, entity):
    return house.services.address(entity)._cell.handled


async def test_without_media_a_request_about_it_is_refused_and_disturbs_nobody(autojump_clock):
    """All at once, so that they come to the person's actor in one batch."""
    told = Counter()
    async with open_house() as house, trio.open_nursery() as nursery:
        await everybody_in(house)

        async def ask(method, **params):
            try:
                await house.call(ANA, method, **params)
                told[method] += 1
            except Refused as refused:
                told[method, refused.message] += 1

        for _ in range(20):
            nursery.start_soon(partial(ask, "rtc.restart", room="session/ux"))
            nursery.start_soon(partial(ask, "session.get", session="ux"))
    restarts = {key: count for key, count in told.items() if key != "session.get"}
    assert told["session.get"] == 20
    assert list(restarts.values()) == [20]
