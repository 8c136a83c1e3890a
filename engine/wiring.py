"""How the parts of an engine find each other: here for one node, in ``engine.cluster`` for more."""

from collections.abc import Callable
from typing import Any

from actors.door import FrontDoor
from actors.kernel import ActorSystem
from actors.presence import Presence
from actors.services import Services
from engine.kinds import KINDS
from engine.tree import address_in
from transport.hub import Hub
from transport.limits import Limits


class Wiring:
    """The parts of an engine that is alone."""

    def hub(self, limits: Limits, epoch: str) -> Hub:
        """Return the fan-out."""
        return Hub(limits, epoch=epoch)

    def presence(self) -> Presence:
        """Return the book of live connections."""
        return Presence()

    def address(self, system: ActorSystem) -> Callable[[str], Any]:
        """Return the function that finds, or wakes, an entity's actor."""
        return address_in(system)

    def door(self, services: Services, epoch: str) -> FrontDoor:
        """Return the door through which the transport hands people in."""
        return FrontDoor(services, epoch)

    async def wake(self, services: Services) -> None:
        """Start the actors of all entities whose deadlines must be kept."""
        for name, kind in KINDS.items():
            if kind.timed:
                for entity in await services.journal.entities(name):
                    services.address(entity)
