"""What a node keeps in memory of the webhooks that wait in a stream.

An endpoint has a lane: the place in the stream up to which its messages were met, and a head for
each entity met of which messages wait. A lane holds so many heads and no more, however much waits:
what comes behind stays in the stream and is met once there is room. A head is numbers; the message
it stands for is read when it is due.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

import attrs

from storage.jetstream_model import name_of

WINDOW = 1024
"""Heads a lane holds at most."""


@attrs.define
class Head:
    """The oldest message of an entity to an endpoint that was not heard yet.

    :param where: subject of the entity's messages, without their numbers.
    :param start: number in the stream at which the message stands, or before it.
    :param met: number of the last message met; this one is not behind it.
    :param due: when it is tried.
    :param attempts: how often it has failed.
    :param missing: the stream did not have it when it was read last.
    """

    where: str
    start: int
    met: int
    due: datetime
    attempts: int = 0
    missing: bool = False

    @property
    def entity(self) -> str:
        """Whose messages they are."""
        return name_of(self.where)

    def stands_at(self, number: int) -> None:
        """Note the number at which the message was found."""
        if number != self.start:
            self.start, self.attempts = number, 0
        self.missing = False


@attrs.define(eq=False)
class Lane:
    """The messages to one endpoint.

    :param subject: theirs, in the stream.
    :param others: for the lane of endpoints without one of their own: those that have one.
    :param place: number in the stream up to which messages were met.
    """

    subject: str
    window: int
    others: frozenset[str] = frozenset()
    place: int = 0
    heads: dict[str, Head] = attrs.field(factory=dict)

    @property
    def full(self) -> bool:
        """Whether no entity more has room."""
        return len(self.heads) >= self.window

    def concerns(self, where: str) -> bool:
        """Whether messages of this subject are this lane's."""
        return endpoint_of(where) not in self.others

    def meet(self, where: str, number: int, now: datetime) -> bool:
        """Take note of a message; return False if there is no room, and it has to be met again."""
        head = self.heads.get(where)
        if head is not None:
            head.met = number
        elif self.full:
            return False
        else:
            self.heads[where] = Head(where, number, number, now)
        return True

    def heard(self, where: str, number: int, now: datetime) -> None:
        """Go on to the entity's next message, if one was met."""
        head = self.heads.get(where)
        if head is None or head.start != number:
            return
        if head.met == number:
            del self.heads[where]
        else:
            self.heads[where] = Head(where, number + 1, head.met, now)

    def put_off(self, where: str, number: int, due: datetime) -> None:
        """Note that a message has failed, and when it is tried again."""
        head = self.heads.get(where)
        if head is not None and head.start == number:
            head.due = due
            head.attempts += 1

    def drop(self, head: Head) -> None:
        """Forget a head; messages behind the place are met yet."""
        del self.heads[head.where]

    def due(self, now: datetime) -> list[Head]:
        """Return the heads to try now, those first that have been due for longest."""
        ready = [head for head in self.heads.values() if head.due <= now]
        return sorted(ready, key=lambda head: (head.due, head.start))


def endpoint_of(where: str) -> str:
    """Return the token that stands for the endpoint in a subject that ends with an entity's."""
    return where.rsplit(".", 3)[1]


def in_turn(lanes: Sequence[Lane], now: datetime) -> Iterator[tuple[Lane, Head]]:
    """Yield what is due, one of each lane and then the next, so that none waits behind another."""
    columns = [[(lane, head) for head in lane.due(now)] for lane in lanes]
    for row in zip_longest(*columns):
        yield from (entry for entry in row if entry is not None)
