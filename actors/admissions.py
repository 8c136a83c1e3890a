"""Whom events have let in, so that they need not be asked again whenever somebody comes back."""

from collections.abc import Hashable

from actors.rules.base import Person

ADMITTED_KEPT = 50_000
"""People that are remembered, of all events; when there are more, all are asked for anew."""


class Admissions:
    """A book of those whom events would let in as they stand.

    An event's actor enters people once what it has decided is on disk, and strikes all of them out
    when it keeps somebody out, before it ends anybody's connections. Whoever was let in by the book
    until then is in their own mailbox already, and is put out with the others.
    """

    def __init__(self) -> None:
        self._people: dict[str, set[Hashable]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def note(self, person: Person) -> None:
        """Note that a person may come in, with the token they have."""
        if self._count >= ADMITTED_KEPT:
            self._people.clear()
            self._count = 0
        people = self._people.setdefault(person.event, set())
        before = len(people)
        people.add(_key(person))
        self._count += len(people) - before

    def knows(self, person: Person) -> bool:
        """Whether a person may come in, by what their event has said."""
        people = self._people.get(person.event)
        return people is not None and _key(person) in people

    def strike_out(self, event: str) -> None:
        """Forget all people of an event."""
        self._count -= len(self._people.pop(event, ()))


def _key(person: Person) -> Hashable:
    """Return what an event's decision depends on."""
    return person.id, person.issued, person.is_system
