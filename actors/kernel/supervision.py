"""How one supervisor keeps its children: start, restart, order of stopping, giving up.

Ends are settled one after another, as OTP's supervisor does by being a single process: while a
group restart is under way further ends queue up. The common case, one child restarted at once,
needs no task and is settled in the very call that reports the end.
"""

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import trio

from actors.kernel.cell import Cell
from actors.kernel.errors import (
    ActorDeadError,
    BadChildError,
    NameTakenError,
    RestartIntensityError,
    StartFailedError,
)
from actors.kernel.future import Future
from actors.kernel.policy import Child, Directive, Exit, Strategy

if TYPE_CHECKING:
    from actors.kernel.supervisor import Supervisor

logger = logging.getLogger(__name__)

_GROUPS = frozenset({Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE})


class Supervision:
    """The children of one supervisor's cell; it outlives the supervisor's instances."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.kind: type[Supervisor] = cell.kind  # type: ignore[assignment]  # made for these only
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

    # The supervisor's own life

    async def run(self) -> Exit:
        """Run one instance of the supervisor, its children within."""
        cell = self.cell
        self._verdict = None
        self._window.clear()
        self._windows.clear()
        self._ends.clear()
        self._expected.clear()
        self._launching.clear()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._closing = False
            try:
                exit_ = await self._serve()
                await self._close()
                return await cell.finish(exit_)
            finally:
                self._closing = True
                self._nursery = None
                nursery.cancel_scope.cancel()
        raise AssertionError  # the nursery's scope is cancelled only on the way out

    async def _serve(self) -> Exit:
        cell = self.cell
        with trio.CancelScope() as scope:
            self._loop_scope = scope
            if cell.doomed is not None:
                scope.deadline = trio.current_time() + cell.grace
            exit_ = await self._start_and_serve()
        self._loop_scope = None
        if scope.cancelled_caught:
            exit_ = cell.doomed or Exit("killed")
            cell.answer_for_current(self._verdict or exit_)
        return exit_ if self._verdict is None else await self._fall()

    async def _fall(self) -> Exit:
        """Take leave because of the children."""
        verdict = self._verdict
        assert verdict is not None
        if isinstance(verdict.error, Exception):
            self.cell.last_error = verdict.error
            logger.error("%s gives up", self.cell.path, exc_info=verdict.error)
            await self.cell.tell_failure(verdict.error)
        return verdict

    async def _start_and_serve(self) -> Exit:
        self._settling = True  # ends are settled once everybody is up
        try:
            await self.cell.start()
            await self._start_planned()
        except Exception as error:  # noqa: BLE001  judged by the supervisor above
            return await self.cell.failed_start(error)
        finally:
            self._settling = False
        self.cell.started()
        self._settle_soon()
        return await self.cell.serve()

    async def _start_planned(self) -> None:
        """Start the planned children from left to right."""
        actor: Any = self.cell.actor
        plans = list(actor.children())
        for plan in plans:
            self._check(plan)
        names = [plan.name for plan in plans]
        if len(set(names)) < len(names):
            raise NameTakenError(f"{self.cell.path} plans two children of one name: {names}")
        kept = {name: self.children.pop(name) for name in names if name in self.children}
        self.end_children()
        for plan in plans:
            child = kept.get(plan.name) or Cell(self.cell.system, self, plan, static=True)
            child.plan = plan
            self.children[plan.name] = child
        for child in list(self.children.values()):
            exit_ = await self._start(child)
            if exit_ is not None:
                raise StartFailedError(f"{child.path} did not start") from exit_.error

    def limit_loop(self, seconds: float) -> None:
        """Give the supervisor's own messages this long before it turns to its children."""
        scope = self._loop_scope
        if scope is not None:
            scope.deadline = min(scope.deadline, trio.current_time() + seconds)

    def fail(self, exit_: Exit) -> None:
        """End the supervisor now, for this reason."""
        if self._verdict is None and not self._closing:
            self._verdict = exit_
            if self._loop_scope is not None:
                self._loop_scope.cancel()

    async def _close(self) -> None:
        """Stop all children, the last started first; a pool's all at once."""
        self._closing = True
        if self._settle_scope is not None:
            self._settle_scope.cancel()
        orderly = self._verdict is None
        living = [child for child in reversed(self.children.values()) if child.active]
        if self.kind.strategy is Strategy.POOL:
            async with trio.open_nursery() as nursery:
                for child in living:
                    nursery.start_soon(self._terminate, child, orderly)
        else:
            for child in living:
                await self._terminate(child, orderly)

    def end_children(self) -> None:
        """End all children for good: the supervisor itself has, or plans without them."""
        children, self.children = self.children, {}
        for child in reversed(children.values()):
            child.end(Exit("shutdown"))

    # Children coming and going by request

    def add(self, plan: Child, virtual: tuple[str, str] | None = None) -> Cell:
        """Build a dynamic child and start it; it runs once the caller yields.

        :raises ActorDeadError: the supervisor is not up, or is stopping.
        :raises NameTakenError: there is a child of that name.
        :raises BadChildError: the plan contradicts itself or the supervisor's settings.
        """
        if self._closing:
            raise ActorDeadError(f"{self.cell.path} takes no children now")
        if plan.name in self.children:
            raise NameTakenError(f"{self.cell.path} has a child called {plan.name!r} already")
        child = Cell(self.cell.system, self, plan, virtual=virtual)
        child.build()
        self._check(plan, child)
        self.children[plan.name] = child
        child.system.remember(child)
        self._launch(child)
        return child

    async def start_child(self, plan: Child) -> Cell:
        """Add a dynamic child and wait until it is up.

        :raises StartFailedError: it did not come up; it is not kept.
        """
        child = self.add(plan)
        self._launching.add(child)
        try:
            exit_ = await child.start_result()
        finally:
            self._launching.discard(child)
        if exit_ is not None:
            self._retire(child, exit_)
            raise StartFailedError(f"{child.path} did not start") from exit_.error
        return child

    async def restart_child(self, name: str) -> None:
        """Bring back a planned child that has ended.

        :raises KeyError: there is no child of that name.
        :raises StartFailedError: it did not come up.
        """
        child = self.children[name]
        if not child.active and child.phase == "ended":
            exit_ = await self._start(child)
            if exit_ is not None:
                self._retire(child, exit_)
                raise StartFailedError(f"{child.path} did not start") from exit_.error

    def free_name(self, kind: object) -> str:
        """Return a name nobody has."""
        self._numbers += 1
        return f"{getattr(kind, '__name__', 'actor')}-{self._numbers}"

    def _check(self, plan: Child, child: Cell | None = None) -> None:
        """Refuse settings that OTP's ``check_childspecs`` would refuse."""
        kind: Any = plan.actor if child is None else child.kind
        restart = plan.restart or getattr(kind, "restart", "transient")
        significant = (
            getattr(kind, "significant", False) if plan.significant is None else plan.significant
        )
        if child is None and self.kind.strategy is Strategy.POOL:
            raise BadChildError(f"{plan.name}: the children of a pool are all dynamic")
        if significant and restart == "permanent":
            raise BadChildError(f"{plan.name} cannot be both significant and permanent")
        if significant and self.kind.auto_shutdown == "never":
            raise BadChildError(f"{plan.name} is significant, but auto_shutdown is 'never'")

    # One child

    def _launch(self, child: Cell) -> None:
        nursery = self._nursery
        assert nursery is not None
        child.prepare()
        nursery.start_soon(child.run, name=child.name)

    async def _start(self, child: Cell) -> Exit | None:
        """Start a child and wait for it; return why it did not come up, or None."""
        self._launching.add(child)
        try:
            if child.incarnation == 0:
                child.build()
                child.system.remember(child)
            elif child.phase == "ended":
                child.come_back()
                child.system.remember(child)
            result = child.start_result()
            self._launch(child)
            return await result
        except Exception as error:  # noqa: BLE001  a constructor's failure is a failed start
            child.last_error = error
            return Exit("failed", error)
        finally:
            self._launching.discard(child)

    async def _terminate(self, child: Cell, orderly: bool) -> None:
        """Stop a child and wait for its end: after its queued messages, or before them."""
        if not child.active:
            return
        over = self._expected[child] = Future()
        if orderly:
            child.order_stop(Exit("shutdown"))
        else:
            child.halt(Exit("shutdown"))
        exit_ = await over
        if exit_.kind == "stopped":  # somebody's own order came first
            self._retire(child, exit_)

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

    def drop(self, child: Cell, exit_: Exit) -> None:
        """End a child that has no instance at the moment."""
        self._retire(child, exit_)

    def wake(self, child: Cell) -> bool:
        """Run a passivated child again; False if this supervisor is not up."""
        if self._closing:
            return False
        child.mailbox.reopen()
        self._launch(child)
        return True

    def _retire(self, child: Cell, exit_: Exit) -> None:
        self._windows.pop(child, None)
        if not child.static and self.children.get(child.name) is child:
            del self.children[child.name]
        child.end(exit_)

    # Ends and restarts

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
        if child.mailbox.queue:  # came while it was leaving
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
            waiting = child.phase == "restarting" and child.incarnation == incarnation
            if waiting and not self._closing:
                self._launch(child)

        self.cell.system.timers.call_after(delay, launch)

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
