"""Refs to actors that live on another node, or for a moment nowhere, and a count of what they do.

They are used where an :class:`actors.kernel.ActorRef` is: to tell, to ask, and to take over a
request from another actor.
"""

from collections.abc import Callable
from typing import Any

import attrs

from actors.errors import Refused
from actors.kernel import Future
from actors.kernel.messages import Request


@attrs.define
class BridgeStatistics:
    """What went between this node and the others."""

    asked: int = 0
    told: int = 0
    served: int = 0
    not_mine: int = 0
    lost: int = 0
    unknown: int = 0
    resent: int = 0
    broken: int = 0


class RemoteRef:
    """An entity's actor on another node.

    :param send: sends it a message; with a request, its answer resolves the request.
    """

    __slots__ = ("_send", "entity")

    def __init__(self, entity: str, send: Callable[[str, Any, Request | None], None]) -> None:
        self.entity = entity
        self._send = send

    def tell(self, message: Any) -> None:
        """Send a message without waiting for anything."""
        self._send(self.entity, message, None)

    def ask(self, message: Any, *, timeout: float | None = None) -> Future[Any]:
        """Send a message and return the future of its answer.

        :param timeout: seconds to wait, from when the future is awaited.

        Awaiting raises :exc:`Refused` for whatever went wrong: ``moved`` if the node is gone, with
        ``uncertain`` among its data, for the message may have been handled.
        """
        request = Request(message, None, timeout)
        self._send(self.entity, message, request)
        return request

    def take(self, request: Request, message: Any) -> None:
        """Take over a request from an actor, to answer ``message`` in its place."""
        request.target = None
        self._send(self.entity, message, request)


def moved(*, uncertain: bool = False) -> Refused:
    """Return the refusal of a command whose entity is between two nodes.

    :param uncertain: whether it may have been carried out nevertheless.
    """
    data = {"uncertain": True} if uncertain else {}
    return Refused("moved", "This is moving to another server. Please try again.", **data)
