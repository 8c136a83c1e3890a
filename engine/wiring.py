"""How the parts of an engine find each other: here for one node, in ``engine.cluster`` for more."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from actors.door import FrontDoor
from actors.kernel import ActorSystem
from actors.ports import Standing
from actors.presence import Presence
from actors.rules.base import AT_ONCE
from actors.services import UNKNOWN, Services
from engine.kinds import KINDS
from engine.tree import address_in
from transport.hub import Hub
from transport.limits import Limits

Later = Callable[[float, Callable[[], object]], object]

EARLY = 60
"""Seconds before its deadline at which an entity is started at the latest, and over how many the
starts are spread: a thousand people have one appointment."""


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

    async def wake(self, services: Services, later: Later) -> None:
        """See that entities whose deadlines must be kept are in memory when they are due.

        Those that have left something undone, or of which the journal does not know, are started
        now; whoever asks for one of the others wakes it as well.

        :param later: calls a function in so many seconds.
        """
        now = services.clock.now()
        for name, kind in KINDS.items():
            if kind.timed:
                for index, standing in enumerate(await services.journal.standings(name)):
                    _wake(services, standing, now, later, EARLY + index % EARLY)


def _wake(services: Services, standing: Standing, now: datetime, later: Later, early: int) -> None:
    entity, at = standing.entity, standing.wake
    if at == AT_ONCE:
        services.open_ends[entity] = UNKNOWN
        services.address(entity)
        return
    services.settle(entity, standing.seq)
    if at is not None:
        seconds = (at - now).total_seconds() - early
        if seconds > 0:
            later(seconds, partial(services.bring_back, entity))
        else:
            services.address(entity)
