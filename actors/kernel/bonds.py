"""What ties an actor to others: timers, watches, and what its mailbox could not keep."""

from collections.abc import Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from actors.kernel.errors import ActorDeadError, MailboxFullError
from actors.kernel.loop import Loop
from actors.kernel.mailbox import unwrap
from actors.kernel.messages import Order, Request, Terminated
from actors.kernel.policy import Exit
from actors.kernel.timers import Timer

if TYPE_CHECKING:
    from actors.kernel.ref import ActorRef


class Bonds(Loop):
    """The part of a cell that knows other cells."""

    __slots__ = ("exit", "phase", "ref", "timers", "watchers", "watching")

    ref: "ActorRef[Any]"
    phase: str
    exit: Exit | None

    def __init__(self) -> None:
        super().__init__()
        self.timers: set[Timer] | None = None
        self.watchers: set[Bonds] | None = None
        self.watching: set[Bonds] | None = None

    # What an actor may do

    def set_timer(self, seconds: float, message: Any, period: float | None) -> Timer:
        """Send the actor a message later, as long as this instance lives."""
        if self.timers is None:
            self.timers = set()
        timers = self.timers

        def fire() -> None:
            if period is None:
                timers.discard(timer)
            with suppress(ActorDeadError, MailboxFullError):  # counted by the mailbox
                self.mailbox.put(message)

        timer = self.system.timers.call_after(seconds, fire, period)
        timers.add(timer)
        timer.among = timers
        return timer

    def watch(self, other: "Bonds") -> None:
        """Be told of another's end."""
        if other.phase == "ended":
            exit_ = other.exit or Exit("normal")
            self.mailbox.put_urgent(Terminated(other.ref, exit_))
            return
        other.watchers = other.watchers or set()
        other.watchers.add(self)
        self.watching = self.watching or set()
        self.watching.add(other)

    def unwatch(self, other: "Bonds") -> None:
        """Be told no more."""
        if other.watchers:
            other.watchers.discard(self)
        if self.watching:
            self.watching.discard(other)

    # What the mailbox asks of its owner

    def key_of(self, message: Any) -> Hashable | None:
        """Return the key under which a later message replaces this one."""
        return self.kind.coalesce_key(message)

    def lost(self, item: Any, reason: str) -> None:
        """Report an item nobody will handle, and answer whoever asked."""
        if isinstance(item, Request):
            if item.done:
                return
            message = item.message
            full = reason != "dead"
            error: Exception = (
                MailboxFullError(f"{self.path} had to let the message go ({reason})")
                if full
                else ActorDeadError(f"{self.path} stopped before handling the message")
            )
            item.set_exception(error)
        elif type(item) is Order:
            return
        else:
            message = unwrap(item)
        self.system.dead_letters.publish(message, self, reason)

    def break_bonds(self) -> None:
        """Drop the timers and watches of an instance that has ended."""
        for timer in tuple(self.timers or ()):
            timer.cancel()
        self.timers = None
        for other in self.watching or ():
            if other.watchers:
                other.watchers.discard(self)
        self.watching = None

    def tell_watchers(self, exit_: Exit) -> None:
        """Tell those who watch of the end."""
        for cell in self.watchers or ():
            cell.mailbox.put_urgent(Terminated(self.ref, exit_))
            if cell.watching:
                cell.watching.discard(self)
        self.watchers = None
