"""A company at an event: description, links, questions and answers, jobs (rule 22)."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules import quota
from actors.rules.base import (
    SYSTEM,
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Send,
    command,
    event,
)
from actors.rules.checks import entity_id, is_address
from actors.rules.event_model import ListCompany
from actors.rules.parts import Composed, Parts
from actors.rules.quota import MAX_SLOTS, Quota, QuotaTaken
from actors.rules.records import plain
from actors.rules.text import NAME_LIMIT, an_id, between, invalid, up_to

INFO_LIMIT = 10_000
"""Characters of a company's description, and of one answer."""

ENTRIES_LIMIT = 100
"""Links, questions or jobs of one company."""


@attrs.frozen(kw_only=True)
class Link:
    """A link to somewhere else."""

    title: str = attrs.field(validator=up_to(NAME_LIMIT))
    url: str


@attrs.frozen(kw_only=True)
class Faq:
    """A question and its answer."""

    question: str = attrs.field(validator=up_to(1000))
    answer: str = attrs.field(validator=up_to(INFO_LIMIT))


@attrs.frozen(kw_only=True)
class Job:
    """An open position; the link may be absent."""

    title: str = attrs.field(validator=up_to(NAME_LIMIT))
    url: str | None = None
    description: str = attrs.field(default="", validator=up_to(INFO_LIMIT, empty=True))


@attrs.frozen(kw_only=True)
class Profile:
    """A company as everybody sees it; ``revision`` rises with every change."""

    id: str
    event: str
    name: str
    info: str = ""
    links: list[Link] = attrs.field(factory=list)
    faqs: list[Faq] = attrs.field(factory=list)
    jobs: list[Job] = attrs.field(factory=list)
    revision: int = 0


@attrs.define
class CompanyState:
    """One company; ``profile`` is None until it is created."""

    id: str
    profile: Profile | None = None
    quota: Quota = attrs.field(factory=Quota)


# Commands


def _entries(check: Callable[[str, Any], None]) -> Any:
    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: list[Any] | None) -> None:
        if value is None:
            return
        if len(value) > ENTRIES_LIMIT:
            raise invalid(attribute.name, f"{attribute.name} holds at most {ENTRIES_LIMIT}.")
        for entry in value:
            check(attribute.name, entry)

    return validate


def _check_link(path: str, link: Link | Job) -> None:
    if link.url is not None:
        is_address(f"{path}.url", link.url)


def _any(path: str, entry: Any) -> None:
    del path, entry


_LINKS = _entries(_check_link)
_FAQS = _entries(_any)


@command("company.create")
@attrs.frozen(kw_only=True)
class Create(Command):
    """Create a company, or change it to what is said here if it exists.

    :param slots: 1-1 slots its employees may offer; absent: no limit (rule 38).
    """

    id: str = attrs.field(validator=entity_id())
    event: str = attrs.field(validator=entity_id())
    name: str = attrs.field(validator=up_to(NAME_LIMIT))
    info: str = attrs.field(default="", validator=up_to(INFO_LIMIT, empty=True))
    links: list[Link] = attrs.field(factory=list, validator=_LINKS)
    faqs: list[Faq] = attrs.field(factory=list, validator=_FAQS)
    jobs: list[Job] = attrs.field(factory=list, validator=_LINKS)
    slots: int | None = attrs.field(default=None, validator=between(0, MAX_SLOTS))

    @property
    def entity(self) -> str:
        """The company."""
        return f"company/{self.id}"


@attrs.frozen(kw_only=True)
class _OnCompany(Command):
    company: str = an_id()

    @property
    def entity(self) -> str:
        return f"company/{self.company}"


@command("company.change")
@attrs.frozen(kw_only=True)
class Change(_OnCompany):
    """Change a company's name or its quota of 1-1 slots (organizers); what is absent stays."""

    name: str | None = attrs.field(default=None, validator=up_to(NAME_LIMIT))
    slots: int | None = attrs.field(default=None, validator=between(0, MAX_SLOTS))


@command("company.get")
@attrs.frozen(kw_only=True)
class Get(_OnCompany):
    """Follow a company's page."""

    subscribes: ClassVar[bool] = True


@command("company.update")
@attrs.frozen(kw_only=True)
class Update(_OnCompany):
    """Change what a company says of itself (its employees, organizers); what is absent stays."""

    info: str | None = attrs.field(default=None, validator=up_to(INFO_LIMIT, empty=True))
    links: list[Link] | None = attrs.field(default=None, validator=_LINKS)
    faqs: list[Faq] | None = attrs.field(default=None, validator=_FAQS)
    jobs: list[Job] | None = attrs.field(default=None, validator=_LINKS)


# Events


@event("company.changed")
@attrs.frozen(kw_only=True)
class Changed(Event):
    """The company was created, or is now as said here."""

    company: Profile


@event("company.quota")
@attrs.frozen(kw_only=True)
class QuotaLimited(Event):
    """The company may offer so many 1-1 slots; None: as many as it likes."""

    published: ClassVar[bool] = False

    slots: int | None


# Decide


def _profile(state: CompanyState, by: Person) -> Profile:
    profile = state.profile
    if profile is None or (by.event != profile.event and not by.is_system):
        raise Refused("not_found", "There is no such company.")
    return profile


def may_edit(state: CompanyState, by: Person) -> bool:
    """Whether a person may change what the company says."""
    return by.is_system or by.is_organizer or by.company == state.id


def _create(state: CompanyState, command: Create, now: datetime) -> Sequence[Event]:
    if not command.by.is_system:
        raise Refused("forbidden", "Companies are created by the service that runs the event.")
    before = state.profile
    if before is not None and before.event != command.event:
        raise Refused("conflict", "Another event has a company of this id.")
    after = Profile(
        id=command.id,
        event=command.event,
        name=command.name,
        info=command.info,
        links=command.links,
        faqs=command.faqs,
        jobs=command.jobs,
    )
    return [*_changed(before, after, now), *_limited(state, command.slots, now)]


def _changed(before: Profile | None, after: Profile, now: datetime) -> Sequence[Event]:
    revision = 0 if before is None else before.revision
    if attrs.evolve(after, revision=revision) == before:
        return ()
    return [Changed(at=now, company=attrs.evolve(after, revision=revision + 1))]


def _limited(state: CompanyState, slots: int | None, now: datetime) -> Sequence[Event]:
    if slots == state.quota.limit:
        return ()
    return [QuotaLimited(at=now, slots=slots)]


def _change(state: CompanyState, command: Change, now: datetime) -> Sequence[Event]:
    before = _profile(state, command.by)
    if not (command.by.is_organizer or command.by.is_system):
        raise Refused("forbidden", "Only organizers change a company's name and quota.")
    events = list(_changed(before, attrs.evolve(before, name=command.name or before.name), now))
    if command.slots is not None:
        events += _limited(state, command.slots, now)
    return events


def _update(state: CompanyState, command: Update, now: datetime) -> Sequence[Event]:
    before = _profile(state, command.by)
    if not may_edit(state, command.by):
        raise Refused("forbidden", "Only the company's employees and organizers change this.")
    given = {
        field: value
        for field in ("info", "links", "faqs", "jobs")
        if (value := getattr(command, field)) is not None
    }
    return _changed(before, attrs.evolve(before, **given), now)


def _get(state: CompanyState, command: Command, now: datetime) -> Sequence[Event]:
    del now
    _profile(state, command.by)
    return ()


def _nothing(state: CompanyState, command: Command, now: datetime) -> Sequence[Event]:
    del state, command, now
    return ()


# Evolve


def _on_changed(state: CompanyState, event: Changed) -> None:
    state.profile = event.company


def _on_limited(state: CompanyState, event: QuotaLimited) -> None:
    state.quota.limit = event.slots


def _on_taken(state: CompanyState, event: QuotaTaken) -> None:
    quota.taken(state.quota, event)


def _answer(
    state: CompanyState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    return {"company": plain(state.profile)}


def _answer_get(
    state: CompanyState, command: Get, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    if command.connection:
        return {}  # the snapshot follows on the topic
    used = state.quota.book() if may_edit(state, command.by) else None
    return {"company": plain(state.profile), "quota": used}


def _list_in_event(entity: str, event: Changed) -> Sequence[Send]:
    del entity
    profile = event.company
    told = ListCompany(by=SYSTEM, event=profile.event, company=profile.id, name=profile.name)
    return [Send(told.entity, told)]


DECIDE: Mapping[type[Command], Any] = {
    Create: _create,
    Change: _change,
    Update: _update,
    Get: _get,
    Look: _get,
    Returned: _nothing,
    Recovered: _nothing,
}
EVOLVE: Mapping[type[Event], Any] = {
    Changed: _on_changed,
    QuotaLimited: _on_limited,
    QuotaTaken: _on_taken,
}
ANSWER: Mapping[type[Command], Any] = {
    **dict.fromkeys((Create, Change, Update), _answer),
    Get: _answer_get,
}
EFFECTS: Mapping[type[Event], Any] = {Changed: _list_in_event}

_PARTS = Parts(sys.modules[__name__])


class CompanyRules(Composed[CompanyState]):
    """The rules of ``company/ID``."""

    kind = "company"
    parts = _PARTS

    def initial(self, entity: str) -> CompanyState:
        """Return a company that nobody has created yet."""
        return CompanyState(id=entity.partition("/")[2])

    def snapshot(self, state: CompanyState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the company's page as one person sees it."""
        del now
        edits = may_edit(state, person)
        return {
            "company": plain(state.profile),
            "editable": edits,
            "quota": state.quota.view(person.id) if edits else None,
        }
