"""What must be true at the end of a simulation, whatever went wrong in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from actors.errors import Refused
from actors.rules import records
from bench.simulate_people import Visitor, hub_of
from engine.engine import Engine
from engine.kinds import KINDS
from storage.memory import MemoryJournal

ALL = 1_000_000


async def check(engine: Engine, journal: MemoryJournal, people: Sequence[Visitor]) -> list[str]:
    """Return every promise that was broken, a sentence each."""
    session = people[0].session
    entity = f"session/{session}"
    entries = await journal.read(entity, limit=ALL)
    posted = Counter(entry.data["text"] for entry in entries if entry.type == "chat.posted")
    broken = [f"{person.person.id}: {wrong}" for person in people for wrong in person.inbox.wrong]
    broken += _said(people, posted)
    broken += await _votes(people)
    broken += await _present(people)
    broken += await _caught_up(engine, journal, people, entity)
    broken += await _replays(journal)
    if engine.services.counters.failed:
        broken.append(f"{engine.services.counters.failed} commands failed for a fault of ours")
    return broken


def _said(people: Sequence[Visitor], posted: Counter[str]) -> Iterator[str]:
    """Yield what was acknowledged and is not on disk once, or was refused and is."""
    known = {text for person in people for text in person.memory.said}
    for person in people:
        for text, acknowledged in person.memory.said.items():
            if acknowledged and posted[text] != 1:
                yield f"{text!r} was acknowledged and is in the journal {posted[text]} times"
            elif posted[text] > 1:
                yield f"{text!r} is in the journal {posted[text]} times"
    for text in posted.keys() - known:
        yield f"{text!r} was refused, and is in the journal"


async def _votes(people: Sequence[Visitor]) -> list[str]:
    broken = []
    for person in people:
        if person.memory.inside is None:
            continue
        found = await person.ask("qa.list", session=person.session, limit=100)
        if isinstance(found, str):
            continue
        voted = {question["id"]: question["voted"] for question in found["questions"]}
        for question, vote in person.memory.votes.items():
            if vote is not None and question in voted and voted[question] != vote:
                broken.append(f"{person.person.id}'s vote for question {question} is not {vote}")
    return broken


async def _present(people: Sequence[Visitor]) -> list[str]:
    """See that People shows who is in, and nobody else (rules 19, 34, 35)."""
    host = people[0]
    found = await host.ask("people.list", session=host.session, limit=100)
    if isinstance(found, str):
        return [f"the host may not see the people: {found}"]
    shown = {person["id"] for person in found["people"]}
    broken = []
    for person in people:
        inside, name = person.memory.inside, person.person.id
        if inside is not None and inside != (name in shown):
            broken.append(f"{name} is {'in' if inside else 'out'}, and People shows it otherwise")
    return broken


async def _caught_up(
    engine: Engine, journal: MemoryJournal, people: Sequence[Visitor], entity: str
) -> list[str]:
    """See that everybody who follows the session has seen all of it."""
    last = 0
    for entry in await journal.read(entity, limit=ALL):
        last = max(last, entry.meta.get("number", 0))
    hub = hub_of(engine)
    return [
        f"{person.person.id} has seen {person.inbox.topics.get(entity)} of {last} events"
        for person in people
        if entity in hub.topics(person.connection) and person.inbox.topics.get(entity) != last
    ]


async def _replays(journal: MemoryJournal) -> list[str]:
    """See that every journal can be read back into a state, and twice into the same."""
    broken = []
    for name, kind in KINDS.items():
        for entity in await journal.entities(name):
            try:
                states = [await _replayed(journal, entity, kind.rules) for _ in range(2)]
            except (Refused, ValueError, KeyError, AttributeError, TypeError) as error:
                broken.append(f"{entity} cannot be read back: {error!r}")
                continue
            if records.plain(states[0]) != records.plain(states[1]):
                broken.append(f"{entity} reads back differently each time")
    return broken


async def _replayed(journal: MemoryJournal, entity: str, rules: Any) -> Any:
    state = rules.initial(entity)
    for entry in await journal.read(entity, limit=ALL):
        rules.evolve(state, records.restore(entry.type, entry.data))
    return state
