"""What must be true at the end of a simulation, whatever went wrong in it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from actors.errors import Refused
from actors.ports import Entry
from actors.rules import records
from bench.simulate.audit.chats import BOOKED, GRACE, MISSING_AFTER, Chat
from bench.simulate.life import Lives
from bench.simulate.people import Tab, Visitor, ok
from bench.simulate.world import Span, World, leftovers
from engine.kinds import KINDS

ALL = 1_000_000
LOOKED_AT = 300
"""People whose last visit is looked at; more would say no more."""

READ_BACK = 400
"""Entities whose journals are read back."""

DEADLINES = 100
"""Entities of a kind whose deadlines are looked at when the engine ends."""

SPELLED = timedelta(milliseconds=1)
"""What a time loses on its way through the journal: entries spell it in milliseconds, so that what
is read back may be due a little sooner than what was in memory."""

IDLE = 3600.0
"""Seconds after which nothing may be left in memory of a fair that is over."""

SURELY = timedelta(seconds=2)


async def check(world: World, lives: Lives) -> None:
    """See that every promise was kept; what was not goes into the history's book."""
    breach = world.history.breach
    for sentence in [*_said(world, lives), *_refused(world, lives), *_votes(world, lives)]:
        breach(sentence)
    for sentence in [*_over(world), *_outcomes(world, lives)]:
        breach(sentence)
    world.history.companies.close()
    for person in lives.everybody[:LOOKED_AT]:
        await _last_visit(world, lives, person)
    await _read_back(world)
    await world.sleep(IDLE)
    for what, count in leftovers(world.engine).items():
        if count:
            breach(f"{count} {what} are left over")
    counters = world.engine.services.counters
    if failed := world.failed + counters.failed:
        breach(f"{failed} commands failed for a fault of the engine's own")
    if lost := world.lost + counters.effects_lost:
        breach(f"{lost} consequences of events were given up on")


def _said(world: World, lives: Lives) -> Iterator[str]:
    """Yield what was acknowledged and is not on disk once, or was refused and is."""
    said, known = world.history.words.said, set()
    for person in lives.everybody:
        for text, acknowledged in person.memory.said.items():
            known.add(text)
            if acknowledged and said[text] != 1:
                yield f"{text!r} was acknowledged and is in the journal {said[text]} times"
            elif acknowledged is False and said[text]:
                yield f"{text!r} was refused, and is in the journal"


def _refused(world: World, lives: Lives) -> Iterator[str]:
    for person in lives.everybody:
        for key, entity in person.memory.refused:
            if world.history.carried_out(person.id, key, entity):
                what = key.replace("\0", " ")
                yield f"{person.id} was refused {what} by {entity}, and it was carried out"


def _votes(world: World, lives: Lives) -> Iterator[str]:
    for person in lives.everybody:
        for (topic, question), vote in person.memory.votes.items():
            votes = world.history.sessions.seen[topic].votes.get(question)
            if votes is not None and vote is not None and vote != (person.id in votes):
                yield f"{person.id}'s vote for question {question} of {topic} is not {vote}"


def _over(world: World) -> Iterator[str]:
    for entity, seen in world.history.sessions.seen.items():
        if seen.status not in ("ended", "cancelled"):
            yield f"{entity} is {seen.status} after the fair"
        if seen.here or seen.seats:
            yield f"{entity} is over, and {sorted(seen.here)} are in it"
    for entity, chat in world.history.chats.chats.items():
        passed = chat.span is not None and chat.span[1] + GRACE < world.now
        if chat.status == "confirmed" and passed:
            yield f"{entity} is over, and still confirmed"


# 1-1 chats against those who were there


def _outcomes(world: World, lives: Lives) -> Iterator[str]:
    people = {person.id: person for person in lives.everybody}
    for entity, chat in world.history.chats.chats.items():
        if chat.status in BOOKED and chat.span is not None:
            id_ = entity.partition("/")[2]
            sides = [people[each] for each in chat.parties]
            yield from _outcome(id_, chat, sides, chat.span[0])


def _outcome(id_: str, chat: Chat, sides: list[Visitor], start: datetime) -> Iterator[str]:
    sure = [side.id for side in sides if _was_there(side.memory.stays.get(id_, ()), start)]
    away = [side.id for side in sides if id_ not in side.memory.tried]
    expected = {
        (2, 0): ("completed", []),
        (1, 1): ("no_show", away),
        (0, 2): ("missed", sorted(away)),
    }.get((len(sure), len(away)))
    if expected is not None and expected != (chat.status, sorted(chat.missing)):
        yield f"chat/{id_} is {chat.status}, {chat.missing} missing; there were {sure} (rule 45)"


def _was_there(stays: Any, start: datetime) -> bool:
    within = Span(start + SURELY, start + MISSING_AFTER - SURELY)
    return any(stay.begin <= within.end and stay.end >= within.begin for stay in stays)


# Everybody once more


async def _last_visit(world: World, lives: Lives, person: Visitor) -> None:
    """See what somebody finds who comes after the fair (rules 24, 48, 49)."""
    tab, breach = Tab(person), world.history.breach
    banned = person.id in lives.organizer.banned
    let_in = await tab.connect()
    if let_in == banned:
        breach(f"{person.id} is {'' if banned else 'not '}banned and was {let_in=} (rule 24)")
    if let_in:
        unread = world.history.words.unread.get(tab.entity, {})
        found = [each["id"] for each in tab.notifications]
        if found != list(unread):
            breach(f"{person.id} finds the notifications {found}, not {list(unread)} (rule 49)")
        told = await tab.ask("schedule.mine")
        if ok(told):
            _schedule(world, person, told["items"])
    tab.drop()


def _schedule(world: World, person: Visitor, items: list[Any]) -> None:
    """Compare My Schedule with what sessions and chats say (rule 48)."""
    seen, chats = world.history.sessions.seen, world.history.chats
    sessions = {
        entity.partition("/")[2]
        for entity, one in seen.items()
        if one.status != "cancelled" and (person.id in one.registered or person.id in one.hosts)
    }
    booked = {
        entity.partition("/")[2]
        for entity in chats.of.get(person.id, ())
        if chats.chats[entity].status in BOOKED
    }
    found = {
        kind: {item["id"] for item in items if item["type"] == kind and item.get("role") != "none"}
        for kind in ("session", "chat")
    }
    if found != {"session": sessions, "chat": booked}:
        world.history.breach(
            f"{person.id}'s schedule has {sorted(map(sorted, found.values()))}, and should have"
            f" {sorted(sessions)} and {sorted(booked)} (rule 48)"
        )


# The journals


async def _read_back(world: World) -> None:
    """See that journals can be read back into a state, and twice into the same."""
    for name, kind in KINDS.items():
        entities = await world.rows.entities(name)
        step = max(1, len(entities) * len(KINDS) // READ_BACK)
        for entity in entities[::step]:
            try:
                entries = await world.rows.read(entity, limit=ALL)
                states = [_replayed(entity, kind.rules, entries) for _ in range(2)]
            except (Refused, ValueError, KeyError, AttributeError, TypeError) as error:
                world.history.breach(f"{entity} cannot be read back: {error!r}")
                continue
            if records.plain(states[0]) != records.plain(states[1]):
                world.history.breach(f"{entity} reads back differently each time")


async def see_deadlines_kept(world: World) -> None:
    """See that whatever has a deadline is back in memory by then, should the engine end now."""
    for name, kind in KINDS.items():
        if kind.timed:
            standings = await world.rows.standings(name)
            for standing in standings[:: max(1, len(standings) // DEADLINES)]:
                entries = await world.rows.read(standing.entity, limit=ALL)
                due = kind.rules.wake(_replayed(standing.entity, kind.rules, entries))
                if due is not None and (standing.wake is None or due + SPELLED < standing.wake):
                    world.history.breach(
                        f"{standing.entity} is due at {due}, and noted for {standing.wake}"
                    )


def _replayed(entity: str, rules: Any, entries: Sequence[Entry]) -> Any:
    state = rules.initial(entity)
    for entry in entries:
        rules.evolve(state, records.restore(entry.type, entry.data))
    return state
