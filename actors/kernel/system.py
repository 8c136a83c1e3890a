"""The whole: a root supervisor, timers, names, the register of virtual identities."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import trio

from actors.kernel.actor import Actor
from actors.kernel.cell import Cell
from actors.kernel.context import current
from actors.kernel.deadletters import DeadLetters
from actors.kernel.errors import (
    ActorDeadError,
    ActorFailedError,
    BadChildError,
    MailboxFullError,
    UnknownKindError,
)
from actors.kernel.policy import Child, Exit, Intensity, Restart, Strategy
from actors.kernel.ref import ActorRef
from actors.kernel.registry import ActorRegistry
from actors.kernel.statistics import Counters, Node, Statistics
from actors.kernel.supervision import Supervision
from actors.kernel.supervisor import Supervisor
from actors.kernel.timers import Timers

A = TypeVar("A", bound=Actor)

FROM_THREADS = 100_000
"""Calls from other threads that may be on their way into the event loop."""

TREE_CHILDREN = 1_000
"""Children of one supervisor the live tree shows."""

Under = ActorRef[Any] | Callable[[str], ActorRef[Any]] | None
"""Where actors of a kind live: under one supervisor, or under one that their key tells."""

_here: ContextVar["ActorSystem | None"] = ContextVar("actor_system", default=None)
_running: "list[ActorSystem]" = []


class Root(Supervisor):
    """The default root: strangers side by side, each given up on alone."""

    strategy = Strategy.POOL
    intensity: ClassVar[Intensity] = Intensity(per_child=True)


def current_system() -> "ActorSystem":
    """Return the system of the running actor, of this context, or the one last started.

    :raises RuntimeError: none is running.
    """
    cell = current.get()
    if cell is not None:
        return cell.system
    system = _here.get()
    if system is not None and system.running:
        return system
    if _running:
        return _running[-1]
    raise RuntimeError("no actor system is running: use 'async with ActorSystem()'")


class ActorSystem:
    """Actors under one root, in one trio event loop. Use it as an async context manager.

    Leaving the block stops the tree in order. Should the root fail, the block is cancelled and
    :exc:`ActorFailedError` raised.

    :param root: the root supervisor's class, or a callable that builds it.
    :param name: the root's name, the first part of every path.
    :param seed: makes the backoff's jitter repeatable.
    """

    def __init__(
        self, root: Callable[[], Supervisor] = Root, *, name: str = "root",
        seed: int | None = None,
    ) -> None:  # fmt: skip
        self.random = random.Random(seed)  # noqa: S311  jitter, not secrets
        self.timers = Timers()
        self.dead_letters = DeadLetters()
        self.counters = Counters()
        self.thread = 0
        self.running = False
        self._plan = Child(root, name)
        self._cells: dict[str, Cell] = {}
        self._kinds: dict[str, tuple[Callable[[str], Any], Under]] = {}
        self._virtual: dict[tuple[str, str], Cell] = {}
        self._over: Exit | None = None
        self._lock = threading.Lock()
        self._from_threads = 0

    # Life

    async def __aenter__(self) -> Self:
        if self.thread:
            raise RuntimeError("a system runs once; make a new one")
        self.thread = threading.get_ident()
        self._token = trio.lowlevel.current_trio_token()
        self._root = Cell(self, None, self._plan)
        self._root.build()
        if self._root.supervision is None:
            raise BadChildError("the root has to be a Supervisor")
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        self._root_ended = trio.Event()
        self.remember(self._root)
        self.running = True
        _running.append(self)
        self._here = _here.set(self)
        self._nursery.start_soon(self.timers.run, name="timers")
        result = self._root.start_result()
        self._root.prepare()
        self._nursery.start_soon(self._run_root, name=self._plan.name)
        try:
            await result
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        if result.get() is not None:
            await self._wait_for_root()
            await self.__aexit__(None, None, None)
            raise ActorFailedError("the root did not start")
        return self

    async def _wait_for_root(self) -> None:
        # Whatever cancels this task cancels the root as well, which answers everybody first.
        with trio.CancelScope(shield=True):
            await self._root_ended.wait()

    async def _run_root(self) -> None:
        try:
            await self._root.run()
        finally:
            exit_ = self._root_exit()
            self._over = exit_
            self._root.end(exit_)
            self._root_ended.set()
        if exit_.kind == "failed" or exit_.error is not None:
            self._nursery.cancel_scope.cancel()

    def _root_exit(self) -> Exit:
        return self._root.last_exit or Exit("killed")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._over is None:
                self._root.order_stop(Exit("shutdown"))
                await self._wait_for_root()
        finally:
            self._nursery.cancel_scope.cancel()
            try:
                swallowed = await self._leave(kind, error, traceback)
            finally:
                self._forget()
        over = self._over
        if over is not None and over.error is not None and (error is None or swallowed):
            raise ActorFailedError(f"the actor system failed: {over.error}") from over.error

    def _forget(self) -> None:
        self.running = False
        if self in _running:
            _running.remove(self)
        with suppress(ValueError):  # left in another context than it was entered in
            _here.reset(self._here)
        del self._here  # it knows the system before, and that its own

    async def _leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Close the nursery, without its habit of wrapping the block's own error in a group."""
        try:
            return bool(await self._manager.__aexit__(kind, error, traceback))
        except BaseExceptionGroup as group:
            rest = group.split(lambda one: one is error)[1]
            if rest is None:
                return False
            raise

    # Actors

    @property
    def root(self) -> ActorRef[Any]:
        """The root supervisor."""
        return self._root.ref

    def spawn(
        self, actor: type[A], *args: Any, name: str | None = None,
        under: ActorRef[Any] | None = None, restart: Restart | None = None, **kwargs: Any,
    ) -> ActorRef[A]:  # fmt: skip
        """Start an actor and return its ref at once; works in any thread.

        :param name: unique among its siblings; one is made up if None.
        :param under: the supervisor it is a child of; the root if None.
        :param restart: the restart type, if not the class's.
        :raises NameTakenError: there is a sibling of that name.
        :raises ActorDeadError: the supervisor is not up, or is stopping.
        """
        supervision = self._supervision(under)
        plan_name = name or supervision.free_name(actor)
        plan = Child(actor, plan_name, args, kwargs, restart)
        cell: Cell = self.run_here(supervision.add, plan)
        return cell.ref

    def _supervision(self, under: ActorRef[Any] | None) -> Supervision:
        cell = self._root if under is None else under._cell  # noqa: SLF001  one unit
        if cell.supervision is None:
            raise BadChildError(f"{cell.path} is not a supervisor")
        return cell.supervision

    def register(self, kind: str, factory: Callable[[str], Any], *, under: Under = None) -> None:
        """Say how actors of a kind come to life.

        :param factory: takes a key; returns a new actor, or a tuple of its class and arguments.
        :param under: their supervisor, or a function that returns the supervisor for a key,
            bringing it to life if needed; the root if None.
        """
        self._kinds[kind] = (factory, under)

    def get(self, kind: str, key: str) -> ActorRef[Any]:
        """Return the ref of the one actor of a kind and key, bringing it to life if needed.

        :raises UnknownKindError: the kind is not registered.
        """
        cell: Cell = self._virtual.get((kind, key)) or self.run_here(self.activate, kind, key)
        return cell.ref

    def identities(self) -> list[tuple[str, str]]:
        """Return the kind and key of every actor brought to life by :meth:`get`."""
        return list(self._virtual)

    def activate(self, kind: str, key: str) -> Cell:
        """Return the cell of a virtual identity; there is one at a time."""
        cell = self._virtual.get((kind, key))
        if cell is not None:
            return cell
        try:
            factory, under = self._kinds[kind]
        except KeyError:
            raise UnknownKindError(f"no actors of kind {kind!r} are registered") from None
        name = f"{kind}/{key}"
        plan = Child(partial(_made_by, factory, key), name)
        ref = under if isinstance(under, ActorRef) or under is None else under(key)
        cell = self._supervision(ref).add(plan, (kind, key))
        self._virtual[kind, key] = cell
        return cell

    # Threads

    def run_here(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function in the system's thread, waiting for it if this is another one."""
        if threading.get_ident() == self.thread:
            return function(*args)
        try:
            return trio.from_thread.run_sync(function, *args, trio_token=self._token)
        except trio.RunFinishedError as error:
            raise ActorDeadError("the actor system has ended") from error

    def call_from_thread(self, function: Callable[[Any], object], item: Any) -> None:
        """Run a function soon in the system's thread; calls keep their order.

        :raises MailboxFullError: too many are on their way.
        :raises ActorDeadError: the system has ended.
        """
        with self._lock:
            if self._from_threads >= FROM_THREADS:
                raise MailboxFullError(f"{FROM_THREADS} calls from threads are under way")
            self._from_threads += 1
        try:
            self._token.run_sync_soon(self._arrive, function, item)
        except trio.RunFinishedError as error:
            with self._lock:
                self._from_threads -= 1
            raise ActorDeadError("the actor system has ended") from error

    def _arrive(self, function: Callable[[Any], object], item: Any) -> None:
        with self._lock:
            self._from_threads -= 1
        function(item)

    # Book-keeping

    def remember(self, cell: Cell) -> None:
        """Enter a cell in the registers."""
        self.counters.spawned += 1
        self._cells[cell.urn] = cell
        if cell.parent is not None:  # Pykka's stop_all is not meant for the root
            ActorRegistry.register(cell.ref)

    def forget(self, cell: Cell) -> None:
        """Take an ended cell out of the registers."""
        if self._cells.get(cell.urn) is cell:
            del self._cells[cell.urn]
            self.counters.ended += 1
            self.counters.handled_by_ended += cell.handled
            ActorRegistry.unregister(cell.ref)
        if cell.virtual is not None and self._virtual.get(cell.virtual) is cell:
            del self._virtual[cell.virtual]

    def statistics(self) -> Statistics:
        """Return the totals of this moment."""
        counters = self.counters
        cells = self._cells.values()
        depths = [len(cell.mailbox) for cell in cells]
        return Statistics(
            actors=len(cells),
            spawned=counters.spawned,
            ended=counters.ended,
            restarts=counters.restarts,
            failures=counters.failures,
            handled=counters.handled_by_ended + sum(cell.handled for cell in cells),
            waiting=sum(depths),
            deepest=max(depths, default=0),
            timers=len(self.timers),
            dead_letters=dict(self.dead_letters.counts),
        )

    def tree(self, children: int = TREE_CHILDREN) -> Node:
        """Return the live tree.

        :param children: how many of one supervisor's children to show at most.
        """
        return node_of(self._root, children)


def _made_by(factory: Callable[[str], Any], key: str) -> Any:
    """Build an actor by a kind's factory, whichever of the two shapes it answers in."""
    made = factory(key)
    if isinstance(made, tuple):
        actor_class, args = made
        return actor_class(*args)
    return made


def node_of(cell: Cell, children: int) -> Node:
    """Return a cell and what is below it."""
    supervision = cell.supervision
    below = list(supervision.children.values()) if supervision else []
    error = cell.last_error
    up = None if cell.up_since is None or not cell.active else cell.up_since
    return Node(
        name=cell.name,
        path=cell.path,
        actor=cell.kind.__name__,
        urn=cell.urn,
        state=cell.phase,
        mailbox=len(cell.mailbox),
        mailbox_limit=cell.mailbox.limit,
        handled=cell.handled,
        failures=cell.failures,
        restarts=cell.restarts,
        lost=cell.mailbox.lost,
        up=None if up is None else trio.current_time() - up,
        last_error=None if error is None else f"{type(error).__name__}: {error}",
        strategy=supervision.kind.strategy.value if supervision else None,
        hidden=max(0, len(below) - children),
        children=tuple(node_of(child, children) for child in below[:children]),
    )
