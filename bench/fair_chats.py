"""Pre-scheduled 1-1 chats of a whole fair: asking, picking a slot, being there, talking aside.

A guest and an employee are a pair. The employee offers slots and approves; the guest asks, picks
the next free slot, and both come once they may (rules 37 to 45). Half of the chats are talked to
their end, which comes by itself; the others some leave earlier. Who was told what is kept in the
diary, and held against what is there at the end.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import trio

from actors.rules.meeting.record import GRACE, OPENS_BEFORE
from actors.rules.policy import MIN_MINUTES
from bench.attendee import Attendee
from bench.diary import Diary
from bench.load import brief
from bench.load.target import Target

FIRST_AFTER = timedelta(minutes=1)
"""How soon after everybody has come the first slots begin, or up to a minute later."""

BOOKING = timedelta(seconds=8)
"""How long the pairs take to come and to book, once a fair has begun."""

LOADING = timedelta(seconds=2)
"""How long bringing the event takes, before a fair begins."""

SPARE = timedelta(seconds=3)
"""How much longer than a chat a fair lasts in which one is seen to end."""

ASIDE_PART = 0.3
"""Of what somebody with a 1-1 chat does: something about it."""

LEAVES = 0.15
"""The share of such acts within a chat in which one leaves it."""

TOLD_WITHIN = timedelta(seconds=30)
"""How soon after the end of a 1-1 chat whoever is in it is told."""

CHECKED_WITHIN = timedelta(minutes=2)
"""How long after its end a fair has been checked."""


@attrs.frozen
class Slots:
    """The slots of a fair, as short as an organizer may allow.

    :param minutes: how long one is.
    :param grace: how long a chat goes on after its slot (rule 44).
    :param ahead: how far ahead an employee offers slots.
    """

    minutes: int = MIN_MINUTES
    grace: timedelta = GRACE
    ahead: timedelta = timedelta(hours=2)

    @property
    def lasting(self) -> timedelta:
        """How long a chat lasts from its slot's beginning."""
        return timedelta(minutes=self.minutes) + self.grace

    @property
    def quota(self) -> int:
        """As many as a company needs for each of its employees."""
        return int(self.ahead / timedelta(minutes=self.minutes)) + 1

    def over_by(self, meeting: Mapping[str, Any]) -> datetime:
        """Return when a chat's room closes (rule 44)."""
        return datetime.fromisoformat(meeting["end"]) + self.grace


USUAL = Slots()
SHORT = Slots(brief.MINUTES, brief.GRACE, timedelta(minutes=10))
"""Of a daemon that allows shorter ones (:mod:`bench.load.brief`)."""


@attrs.frozen
class Times:
    """When a fair begins, and when its first slots do.

    :param to_the_end: whether some chat may be seen to end by itself.
    """

    begins: datetime
    first: datetime
    to_the_end: bool

    @classmethod
    def of(cls, slots: Slots, now: datetime, ramp: float, seconds: float) -> "Times":
        """Plan a fair: short slots begin soon after it does.

        Slots begin with a minute. A fair that is long enough for a chat waits for the right moment
        before one, rather than to last a minute longer.

        :param now: when the event is about to be brought.
        :param ramp: seconds over which people come.
        :param seconds: after that.
        """
        lasts = timedelta(seconds=ramp + seconds)
        if slots is USUAL:
            first = _minute(now + timedelta(seconds=ramp) + FIRST_AFTER)
            return cls(now, first, first + slots.lasting + SPARE <= now + lasts)
        first = _minute(now + LOADING + BOOKING)
        to_the_end = BOOKING + slots.lasting + SPARE <= lasts
        begins = first - BOOKING if to_the_end else now
        return cls(begins, first, to_the_end)

    def event(self, slots: Slots) -> dict[str, Any]:
        """Return an event's time zone and its rules for 1-1 chats.

        Slots follow one another from the hours' beginning. It is about noon there: a day's end
        would be the end of a slot too, and there would be none across it.
        """
        offset = NOON - self.first.hour
        local = self.first + timedelta(hours=offset)
        hours = [f"{at:%H:%M}" for at in (local, local + slots.ahead + timedelta(hours=1))]
        return {
            "time_zone": f"Etc/GMT{-offset:+}",  # the sign is POSIX's
            "one_to_one": {"initiators": "both", "durations": [slots.minutes], "hours": hours},
        }


NOON = 12


def _minute(at: datetime) -> datetime:
    """Return the minute that begins then, or next."""
    return (at + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)


def talked_out(chat: str) -> bool:
    """Whether nobody leaves this 1-1 chat before its end; both sides are of one mind."""
    return zlib.crc32(chat.encode()) % 2 == 0


class Partner(Attendee):
    """One side of a pair.

    :param partner: the other side's id.
    :param slots: of the fair.
    """

    def __init__(self, *args: Any, partner: str, slots: Slots, **more: Any) -> None:
        super().__init__(*args, **more)
        self._partner = partner
        self._slots = slots
        self._inside = ""
        self._left: set[str] = set()
        self._closes = datetime.max.replace(tzinfo=UTC)
        self._connects = 0

    def untold(self, now: datetime) -> str:
        """Return the 1-1 chat this person still sits in though its end is long past, if any.

        Whoever's connection dropped meanwhile may have been out already.
        """
        client = self._client
        if client is None or client.statistics().connects != self._connects:
            return ""
        return self._inside if now > self._closes + TOLD_WITHIN else ""

    async def _enter(self) -> None:
        self._inside = ""
        await super()._enter()
        await self._look(trio.current_time())

    async def _act(self, due: float) -> None:
        if self._random.random() >= ASIDE_PART:
            await super()._act(due)
        elif not self._inside:
            await self._look(due)
        elif not talked_out(self._inside) and self._random.random() < LEAVES:
            await self._leave_chat(due)
        else:
            await self._say_aside(due)

    async def _look(self, due: float) -> None:
        """Go into a chat that may be entered, or do what leads to one."""
        found = await self.ask("meeting.list", due, tab="confirmed", limit=50)
        for meeting in found["meetings"] if found else ():
            if meeting["joinable"] and meeting["id"] not in self._left:
                await self._come(meeting)
                return
        if found is not None:
            await self._further(found)

    async def _further(self, confirmed: Mapping[str, Any]) -> None:
        """Do what leads to a chat: each side has its own part in it."""

    async def _come(self, meeting: Mapping[str, Any]) -> None:
        if self._inside or self._client is None:
            return
        chat = self._inside = meeting["id"]
        self._closes = self._slots.over_by(meeting)
        self._connects = self._client.statistics().connects
        if await self.ask("meeting.join", trio.current_time(), id=chat) is None:
            self._inside = ""
            return
        self._diary.entries += 1
        self._diary.entered.add(chat)
        await self._say_aside(trio.current_time())

    async def _say_aside(self, due: float) -> None:
        self._number += 1
        chat, text = self._inside, f"{self.name} says {self._number} aside"
        if not chat:
            return  # it has ended meanwhile
        if await self.ask("chat.send", due, topic=f"chat/{chat}", text=text) is not None:
            self._diary.aside[text] = chat

    async def _leave_chat(self, due: float) -> None:
        chat, self._inside = self._inside, ""
        self._left.add(chat)
        await self.ask("meeting.leave", due, id=chat)

    async def _answer(self, type_name: str, data: Any) -> None:
        if type_name == "notification.added":
            about = data["data"].get("meeting", {})  # nothing of a reminder
            await self._notified(data["kind"], about.get("id", ""))
        elif type_name == "meeting.met":
            self._diary.met.add(data["meeting"]["id"])
        elif type_name == "meeting.ended":
            self._diary.ended.setdefault(self._inside, set()).add(self.name)
            self._inside = ""
        elif type_name == "meeting.warned":
            self._diary.warned += 1
        else:
            await super()._answer(type_name, data)

    async def _notified(self, kind: str, chat: str) -> None:
        if chat and kind == "meeting.confirmed":
            await self._look(trio.current_time())


class Guest(Partner):
    """The participant: asks for a chat, and picks a slot for it.

    :param tidy: whether no chat may be running when the fair is over.
    """

    def __init__(self, *args: Any, tidy: bool = False, **more: Any) -> None:
        super().__init__(*args, **more)
        self._tidy = tidy
        self._over = datetime.now(UTC)

    async def run(self, until: float) -> None:
        """Come and go until an instant, then stay until cancelled."""
        self._over = datetime.now(UTC) + timedelta(seconds=until - trio.current_time())
        await super().run(until)

    def suits(self, slot: Mapping[str, Any]) -> bool:
        """Whether a slot may be picked."""
        begun = datetime.fromisoformat(slot["start"]) < self._over + CHECKED_WITHIN
        return not self._tidy or not begun or self._slots.over_by(slot) < self._over

    async def _further(self, confirmed: Mapping[str, Any]) -> None:
        counts, now = confirmed["counts"], trio.current_time()
        if counts["in_scheduling"]:
            found = await self.ask("meeting.list", now, tab="in_scheduling", limit=50)
            for meeting in found["meetings"][:1] if found else ():
                await self._pick(meeting["id"])
        elif not counts["requested"] and not counts["confirmed"]:
            await self.ask("meeting.request", now, to=self._partner, message="May I?")

    async def _pick(self, chat: str) -> None:
        found = await self.ask("meeting.slots", trio.current_time(), id=chat)
        starts = [each["start"] for each in found["slots"] if self.suits(each)] if found else []
        if not starts:
            return
        self._diary.unsure.add(chat)
        told = await self.ask("meeting.pick", trio.current_time(), id=chat, slot=starts[0])
        if told is not None:
            self._diary.unsure.discard(chat)
            self._diary.booked[chat] = (self.name, told["meeting"]["start"])
            self._diary.open[chat] = _open(told["meeting"])
            await self._look(trio.current_time())

    async def _notified(self, kind: str, chat: str) -> None:
        if kind == "meeting.approved":
            await self._pick(chat)
        else:
            await super()._notified(kind, chat)


class Employee(Partner):
    """The company's side: offers slots and approves whoever asks."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._offers = False

    def _token(self) -> str:
        return self._target.token(self.name, **employee_of(self._target))

    async def _enter(self) -> None:
        if not self._offers:
            self._offers = await self._offer()
        await super()._enter()

    async def _offer(self) -> bool:
        """Offer what is bookable in the next hours (rule 39); whether it was taken."""
        told = await self.ask("agenda.get", trio.current_time(), employee=self.name)
        until, minutes = datetime.now(UTC) + self._slots.ahead, self._slots.minutes
        for each in told["bookable"] if told else ():
            starts = [slot["start"] for slot in each["slots"][str(minutes)]]
            given = [start for start in starts if datetime.fromisoformat(start) < until]
            day, now = each["day"], trio.current_time()
            if not given:
                continue
            drafted = await self.ask("agenda.draft", now, day=day, duration=minutes, slots=given)
            if drafted is None:
                return False
        return await self.ask("agenda.publish", trio.current_time()) is not None

    async def _further(self, confirmed: Mapping[str, Any]) -> None:
        if confirmed["counts"]["requested"]:
            found = await self.ask("meeting.list", trio.current_time(), tab="requested", limit=50)
            for meeting in found["meetings"] if found else ():
                await self._approve(meeting["id"])

    async def _approve(self, chat: str) -> None:
        await self.ask("meeting.approve", trio.current_time(), id=chat)

    async def _notified(self, kind: str, chat: str) -> None:
        if kind == "meeting.requested":
            await self._approve(chat)
        else:
            await super()._notified(kind, chat)


def _open(meeting: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return from when on a chat that was just booked may be entered, and until when (rule 44)."""
    start, end = (datetime.fromisoformat(meeting[name]) for name in ("start", "end"))
    return max(datetime.now(UTC), start - OPENS_BEFORE), end


SEEDS = 100_000
"""Seeds of pairs begin here; smaller ones are the hosts' and the audiences'."""


def employee_of(target: Target) -> dict[str, Any]:
    """Return the claims of those who offer chats."""
    return {"role": "employee", "company": f"{target.event}-acme"}


def names(number: int) -> tuple[str, str]:
    """Return the guest and the employee of a pair."""
    return f"guest-{number}", f"desk-{number}"


def pairs(
    target: Target,
    number: int,
    sessions: Sequence[str],
    diary: Diary,
    *,
    slots: Slots,
    think: float,
    tidy: bool,
) -> list[Attendee]:
    """Return so many employees, then their guests, who are in the sessions as others are.

    :param tidy: whether none of their chats may be running when the fair is over.
    """
    desks: list[Attendee] = []
    guests: list[Attendee] = []
    for index in range(number):
        guest, desk = names(index)
        session = sessions[index % len(sessions)]
        here, seed = (session, diary), SEEDS + 2 * index
        given: dict[str, Any] = {"slots": slots, "think": think}
        desks.append(Employee(target, desk, *here, partner=guest, seed=seed, **given))
        guests.append(Guest(target, guest, *here, partner=desk, seed=seed + 1, tidy=tidy, **given))
    return desks + guests
