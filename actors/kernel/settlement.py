"""What follows when children end: judged one by one, restarted alone or in groups, or given up.

Ends are settled one after another, as OTP's supervisor does by being a single process: while a
group restart is under way further ends queue up. The common case, one child restarted at once,
needs no task and is settled in the very call that reports the end.
"""

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING

import trio

from actors.kernel.cell import Cell
from actors.kernel.errors import RestartIntensityError
from actors.kernel.future import Future
from actors.kernel.policy import Directive, Exit, Strategy

if TYPE_CHECKING:
    from actors.kernel.supervisor import Supervisor

_GROUPS = frozenset({Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE})


class Settlement(ABC):
    """The half of a supervision that reacts; :class:`Supervision` is the half that acts."""

    kind: "type[Supervisor]"

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.children: dict[str, Cell] = {}
        self._ends: deque[tuple[Cell, int, Exit]] = deque()
        self._settling = False
        self._settle_scope: trio.CancelScope | None = None
        self._expected: dict[Cell, Future[Exit]] = {}
        self._launching: set[Cell] = set()
        self._closing = True
        self._nursery: trio.Nursery | None = None
        self._loop_scope: trio.CancelScope | None = None
        self._verdict: Exit | None = None
        self._window: deque[float] = deque()
        self._windows: dict[Cell, deque[float]] = {}
        self._numbers = 0
        self._early: list[Cell] = []

    @property
    def expecting(self) -> bool:
        """Whether children wait for the supervisor to come up."""
        return bool(self._early)

    @abstractmethod
    def fail(self, exit_: Exit) -> None:
        """End the supervisor now, for this reason."""

    @abstractmethod
    def _launch(self, child: Cell) -> None:
        """Run the next instance of a child."""

    @abstractmethod
    async def _start(self, child: Cell) -> Exit | None:
        """Start a child and wait for it; return why it did not come up, or None."""

    @abstractmethod
    async def _terminate(self, child: Cell, *, orderly: bool) -> None:
        """Stop a child and wait for its end."""

    # Ends and restarts

    def child_over(self, child: Cell, exit_: Exit) -> None:
        """Take note that a child's instance has ended."""
        awaited = self._expected.pop(child, None)
        if awaited is not None:
            awaited.set(exit_)
        elif child in self._launching and child.up_since is None:
            pass  # whoever is starting it has been told
        elif not self._closing:
            self._ends.append((child, child.incarnation, exit_))
            self._settle_soon()

    def judge(self, error: Exception, asked: bool) -> Directive | None:
        """Return what this supervisor says of a child's exception; None leaves it to the child."""
        decider = self.kind.child_decider
        return None if decider is None else decider(error, asked)

    def _retire(self, child: Cell, exit_: Exit) -> None:
        self._windows.pop(child, None)
        # As in OTP: nothing brings a temporary child back, so its plan goes with it.
        forgotten = not child.static or child.restart == "temporary"
        if forgotten and self.children.get(child.name) is child:
            del self.children[child.name]
        child.end(exit_)

    def _settle_soon(self) -> None:
        if self._settling or self._closing or self._nursery is None:
            return
        self._settling = True
        while self._ends:
            group = self._settle_one(*self._ends.popleft())
            if group is not None:
                self._nursery.start_soon(self._settle, group)
                return
        self._settling = False

    async def _settle(self, group: Cell) -> None:
        with trio.CancelScope() as self._settle_scope:
            await self._restart_group(group)
            while self._ends and not self._closing:
                trigger = self._settle_one(*self._ends.popleft())
                if trigger is not None:
                    await self._restart_group(trigger)
        self._settle_scope = None
        self._settling = False
        self._settle_soon()

    def _settle_one(self, child: Cell, incarnation: int, exit_: Exit) -> Cell | None:
        """Act on one end; return the child if its group has to be restarted."""
        stale = child.active or child.incarnation != incarnation
        if stale or self.children.get(child.name) is not child or child.phase == "ended":
            return None
        if exit_.escalate:
            self.fail(Exit("failed", exit_.error))
        elif exit_.kind == "passivated":
            self._passivated(child, exit_)
        elif exit_.kind == "stopped":
            self._retire(child, exit_)
        elif exit_.final or not self._wanted(child, exit_):
            self._ended_by_itself(child, exit_)
        elif self.kind.strategy in _GROUPS:
            return child
        else:
            self._restart_one(child)
        return None

    @staticmethod
    def _wanted(child: Cell, exit_: Exit) -> bool:
        if child.restart == "transient":
            return exit_.abnormal
        return child.restart == "permanent"

    def _passivated(self, child: Cell, exit_: Exit) -> None:
        expecting = child.supervision is not None and child.supervision.expecting
        if child.mailbox.queue or expecting:  # came while it was leaving
            self._launch(child)
        elif child.virtual is not None:
            self._retire(child, exit_)
        else:
            child.mailbox.close()
            child.phase = "passive"

    def _ended_by_itself(self, child: Cell, exit_: Exit) -> None:
        self._retire(child, exit_)
        if not child.significant:
            return
        others = any(
            other.significant and other.phase != "ended" for other in self.children.values()
        )
        if self.kind.auto_shutdown == "any_significant" or (
            self.kind.auto_shutdown == "all_significant" and not others
        ):
            self.fail(Exit("shutdown"))

    def _restart_one(self, child: Cell) -> None:
        if not self._allowed(child):
            return
        delay = self._delay(child)
        if delay == 0:
            self._launch(child)
            return
        child.phase = "restarting"
        incarnation = child.incarnation

        def launch() -> None:
            child.timers = None
            waiting = child.phase == "restarting" and child.incarnation == incarnation
            if waiting and not self._closing:
                self._launch(child)

        child.timers = {self.cell.system.timers.call_after(delay, launch)}

    async def _restart_group(self, trigger: Cell) -> None:
        """Stop the group from the right, start it from the left, until it holds or is too much."""
        first = trigger
        while not self._closing and self._allowed(first):
            members = list(self.children.values())
            if self.kind.strategy is Strategy.REST_FOR_ONE:
                members = members[members.index(first) :]
            for child in reversed(members):
                await self._terminate(child, orderly=False)
                if child.restart == "temporary" and child.phase != "ended":
                    self._retire(child, Exit("shutdown"))
            await trio.sleep(self._delay(first))
            failed = await self._start_members(members)
            if failed is None:
                return
            first = failed

    async def _start_members(self, members: list[Cell]) -> Cell | None:
        """Start what is left of a group; return the first that did not come up."""
        for child in members:
            ended = child.exit
            gone = self.children.get(child.name) is not child
            # A planned child that ended by itself returns with its group, as in OTP; one that
            # somebody stopped does not.
            if gone or child.active or (ended is not None and ended.kind == "stopped"):
                continue
            if await self._start(child) is not None:
                return child
        return None

    def _allowed(self, child: Cell) -> bool:
        """Count a restart, and give up if it is one too many."""
        intensity = self.kind.intensity
        window = self._windows.setdefault(child, deque()) if intensity.per_child else self._window
        now = trio.current_time()
        window.append(now)
        while now - window[0] > intensity.seconds:
            window.popleft()
        if len(window) <= intensity.restarts:
            child.restarts += 1
            self.cell.system.counters.restarts += 1
            return True
        error = RestartIntensityError(
            f"{child.path} ended, restart {len(window)} within {intensity.seconds} seconds"
        )
        error.__cause__ = child.last_error
        if intensity.per_child:
            self._ended_by_itself(child, Exit("failed", error))
        else:
            self.fail(Exit("shutdown", error))
        return False

    def _delay(self, child: Cell) -> float:
        """Return the seconds to wait before a restart, and count the failure."""
        backoff = self.kind.backoff
        if child.up_since is not None:
            if trio.current_time() - child.up_since >= backoff.reset_after:
                child.streak = 0
            child.up_since = None
        child.streak += 1
        return backoff.delay(child.streak, self.cell.system.random)
