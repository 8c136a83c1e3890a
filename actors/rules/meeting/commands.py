"""What may be asked of a 1-1 chat (rules 40 to 45)."""

from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.rules.base import Command, command
from actors.rules.meeting.record import Referral, chat_entity
from actors.rules.text import MESSAGE_LIMIT, an_id, up_to

MAX_NOTE = 4000
"""Characters of a private note."""


def _message() -> Any:
    return attrs.field(default="", validator=up_to(MESSAGE_LIMIT, empty=True))


@attrs.frozen(kw_only=True)
class OfMeeting(Command):
    """A command about one meeting.

    :param id: the meeting's id.
    """

    id: str

    @property
    def entity(self) -> str:
        """The meeting."""
        return chat_entity(self.id)


@command("meeting.request")
@attrs.frozen(kw_only=True)
class Request(Command):
    """Ask somebody for a 1-1 chat (rules 37, 40).

    :param to: the other person's id.
    :param answer: to the employee's custom question, if there is one.
    """

    to: str = an_id()
    message: str = _message()
    answer: str = _message()

    @property
    def entity(self) -> str:
        """The asker's agenda, which numbers the requests."""
        return f"agenda/{self.by.event}.{self.by.id}"


@command("meeting.withdraw")
@attrs.frozen(kw_only=True)
class Withdraw(OfMeeting):
    """Take one's own request back before it is decided (rule 40)."""


@command("meeting.approve")
@attrs.frozen(kw_only=True)
class Approve(OfMeeting):
    """Agree to a request (rule 41).

    :param answer: a participant's answer to the custom question, if the employee asked.
    """

    answer: str = _message()


@command("meeting.decline")
@attrs.frozen(kw_only=True)
class Decline(OfMeeting):
    """Say no to a request, with a short message (rule 40).

    :param refer: a colleague or a live session to go to instead.
    """

    message: str = attrs.field(validator=up_to(MESSAGE_LIMIT))
    refer: Referral | None = None


@command("meeting.slots")
@attrs.frozen(kw_only=True)
class Slots(OfMeeting):
    """List the slots that are free for both (rule 41)."""


@command("meeting.pick")
@attrs.frozen(kw_only=True)
class Pick(OfMeeting):
    """Take a free slot (rule 42).

    :param slot: its start.
    """

    slot: datetime


@command("meeting.reschedule")
@attrs.frozen(kw_only=True)
class Reschedule(OfMeeting):
    """Propose another slot; the old one holds until the other side agrees (rule 43)."""

    slot: datetime


@command("meeting.agree")
@attrs.frozen(kw_only=True)
class Agree(OfMeeting):
    """Agree to the proposed slot, or to take a colleague's chat over (rule 43)."""


@command("meeting.disagree")
@attrs.frozen(kw_only=True)
class Disagree(OfMeeting):
    """Refuse what was proposed or offered, or take one's own proposal back."""


@command("meeting.cancel")
@attrs.frozen(kw_only=True)
class Cancel(OfMeeting):
    """Call the chat off; both sides are free again (rule 43)."""

    message: str = _message()


@command("meeting.move")
@attrs.frozen(kw_only=True)
class Move(OfMeeting):
    """Give a confirmed chat another time, as an organizer.

    :param start: need not be an offered slot, but both must be free.
    """

    start: datetime


@command("meeting.reassign")
@attrs.frozen(kw_only=True)
class Reassign(OfMeeting):
    """Ask a colleague of the employee to take over, as an organizer.

    :param to: the colleague, who has to agree.
    """

    to: str = an_id()


@command("meeting.get")
@attrs.frozen(kw_only=True)
class Get(OfMeeting):
    """Tell of one meeting."""


@command("meeting.join")
@attrs.frozen(kw_only=True)
class Join(OfMeeting):
    """Enter the chat (rule 44)."""

    subscribes: ClassVar[bool] = True


@command("meeting.leave")
@attrs.frozen(kw_only=True)
class Leave(OfMeeting):
    """Leave the chat; one may come back while it is open."""


@command("meeting.note")
@attrs.frozen(kw_only=True)
class Note(OfMeeting):
    """Keep a private note; only its author ever sees it (rule 45)."""

    text: str = attrs.field(validator=up_to(MAX_NOTE, empty=True))


@command("meeting.calendar")
@attrs.frozen(kw_only=True)
class Calendar(OfMeeting):
    """Return the chat as an iCalendar file (rule 47)."""
