"""A bounded queue with one reader: a deque, a second lane that overtakes, and one parked task.

Putting a message costs a fifth of a microsecond: one comparison, one append, one look for a
waiting reader. Whatever is out of the ordinary (a full or closed mailbox, keys) sets the bound
that is compared to -1, so that the common way carries no further test.
"""

from collections import deque
from collections.abc import Hashable
from typing import Any, Protocol

import trio
from trio.lowlevel import Abort, Task

from actors.kernel.errors import ActorDeadError, MailboxFullError
from actors.kernel.messages import Halt, Keyed, Order, Request
from actors.kernel.policy import Overflow

REPLACED: Any = object()
"""Stands where a keyed message stood that a later one has replaced."""


class Owner(Protocol):
    """Whom a mailbox tells of what it could not keep."""

    @property
    def path(self) -> str:
        """The actor's name in the tree."""

    def key_of(self, message: Any) -> Hashable | None:
        """Return the key under which a later message replaces this one."""

    def revive(self) -> "Mailbox | None":
        """Bring a passivated actor back and return its mailbox; None if it is dead."""

    def lost(self, item: Any, reason: str) -> None:
        """Report an item nobody will handle, and answer whoever asked."""


class Mailbox:
    """The messages waiting for one actor.

    :param limit: messages it holds at most, those stashed not counted.
    :param overflow: what happens to the one too many.
    """

    __slots__ = (
        "_bound",
        "_gaps",
        "_keys",
        "closed",
        "limit",
        "lost",
        "overflow",
        "owner",
        "queue",
        "stashed",
        "urgent",
        "waiter",
    )

    def __init__(self, owner: Owner, limit: int, overflow: Overflow) -> None:
        self.owner = owner
        self.queue: deque[Any] = deque()
        self.urgent: deque[Any] | None = None
        self.stashed: deque[Any] | None = None
        self.waiter: Task | None = None
        self.closed = False
        self.lost = 0
        self._gaps = 0
        self.configure(limit, overflow)

    def configure(self, limit: int, overflow: Overflow) -> None:
        """Set limit and policy, before the first message."""
        self.limit = limit
        self.overflow: Overflow = overflow
        self._keys: dict[Hashable, Keyed] | None = {} if overflow == "coalesce" else None
        self._bound = limit if self._keys is None else -1

    def __len__(self) -> int:
        return len(self.queue) - self._gaps + len(self.stashed or ())

    def put(self, item: Any) -> None:
        """Queue an item and wake the reader.

        :raises MailboxFullError: the policy is ``reject`` and there is no room.
        :raises ActorDeadError: the mailbox is closed.
        """
        queue = self.queue
        if len(queue) < self._bound:
            queue.append(item)
            waiter = self.waiter
            if waiter is not None:
                self.waiter = None
                trio.lowlevel.reschedule(waiter)
            return
        self._put_slowly(item)

    def _put_slowly(self, item: Any) -> None:
        if self.closed:
            awake = self.owner.revive()
            if awake is not None:
                if isinstance(item, Request):
                    item.target = awake.owner
                awake.put(item)
                return
            self.owner.lost(item, "dead")
            raise ActorDeadError(f"{self.owner.path} is dead")
        if self._keys is not None:
            item = self._keyed(item)
        if len(self.queue) - self._gaps >= self.limit and type(item) is not Order:
            if self.overflow != "drop_oldest":
                self._forget(item)
                self.lost += 1
                self.owner.lost(unwrap(item), "mailbox_full")
                raise MailboxFullError(f"{self.owner.path} has {self.limit} messages waiting")
            self._drop_oldest()
        self.queue.append(item)
        self.wake()

    def _keyed(self, item: Any) -> Any:
        """Wrap an item that has a key, taking the place of the one queued under it."""
        if type(item) in {Request, Order}:  # somebody awaits each of these
            return item
        key = self.owner.key_of(item)
        if key is None or self._keys is None:
            return item
        older = self._keys.get(key)
        newer = self._keys[key] = Keyed(key, item)
        if older is not None:
            # The newer goes to the end, so that it cannot overtake what the same sender sent
            # in between; the older leaves a gap where it stood.
            message, older.message = older.message, REPLACED
            self._gaps += 1
            if self._gaps > self.limit:
                self._close_gaps()
            self.lost += 1
            self.owner.lost(message, "coalesced")
        return newer

    def _forget(self, item: Any) -> None:
        if type(item) is Keyed and self._keys is not None:
            del self._keys[item.key]

    def _drop_oldest(self) -> None:
        for index, item in enumerate(self.queue):
            if type(item) is not Order and not _is_gap(item):
                del self.queue[index]
                self._forget(item)
                self.lost += 1
                self.owner.lost(unwrap(item), "dropped_oldest")
                return

    def _close_gaps(self) -> None:
        kept = [item for item in self.queue if not _is_gap(item)]
        self.queue.clear()
        self.queue.extend(kept)
        self._gaps = 0

    def take_keyed(self, item: Keyed) -> Any:
        """Return the message of a keyed item that has just left the queue, or REPLACED."""
        if item.message is REPLACED:
            self._gaps -= 1
        else:
            self._forget(item)
        return item.message

    def put_urgent(self, item: Any) -> None:
        """Queue an item ahead of all messages; this lane has no bound but its few senders."""
        if self.urgent is None:
            self.urgent = deque()
        self.urgent.append(item)
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None:
            trio.lowlevel.reschedule(waiter)

    def abort_wait(self, _: object) -> Abort:
        """Let the reader, which parked itself as ``waiter``, be cancelled."""
        self.waiter = None
        return Abort.SUCCEEDED

    def stash(self, item: Any) -> None:
        """Put an item aside.

        :raises MailboxFullError: as many are aside as the mailbox may hold.
        """
        if self.stashed is None:
            self.stashed = deque()
        if len(self.stashed) >= self.limit:
            raise MailboxFullError(f"{self.owner.path} has stashed {self.limit} messages")
        self.stashed.append(item)

    def unstash(self) -> None:
        """Put everything stashed back in front, in its order."""
        if self.stashed:
            self.queue.extendleft(reversed(self.stashed))
            self.stashed = None
            self.wake()

    def forget_orders(self) -> None:
        """Drop halts meant for an instance that has ended by itself."""
        if self.urgent:
            kept = [item for item in self.urgent if type(item) is not Halt]
            self.urgent = deque(kept) if kept else None

    def close(self) -> list[Any]:
        """Take nothing more; return what was left, stashed messages first."""
        self.closed = True
        self._bound = -1
        left = [*(self.stashed or ()), *(unwrap(i) for i in self.queue if not _is_gap(i))]
        self._gaps = 0
        self.queue.clear()
        self.stashed = self.urgent = None
        if self._keys:
            self._keys.clear()
        return left

    def reopen(self) -> None:
        """Take messages again, for an actor brought back by its supervisor."""
        self.closed = False
        self._bound = self.limit if self._keys is None else -1

    # What Pykka's own code expects of an inbox.

    def get(self) -> Any:
        """Return the oldest item; IndexError if there is none."""
        return self.queue.popleft()

    def empty(self) -> bool:
        """Return whether nothing is waiting."""
        return not self.queue


def _is_gap(item: Any) -> bool:
    return type(item) is Keyed and item.message is REPLACED


def unwrap(item: Any) -> Any:
    """Return an item without the wrapping of its key."""
    return item.message if type(item) is Keyed else item
