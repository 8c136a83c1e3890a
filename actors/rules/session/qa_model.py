"""What a session's questions are made of (rule 20)."""

from datetime import datetime

import attrs

from actors.rules.order import Key, Ordered


@attrs.define
class Question:
    """One question. Its author is always known here, and shown only if not anonymous.

    :param votes: ids of who voted for it.
    :param state: ``open``, ``live``, ``answered`` or ``dismissed``.
    """

    id: str
    person: str
    name: str
    text: str
    anonymous: bool
    at: datetime
    state: str = "open"
    votes: set[str] = attrs.field(factory=set)
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


@attrs.define
class QaState:
    """The questions by id, and the number of the newest one.

    The order is derived: it is built when first needed and kept up from then on.
    """

    last: int = 0
    questions: dict[str, Question] = attrs.field(factory=dict)
    _order: Ordered | None = attrs.field(init=False, default=None, eq=False, repr=False)

    @property
    def order(self) -> Ordered:
        """The ids by votes, then by time."""
        if self._order is None:
            self._order = Ordered()
            for question in self.questions.values():
                self._order.put(_key(question))
        return self._order

    def place(self, question: Question) -> None:
        """Put a question where its votes say."""
        order = self.order
        self.questions[question.id] = question
        order.put(_key(question))

    def remove(self, id_: str) -> None:
        """Take a question out."""
        order = self.order
        del self.questions[id_]
        order.remove(id_)

    def key(self, id_: str) -> Key:
        """Return what orders a question."""
        return _key(self.questions[id_])


def _key(question: Question) -> Key:
    return (-len(question.votes), int(question.id), question.id)
