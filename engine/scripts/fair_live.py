"""The scripted fair on its days: reminders, the chats themselves, and what becomes of them."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from actors.rules.base import Person
from actors.rules.meeting.record import GRACE, OPENS_BEFORE
from actors.rules.records import instant, iso
from engine.scripts.fair_cast import EMPLOYEES, HELPER, VISITORS
from engine.scripts.venue import ScriptFailed, Venue, crowd, instant_of, who

EVERY_NTH_MISSES = 11
"""Of the participants, one in so many does not come."""

SHOWN = EMPLOYEES[2]
"""Whose first chat is shown in full."""


async def reminders(venue: Venue) -> None:
    """Rules 47, 48: My Schedule, and a word 10 minutes and 1 minute before."""
    chat = await _first_chat(venue)
    person, start = who(chat["participant"]["id"]), instant_of(chat)
    mine = (await venue.ask(person, "schedule.mine"))["items"]
    venue.transcript.tell(person.name, f"has {len(mine)} entry in My Schedule.")
    await venue.until(start - timedelta(minutes=10))
    reminder = await venue.notified(person, "schedule.reminder")
    if reminder["minutes"] != 10 or reminder["id"] != chat["id"]:  # noqa: PLR2004  rule 47
        raise ScriptFailed(f"the reminder says {reminder}")
    venue.transcript.tell(person.name, f"is reminded: {reminder['title']}, in 10 minutes.")
    await venue.refused(person, "wrong_state", "meeting.join", id=chat["id"])
    venue.transcript.tell(person.name, "cannot join yet: the chat opens 5 minutes before.")


async def _first_chat(venue: Venue) -> dict[str, Any]:
    return (await venue.bookings(employee=SHOWN.id, tab="confirmed"))[0]


async def one_chat(venue: Venue) -> None:
    """Rule 44: join from both tabs, video and side chat, support, warnings, the end."""
    chat = await _first_chat(venue)
    person, start, end = who(chat["participant"]["id"]), instant_of(chat), instant(chat["end"])
    await venue.until(start - OPENS_BEFORE)
    await _come_in(venue, chat, person)
    await _talk(venue, f"chat/{chat['id']}", person)
    await venue.until(start)
    await _join_everybody(venue, start)
    for minutes in (5, 1):
        await venue.until(end - timedelta(minutes=minutes))
        await venue.heard(person, "meeting.warned", {"minutes": minutes})
        venue.transcript.tell("", f"The chat ends in {minutes} min: both are told.")
    await venue.until(end + GRACE)
    await venue.heard(person, "meeting.ended")
    venue.transcript.tell("", "Two minutes after its slot the chat ends by itself.")


async def _come_in(venue: Venue, chat: dict[str, Any], person: Person) -> None:
    tell = venue.transcript.tell
    mine = (await venue.ask(person, "schedule.mine"))["items"]
    listed = (await venue.ask(person, "meeting.list", tab="confirmed"))["meetings"]
    for items in (mine, listed):
        if not next(item for item in items if item["id"] == chat["id"])["joinable"]:
            raise ScriptFailed("the chat cannot be joined")
    tell(person.name, "sees the button Join, in My Schedule and in the 1-1 Chat tab.")
    for one in (person, SHOWN):
        await venue.ask(one, "meeting.join", id=chat["id"])
    snapshot = await venue.heard(SHOWN, "snapshot")
    if snapshot.data["present"] != sorted((person.id, SHOWN.id)):
        raise ScriptFailed(f"present are {snapshot.data['present']}")
    tell("", f"{person.name} and {SHOWN.name} are in the chat.")
    stranger = next(each for each in VISITORS if each != person)
    await venue.refused(stranger, "forbidden", "meeting.join", id=chat["id"])
    tell(stranger.name, "is turned away: a 1-1 chat is for its two people only.")


async def _talk(venue: Venue, topic: str, person: Person) -> None:
    tell = venue.transcript.tell
    await venue.ask(person, "media.set", topic=topic, mic=True, camera=True)
    await venue.ask(SHOWN, "media.set", topic=topic, mic=True, camera=True, screen=True)
    await venue.heard(person, "media.changed", {"person": SHOWN.id, "screen": True})
    tell(SHOWN.name, "has microphone and camera on and shares the screen.")
    await venue.ask(person, "chat.send", topic=topic, text="Here is my portfolio.")
    await venue.heard(SHOWN, "chat.posted", {"text": "Here is my portfolio."})
    tell(person.name, "writes in the chat beside the video: Here is my portfolio.")
    asked = await venue.ask(person, "support.ask", text="I hear an echo.", where=topic)
    ticket = asked["ticket"]["id"]
    await venue.ask(HELPER, "support.queue")
    await venue.ask(HELPER, "support.reply", id=ticket, text="Please use headphones.")
    await venue.notified(person, "support.replied")
    tell(HELPER.name, "answers the call for help: Please use headphones.")
    venue.clients[person.id].interrupt()
    message = {"topic": topic, "text": "I am back."}
    await venue.ask(person, "chat.send", **message)
    await venue.heard(SHOWN, "chat.posted", {"text": "I am back."})
    tell(person.name, "loses the connection, and is back before anybody noticed.")


async def all_chats(venue: Venue) -> None:
    """Rules 44, 45: everybody's chats, slot after slot; some people do not come."""
    starts = sorted({instant_of(chat) for chat in await venue.bookings(tab="confirmed")})
    for start in starts:
        await venue.until(start)
        number = await _join_everybody(venue, start)
        chats = "1 chat is" if number == 1 else f"{number} chats are"
        venue.transcript.tell("", f"{chats} under way.")
    left = await venue.bookings(tab="confirmed")
    await venue.until(max(instant(chat["end"]) for chat in left) + GRACE)
    await venue.settled(confirmed=0)


async def _join_everybody(venue: Venue, start: datetime) -> int:
    chats = [chat for chat in await venue.bookings(tab="confirmed") if chat["start"] == iso(start)]
    await crowd([partial(_join, venue, chat) for chat in chats])
    return len(chats)


async def _join(venue: Venue, chat: dict[str, Any]) -> None:
    visitor = VISITORS.index(who(chat["participant"]["id"]))
    if visitor % EVERY_NTH_MISSES == 0 and visitor:
        if visitor % (2 * EVERY_NTH_MISSES) == 0:
            await venue.ask(who(chat["employee"]["id"]), "meeting.join", id=chat["id"])
        return
    for side in ("employee", "participant"):
        await venue.ask(who(chat[side]["id"]), "meeting.join", id=chat["id"])


async def completed(venue: Venue) -> None:
    """Rules 45, 47: whom one has spoken to, private notes, outcomes, the calendar."""
    tell = venue.transcript.tell
    listed = (await venue.ask(SHOWN, "meeting.list", tab="completed"))["meetings"]
    names = ", ".join(c["participant"]["name"] for c in listed if c["state"] == "completed")
    tell(SHOWN.name, f"looks at the tab Completed: {names}.")
    chat = listed[0]
    await venue.ask(SHOWN, "meeting.note", id=chat["id"], text="Invite to the second round.")
    person = who(chat["participant"]["id"])
    seen = await venue.ask(person, "meeting.get", id=chat["id"])
    if seen["note"]:
        raise ScriptFailed("a private note was shown to the other side")
    tell(SHOWN.name, f"keeps a private note on {person.name}, which only she sees.")
    calendar = (await venue.ask(SHOWN, "schedule.calendar"))["calendar"]
    tell(SHOWN.name, f"has {calendar.count('BEGIN:VEVENT')} entries in the calendar file.")
    outcomes: dict[str, int] = {}
    for each in await venue.bookings():
        outcomes[each["state"]] = outcomes.get(each["state"], 0) + 1
    tell("", "In the end: " + ", ".join(f"{n} {s}" for s, n in sorted(outcomes.items())) + ".")
