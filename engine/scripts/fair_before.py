"""The scripted fair before it opens: availability, requests, scheduling, changes."""

from functools import partial
from typing import Any

import attrs
import trio

from actors.errors import Refused
from actors.rules.base import Person
from engine.scripts.fair_cast import (
    ABOUT,
    COMPANIES,
    DAYS,
    DESKS,
    EMPLOYEES,
    EVENT,
    ONE_TO_ONE,
    ORGANIZER,
    QUESTION,
    QUOTA,
    VISITORS,
    asks_question,
    colleague,
)
from engine.scripts.venue import (
    PATIENCE,
    QUIET_PAUSE,
    ScriptFailed,
    Venue,
    clock_of,
    crowd,
    who,
)

APPROVED = 7
"""Requests each employee approves; one more than most of them have slots."""

HANA, HUGO, INES = EMPLOYEES[:3]
ANA = VISITORS[0]


async def organizer_sets_the_frame(venue: Venue) -> None:
    """Rules 37, 38: who may ask, durations, bookable hours, and each company's quota."""
    tell = venue.transcript.tell
    await venue.ask(ORGANIZER, "event.change", id=EVENT, one_to_one=dict(ONE_TO_ONE))
    tell(
        ORGANIZER.name,
        "allows chats of 15 or 30 minutes, from 09:00 to 12:00, on the second day from 10:00 to"
        " 11:00; employees and participants may ask.",
    )
    for company in COMPANIES:
        await venue.ask(ORGANIZER, "company.change", company=company, slots=QUOTA)
    tell(ORGANIZER.name, f"gives each of {len(COMPANIES)} companies {QUOTA} slots.")


async def availability(venue: Venue) -> None:
    """Rules 38, 39: slots one by one or all, one duration a day, quota, about, confirming."""
    tell, ask = venue.transcript.tell, partial(venue.ask, HANA)
    own = await ask("agenda.get", employee=HANA.id)
    quota = own["quota"]
    tell(HANA.name, f"sees that her company has {quota['limit']} slots, {quota['used']} in use.")
    slots = own["bookable"][0]["slots"]["30"]
    chosen = [slot["start"] for slot in slots[:2]]
    await ask("agenda.draft", day=DAYS[0], duration=30, slots=chosen)
    tell(HANA.name, f"selects two slots, {clock_of(slots[0])} and {clock_of(slots[1])}.")
    own = await ask("agenda.draft", day=DAYS[0], duration=15, slots=[])
    if own["draft"]["days"][0]["duration"] != 15:  # noqa: PLR2004  asked for above
        raise ScriptFailed("the day's one duration did not change")
    tell(HANA.name, "tries 15 minutes: a day has one duration, so the longer slots are gone.")
    await venue.refused(HANA, "invalid_params", "agenda.draft", day=DAYS[0], duration=20, slots=[])
    refused = await venue.refused(ANA, "wrong_state", "meeting.request", to=HANA.id)
    tell(ANA.name, f"asks Hana already: {refused['message']}")
    for employee in EMPLOYEES:
        await _draft_and_confirm(venue, employee)
    found = await venue.ask(ANA, "agenda.list")
    tell(ANA.name, f"finds {len(found['employees'])} employees who offer 1-1 chats.")
    await _past_the_quota(venue)


async def _draft_and_confirm(venue: Venue, employee: Person) -> None:
    about = {**ABOUT, "question": QUESTION} if asks_question(employee) else dict(ABOUT)
    draft = partial(venue.ask, employee, "agenda.draft")
    own = await draft(day=DAYS[0], duration=30, slots="all", about=about)
    if asks_question(employee):
        own = await draft(day=DAYS[1], duration=15, slots="all")
    await venue.ask(employee, "agenda.publish")
    count = sum(len(day["slots"]) for day in own["draft"]["days"])
    text = f"selects all of {count} slots and confirms the availability"
    if asks_question(employee):
        text += f"; on the second day chats last 15 minutes. Asks: {QUESTION}"
    venue.transcript.tell(employee.name, f"{text.rstrip('.?')}.")


async def _past_the_quota(venue: Venue) -> None:
    refused = await venue.refused(
        HUGO, "quota_exceeded", "agenda.draft", day=DAYS[1], duration=15, slots="all"
    )
    venue.transcript.tell(HUGO.name, f"selects the second day too: {refused['message']}")


async def requests(venue: Venue) -> None:
    """Rules 37, 40: everybody asks somebody, in both directions."""
    tell = venue.transcript.tell
    refused = await venue.refused(ANA, "invalid_params", "meeting.request", to=HANA.id)
    tell(ANA.name, f"asks Hana for a chat: {refused['message']} ({refused['question']})")
    for first in range(0, len(VISITORS), len(EMPLOYEES)):
        indices = range(first, first + len(EMPLOYEES))
        await crowd([partial(_request, venue, index) for index in indices])
    tell("", f"{len(VISITORS)} participants have sent a request.")
    last = VISITORS[-1]
    listed = await venue.ask(last, "meeting.list", tab="requested")
    await venue.ask(last, "meeting.withdraw", id=listed["meetings"][0]["id"])
    tell(last.name, "withdraws the request again.")
    asked = await venue.ask(HUGO, "meeting.request", to=ANA.id, message="We liked your portfolio.")
    await venue.notified(ANA, "meeting.requested")
    tell(HUGO.name, f"asks {ANA.name} for a chat; employees may ask too.")
    await venue.ask(ANA, "meeting.decline", id=asked["meeting"]["id"], message="I see Hana then.")
    tell(ANA.name, "declines with a message.")
    counts = (await venue.ask(HANA, "meeting.list", tab="requested"))["counts"]
    tell(HANA.name, f"finds {counts['requested']} requests in the tab Requested.")


async def _request(venue: Venue, index: int) -> None:
    employee = EMPLOYEES[index % len(EMPLOYEES)]
    answer = {"answer": "Berlin"} if asks_question(employee) else {}
    await venue.ask(
        VISITORS[index], "meeting.request", to=employee.id, message="I would like to meet", **answer
    )


async def review(venue: Venue) -> None:
    """Rules 40, 41: approve with the free slots shown, or decline and point elsewhere."""
    await crowd([partial(_review, venue, employee) for employee in EMPLOYEES])
    counts = await venue.counts()
    venue.transcript.tell(
        "",
        f"{counts['in_scheduling']} requests are approved; {counts['declined']} declined or"
        " withdrawn, with a word on where to go instead.",
    )
    declined = await venue.bookings(tab="declined", employee=HANA.id)
    person = who(next(chat["participant"]["id"] for chat in declined if chat["refer"]))
    chat = (await venue.notified(person, "meeting.declined"))["meeting"]
    venue.transcript.tell(person.name, f"reads: {chat['reason']} {_referral(chat)}")


def _referral(chat: dict[str, Any]) -> str:
    refer = chat["refer"]
    return f"(a colleague: {refer['employee']})" if refer["employee"] else f"({refer['session']})"


async def _review(venue: Venue, employee: Person) -> None:
    listed = await venue.ask(employee, "meeting.list", tab="requested")
    for number, chat in enumerate(listed["meetings"]):
        if number < APPROVED:
            approved = await venue.ask(employee, "meeting.approve", id=chat["id"])
            if number == 0:
                free = len(approved["slots"])
                venue.transcript.tell(
                    employee.name, f"approves {APPROVED} of {len(listed['meetings'])};"
                    f" {free} slots are free in the grey box."
                )  # fmt: skip
            continue
        refer: dict[str, str] = {"employee": colleague(employee).id}
        if number % 2:
            refer = {"session": f"{employee.company}-booth"}
        message = "My slots will not suffice."
        await venue.ask(employee, "meeting.decline", id=chat["id"], message=message, refer=refer)


@attrs.define
class _Race:
    taken: int = 0
    left_out: list[str] = attrs.field(factory=list)


async def scheduling(venue: Venue) -> None:
    """Rules 41, 42: everybody approved picks the first free slot at the same time."""
    tell = venue.transcript.tell
    await venue.ask(ANA, "session.register", session="acme-workshop")
    (chat,) = (await venue.ask(ANA, "meeting.list", tab="in_scheduling"))["meetings"]
    ten = next(
        slot
        for slot in (await venue.ask(HANA, "agenda.get", employee=HANA.id))["days"][0]["slots"]
        if slot["local"].startswith(f"{DAYS[0]}T10:00")
    )
    await _until_conflict(venue, chat["id"], ten["start"])
    tell(ANA.name, "has a seat in the workshop at 10:00, so that slot is a conflict for her.")
    waiting = await venue.bookings(tab="in_scheduling")
    race = _Race()
    await crowd([partial(_pick, venue, each, race) for each in waiting])
    tell("", f"{len(waiting)} participants pick at once; {race.taken} times somebody was faster.")
    counts = await venue.counts()
    tell("", f"{counts['confirmed']} chats are confirmed, no slot twice; {len(race.left_out)}"
         " people found no slot left.")  # fmt: skip
    await _more_slots(venue, race.left_out)


async def _until_conflict(venue: Venue, chat: str, start: str) -> None:
    # The session tells the agenda of the seat a moment after it answered.
    with trio.fail_after(PATIENCE):
        while not await _has(venue, ANA, "acme-workshop"):  # noqa: ASYNC110  it is asked for over the wire
            await trio.sleep(QUIET_PAUSE)
    await venue.refused(ANA, "conflict", "meeting.pick", id=chat, slot=start)


async def _has(venue: Venue, person: Person, item: str) -> bool:
    return item in {each["id"] for each in (await venue.ask(person, "schedule.mine"))["items"]}


async def _pick(venue: Venue, chat: dict[str, Any], race: _Race) -> None:
    person = who(chat["participant"]["id"])
    free = (await venue.ask(person, "meeting.slots", id=chat["id"]))["slots"]
    while free:
        try:
            await venue.ask(person, "meeting.pick", id=chat["id"], slot=free[0]["start"])
        except Refused as refusal:
            if refusal.reason != "slot_taken":
                raise
            race.taken += 1
            free = refusal.data["slots"]
        else:
            return
    race.left_out.append(chat["id"])


async def _more_slots(venue: Venue, left_out: list[str]) -> None:
    tell = venue.transcript.tell
    waiting = [each for each in await venue.bookings(tab="in_scheduling") if each["id"] in left_out]
    mine = next(each for each in waiting if each["employee"]["id"] == HUGO.id)
    someone = next(
        each for each in await venue.bookings(employee=HUGO.id, tab="declined")
        if each["initiator"] == "participant"
    )  # fmt: skip
    person = who(someone["participant"]["id"])
    again = await venue.ask(person, "meeting.request", to=HUGO.id)
    again_id = again["meeting"]["id"]
    refused = await venue.refused(HUGO, "no_free_slots", "meeting.approve", id=again_id)
    tell(HUGO.name, f"cannot approve another request: {refused['message']}")
    await venue.ask(ORGANIZER, "company.change", company="acme", slots=QUOTA + DESKS)
    await venue.ask(HUGO, "agenda.draft", day=DAYS[1], duration=15, slots="all")
    await venue.ask(HUGO, "agenda.publish")
    tell(HUGO.name, "is given four more slots by the organizer, and adds them to the second day.")
    await venue.ask(HUGO, "meeting.approve", id=again_id)
    for each in (mine, again["meeting"]):
        await _pick(venue, each, _Race())
    for each in waiting:
        if each is not mine:
            person = who(each["employee"]["id"])
            text = "All my slots are gone; come to our booth."
            await venue.ask(person, "meeting.cancel", id=each["id"], message=text)
    tell("", "The others who found no slot are sent to the booths.")


async def changes(venue: Venue) -> None:
    """Rule 43: reschedule by proposal, cancel; and what an organizer does."""
    tell = venue.transcript.tell
    (chat,) = (await venue.ask(ANA, "meeting.list", tab="confirmed"))["meetings"]
    free = (await venue.ask(ANA, "meeting.slots", id=chat["id"]))["slots"]
    proposed = await venue.ask(ANA, "meeting.reschedule", id=chat["id"], slot=free[-1]["start"])
    if proposed["meeting"]["start"] != chat["start"]:
        raise ScriptFailed("the old slot did not hold")
    tell(ANA.name, f"proposes {clock_of(free[-1])} instead; until Hana agrees the old slot holds.")
    await venue.notified(HANA, "meeting.reschedule_proposed")
    await venue.ask(HANA, "meeting.agree", id=chat["id"])
    file = (await venue.ask(HANA, "meeting.calendar", id=chat["id"]))["calendar"]
    if "METHOD:REQUEST" not in file or "SEQUENCE:1" not in file:
        raise ScriptFailed("the calendar's entry did not follow")
    tell(HANA.name, "agrees; the calendar file has the new time and SEQUENCE 1.")
    other = next(each for each in await venue.bookings(employee=HANA.id, tab="confirmed")
                 if each["id"] != chat["id"] and not each["start"].startswith(DAYS[1]))  # fmt: skip
    person = who(other["participant"]["id"])
    busy = (await venue.ask(HANA, "agenda.get", employee=HANA.id))["days"][0]["slots"]
    taken = next(s for s in busy if not s["free"] and s["start"] != other["start"])
    await venue.refused(
        person, "conflict", "meeting.reschedule", id=other["id"], slot=taken["start"]
    )
    tell(person.name, f"would like {clock_of(taken)}, but Hana is busy then: a conflict.")
    await venue.ask(person, "meeting.cancel", id=other["id"], message="I am ill, sorry.")
    await venue.notified(HANA, "meeting.cancelled")
    tell(person.name, "cancels with a message; both are free again.")
    await _organizer_steps_in(venue, chat["id"])


async def _organizer_steps_in(venue: Venue, chat: str) -> None:
    tell = venue.transcript.tell
    seen = await venue.bookings(tab="confirmed", company="acme")
    tell(ORGANIZER.name, f"sees all {len(seen)} confirmed chats of {COMPANIES['acme']}.")
    await venue.ask(ORGANIZER, "meeting.reassign", id=chat, to=INES.id)
    await venue.notified(INES, "meeting.reassign_offered")
    tell(ORGANIZER.name, f"asks {INES.name} to take over the chat of {ANA.name} with Hana.")
    await venue.ask(INES, "meeting.agree", id=chat)
    await venue.notified(ANA, "meeting.reassigned")
    tell(INES.name, "agrees; only then the chat is hers.")
    moved = next(each for each in seen if each["employee"]["id"] == HUGO.id)
    start = f"{DAYS[1]}T10:30:00.000Z"
    await venue.ask(ORGANIZER, "meeting.move", id=moved["id"], start=start)
    await venue.notified(who(moved["participant"]["id"]), "meeting.moved")
    tell(ORGANIZER.name, "moves a chat of Hugo to the second day at 11:30.")
