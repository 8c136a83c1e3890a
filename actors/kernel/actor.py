"""The base of every actor: Pykka's, with what a supervised actor on one event loop needs."""

from collections.abc import Callable, Hashable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pykka

from actors.kernel.context import nascent
from actors.kernel.future import Future
from actors.kernel.mailbox import Mailbox
from actors.kernel.messages import Envelope
from actors.kernel.policy import (
    DEFAULT_MAILBOX_LIMIT,
    DEFAULT_START_TIMEOUT,
    DEFAULT_STOP_GRACE,
    Decider,
    Exit,
    Overflow,
    Restart,
    asker_decides,
)
from actors.kernel.ref import ActorRef, StoppedFlag
from actors.kernel.timers import Timer

if TYPE_CHECKING:
    from actors.kernel.cell import Cell
    from actors.kernel.system import ActorSystem


class Actor(pykka.Actor):
    """Something that handles one message at a time.

    Override :meth:`on_receive` (or :meth:`on_receive_batch`) and, as needed, the other hooks;
    each may be a plain function or ``async``. The class attributes are the settings.
    """

    restart: ClassVar[Restart] = "transient"
    """When it is started again after it ended."""
    significant: ClassVar[bool] = False
    """Whether its own end may end its supervisor."""
    start_timeout: ClassVar[float] = DEFAULT_START_TIMEOUT
    """Seconds ``on_start`` may take."""
    stop_grace: ClassVar[float] = DEFAULT_STOP_GRACE
    """Seconds from the order to stop to cancellation."""
    mailbox_limit: ClassVar[int] = DEFAULT_MAILBOX_LIMIT
    """Messages its mailbox holds."""
    overflow: ClassVar[Overflow] = "reject"
    """What becomes of one message too many."""
    handler_deadline: ClassVar[float | None] = None
    """Seconds an ``async`` handler may run before it is cancelled and counts as failed."""
    passivate_after: ClassVar[float | None] = None
    """Seconds of idleness after which it leaves memory; the next message brings it back."""
    batch_limit: ClassVar[int] = 1
    """Messages :meth:`on_receive_batch` takes at once; 1 means one by one, ``on_receive``."""
    batch_pause: ClassVar[float] = 0.0
    """Seconds from the beginning of a crowded batch to that of the next, unless that is full
    already: messages that wait for one another share what a batch costs."""
    batch_crowd: ClassVar[int] = 8
    """Messages of a batch that is crowded."""
    decider: ClassVar[Decider] = staticmethod(asker_decides)
    """What an exception in a handler leads to."""

    _supervises: ClassVar[Callable[..., Any] | None] = None
    _cell: "Cell"

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Tie the instance to its cell before ``__init__`` runs, so that refs work in there."""
        actor = super().__new__(cls)
        cell = nascent.get()
        if cell is not None:
            nascent.set(None)
            cell.attach(actor)
        return actor

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: Pykka's own would build a mailbox and a ``threading.Event`` per actor."""

    def __str__(self) -> str:
        return f"{type(self).__name__} ({self.actor_urn})"

    # Pykka's attributes

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # the cell's
        """The actor's URN; restarts keep it."""
        return self._cell.urn

    @property
    def actor_inbox(self) -> Mailbox:  # type: ignore[override]
        """The actor's mailbox."""
        return self._cell.mailbox

    @property
    def actor_ref(self) -> ActorRef[Self]:
        """The actor's own ref."""
        return self._cell.ref

    @property
    def actor_stopped(self) -> StoppedFlag:  # type: ignore[override]
        """An object whose ``is_set()`` tells whether the actor has stopped."""
        return StoppedFlag(self._cell)

    @property
    def system(self) -> "ActorSystem":
        """The system the actor lives in."""
        return self._cell.system

    @property
    def path(self) -> str:
        """The actor's place in the tree."""
        return self._cell.path

    # Life

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Start a temporary actor in the current system, as in Pykka: a crash is its end."""
        from actors.kernel.system import current_system

        return current_system().spawn(cls, *args, restart="temporary", **kwargs)

    def stop(self) -> None:
        """End after the messages already queued, normally: only ``permanent`` actors return."""
        self._cell.order_stop(Exit("normal"))

    def exit(self, exit_: Exit) -> None:
        """End before the next message, for the given reason; the mailbox is kept if restarted."""
        self._cell.halt(exit_)

    def on_start(self) -> Any:
        """Run before the first message, also after a restart; an exception here is a failure."""

    def on_stop(self) -> Any:
        """Run after the last message, unless the actor failed or was cancelled."""

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        """Run when an exception ends this instance, before the supervisor decides."""

    async def on_receive_batch(self, batch: Sequence[Envelope]) -> None:
        """Handle up to ``batch_limit`` messages; called instead of ``on_receive`` if above 1.

        An exception fails every message of the batch that is not yet answered.
        """
        raise NotImplementedError(f"{type(self).__name__} sets batch_limit but no handler")

    def may_passivate(self) -> bool:
        """Return whether an idle actor may leave memory now; asked again later if not."""
        return True

    @classmethod
    def coalesce_key(cls, _message: Any) -> Hashable | None:
        """Return the key under which a later message replaces a queued one; None for never."""
        return None

    # What an actor may do

    def after(self, seconds: float, message: Any) -> Timer:
        """Send itself a message in ``seconds``, unless it has ended by then."""
        return self._cell.set_timer(seconds, message, None)

    def every(self, seconds: float, message: Any) -> Timer:
        """Send itself a message every ``seconds``, until it ends. Missed beats are skipped."""
        if not seconds > 0:
            raise ValueError(f"a period must be above zero, not {seconds!r}")
        return self._cell.set_timer(seconds, message, seconds)

    def watch(self, ref: ActorRef[Any]) -> None:
        """Receive ``Terminated(ref, exit)`` once the other has ended for good, or has already."""
        self._cell.watch(ref._cell)  # noqa: SLF001  ref and cell are one unit

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Watch no more."""
        self._cell.unwatch(ref._cell)  # noqa: SLF001  as above

    def stash(self) -> None:
        """Put the message in hand aside; whoever asked goes on waiting.

        :raises MailboxFullError: a mailbox's worth is aside already.
        """
        self._cell.stash()

    def unstash_all(self) -> None:
        """Put every stashed message back in front of the mailbox, in order."""
        self._cell.mailbox.unstash()

    # Pykka's hooks for runtimes: the kernel's cell does all this.

    @staticmethod
    def _create_actor_inbox() -> Any:
        raise NotImplementedError("the kernel's cell owns the mailbox")

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        raise NotImplementedError("use ActorSystem.spawn() or Actor.start()")
