"""An event's actor: the entity's, and whoever is banned is put out at once (rule 24)."""

from actors.holding import HeldActor
from actors.participant import INVALID_TOKEN, Expel
from actors.rules.base import Event
from actors.rules.event import gate
from actors.rules.event_model import Banned, Changed, Revoked, Unbanned
from actors.rules.person import person_entity

_MOVES_GATE = (Changed, Banned, Unbanned, Revoked)


class EventActor(HeldActor):
    """Runs an event.

    A ban ends the banned person's connections, all of them; a revocation those with older tokens.
    """

    passivate_after = 1800.0
    """An event is asked for by many, and is the largest state of all: a fair's quiet minutes are no
    reason to read it back."""

    async def _load(self) -> None:
        await super()._load()
        self._set_gate()

    def forget(self) -> None:
        """Throw the state away, and with it what is known of who may come in."""
        self._take_gate()
        super().forget()

    def on_failure(self, *args: object) -> None:
        """Let nobody in by what is not known any more."""
        self._take_gate()
        super().on_failure(*args)

    def on_stop(self) -> None:
        """Leave nothing in memory."""
        self._take_gate()
        super().on_stop()

    def _set_gate(self) -> None:
        self.services.admissions.open(self._id, gate(self.state))

    def _take_gate(self) -> None:
        self.services.admissions.close(self._id)

    @property
    def _id(self) -> str:
        return self.entity.partition("/")[2]

    def after_event(self, event: Event) -> None:
        """Let people in as the event has it now, and put those out who may not stay."""
        super().after_event(event)
        if isinstance(event, _MOVES_GATE):
            self._set_gate()
        if isinstance(event, Banned):
            expel = Expel(event.person, event.message)
            self.courier.send(person_entity(self._id, event.person), expel)
        elif isinstance(event, Revoked):
            expel = Expel(event.person, "The token has been revoked.", INVALID_TOKEN)
            self.courier.send(person_entity(self._id, event.person), expel)
