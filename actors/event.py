"""An event's actor: the entity's, and whoever is banned is put out at once (rule 24)."""

from actors.holding import HeldActor
from actors.participant import INVALID_TOKEN, Expel
from actors.rules.base import Event
from actors.rules.event_model import Banned, Revoked
from actors.rules.person import person_entity


class EventActor(HeldActor):
    """Runs an event.

    A ban ends the banned person's connections, all of them; a revocation those with older tokens.
    """

    passivate_after = 1800.0
    """An event is asked for whenever anybody connects, and is the largest state of all: a fair's
    quiet minutes are no reason to read it back."""

    def after_event(self, event: Event) -> None:
        """Put a banned person out, after they have been told."""
        super().after_event(event)
        if isinstance(event, Banned):
            ident = self.entity.partition("/")[2]
            expel = Expel(event.person, event.message)
            self.courier.send(person_entity(ident, event.person), expel)
        elif isinstance(event, Revoked):
            ident = self.entity.partition("/")[2]
            expel = Expel(event.person, "The token has been revoked.", INVALID_TOKEN)
            self.courier.send(person_entity(ident, event.person), expel)
