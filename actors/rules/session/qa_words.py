"""What may be asked about questions, and what happens to them (rule 20)."""

import attrs

from actors.rules.base import Event, command, event
from actors.rules.session.events import hidden
from actors.rules.session.guards import OfSession
from actors.rules.text import MESSAGE_LIMIT, an_id, between, up_to

QUESTION_LIMIT = 1000
"""Characters of a question."""

ANSWER_LIMIT = 4000
"""Characters of a written answer."""

PAGE = 100
"""Questions in a snapshot, and in a page when the client names no limit."""


@command("qa.ask")
@attrs.frozen(kw_only=True)
class Ask(OfSession):
    """Post a question."""

    text: str = attrs.field(validator=up_to(QUESTION_LIMIT))
    anonymous: bool = False


@attrs.frozen(kw_only=True)
class OfQuestion(OfSession):
    """A command about one question."""

    id: str = an_id()


@command("qa.upvote")
@attrs.frozen(kw_only=True)
class Upvote(OfQuestion):
    """Vote for a question; one vote a person."""


@command("qa.unvote")
@attrs.frozen(kw_only=True)
class Unvote(OfQuestion):
    """Take one's vote back."""


@command("qa.live")
@attrs.frozen(kw_only=True)
class GoLive(OfQuestion):
    """Say that the question is being answered live (hosts)."""


@command("qa.answer")
@attrs.frozen(kw_only=True)
class AnswerQuestion(OfQuestion):
    """Say that the question was answered, in words if there are any (hosts)."""

    text: str | None = attrs.field(default=None, validator=up_to(ANSWER_LIMIT))


@command("qa.dismiss")
@attrs.frozen(kw_only=True)
class Dismiss(OfQuestion):
    """Put the question aside (hosts)."""


@command("qa.reopen")
@attrs.frozen(kw_only=True)
class Reopen(OfQuestion):
    """Open the question again (hosts)."""


@command("qa.delete")
@attrs.frozen(kw_only=True)
class Delete(OfQuestion):
    """Delete a question: hosts any, others their own."""


@command("qa.list")
@attrs.frozen(kw_only=True)
class ListQuestions(OfSession):
    """List the questions by votes, then by time; organizers see who asked anonymously."""

    after: str | None = attrs.field(default=None, validator=up_to(MESSAGE_LIMIT))
    limit: int = attrs.field(default=PAGE, validator=between(1, 500))


@event("qa.asked")
@attrs.frozen(kw_only=True)
class Asked(Event):
    """A question was posted; ``person`` and ``name`` are None when it is anonymous."""

    id: str
    text: str
    anonymous: bool
    person: str | None
    name: str | None
    author: str = hidden()
    author_name: str = hidden()


@event("qa.voted")
@attrs.frozen(kw_only=True)
class Voted(Event):
    """A question has so many votes now."""

    id: str
    votes: int
    person: str = hidden()
    on: bool = hidden()


@attrs.frozen(kw_only=True)
class _Handled(Event):
    id: str
    by: str


@event("qa.lived")
@attrs.frozen(kw_only=True)
class Lived(_Handled):
    """A question is being answered live."""


@event("qa.answered")
@attrs.frozen(kw_only=True)
class Answered(_Handled):
    """A question was answered."""

    by_name: str
    text: str | None


@event("qa.dismissed")
@attrs.frozen(kw_only=True)
class Dismissed(_Handled):
    """A question was put aside."""


@event("qa.reopened")
@attrs.frozen(kw_only=True)
class Reopened(_Handled):
    """A question is open again."""


@event("qa.deleted")
@attrs.frozen(kw_only=True)
class Deleted(Event):
    """A question is gone. Not by whom: its author may be anonymous."""

    id: str
    by: str = hidden()
