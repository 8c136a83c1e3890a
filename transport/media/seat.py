"""A seat: two m-lines of a subscribe connection that show one person."""

from collections.abc import Mapping

import attrs

from transport.media.output import Output
from transport.media.track import Track

Tracks = Mapping[str, Track]
"""A person's tracks by source."""


@attrs.define(eq=False)
class Seat:
    """Two m-lines that belong together.

    :param person: whose tracks they carry; None while idle.
    """

    kind: str
    outputs: dict[str, Output]
    person: str | None = None

    def show(self, person: str | None, tracks: Tracks) -> bool:
        """Show a person's tracks; True if anything changed."""
        self.person = person
        changes = [output.show(tracks.get(source)) for source, output in self.outputs.items()]
        return any(changes)
