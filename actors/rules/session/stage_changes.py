"""What the stage's events change, whom they are told, and how the stage looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.rules.base import Command, Event, Send
from actors.rules.records import iso
from actors.rules.session import stage
from actors.rules.session.stage_events import (
    Accepted,
    Answered,
    Cancelled,
    Countdown,
    Declined,
    Entered,
    Invited,
    Missed,
    Requested,
    StageLeft,
    Uninvited,
    Withdrawn,
)
from actors.rules.session.stage_model import Decision, Invite, Request, Seat
from actors.rules.session.state import SessionState
from actors.rules.session.told import notify

SHOWN = 100
"""Requests and invitations in a snapshot."""


def _decide(state: SessionState, person: str, decision: Decision) -> None:
    state.stage.forget(person)
    state.stage.decided[person] = decision


def _on_requested(state: SessionState, event: Requested) -> None:
    requests = state.stage.requests
    asked = requests.get(event.person)
    at = asked.at if asked is not None else event.at
    requests[event.person] = Request(event.person, event.name, event.mic, event.camera, at)
    state.stage.invites.pop(event.person, None)
    state.stage.decided.pop(event.person, None)


def _on_withdrawn(state: SessionState, event: Withdrawn) -> None:
    request = state.stage.requests.get(event.person)
    name = request.name if request is not None else event.person
    _decide(state, event.person, Decision("withdrawn", event.person, name, event.at))


def _on_accepted(state: SessionState, event: Accepted) -> None:
    _decide(state, event.person, Decision("accepted", event.by, event.by_name, event.at))
    state.stage.returning.pop(event.person, None)
    state.stage.seats[event.person] = Seat(
        person=event.person,
        name=event.name,
        state="accepted",
        deadline=event.deadline,
        mic=event.mic,
        camera=event.camera,
    )


def _on_declined(state: SessionState, event: Declined) -> None:
    _decide(state, event.person, Decision("declined", event.by, event.by_name, event.at))
    state.stage.returning.pop(event.person, None)


def _on_invited(state: SessionState, event: Invited) -> None:
    state.stage.invites[event.person] = Invite(
        event.person, event.name, event.by, event.by_name, event.at
    )


def _on_uninvited(state: SessionState, event: Uninvited | Answered) -> None:
    state.stage.invites.pop(event.person, None)


def _on_countdown(state: SessionState, event: Countdown) -> None:
    seat = state.stage.seats[event.person]
    seat.state, seat.deadline = "countdown", event.ends_at


def _on_seat_free(state: SessionState, event: Cancelled | Missed) -> None:
    state.stage.seats.pop(event.person, None)


def _on_entered(state: SessionState, event: Entered) -> None:
    seat = state.stage.seats[event.person]
    seat.state, seat.deadline = "on_screen", None
    state.media.put(event.person, mic=event.mic, camera=event.camera)
    state.reorder(event.person)


def _on_left(state: SessionState, event: StageLeft) -> None:
    state.stage.seats.pop(event.person, None)
    state.media.take_away(event.person)
    state.reorder(event.person)
    if event.may_return_until is not None:
        state.stage.returning[event.person] = event.may_return_until
    else:
        state.stage.returning.pop(event.person, None)


# Effects


def _accepted_effects(entity: str, event: Accepted) -> Sequence[Send]:
    if event.how != "request":
        return ()
    data = {
        "session": entity.partition("/")[2],
        "by_name": event.by_name,
        "deadline": iso(event.deadline),
    }
    return notify(event.event_id, [event.person], "stage.accepted", data)


def _declined_effects(entity: str, event: Declined) -> Sequence[Send]:
    data = {
        "session": entity.partition("/")[2],
        "by_name": event.by_name,
        "message": event.message,
    }
    return notify(event.event_id, [event.person], "stage.declined", data)


def _invited_effects(entity: str, event: Invited) -> Sequence[Send]:
    data = {"session": entity.partition("/")[2], "by_name": event.by_name}
    return notify(event.event_id, [event.person], "stage.invited", data)


# Views


def place_view(state: SessionState, person: str) -> dict[str, Any]:
    """Return where a person is on their way to the stage."""
    here = state.stage
    view: dict[str, Any] = {
        "state": "none",
        "position": None,
        "deadline": None,
        "mic": False,
        "camera": False,
        "may_return_until": None,
    }
    seat, request = here.seats.get(person), here.requests.get(person)
    if seat is not None:
        deadline = None if seat.deadline is None else iso(seat.deadline)
        view |= {
            "state": seat.state,
            "deadline": deadline,
            "mic": seat.mic,
            "camera": seat.camera,
        }
    elif request is not None:
        view |= {
            "state": "pending",
            "position": here.position(person),
            "mic": request.mic,
            "camera": request.camera,
        }
    elif person in here.invites:
        view["state"] = "invited"
    elif person in here.returning:
        view["may_return_until"] = iso(here.returning[person])
    return view


def stage_view(state: SessionState) -> dict[str, Any]:
    """Return the stage's share of a snapshot."""
    here = state.stage
    return {
        "cap": state.plan.stage_cap,
        "seats": [
            {
                "person": seat.person,
                "name": seat.name,
                "state": seat.state,
                "deadline": None if seat.deadline is None else iso(seat.deadline),
                "mic": seat.mic,
                "camera": seat.camera,
            }
            for seat in here.seats.values()
        ],
        "requests": [
            {
                "person": asked.person,
                "name": asked.name,
                "mic": asked.mic,
                "camera": asked.camera,
                "at": iso(asked.at),
            }
            for asked in list(here.requests.values())[:SHOWN]
        ],
        "request_count": len(here.requests),
        "invites": [
            {"person": asked.person, "name": asked.name, "by": asked.by, "at": iso(asked.at)}
            for asked in list(here.invites.values())[:SHOWN]
        ],
    }


def _answer(
    state: SessionState, command: Any, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"stage": place_view(state, getattr(command, "person", command.by.id))}


ANSWER: dict[type[Command], Any] = dict.fromkeys(stage.DECIDE, _answer)
EVOLVE: dict[type[Event], Any] = {
    Requested: _on_requested,
    Withdrawn: _on_withdrawn,
    Accepted: _on_accepted,
    Declined: _on_declined,
    Invited: _on_invited,
    Uninvited: _on_uninvited,
    Answered: _on_uninvited,
    Countdown: _on_countdown,
    Cancelled: _on_seat_free,
    Missed: _on_seat_free,
    Entered: _on_entered,
    StageLeft: _on_left,
}
EFFECTS: dict[type[Event], Any] = {
    Accepted: _accepted_effects,
    Declined: _declined_effects,
    Invited: _invited_effects,
}
