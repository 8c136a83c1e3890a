"""The scripted workshop's company tab, people, breakout rooms and end (rules 19, 22, 25 on)."""

from collections import Counter
from datetime import timedelta
from typing import Any

import trio

from actors.rules.base import Person
from engine.scripts.venue import PATIENCE, Venue
from engine.scripts.workshop_cast import (
    ANA,
    BEN,
    CEM,
    COMPANY,
    GUESTS,
    HANA,
    HILDA,
    HOSTS,
    HUGO,
    SESSION,
    TOPIC,
)
from engine.scripts.workshop_stage import HERE, all_heard, each, expect

ROOMS = 10


async def company_tab(venue: Venue) -> None:
    """Read the company's page, and see it change."""
    tell = venue.transcript.tell
    await venue.ask(BEN, "company.get", company=COMPANY)
    page = (await venue.heard(BEN, "snapshot")).data["company"]
    tell(BEN.name, f"reads about {page['name']}: an FAQ, and a job as {page['jobs'][0]['title']}.")
    jobs = [*page["jobs"], {"title": "Intern", "url": "https://acme.example/jobs/intern"}]
    await venue.ask(HANA, "company.update", company=COMPANY, jobs=jobs)
    await venue.heard(BEN, "company.changed")
    tell(HANA.name, "posts another job; Ben sees it at once.")


async def people_tab(venue: Venue) -> None:
    """Hosts, then who is on screen, then the rest by name; search."""
    tell = venue.transcript.tell
    listed = await venue.ask(CEM, "people.list", **HERE, limit=100)
    names = [person["name"] for person in listed["people"]]
    expect(names[:4] == ["Hana", "Hilda", "Hugo", "Ana Adler"], f"the order, not {names[:4]}")
    expect(names[4:] == sorted(names[4:]), "the rest by name")
    expect(listed["counts"] == {"present": 63, "hosts": 3, "on_screen": 1}, "the counts")
    tell(CEM.name, "sees 63 people: Hana, Hilda and Hugo, then Ana on screen, then the rest.")
    found = (await venue.ask(CEM, "people.list", **HERE, query="clausen"))["people"]
    expect(len(found) == 20, "20 of that name")  # noqa: PLR2004  a third of sixty
    tell(CEM.name, "searches for Clausen and finds 20.")


async def breakout_rooms(venue: Venue) -> None:
    """Divide all, talk apart, and come back."""
    tell = venue.transcript.tell
    opened = await venue.ask(HANA, "breakout.open", **HERE, rooms=ROOMS, minutes=20)
    assigned = {one: room["id"] for room in opened["breakout"]["rooms"] for one in room["assigned"]}
    sizes = Counter(assigned.values())
    expect(sorted(sizes.values()) == [6] * ROOMS, f"even sizes, not {sizes}")
    expect(set(assigned) == {guest.id for guest in GUESTS}, "everybody but the hosts")
    inside = await _entered(venue, assigned)
    expect(all(one["mic"] and one["camera"] for one in inside), "microphone and camera on")
    tell(HANA.name, "divides 60 participants into 10 rooms of 6. All are moved at once,")
    tell("", "microphone and camera activated.")
    await _apart(venue, assigned)
    await _hosts_go_round(venue, assigned)
    await _drop_and_return(venue, assigned)
    await venue.ask(HANA, "breakout.close", **HERE, countdown=30)
    await all_heard(venue, GUESTS, "breakout.closing", seconds=30)
    tell(HANA.name, "closes the rooms; a countdown of 30 seconds runs in each.")
    await venue.until(venue.now + timedelta(seconds=30))
    await all_heard(venue, GUESTS, "breakout.closed")
    here = await venue.ask(HANA, "people.list", **HERE, room="main", limit=100)
    expect(len(here["people"]) == len(GUESTS) + len(HOSTS), "everybody in the main call")
    tell("", "At zero all 60 are back in the main call.")


async def _entered(venue: Venue, assigned: dict[str, str]) -> list[dict[str, Any]]:
    """Wait for everybody's snapshot of their room; return what each has on there."""
    flags: list[dict[str, Any]] = []

    async def look(person: Person) -> None:
        room = assigned[person.id]
        seen = await venue.heard(person, "snapshot", {"session": SESSION, "id": room})
        flags.append(seen.data["media"]["people"][person.id])

    await each(GUESTS, look)
    return flags


async def _apart(venue: Venue, assigned: dict[str, str]) -> None:
    tell = venue.transcript.tell
    own, topic = assigned[ANA.id], f"room/{SESSION}.{assigned[ANA.id]}"
    mates = [guest for guest in GUESTS if assigned[guest.id] == own and guest != ANA]
    stranger = next(guest for guest in GUESTS if assigned[guest.id] != own)
    await venue.ask(ANA, "chat.send", topic=topic, text="Shall I take notes?")
    await all_heard(venue, mates, "chat.posted", text="Shall I take notes?")
    await venue.refused(stranger, "forbidden", "chat.send", topic=topic, text="Hello?")
    tell(ANA.name, f"writes in the chat of room {own}; only the 5 others there read it.")
    listed = (await venue.ask(ANA, "people.list", **HERE, room=own))["people"]
    main = (await venue.ask(ANA, "people.list", **HERE, room="main"))["people"]
    expect(len(listed) == 1 + len(mates), "her room in People")
    expect([one["name"] for one in main] == ["Hana", "Hilda", "Hugo"], "the main call in People")
    tell(ANA.name, "sees in People who is in the main call, and who is in her room.")
    other = assigned[stranger.id]
    data = await venue.refused(ANA, "not_your_room", "breakout.enter", **HERE, room=other)
    tell(ANA.name, f"tries another room: {data['message']}")
    await venue.ask(ANA, "breakout.main", **HERE)
    await venue.heard(mates[0], "room.left", {"person": ANA.id})
    await venue.ask(ANA, "breakout.enter", **HERE, room=own)
    await venue.heard(mates[0], "room.entered")
    tell(ANA.name, "goes to the main call and back into her room.")
    await venue.ask(ANA, "media.set", topic=topic, screen=True, background="image")
    await venue.heard(mates[0], "media.changed", {"person": ANA.id, "screen": True})
    tell(ANA.name, "shares her screen there, in front of a picture.")


async def _hosts_go_round(venue: Venue, assigned: dict[str, str]) -> None:
    tell = venue.transcript.tell
    await venue.ask(BEN, "breakout.help", **HERE)
    await venue.heard(HUGO, "breakout.help_asked", {"by": BEN.id})
    answered = await venue.ask(HUGO, "breakout.answer", **HERE, room=assigned[BEN.id])
    expect(answered["room"] == assigned[BEN.id], "the host in the room that called")
    tell(BEN.name, "calls a host into his room; Hugo comes.")
    target = assigned[CEM.id] = assigned[BEN.id]
    await venue.ask(HILDA, "breakout.move", **HERE, person=CEM.id, room=target)
    await venue.heard(CEM, "snapshot", {"session": SESSION, "id": target})
    tell(HILDA.name, f"moves Cem into room {target}; he is told, and there.")
    await venue.ask(HANA, "breakout.broadcast", **HERE, text="Five minutes left")
    await all_heard(venue, GUESTS, "breakout.broadcast", text="Five minutes left")
    tell(HANA.name, "says to all rooms: Five minutes left.")
    await venue.ask(HANA, "breakout.extend", **HERE, minutes=5)
    await all_heard(venue, GUESTS, "breakout.timed")
    tell(HANA.name, "gives them five minutes more.")


async def _drop_and_return(venue: Venue, assigned: dict[str, str]) -> None:
    room = assigned[BEN.id]
    before = venue.clients[BEN.id].statistics().connects
    venue.clients[BEN.id].interrupt()
    await venue.ask(BEN, "chat.send", topic=f"room/{SESSION}.{room}", text="I am back")
    expect(venue.clients[BEN.id].statistics().connects == before + 1, "another connection")
    listed = (await venue.ask(BEN, "people.list", **HERE, room=room))["people"]
    expect(BEN.id in {one["id"] for one in listed}, "Ben where he was")
    with trio.fail_after(PATIENCE):
        async for event in venue.clients[CEM.id].events():
            expect(event.type != "room.left", "nobody seen leaving by Cem, who is in the room")
            if event.data.get("text") == "I am back":
                break
    venue.transcript.tell(BEN.name, "loses his connection and is back in the same room at once;")
    venue.transcript.tell("", "nobody saw him leave.")


async def leaving(venue: Venue) -> None:
    """Leave is not end; the end is for all (rules 6, 8)."""
    tell = venue.transcript.tell
    await venue.ask(ANA, "session.leave", **HERE)
    await venue.heard(BEN, "stage.left", {"person": ANA.id})
    tell(ANA.name, "leaves; her place on screen is free.")
    data = await venue.refused(BEN, "forbidden", "session.end", **HERE)
    tell(BEN.name, f"cannot end it: {data['message']}")
    await venue.ask(HANA, "session.end", **HERE)
    await all_heard(venue, GUESTS[1:], "session.ended", reason="host")
    tell(HANA.name, "ends the session; the other 59 are told and moved out.")
    page = await venue.ask(BEN, "chat.history", topic=TOPIC, limit=10)
    expect(page["messages"], "a chat to read")
    tell(BEN.name, "can still read what was said.")
