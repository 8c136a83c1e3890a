"""Questions and answers (rule 20)."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from actors.errors import Refused
from actors.rules.base import Command, Event, Person
from actors.rules.order import Key
from actors.rules.records import iso
from actors.rules.session.guards import known, moderator, present
from actors.rules.session.qa_model import Question
from actors.rules.session.qa_words import (
    PAGE,
    Answered,
    AnswerQuestion,
    Ask,
    Asked,
    Delete,
    Deleted,
    Dismiss,
    Dismissed,
    GoLive,
    ListQuestions,
    Lived,
    OfQuestion,
    Reopen,
    Reopened,
    Unvote,
    Upvote,
    Voted,
)
from actors.rules.session.state import OPEN, SessionState
from actors.rules.text import invalid

QUESTIONS_LIMIT = 2000
"""Questions one session holds."""


# Decide


def _found(state: SessionState, id_: str) -> Question:
    question = state.qa.questions.get(id_)
    if question is None:
        raise Refused("not_found", "There is no such question.")
    return question


def _ask(state: SessionState, command: Ask, now: datetime) -> Sequence[Event]:
    by = command.by
    present(state, by)
    if command.anonymous and not state.plan.anonymous_questions:
        raise Refused("forbidden", "Questions in this session carry a name.")
    if len(state.qa.questions) >= QUESTIONS_LIMIT:
        raise Refused("overloaded", "This session has too many questions.")
    return [
        Asked(
            at=now,
            id=str(state.qa.last + 1),
            text=command.text,
            anonymous=command.anonymous,
            person=None if command.anonymous else by.id,
            name=None if command.anonymous else by.name,
            author=by.id,
            author_name=by.name,
        )
    ]


def _vote(state: SessionState, command: Upvote | Unvote, now: datetime) -> Sequence[Event]:
    present(state, command.by)
    question, person = _found(state, command.id), command.by.id
    if question.state not in {"open", "live"}:
        raise Refused("wrong_state", f"This question is {question.state}.")
    on = isinstance(command, Upvote)
    if (person in question.votes) == on:
        return ()
    votes = len(question.votes) + (1 if on else -1)
    return [Voted(at=now, id=question.id, votes=votes, person=person, on=on)]


def _hosted(state: SessionState, command: OfQuestion, allowed: set[str]) -> Question:
    moderator(state, command.by)
    if state.status not in OPEN:
        raise Refused("wrong_state", f"The session is {state.status}.", state=state.status)
    question = _found(state, command.id)
    if question.state not in allowed:
        raise Refused(
            "already_decided",
            f"This question is {question.state}.",
            decision=question.state,
            by_name=question.answered_by,
        )
    return question


def _live(state: SessionState, command: GoLive, now: datetime) -> Sequence[Event]:
    question = _hosted(state, command, {"open"})
    return [Lived(at=now, id=question.id, by=command.by.id)]


def _answer_question(
    state: SessionState, command: AnswerQuestion, now: datetime
) -> Sequence[Event]:
    question = _hosted(state, command, {"open", "live"})
    by = command.by
    return [Answered(at=now, id=question.id, by=by.id, by_name=by.name, text=command.text)]


def _dismiss(state: SessionState, command: Dismiss, now: datetime) -> Sequence[Event]:
    question = _hosted(state, command, {"open", "live"})
    return [Dismissed(at=now, id=question.id, by=command.by.id)]


def _reopen(state: SessionState, command: Reopen, now: datetime) -> Sequence[Event]:
    question = _hosted(state, command, {"live", "answered", "dismissed"})
    return [Reopened(at=now, id=question.id, by=command.by.id)]


def _delete(state: SessionState, command: Delete, now: datetime) -> Sequence[Event]:
    by = command.by
    known(state, by)
    if not state.moderates(by):
        present(state, by)
    question = _found(state, command.id)
    if not state.moderates(by) and question.person != by.id:
        raise Refused("forbidden", "Only its author or a host deletes a question.")
    return [Deleted(at=now, id=question.id, by=by.id)]


def _list(state: SessionState, command: ListQuestions, now: datetime) -> Sequence[Event]:
    del now
    by = command.by
    known(state, by)
    if not state.moderates(by) and (not state.knows(by.id) or by.id in state.bans):
        raise Refused("wrong_state", "Enter the session first.", state=state.status)
    _cursor(command.after)
    return ()


def _cursor(after: str | None) -> Key | None:
    if after is None:
        return None
    try:
        votes, number = json.loads(after)
    except (ValueError, TypeError) as error:
        raise invalid("after", "after is the next of an earlier answer.") from error
    if type(votes) is not int or type(number) is not int:
        raise invalid("after", "after is the next of an earlier answer.")
    return (votes, number, str(number))


# Evolve


def _on_asked(state: SessionState, event: Asked) -> None:
    state.qa.last = int(event.id)
    state.qa.place(
        Question(
            id=event.id,
            person=event.author,
            name=event.author_name,
            text=event.text,
            anonymous=event.anonymous,
            at=event.at,
        )
    )


def _on_voted(state: SessionState, event: Voted) -> None:
    question = state.qa.questions[event.id]
    if event.on:
        question.votes.add(event.person)
    else:
        question.votes.discard(event.person)
    state.qa.place(question)


def _on_lived(state: SessionState, event: Lived) -> None:
    state.qa.questions[event.id].state = "live"


def _on_answered(state: SessionState, event: Answered) -> None:
    question = state.qa.questions[event.id]
    question.state, question.answer = "answered", event.text
    question.answered_by, question.answered_at = event.by_name, event.at


def _on_dismissed(state: SessionState, event: Dismissed) -> None:
    state.qa.questions[event.id].state = "dismissed"


def _on_reopened(state: SessionState, event: Reopened) -> None:
    question = state.qa.questions[event.id]
    question.state, question.answer = "open", None
    question.answered_by = question.answered_at = None


def _on_deleted(state: SessionState, event: Deleted) -> None:
    state.qa.remove(event.id)


# Views


def question_view(question: Question, reader: str, *, reveal: bool = False) -> dict[str, Any]:
    """Return a question as ``reader`` sees it.

    :param reveal: whether an anonymous author is shown: only to an organizer who looks it up.
    """
    named = reveal or not question.anonymous
    return {
        "id": question.id,
        "text": question.text,
        "anonymous": question.anonymous,
        "person": question.person if named else None,
        "name": question.name if named else None,
        "at": iso(question.at),
        "votes": len(question.votes),
        "voted": reader in question.votes,
        "mine": question.person == reader,
        "state": question.state,
        "answer": question.answer,
        "answered_by": question.answered_by,
        "answered_at": None if question.answered_at is None else iso(question.answered_at),
    }


def qa_view(state: SessionState, person: Person) -> dict[str, Any]:
    """Return the questions' share of a snapshot: the first page."""
    ids = [key[2] for key in islice(state.qa.order.after(None), PAGE)]
    return {
        "questions": [question_view(state.qa.questions[id_], person.id) for id_ in ids],
        "total": len(state.qa.questions),
    }


def _answer_one(
    state: SessionState, command: Any, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    id_ = getattr(command, "id", str(state.qa.last))
    return {"question": question_view(state.qa.questions[id_], command.by.id)}


def _answer_list(
    state: SessionState, command: ListQuestions, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    keys = list(islice(state.qa.order.after(_cursor(command.after)), command.limit + 1))
    page, by = keys[: command.limit], command.by
    reveal = by.is_organizer
    return {
        "questions": [
            question_view(state.qa.questions[key[2]], by.id, reveal=reveal) for key in page
        ],
        "total": len(state.qa.questions),
        "next": json.dumps(page[-1][:2]) if len(keys) > len(page) else None,
    }


DECIDE: dict[type[Command], Any] = {
    Ask: _ask,
    Upvote: _vote,
    Unvote: _vote,
    GoLive: _live,
    AnswerQuestion: _answer_question,
    Dismiss: _dismiss,
    Reopen: _reopen,
    Delete: _delete,
    ListQuestions: _list,
}
ANSWER: dict[type[Command], Any] = {
    **dict.fromkeys((Ask, Upvote, Unvote, GoLive, AnswerQuestion, Dismiss, Reopen), _answer_one),
    ListQuestions: _answer_list,
}
EVOLVE: dict[type[Event], Any] = {
    Asked: _on_asked,
    Voted: _on_voted,
    Lived: _on_lived,
    Answered: _on_answered,
    Dismissed: _on_dismissed,
    Reopened: _on_reopened,
    Deleted: _on_deleted,
}
