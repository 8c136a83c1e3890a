"""The scripted workshop's first acts: the ways in, entering, and the stage (rules 1 to 18)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from actors.rules.base import Person
from engine.scripts.venue import ScriptFailed, Venue, crowd
from engine.scripts.workshop_cast import (
    ANA,
    BEN,
    CEM,
    COMPANY,
    DORA,
    EMIL,
    FAY,
    GUESTS,
    HANA,
    HILDA,
    HOSTS,
    HUGO,
    OLGA,
    SESSION,
    START,
)

HERE = {"session": SESSION}


def expect(ok: object, what: str) -> None:
    """Check what the script has just been told.

    :raises ScriptFailed: it is not so.
    """
    if not ok:
        raise ScriptFailed(f"not so: {what}")


async def each(people: Sequence[Person], do: Callable[[Person], Awaitable[None]]) -> None:
    """Have everybody in a crowd do something, at the same time."""
    await crowd([partial(do, person) for person in people])


async def all_heard(venue: Venue, people: Sequence[Person], type_name: str, **facts: Any) -> None:
    """Wait until everybody in a crowd was told of an event with these data."""

    async def heard(person: Person) -> None:
        await venue.heard(person, type_name, facts)

    await each(people, heard)


async def ways_in(venue: Venue) -> None:
    """Register, and find the session in all four places."""

    async def register(person: Person) -> None:
        await venue.ask(person, "session.register", **HERE)

    tell = venue.transcript.tell
    await each(GUESTS[:59], register)
    tell("", "59 participants have registered: every seat is taken.")
    late = GUESTS[59]
    data = await venue.refused(late, "session_full", "session.register", **HERE)
    tell(late.name, f"is refused: {data['message']}")
    me = (await venue.ask(late, "session.register", **HERE, wait=True))["me"]
    expect(me["waiting"] == 1, "the first on the waiting list")
    tell(late.name, "is first on the waiting list.")
    await venue.ask(OLGA, "session.change", **HERE, capacity=60)
    await venue.notified(late, "session.promoted")
    tell(OLGA.name, f"adds a seat; it goes to {late.name}, who is told.")
    await venue.until(venue.now)
    mine = (await venue.ask(ANA, "schedule.mine"))["items"]
    expect([item["id"] for item in mine] == [SESSION], "the session in My Schedule")
    await venue.ask(ANA, "event.lobby")
    lobby = (await venue.heard(ANA, "snapshot", {})).data["sessions"]
    program = (await venue.ask(ANA, "event.program"))["sessions"]
    profile = (await venue.ask(ANA, "event.program", company=COMPANY))["sessions"]
    cards = [card for cards in (lobby, program, profile) for card in cards]
    seen = {(card["id"], card["seats_left"], card["mine"], card["join"]) for card in cards}
    expect(seen == {(SESSION, 0, "registered", "soon")}, f"one card in all places, not {seen}")
    tell(ANA.name, "finds it in My Schedule, the Lobby, the Program and on the company's page.")


async def entering(venue: Venue) -> None:
    """Hosts first, then the audience; the host starts (rules 4, 5, 23)."""

    async def join(person: Person) -> None:
        await venue.ask(person, "session.join", **HERE)

    tell = venue.transcript.tell
    await venue.until(START - timedelta(minutes=14))
    await each(HOSTS, join)
    tell("", "Hana, Hugo and Hilda are backstage.")
    data = await venue.refused(ANA, "wrong_state", "session.join", **HERE)
    tell(ANA.name, f"comes too soon: {data['message']}")
    await venue.until(START - timedelta(minutes=4))
    await each(GUESTS, join)
    seen = await venue.heard(ANA, "snapshot", {"breakout": None})
    expect(seen.data["session"]["state"] == "backstage", "a waiting audience")
    expect(seen.data["media"]["people"].get(ANA.id) is None, "microphone and camera off")
    tell("", "60 participants are in the audience, microphone and camera off, and wait.")
    await venue.until(START)
    await venue.ask(HANA, "session.start", **HERE)
    await all_heard(venue, GUESTS, "session.started", by=HANA.id)
    tell(HANA.name, "starts the session; all 60 see it.")
    await venue.ask(HANA, "media.set", **HERE, mic=True, camera=True, screen=True)
    await venue.heard(ANA, "media.changed", {"person": HANA.id, "screen": True})
    tell(HANA.name, "is on screen and shares her slides; the audience sees them.")
    data = await venue.refused(ANA, "forbidden", "media.set", **HERE, mic=True)
    tell(ANA.name, f"tries her microphone: {data['message']}")
    await _life_ring(venue)


async def _life_ring(venue: Venue) -> None:
    tell = venue.transcript.tell
    await venue.ask(OLGA, "support.queue")
    asked = await venue.ask(EMIL, "support.ask", text="I hear nothing", where=f"session/{SESSION}")
    await venue.heard(OLGA, "support.asked")
    ident = asked["ticket"]["id"]
    await venue.ask(OLGA, "support.reply", id=ident, text="Is your tab muted?")
    await venue.notified(EMIL, "support.replied")
    await venue.ask(EMIL, "support.resolve", id=ident)
    tell(EMIL.name, "uses the life ring: no sound. Olga answers; it was the muted tab.")


async def going_on_screen(venue: Venue) -> None:
    """Request, change, withdraw, decline, decide twice, cancel, miss (rules 9 to 13)."""
    tell = venue.transcript.tell
    for place, person in enumerate((ANA, BEN, CEM, DORA, FAY), 1):
        asked = await venue.ask(person, "stage.request", **HERE, mic=True, camera=True)
        expect(asked["stage"]["position"] == place, f"{person.name} at position {place}")
        await venue.heard(HANA, "stage.requested", {"person": person.id})
    tell("", "Ana, Ben, Cem, Dora and Fay request to join with mic and camera, in this order.")
    asked = await venue.ask(ANA, "stage.request", **HERE, mic=True, camera=False)
    expect(asked["stage"]["position"] == 1, "her place kept")
    tell(ANA.name, "turns her camera off in the request and keeps her place.")
    await venue.ask(BEN, "stage.withdraw", **HERE)
    await venue.heard(HANA, "stage.withdrawn", {"person": BEN.id})
    tell(BEN.name, "changes his mind and withdraws; the hosts see it.")
    await venue.ask(HUGO, "stage.decline", **HERE, person=CEM.id, message="Later, please")
    told = await venue.notified(CEM, "stage.declined")
    tell(HUGO.name, f"declines Cem, who reads: {told['message']}")
    await venue.ask(HANA, "stage.accept", **HERE, person=ANA.id)
    data = await venue.refused(HILDA, "already_decided", "stage.accept", **HERE, person=ANA.id)
    tell(HANA.name, f"accepts Ana. Hilda is a moment later: {data['message']}")
    await venue.ask(ANA, "stage.ready", **HERE)
    await venue.heard(GUESTS[30], "stage.countdown", {"person": ANA.id})
    tell(ANA.name, "has 5 seconds to prepare.")
    await venue.until(venue.now + timedelta(seconds=5))
    await all_heard(venue, GUESTS[1:], "stage.entered", person=ANA.id, mic=True, camera=False)
    tell(ANA.name, "is on screen, microphone on, camera off; everybody sees it.")
    await venue.ask(HANA, "stage.accept", **HERE, person=DORA.id)
    await venue.ask(DORA, "stage.ready", **HERE)
    await venue.ask(DORA, "stage.cancel", **HERE)
    await venue.heard(HANA, "stage.cancelled", {"person": DORA.id})
    tell(DORA.name, "is accepted, and cancels within her 5 seconds.")
    await venue.ask(HANA, "stage.accept", **HERE, person=FAY.id)
    await venue.until(venue.now + timedelta(seconds=11))
    await venue.heard(HANA, "stage.missed", {"person": FAY.id})
    tell(FAY.name, "does not see that she is accepted: after 10 seconds the seat is free again.")


async def on_screen(venue: Venue) -> None:
    """Share, blur, be muted, go back, return; come by invitation (rules 14 to 17)."""
    tell = venue.transcript.tell
    await venue.ask(HANA, "media.set", **HERE, screen=False)
    await venue.ask(ANA, "media.set", **HERE, camera=True, screen=True, background="blur")
    await venue.heard(BEN, "media.changed", {"person": ANA.id, "background": "blur"})
    tell(ANA.name, "turns her camera on, shares her screen and blurs what is behind her.")
    data = await venue.refused(HUGO, "conflict", "media.set", **HERE, screen=True)
    tell(HUGO.name, f"wants to share as well: {data['message']}")
    await venue.ask(HUGO, "media.block", **HERE, person=ANA.id, mic=True)
    await venue.heard(BEN, "media.changed", {"person": ANA.id, "mic": False})
    flags = await venue.ask(ANA, "media.set", **HERE, mic=True)
    expect(flags["blocked"] == ["mic"], "the block stronger than her own switch")
    lifted = await venue.ask(HUGO, "media.unblock", **HERE, person=ANA.id, mic=True)
    expect(lifted["mic"] and not lifted["blocked"], "her own switch as she left it")
    tell(HUGO.name, "mutes Ana for a moment; her own switch stays hers.")
    await venue.ask(ANA, "stage.leave", **HERE)
    await venue.heard(BEN, "stage.left", {"person": ANA.id, "reason": "left"})
    tell(ANA.name, "deactivates mic and camera, and is back in the audience.")
    back = await venue.ask(ANA, "stage.request", **HERE, mic=True, camera=True)
    expect(back["stage"]["state"] == "accepted", "a return without asking")
    await venue.ask(ANA, "stage.ready", **HERE)
    await venue.until(venue.now + timedelta(seconds=5))
    await venue.heard(BEN, "stage.entered", {"person": ANA.id})
    tell(ANA.name, "returns within two minutes without asking again.")
    await venue.ask(HILDA, "stage.invite", **HERE, person=EMIL.id)
    await venue.notified(EMIL, "stage.invited")
    await venue.ask(EMIL, "stage.answer", **HERE, accept=False)
    await venue.heard(HANA, "stage.answered", {"person": EMIL.id, "accept": False})
    tell(HILDA.name, "invites Emil on screen; he would rather not, and stays where he is.")
