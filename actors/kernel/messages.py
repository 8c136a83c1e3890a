"""What travels through mailboxes besides users' messages."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from trio.lowlevel import Task

from actors.kernel.future import PENDING, Future
from actors.kernel.policy import Exit

if TYPE_CHECKING:
    from actors.kernel.ref import ActorRef


@attrs.frozen
class Terminated:
    """A watched actor has ended for good; it comes ahead of queued messages."""

    ref: "ActorRef[Any]"
    exit: Exit


@attrs.frozen
class DeadLetter:
    """A message nobody handled.

    :param recipient: the path of the actor it was for.
    :param reason: ``dead``, ``mailbox_full``, ``dropped_oldest``, ``coalesced``, ``crashed`` or
        ``failed``.
    :param sender: the path of the actor that sent it, where known.
    """

    message: Any
    recipient: str
    reason: str
    sender: str | None = None


class Request(Future[Any]):
    """A message somebody awaits a reply to. One object, for an ask is the commonest of calls."""

    __slots__ = ("message",)

    def __init__(self, message: Any, target: Any, timeout: float | None) -> None:
        # The base's lines over again: calling it would cost a twentieth of an ask.
        self._value: Any = PENDING
        self._error: BaseException | None = None
        self._waiter: Task | None = None
        self._callbacks: list[Callable[[], object]] | None = None
        self._get_hook = None
        self._timeout = timeout
        self.target = target
        self.message = message


class Order:
    """A request to stop, in line behind the messages sent before it."""

    __slots__ = ("exit", "future")

    def __init__(self, exit_: Exit, future: Request | None = None) -> None:
        self.exit = exit_
        self.future = future


class Keyed:
    """A queued message that a later one with the same key may replace."""

    __slots__ = ("key", "message")

    def __init__(self, key: Any, message: Any) -> None:
        self.key = key
        self.message = message


class Halt:
    """An order to end before the next message; the mailbox stays as it is."""

    __slots__ = ("exit",)

    def __init__(self, exit_: Exit) -> None:
        self.exit = exit_


class Envelope:
    """One message of a batch, and the way to answer it.

    Replying to a told message does nothing. An envelope that is neither answered nor passed on
    when its batch is done is answered with None.
    """

    __slots__ = ("_request", "message", "settled")

    def __init__(self, message: Any, request: Request | None = None) -> None:
        self.message = message
        self._request = request
        self.settled = False

    @property
    def asked(self) -> bool:
        """Whether somebody awaits a reply from here."""
        return self._request is not None and not self._request.done

    def reply(self, value: Any = None) -> None:
        """Answer with a value; a second answer is ignored."""
        self.settled = True
        if self._request is not None and not self._request.done:
            self._request.set(value)

    def fail(self, error: BaseException) -> None:
        """Answer with an exception; a second answer is ignored."""
        self.settled = True
        # The error's traceback knows this envelope: it must not lead back to the error.
        request, self._request = self._request, None
        if request is not None and not request.done:
            request.set_exception(error)

    def forward(self, ref: "ActorRef[Any]", message: Any) -> None:
        """Let another actor handle ``message`` and answer the one who asked here."""
        self.settled = True
        request, self._request = self._request, None
        if request is None or request.done:
            ref.tell(message)
        else:
            ref.take(request, message)

    def readdress(self, message: Any) -> "Envelope":
        """Put another message in its place, and return it.

        It stays one of its batch: should that fail, whoever asked is told.
        """
        self.message = message
        return self
