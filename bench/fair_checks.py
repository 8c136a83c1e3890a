"""What must hold at the end of a fair, and what must be gone once everybody has left."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import psutil
import trio

from actors.errors import TEMPORARY, Refused
from bench.attendee import ANSWER_SECONDS, OUT_SECONDS
from bench.diary import Diary
from bench.fair_chats import employee_of, names
from bench.load.target import Target
from bench.load.watch import ask, metrics_url
from storage.readers import READERS
from transport.client import Client, open_client

PAGE = 100
PAGE_PAUSE = 0.25
"""Between two pages, within the rate of one person."""

LEAVING_SECONDS = 120.0
"""How long actors, tasks and files may take to go once nobody is there."""

QUIET_SECONDS = OUT_SECONDS[1] + 2.0
"""Nothing asked for so long: whoever went home is back by then."""

ENTER_WITHIN = timedelta(seconds=45)
"""A 1-1 chat that could be entered for so long must have been."""

ATTEMPTS = 10
LOOK_SECONDS = 1.0
LOOKS = 6
"""Of so many the least counts: to be asked costs the server a task and a file now and then."""

BASELINE_SECONDS = 60.0
"""How long a server may take to come to rest before anybody is there."""

DATABASE = "greenroom.db"
DATABASE_FILES = 2 * (1 + READERS) + 2
"""Files of the database that may be open: two of the writer and of each reader, and two of all.
Readers come with use."""

REMINDERS = 3
"""Timers of each pair that a daemon which was killed sets at its start: for the chat that is booked
and for both agendas. They stand until the slot is over, whatever becomes of the chat."""

LEFT = ("actors", "tasks", "timers", "clients", "subscriptions", "mailboxes", "files")
"""What must be back where it was."""


async def quiet(diary: Diary) -> int:
    """Wait until nobody asks anything any more; return how many are still without an answer.

    What is done while it is being checked looks lost: read a page too early, counted too late.
    """
    end = trio.current_time() + 2 * ANSWER_SECONDS
    while trio.current_time() < end:
        still = max(diary.asked, diary.told) + QUIET_SECONDS - trio.current_time()
        if still <= 0 and not diary.waiting:
            break
        await trio.sleep(max(still, LOOK_SECONDS))
    return diary.waiting


def unentered(diary: Diary, now: datetime) -> list[str]:
    """Name the booked 1-1 chats that could be entered for long, and were not."""
    return [
        f"1-1 chat {chat} could be entered since {since:%H:%M:%S}, and nobody came"
        for chat, (since, until) in diary.open.items()
        if chat not in diary.entered and min(now, until) - since > ENTER_WITHIN
    ]


async def promises(target: Target, sessions: list[str], diary: Diary) -> list[str]:
    """Return what was acknowledged and does not hold.

    Every acknowledged message is in its session once, People shows who is in and nobody else, and
    each question has the votes that were given.
    """
    broken: list[str] = []
    for session in sessions:
        token = target.token(f"host-{session}", sessions=frozenset({session}))
        async with open_client(target.url, token) as client:
            for check in (_messages, _people, _votes):
                try:
                    broken += await check(_Patient(client), session, diary)
                except Refused as refused:
                    broken.append(f"{session} could not be checked: {refused}")
    return broken


@attrs.frozen
class _Patient:
    """A client who asks again when told to come back later."""

    client: Client

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        for _ in range(ATTEMPTS):
            try:
                return await self.client.call(method, **params)
            except Refused as refused:
                if refused.reason not in TEMPORARY:
                    raise
            await trio.sleep(1)
        return await self.client.call(method, **params)


async def _messages(client: _Patient, session: str, diary: Diary) -> list[str]:
    # Before the first page: what is acknowledged after it was read would seem to be gone.
    said = [text for text, where in diary.said.items() if where == session]
    return _once(said, await _history(client, f"session/{session}"))


def _once(said: list[str], kept: Mapping[str, int]) -> list[str]:
    gone = [f"{text!r} was acknowledged and is gone" for text in said if text not in kept]
    return gone + [f"{text!r} is there {n} times" for text, n in kept.items() if n > 1]


async def _history(client: _Patient, topic: str) -> dict[str, int]:
    """Return how often each text is in a topic's chat."""
    kept: dict[str, int] = {}
    before: str | None = None
    while True:
        more: dict[str, Any] = {"before": before} if before else {}
        page = await client.call("chat.history", topic=topic, limit=PAGE, **more)
        if not page["messages"]:
            return kept
        for message in page["messages"]:
            kept[message["text"]] = kept.get(message["text"], 0) + 1
        before = min((message["id"] for message in page["messages"]), key=int)
        await trio.sleep(PAGE_PAUSE / 5)


async def _people(client: _Patient, session: str, diary: Diary) -> list[str]:
    shown = {
        one["id"] async for one in _listed(client, "people.list", "people", session)
    } - diary.unsure
    inside = diary.inside.get(session, set()) - diary.unsure
    missing = [f"{person} is in {session}, and People says no" for person in inside - shown]
    return missing + [f"People of {session} shows {ghost}, who left" for ghost in shown - inside]


async def _votes(client: _Patient, session: str, diary: Diary) -> list[str]:
    broken = []
    async for question in _listed(client, "qa.list", "questions", session):
        key = (session, question["id"])
        given = len(diary.votes.get(key, ()))
        if key not in diary.unsure and question["votes"] != given:
            broken.append(
                f"question {question['id']} of {session} has {question['votes']} votes, not {given}"
            )
    return broken


async def _listed(
    client: _Patient, method: str, what: str, session: str
) -> AsyncIterator[Mapping[str, Any]]:
    after = None
    while True:
        more: dict[str, Any] = {"after": after} if after is not None else {}
        page = await client.call(method, session=session, limit=PAGE, **more)
        for one in page[what]:
            yield one
        after = page.get("next")
        if after is None:
            return
        await trio.sleep(PAGE_PAUSE)


async def promises_of_chats(target: Target, pairs: Iterable[int], diary: Diary) -> list[str]:
    """Return what was acknowledged of 1-1 chats and does not hold.

    Every slot that was picked is booked, once, on both sides' lists; what was told to have been a
    meeting is none that somebody missed; and every acknowledged message is in its chat once.

    :param pairs: numbers of the pairs.
    """
    broken: list[str] = []
    for guest, desk in map(names, pairs):
        lists: list[dict[str, Mapping[str, Any]]] = []
        for person, claims in ((guest, {}), (desk, employee_of(target))):
            async with open_client(target.url, target.token(person, **claims)) as client:
                patient = _Patient(client)
                try:
                    lists.append(await _booked(patient))
                    if person == guest:
                        broken += await _asides(patient, list(lists[0]), diary)
                except Refused as refused:
                    broken.append(f"{person}'s 1-1 chats could not be checked: {refused}")
        if len(lists) == 2:  # noqa: PLR2004  both sides'
            broken += _pair_broken(guest, lists[0], lists[1], diary)
    return broken


async def _booked(client: _Patient) -> dict[str, Mapping[str, Any]]:
    found = {}
    for tab in ("confirmed", "completed"):  # in this order: chats go from the one to the other
        listed = await client.call("meeting.list", tab=tab, limit=PAGE)
        found.update({meeting["id"]: meeting for meeting in listed["meetings"]})
    return found


async def _asides(client: _Patient, chats: list[str], diary: Diary) -> list[str]:
    broken = []
    for chat in chats:
        said = [text for text, where in diary.aside.items() if where == chat]
        broken += _once(said, await _history(client, f"chat/{chat}"))
    return broken


def _pair_broken(
    guest: str,
    own: Mapping[str, Mapping[str, Any]],
    other: Mapping[str, Mapping[str, Any]],
    diary: Diary,
) -> list[str]:
    told = {chat: start for chat, (who, start) in diary.booked.items() if who == guest}
    shown = {chat: meeting["start"] for chat, meeting in own.items()}
    broken = [
        f"1-1 chat {chat} was booked for {start}, and is at {shown.get(chat)}"
        for chat, start in told.items()
        if shown.get(chat) != start
    ]
    broken += [
        f"1-1 chat {chat} is booked, and {guest} was not told"
        for chat in shown
        if chat not in told and chat not in diary.unsure
    ]
    if {chat: meeting["start"] for chat, meeting in other.items()} != shown:
        broken.append(f"the lists of {guest} and the employee differ")
    if len(set(shown.values())) < len(shown):
        broken.append(f"{guest} has two 1-1 chats at the same time")
    return broken + [
        f"1-1 chat {chat} is {own[chat]['state']}, and both were told that they met"
        for chat in diary.met & own.keys()
        if own[chat]["state"] not in {"confirmed", "completed"}
    ]


async def end_chats(target: Target, number: int) -> None:
    """Have employees cancel the 1-1 chats that have not begun."""
    for _, desk in map(names, range(number)):
        async with open_client(target.url, target.token(desk, **employee_of(target))) as client:
            listed = await client.call("meeting.list", tab="confirmed", limit=PAGE)
            for meeting in listed["meetings"]:
                if datetime.fromisoformat(meeting["start"]) > datetime.now(UTC):
                    await client.call("meeting.cancel", id=meeting["id"], message="It is over.")


async def end_sessions(target: Target, sessions: list[str]) -> None:
    """Have every host end the session."""
    for session in sessions:
        token = target.token(f"host-{session}", sessions=frozenset({session}))
        async with open_client(target.url, token) as client:
            await client.call("session.join", session=session)
            await client.call("session.end", session=session)


async def standing(target: Target) -> dict[str, float]:
    """Return what the server holds now, by its own word; empty if it does not say.

    ``files`` is without those of the database, which are ``database_files``.
    """
    found = await trio.to_thread.run_sync(ask, metrics_url(target.url))
    if "files" in found:
        found["database_files"] = _database_files(target)
        found["files"] -= found["database_files"]
    return found


def _database_files(target: Target) -> int:
    try:
        process = target.process()
        opened = process.open_files() if process is not None else []
    except psutil.Error:
        return 0
    return sum(Path(one.path).name.startswith(DATABASE) for one in opened)


async def settled(target: Target) -> dict[str, float]:
    """Return the least the server holds of each, once that is the same as it was shortly before.

    What it starts with has gone then, and what comes late has come. Empty if it never tells.
    """
    looks: deque[Mapping[str, float]] = deque(maxlen=2 * LOOKS)
    end = trio.current_time() + BASELINE_SECONDS
    while trio.current_time() < end:
        if now := await standing(target):
            looks.append(now)
        earlier, later = _least(list(looks)[:-LOOKS]), _least(list(looks)[-LOOKS:])
        if len(looks) == looks.maxlen and all(earlier.get(one) == later.get(one) for one in LEFT):
            break
        await trio.sleep(LOOK_SECONDS)
    return _least(list(looks)[-LOOKS:])


def _least(looks: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for look in looks:
        found |= {name: min(look[name], found.get(name, look[name])) for name in look}
    return found


async def left_behind(
    target: Target, before: Mapping[str, float], reminders: int = 0
) -> tuple[list[str], dict[str, float]]:
    """Wait until everything is as it was before anybody came; return what is not, and how it is.

    :param reminders: timers that may stand beside those of before.
    """
    end = trio.current_time() + LEAVING_SECONDS
    allowed = {**before, "timers": before.get("timers", 0.0) + reminders} if before else {}
    looks: deque[Mapping[str, float]] = deque(maxlen=LOOKS)
    while True:
        if found := await standing(target):
            looks.append(found)
        now = _least(looks)
        left = _left(allowed, now)
        if not left or trio.current_time() > end:
            return left, now
        await trio.sleep(LOOK_SECONDS)


def _left(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    if not now:
        return ["the server does not tell its metrics"]
    if not before:
        return ["the server did not tell what it held before anybody came"]
    left = [
        f"{now[name] - before[name]:.0f} {name} were left behind"
        for name in LEFT
        if name in before and now.get(name, 0.0) > before[name]
    ]
    database = now.get("database_files", 0.0)
    if database > DATABASE_FILES:
        left.append(f"{database:.0f} files of the database are open")
    return left
