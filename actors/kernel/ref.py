"""The address of an actor: how everybody else, in any thread, speaks to it."""

import os
import weakref
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pykka
import trio

from actors.kernel.errors import ActorDeadError, MailboxFullError
from actors.kernel.future import Future
from actors.kernel.messages import Order, Request
from actors.kernel.policy import Exit

if TYPE_CHECKING:
    from actors.kernel.actor import Actor
    from actors.kernel.cell import Cell
    from actors.kernel.proxy import ActorProxy

A = TypeVar("A", bound="Actor")


def fresh_urn() -> str:
    """Return a random URN; a version 4 UUID without building the object for it."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class StoppedFlag:
    """Whether an actor has stopped, in the shape of Pykka's ``threading.Event``."""

    __slots__ = ("_cell",)

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell

    def is_set(self) -> bool:
        """Return whether the actor has stopped."""
        return not self._cell.alive


class ActorRef(pykka.ActorRef[A], Generic[A]):
    """A reference to an actor. It stays valid through restarts and passivation.

    ``tell`` and ``ask`` work in the system's thread and in any other. Refs compare by identity
    of their actor.
    """

    __slots__ = ("_cell",)

    def __init__(self, cell: "Cell") -> None:  # the base's would need a built actor
        self._cell = cell

    def __str__(self) -> str:
        return f"{self.actor_class.__name__} ({self._cell.path})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActorRef) and self.actor_urn == other.actor_urn

    def __hash__(self) -> int:
        return hash(self.actor_urn)

    def __reduce__(self) -> Any:
        raise TypeError("an actor's ref belongs to its process; send a name instead")

    @property
    def path(self) -> str:
        """The actor's place in the tree, such as ``root/events/event-7``."""
        return self._cell.path

    @property
    def name(self) -> str:
        """The actor's name among its siblings."""
        return self._cell.name

    @property
    def actor_class(self) -> type[A]:  # type: ignore[override]  # read from the cell
        """The actor's class."""
        return cast("type[A]", self._cell.kind)

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """The actor's URN; restarts keep it."""
        return self._cell.urn

    @property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """The actor's mailbox; restarts keep it."""
        return self._cell.mailbox

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]
        """An object whose ``is_set()`` tells whether the actor has stopped."""
        return StoppedFlag(self._cell)

    @property
    def _actor_weakref(self) -> Any:  # type: ignore[override]
        actor = self._cell.actor
        return (lambda: None) if actor is None else weakref.ref(actor)

    def is_alive(self) -> bool:
        """Return whether messages are accepted; also while a restart is pending."""
        return self._cell.alive

    @property
    def idle(self) -> bool:
        """Whether it is in memory and waits for a message, with none in its mailbox."""
        return self._cell.mailbox.waiter is not None

    def tell(self, message: Any) -> None:
        """Send a message without waiting for anything.

        :raises ActorDeadError: the actor has ended for good.
        :raises MailboxFullError: its mailbox is full and its policy is ``reject``.
        """
        cell = self._cell
        if get_ident() == cell.system.thread:
            cell.mailbox.put(message)
        else:
            self._from_thread(message)

    def ask(
        self, message: Any, *, block: bool = False, timeout: float | None = None
    ) -> Future[Any]:
        """Send a message and return the future of its reply. It is sent even if never awaited.

        :param timeout: seconds to wait, from when the future is awaited.
        :param block: only in a plain thread: wait here, and return the reply itself.

        Awaiting raises what the handler raised, and
        :raises ActorDeadError: the actor is dead, or ended before it replied.
        :raises MailboxFullError: there was no room, or the message had to go.
        :raises AskCycleError: the actor is waiting for the one that asks; nothing was handled.
        :raises AskTimeoutError: no reply in time; the message may still be handled.
        """
        cell = self._cell
        request = Request(message, cell, timeout)
        try:
            if get_ident() == cell.system.thread:
                cell.mailbox.put(request)
            else:
                self._from_thread(request)
        except (ActorDeadError, MailboxFullError) as error:
            if not request.done:
                request.set_exception(error)
        if block and not trio.lowlevel.in_trio_run():
            return cast("Future[Any]", request.get(timeout=timeout))
        return request

    def _put(self, request: Request) -> None:
        try:
            self._cell.mailbox.put(request)
        except (ActorDeadError, MailboxFullError) as error:
            if not request.done:
                request.set_exception(error)

    def take(self, request: Request, message: Any) -> None:
        """Take over a request from another actor, to answer ``message`` in its place."""
        request.message = message
        request.target = self._cell
        self._put(request)

    def _from_thread(self, item: Any) -> None:
        cell = self._cell
        if not cell.alive:
            cell.lost(item, "dead")
            raise ActorDeadError(f"{cell.path} is dead")
        cell.system.call_from_thread(self._deliver, item)

    def _deliver(self, item: Any) -> None:
        """Put an item that came from another thread; its sender is past being told."""
        if isinstance(item, Request):
            self._put(item)
            return
        with suppress(ActorDeadError, MailboxFullError):  # counted by the mailbox
            self._cell.mailbox.put(item)

    def stop(  # type: ignore[override]  # an awaitable, whatever ``block`` says
        self, *, block: bool = False, timeout: float | None = None
    ) -> Future[bool]:
        """Stop the actor for good, after the messages already in its mailbox.

        It has its ``stop_grace`` for that, and is cancelled then. Await the future to wait for
        the end: True, or False if it was dead already.
        """
        request = Request(None, self._cell, timeout)
        if not self._cell.alive:
            request.set(False)
        else:
            self._cell.system.run_here(self._cell.order_stop, Exit("stopped"), request)
        if block and not trio.lowlevel.in_trio_run():
            return cast("Future[bool]", request.get(timeout=timeout))
        return request

    def kill(self) -> None:
        """Cancel the actor where it stands; its restart type decides what follows."""
        self._cell.system.run_here(self._cell.kill, Exit("killed"))

    def stopped(self) -> Future[Exit]:
        """Return the future of the actor's end for good, with the reason."""
        future: Future[Exit] = Future()
        self._cell.system.run_here(self._cell.tell_end, future)
        return future

    def proxy(self) -> "ActorProxy[A]":
        """Return a proxy: attributes and methods of the actor, as futures."""
        from actors.kernel.proxy import ActorProxy

        return ActorProxy(actor_ref=self)


__all__ = ["ActorRef", "Order", "StoppedFlag"]
