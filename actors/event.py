"""An event's actor: the entity's, and whoever is banned is put out at once (rule 24)."""

from collections.abc import Sequence

from actors.entity import Decided
from actors.holding import HeldActor
from actors.participant import INVALID_TOKEN, Expel
from actors.rules.base import Event
from actors.rules.event_model import Admit, Banned, Revoked
from actors.rules.person import person_entity


class EventActor(HeldActor):
    """Runs an event.

    A ban ends the banned person's connections, all of them; a revocation those with older tokens.
    """

    passivate_after = 1800.0
    """An event is asked for whenever anybody connects, and is the largest state of all: a fair's
    quiet minutes are no reason to read it back."""

    async def _settle(self, decided: Sequence[Decided]) -> None:
        for done in decided:
            if isinstance(done.command, Admit):
                self.services.admissions.note(done.command.by)
        await super()._settle(decided)

    def after_event(self, event: Event) -> None:
        """Put a banned person out, after they have been told."""
        super().after_event(event)
        ident = self.entity.partition("/")[2]
        if isinstance(event, (Banned, Revoked)):
            self.services.admissions.strike_out(ident)
        if isinstance(event, Banned):
            expel = Expel(event.person, event.message)
            self.courier.send(person_entity(ident, event.person), expel)
        elif isinstance(event, Revoked):
            expel = Expel(event.person, "The token has been revoked.", INVALID_TOKEN)
            self.courier.send(person_entity(ident, event.person), expel)
