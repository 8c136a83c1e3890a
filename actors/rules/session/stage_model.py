"""What a stage is made of (rules 9 to 18)."""

from datetime import datetime

import attrs

STAGE_CAP = 10
"""Seats on a stage, countdowns counted, unless the session says otherwise (rule 13)."""


@attrs.define
class Request:
    """Somebody in the audience asks to come on screen, with mic and camera on or off."""

    person: str
    name: str
    mic: bool
    camera: bool
    at: datetime


@attrs.define
class Invite:
    """A host asks somebody on screen."""

    person: str
    name: str
    by: str
    by_name: str
    at: datetime


@attrs.define
class Seat:
    """A place on the stage.

    :param state: ``accepted`` until the person's client shows the countdown, then
        ``countdown``, then ``on_screen``.
    :param deadline: when the countdown must have begun, or when it ends; None on screen.
    """

    person: str
    name: str
    state: str
    deadline: datetime | None
    mic: bool
    camera: bool


@attrs.define
class Decision:
    """How a request ended, told to whoever comes second (rules 10, 11)."""

    what: str
    by: str
    by_name: str
    at: datetime


@attrs.define
class StageState:
    """Who asks, who is invited, who is on screen.

    :param requests: pending, in the order in which they were first made.
    :param decided: the last decision about each person.
    :param returning: until when somebody who left by choice comes back without asking.
    """

    requests: dict[str, Request] = attrs.field(factory=dict)
    invites: dict[str, Invite] = attrs.field(factory=dict)
    seats: dict[str, Seat] = attrs.field(factory=dict)
    decided: dict[str, Decision] = attrs.field(factory=dict)
    returning: dict[str, datetime] = attrs.field(factory=dict)

    def on_screen(self, person: str) -> bool:
        """Return whether a person is on screen by a seat."""
        seat = self.seats.get(person)
        return seat is not None and seat.state == "on_screen"

    def position(self, person: str) -> int | None:
        """Return a pending person's place in the queue: 1 is next."""
        if person not in self.requests:
            return None
        return list(self.requests).index(person) + 1

    def forget(self, person: str) -> None:
        """Take a person's request, invite and seat away."""
        self.requests.pop(person, None)
        self.invites.pop(person, None)
        self.seats.pop(person, None)
