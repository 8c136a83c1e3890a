"""What a 1-1 chat remembers besides its record: who is there, what was said, the private notes."""

from datetime import datetime

import attrs

from actors.rules.base import Person
from actors.rules.chat_model import ChatState, Standing
from actors.rules.media import MediaState, Place
from actors.rules.meeting.record import BOOKED, Meeting


@attrs.define
class MeetingState:
    """One 1-1 chat.

    :param present: who is in the room -> since when their connection is gone, or None.
    :param attended: who has been there since the start, or together with the other before it.
    :param met: whether both have been there (rule 45).
    :param warned: the last warning before the end, in minutes; None before the first.
    :param notes: each side's own, for nobody else.
    """

    meeting: Meeting | None = None
    present: dict[str, datetime | None] = attrs.field(factory=dict)
    attended: set[str] = attrs.field(factory=set)
    began: bool = False
    met: bool = False
    warned: int | None = None
    ended: bool = False
    notes: dict[str, str] = attrs.field(factory=dict)
    chat: ChatState = attrs.field(factory=ChatState)
    media: MediaState = attrs.field(factory=MediaState)

    @property
    def parties(self) -> frozenset[str]:
        """The ids of the two; empty before the request."""
        meeting = self.meeting
        return frozenset((meeting.employee.id, meeting.participant.id)) if meeting else frozenset()

    @property
    def booked(self) -> Meeting | None:
        """The record while it has a slot that is not over."""
        if self.meeting is None or self.ended or self.meeting.state not in BOOKED:
            return None
        return self.meeting

    def chat_standing(self, person: Person) -> Standing | None:
        """Say what somebody may do in the side chat: both read, whoever is there writes."""
        if person.id not in self.parties or (self.meeting and person.event != self.meeting.event):
            return None
        return "write" if person.id in self.present else "read"

    def role_of(self, person: Person) -> str:
        """Return the side somebody is on."""
        return (
            "employee" if self.meeting and person.id == self.meeting.employee.id else "participant"
        )

    def media_place(self, person: str) -> Place | None:
        """Say whether somebody may be seen and heard: both may, once inside."""
        return "publish" if person in self.present else None

    def moderates(self, person: Person) -> bool:
        """Say that neither side blocks the other."""
        del person
        return False

    def knows(self, person: str) -> bool:
        """Whether somebody is one of the two."""
        return person in self.parties
