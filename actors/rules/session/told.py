"""What a session tells the program, agendas and people: its effects' common words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from actors.rules.base import SYSTEM, Command, Send
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.person import Notify
from actors.rules.program import SessionChanged
from actors.rules.program_model import Description
from actors.rules.session.events import Facts, Joined, Left, Standing
from actors.rules.session.state import Plan, SessionState


def facts(state: SessionState, standing: str, plan: Plan | None = None) -> Facts:
    """Return a session as the program shows it, once its state or plan is as given."""
    plan = plan or state.plan
    return Facts(
        id=state.id,
        event=state.event,
        title=plan.title,
        kind=plan.kind,
        company=plan.company,
        start=plan.start,
        end=plan.start + timedelta(minutes=plan.minutes),
        capacity=plan.capacity,
        hosts=plan.hosts,
        state=standing,
    )


def send(command: Command) -> Send:
    """Return the sending of a command to its entity."""
    return Send(command.entity, command)


def tell_plan(
    told: Facts, occupied: int | None = None, inside: dict[str, bool] | None = None
) -> Send:
    """Tell the event how its session is planned now, and who sits on its seats by that."""
    about = Description.of(told)
    return send(
        SessionChanged(
            by=SYSTEM,
            event=told.event,
            session=told.id,
            about=about,
            occupied=occupied,
            inside=inside,
        )
    )


def tell_state(entity: str, event: Standing) -> Sequence[Send]:
    """Tell the event the state its session is in now; to the program, hostless is live."""
    del entity
    told = event.facts
    return [send(SessionChanged(by=SYSTEM, event=told.event, session=told.id, state=told.state))]


def tell_occupied(entity: str, event: Joined | Left) -> Sequence[Send]:
    """Tell the event how many seats of a limited session are taken."""
    if event.occupied is None:
        return ()
    session = entity.partition("/")[2]
    return [
        send(
            SessionChanged(
                by=SYSTEM,
                event=event.event_id,
                session=session,
                occupied=event.occupied,
                inside={event.person: isinstance(event, Joined)},
            )
        )
    ]


def seat(event: str, session: str, person: str, standing: str | None) -> Send:
    """Tell the event how one person stands with a session."""
    return send(
        SessionChanged(
            by=SYSTEM, event=event, session=session, person=person, standing=standing or "none"
        )
    )


def into_agendas(
    event: str,
    session: str,
    people: Iterable[tuple[str, str]],
    what: tuple[str, str, datetime, datetime],
) -> list[Send]:
    """Put a session into agendas.

    :param people: pairs of person and role.
    :param what: title, kind, start, end.
    """
    title, kind, start, end = what
    return [
        send(
            RegisteredSession(
                by=SYSTEM,
                event=event,
                person=person,
                session=session,
                title=title,
                kind=kind,
                role=role,
                start=start,
                end=end,
            )
        )
        for person, role in people
    ]


def out_of_agendas(
    event: str, session: str, people: Iterable[str], *, cancelled: bool = False
) -> list[Send]:
    """Take a session out of agendas."""
    return [
        send(
            UnregisteredSession(
                by=SYSTEM, event=event, person=person, session=session, cancelled=cancelled
            )
        )
        for person in people
    ]


def notify(event: str, people: Iterable[str], kind: str, data: dict[str, Any]) -> list[Send]:
    """Notify people (rule 49)."""
    return [
        send(Notify(by=SYSTEM, event=event, person=person, kind=kind, data=data))
        for person in people
    ]
