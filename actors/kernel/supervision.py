"""How one supervisor starts and stops its children."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import trio

from actors.kernel.cell import Cell
from actors.kernel.errors import (
    ActorDeadError,
    BadChildError,
    NameTakenError,
    StartFailedError,
)
from actors.kernel.future import Future
from actors.kernel.policy import Child, Exit, Strategy
from actors.kernel.settlement import Settlement

if TYPE_CHECKING:
    from actors.kernel.supervisor import Supervisor

logger = logging.getLogger(__name__)


class Supervision(Settlement):
    """The children of one supervisor's cell; it outlives the supervisor's instances."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.kind = cast("type[Supervisor]", cell.kind)

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
        verdict = cast("Exit", self._verdict)
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
        exit_ = await self.cell.serve()
        while exit_.kind == "passivated" and self.children:  # added since it was found idle
            exit_ = await self.cell.serve()
        return exit_

    async def _start_planned(self) -> None:
        """Start the planned children from left to right."""
        actor: Any = self.cell.actor
        plans = list(actor.children())
        for plan in plans:
            self._check(plan)
        names = [plan.name for plan in plans]
        if len(set(names)) < len(names):
            raise NameTakenError(f"{self.cell.path} plans two children of one name: {names}")
        early, self._early = self._early, []
        for child in early:
            del self.children[child.name]
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
        for child in early:
            self.children[child.name] = child
            self._launch(child)

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
        if living and self.kind.strategy is Strategy.POOL:
            async with trio.open_nursery() as nursery:
                for child in living:
                    nursery.start_soon(partial(self._terminate, child, orderly=orderly))
        else:
            for child in living:
                await self._terminate(child, orderly=orderly)

    def end_children(self) -> None:
        """End all children for good: the supervisor itself has, or plans without them."""
        children, self.children = self.children, {}
        self._early = []
        for child in reversed(children.values()):
            child.end(Exit("shutdown"))

    # Children coming and going by request

    def add(self, plan: Child, virtual: tuple[str, str] | None = None) -> Cell:
        """Build a dynamic child and start it; it runs once the caller yields.

        Added to a supervisor that is coming up, it waits for the planned children.

        :raises ActorDeadError: the supervisor is stopping, or has ended.
        :raises NameTakenError: there is a child of that name.
        :raises BadChildError: the plan contradicts itself or the supervisor's settings.
        """
        if self._closing and not self._comes_up:
            raise ActorDeadError(f"{self.cell.path} takes no children now")
        if plan.name in self.children:
            raise NameTakenError(f"{self.cell.path} has a child called {plan.name!r} already")
        child = Cell(self.cell.system, self, plan, virtual=virtual)
        child.build()
        self._check(plan, child)
        self.children[plan.name] = child
        child.system.remember(child)
        if self._closing:
            self._early.append(child)
        else:
            self._launch(child)
        return child

    @property
    def _comes_up(self) -> bool:
        """Whether the supervisor will run (again) without anybody's doing."""
        doomed = self.cell.doomed
        stays = doomed is None or doomed.kind == "passivated"
        return stays and self.cell.phase in {"starting", "restarting", "suspended", "passivating"}

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
        child.prepare()
        cast("trio.Nursery", self._nursery).start_soon(child.run, name=child.name)

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

    async def _terminate(self, child: Cell, *, orderly: bool) -> None:
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
