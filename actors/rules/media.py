"""Microphone, camera, screen and background (rules 15, 17, 26), wherever people meet.

Shared by sessions, breakout rooms and 1-1 chats: a part for any state that is a
:class:`HasMedia`. What somebody wants and what a host forbids are kept apart. A microphone is
heard when its owner has it on *and* nobody blocks it. Blocking also turns it off, so that lifting
the block never makes anybody heard: only they themselves can turn it on again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Person, command, event
from actors.rules.text import ID_LIMIT, an_id, between, invalid, one_of, up_to

SOURCES = ("mic", "camera", "screen")
"""What can be turned on, and blocked."""

BACKGROUNDS = ("none", "blur", "image")
"""The virtual backgrounds."""

SHARES = 1
"""Screens shared at a time in one room, unless a host allows more."""

SHARES_LIMIT = 10
"""Screens a host may allow at a time."""

Place = Literal["publish", "watch", "wait"]
"""``publish``: may be seen and heard; ``watch``: sees the others; ``wait``: not even that yet."""


@attrs.define
class Flags:
    """One person's media state in one room.

    :param mic: whether its owner has it on; off is *muted*, by oneself.
    :param blocked: the sources a host forbids.
    """

    mic: bool = False
    camera: bool = False
    screen: bool = False
    background: str = "none"
    blocked: set[str] = attrs.field(factory=set)

    def sends(self, source: str) -> bool:
        """Return whether a source is on and not blocked."""
        return getattr(self, source) is True and source not in self.blocked


@attrs.define
class MediaState:
    """Everybody's flags; who is missing has everything off.

    :param shares: screens that may be shared at a time.
    """

    people: dict[str, Flags] = attrs.field(factory=dict)
    shares: int = SHARES

    def of(self, person: str) -> Flags:
        """Return a person's flags, to read."""
        return self.people.get(person) or Flags()

    def sending(self, person: str) -> frozenset[str]:
        """Return the sources of a person that the others receive."""
        flags = self.people.get(person)
        if flags is None:
            return frozenset()
        return frozenset(source for source in SOURCES if flags.sends(source))

    def sharers(self) -> list[str]:
        """Return who shares a screen."""
        return [person for person, flags in self.people.items() if flags.sends("screen")]

    def put(self, person: str, *, mic: bool, camera: bool) -> None:
        """Let somebody appear with mic and camera as given; blocks hold."""
        flags = self.people.setdefault(person, Flags())
        flags.mic, flags.camera, flags.screen = mic, camera, False

    def take_away(self, person: str) -> None:
        """Turn everything of a person off; blocks and the background stay."""
        flags = self.people.get(person)
        if flags is None:
            return
        if flags.blocked or flags.background != "none":
            flags.mic = flags.camera = flags.screen = False
        else:
            del self.people[person]


class HasMedia(Protocol):
    """A state with media."""

    media: MediaState

    def media_place(self, person: str) -> Place | None:
        """Say whether a person may be seen and heard here, only watches, or is not here."""

    def moderates(self, person: Person) -> bool:
        """Return whether a person may block others."""

    def knows(self, person: str) -> bool:
        """Return whether a person has ever been here."""


# Commands


@attrs.frozen(kw_only=True)
class _Media(Command):
    """Names a room: ``session`` with or without ``room``, or any ``topic`` with media."""

    session: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    room: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    topic: str | None = attrs.field(default=None, validator=up_to(2 * ID_LIMIT))

    def __attrs_post_init__(self) -> None:
        if (self.session is None) == (self.topic is None):
            raise invalid("session", "Name either the session or the topic.")
        if self.topic is not None:
            kind, _, rest = self.topic.partition("/")
            if kind not in {"session", "room", "chat"} or not rest:
                raise invalid("topic", "Media belong to a session/…, room/… or chat/… topic.")

    @property
    def entity(self) -> str:
        if self.topic is not None:
            return self.topic
        return f"room/{self.session}.{self.room}" if self.room else f"session/{self.session}"


@command("media.set")
@attrs.frozen(kw_only=True)
class Set(_Media):
    """Turn one's own sources on or off, or choose a background; what is absent stays."""

    mic: bool | None = None
    camera: bool | None = None
    screen: bool | None = None
    background: str | None = attrs.field(default=None, validator=one_of(BACKGROUNDS))


@attrs.frozen(kw_only=True)
class _Sources(_Media):
    person: str = an_id()
    mic: bool = False
    camera: bool = False
    screen: bool = False

    @property
    def sources(self) -> frozenset[str]:
        """The sources that are named."""
        return frozenset(source for source in SOURCES if getattr(self, source))


@command("media.block")
@attrs.frozen(kw_only=True)
class Block(_Sources):
    """Turn off a person's named sources and keep them off until unblocked (hosts)."""


@command("media.unblock")
@attrs.frozen(kw_only=True)
class Unblock(_Sources):
    """Lift blocks; whoever was blocked may turn the sources on again (hosts)."""


@command("media.shares")
@attrs.frozen(kw_only=True)
class Shares(_Media):
    """Allow so many screens at a time (hosts)."""

    limit: int = attrs.field(validator=between(1, SHARES_LIMIT))


# Events


@event("media.changed")
@attrs.frozen(kw_only=True)
class Changed(Event):
    """A person's flags, all of them, as they are now; ``by`` is who changed them."""

    person: str
    mic: bool
    camera: bool
    screen: bool
    background: str
    blocked: list[str]
    by: str


@event("media.shares_allowed")
@attrs.frozen(kw_only=True)
class SharesAllowed(Event):
    """So many screens may be shared at a time."""

    limit: int
    by: str


# Decide


def _set(state: HasMedia, command: Set, now: datetime) -> Sequence[Event]:
    person, media = command.by.id, state.media
    place = state.media_place(person)
    if place is None:
        raise Refused("wrong_state", "You are not in this room.")
    turned_on = [source for source in SOURCES if getattr(command, source)]
    if turned_on and place != "publish":
        raise Refused("forbidden", "Only who is on screen turns on a microphone or camera.")
    flags = media.of(person)
    if command.screen and not flags.screen:
        _may_share(media, flags)
    return _changed(
        person,
        flags,
        attrs.evolve(
            flags,
            mic=_chosen(command.mic, flags.mic),
            camera=_chosen(command.camera, flags.camera),
            screen=_chosen(command.screen, flags.screen),
            background=command.background or flags.background,
        ),
        person,
        now,
    )


def _chosen(wanted: bool | None, present: bool) -> bool:
    return present if wanted is None else wanted


def _may_share(media: MediaState, flags: Flags) -> None:
    if "screen" in flags.blocked:
        raise Refused("forbidden", "A host has blocked your screen share.")
    sharers = media.sharers()
    if len(sharers) >= media.shares:
        raise Refused("conflict", "Somebody else is sharing a screen.", people=sharers)


def _block(state: HasMedia, command: Block, now: datetime) -> Sequence[Event]:
    flags = _target(state, command)
    off: dict[str, Any] = dict.fromkeys(command.sources, False)
    wanted = attrs.evolve(flags, blocked=flags.blocked | command.sources, **off)
    return _changed(command.person, flags, wanted, command.by.id, now)


def _unblock(state: HasMedia, command: Unblock, now: datetime) -> Sequence[Event]:
    flags = _target(state, command)
    wanted = attrs.evolve(flags, blocked=flags.blocked - command.sources)
    return _changed(command.person, flags, wanted, command.by.id, now)


def _target(state: HasMedia, command: Block | Unblock) -> Flags:
    if not state.moderates(command.by):
        raise Refused("forbidden", "Only hosts block microphones and cameras.")
    if not command.sources:
        raise invalid("mic", "Name mic, camera or screen.")
    if not state.knows(command.person):
        raise Refused("not_found", "Nobody of that id has been here.")
    return state.media.of(command.person)


def _changed(person: str, before: Flags, after: Flags, by: str, now: datetime) -> Sequence[Event]:
    if before == after:
        return ()
    return [
        Changed(
            at=now,
            person=person,
            mic=after.mic,
            camera=after.camera,
            screen=after.screen,
            background=after.background,
            blocked=sorted(after.blocked),
            by=by,
        )
    ]


def _shares(state: HasMedia, command: Shares, now: datetime) -> Sequence[Event]:
    if not state.moderates(command.by):
        raise Refused("forbidden", "Only hosts allow more screens.")
    if command.limit == state.media.shares:
        return ()
    return [SharesAllowed(at=now, limit=command.limit, by=command.by.id)]


# Evolve


def _on_changed(state: HasMedia, event: Changed) -> None:
    state.media.people[event.person] = Flags(
        mic=event.mic,
        camera=event.camera,
        screen=event.screen,
        background=event.background,
        blocked=set(event.blocked),
    )


def _on_shares(state: HasMedia, event: SharesAllowed) -> None:
    state.media.shares = event.limit


# Views


def flags_view(flags: Flags) -> dict[str, Any]:
    """Return a person's flags as clients see them."""
    return {
        "mic": flags.mic,
        "camera": flags.camera,
        "screen": flags.screen,
        "background": flags.background,
        "blocked": sorted(flags.blocked),
    }


def media_view(media: MediaState, people: Iterable[str]) -> dict[str, Any]:
    """Return the media share of a snapshot, for the people named."""
    return {
        "shares": media.shares,
        "people": {
            person: flags_view(media.people[person]) for person in people if person in media.people
        },
    }


def _answer_set(
    state: HasMedia, command: Set, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"person": command.by.id, **flags_view(state.media.of(command.by.id))}


def _answer_block(
    state: HasMedia, command: Block | Unblock, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"person": command.person, **flags_view(state.media.of(command.person))}


def _answer_shares(
    state: HasMedia, command: Shares, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    return {"shares": state.media.shares}


DECIDE = {Set: _set, Block: _block, Unblock: _unblock, Shares: _shares}
EVOLVE = {Changed: _on_changed, SharesAllowed: _on_shares}
ANSWER = {Set: _answer_set, Block: _answer_block, Unblock: _answer_block, Shares: _answer_shares}
