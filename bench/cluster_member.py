"""Somebody of the crowd, and whether they were told everything once and in order."""

from collections.abc import Iterable, Mapping

import attrs

from transport.client import Client
from transport.client_model import Event


@attrs.define(eq=False)
class Member:
    """Somebody of the crowd, and what they know.

    :param heard: messages and their numbers.
    :param position: the last number they know of, by an event or in a snapshot.
    :param skipped: numbers they know from a snapshot only.
    :param gaps: what did not follow what was before it.
    :param votes: ids of the questions they vote for.
    :param meeting: the chat they have booked: its id, the desk and the slot's start.
    """

    number: int
    client: Client
    home: str
    heard: dict[str, int] = attrs.field(factory=dict)
    position: int | None = None
    skipped: list[range] = attrs.field(factory=list)
    gaps: list[str] = attrs.field(factory=list)
    votes: set[str] = attrs.field(factory=set)
    meeting: tuple[str, str, str] | None = None
    busy: bool = False

    def hear(self, event: Event) -> None:
        """Note an event of the session, and whether it follows the one before."""
        number, before = event.seq, self.position
        if number is None:
            return
        if event.type == "snapshot":
            if before is not None:
                self.skipped.append(range(before + 1, number + 1))
            if before is not None and number < before:
                self.gaps.append(f"a snapshot at {number} after {before}")
        elif before is not None and number != before + 1:
            self.gaps.append(f"{event.type} {number} after {before}")
        self.position = number
        if event.type == "chat.posted":
            if event.data["text"] in self.heard:
                self.gaps.append(f"{event.data['text']} twice")
            self.heard[event.data["text"]] = number

    def unheard(self, kept: Iterable[str], numbers: Mapping[str, int]) -> set[str]:
        """Return the messages they neither heard nor were given in a snapshot.

        :param numbers: of the messages, as others heard them.
        """
        missing = set(kept) - self.heard.keys()
        return {
            text
            for text in missing
            if not any(numbers.get(text, 0) in skipped for skipped in self.skipped)
        }
