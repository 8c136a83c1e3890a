"""What stays of an actor while its instances come and go: name, URN, mailbox, ref, counters.

A cell runs one instance at a time as one trio task inside its supervisor's nursery, in a cancel
scope of its own. An order to stop gives that scope a deadline, so that "grace, then cancel" is
trio's own machinery; an instance that is cancelled still answers the message it was handling.
"""

import logging
import math
from typing import TYPE_CHECKING, Any

import trio

from actors.kernel.bonds import Bonds
from actors.kernel.context import current, nascent
from actors.kernel.errors import (
    StartFailedError,
    StartTimeoutError,
    let_go,
)
from actors.kernel.future import Future
from actors.kernel.mailbox import Mailbox
from actors.kernel.messages import Halt, Order, Request
from actors.kernel.policy import DEFAULT_MAILBOX_LIMIT, Child, Exit, Restart
from actors.kernel.ref import ActorRef, fresh_urn

if TYPE_CHECKING:
    from actors.kernel.actor import Actor
    from actors.kernel.supervision import Supervision
    from actors.kernel.system import ActorSystem

logger = logging.getLogger(__name__)


class Cell(Bonds):
    """One actor's identity.

    :param parent: the supervision it stands under.
    :param plan: how to build its instances, and its settings where they differ from the class's.
    :param virtual: kind and key, if it stands for a virtual identity.
    """

    # fmt: off
    __slots__ = (
        "active", "awaiting", "doomed", "ending", "incarnation", "last_exit", "listeners",
        "name", "parent", "plan", "restarts", "scope", "starting", "static", "streak",
        "supervision", "system", "up_since", "urn", "virtual",
    )
    # fmt: on

    mailbox: Mailbox
    kind: "type[Actor]"

    def __init__(
        self,
        system: "ActorSystem",
        parent: "Supervision | None",
        plan: Child,
        *,
        static: bool = False,
        virtual: tuple[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.system = system
        self.parent = parent
        self.plan = plan
        self.name = plan.name
        self.static = static
        self.virtual = virtual
        self.urn = fresh_urn() if virtual is None else f"urn:actor:{virtual[0]}/{virtual[1]}"
        self.ref: ActorRef[Any] = ActorRef(self)
        self.supervision: Supervision | None = None
        self.phase = "starting"
        self.incarnation = 0
        kind: Any = plan.actor if isinstance(plan.actor, type) else None
        self.kind = kind
        limit = getattr(kind, "mailbox_limit", DEFAULT_MAILBOX_LIMIT)
        self.mailbox = Mailbox(self, limit, getattr(kind, "overflow", "reject"))
        self.restarts = 0
        self.streak = 0
        self.up_since: float | None = None
        self.active = False
        self.scope: trio.CancelScope | None = None
        self.exit = None
        self.last_exit: Exit | None = None
        self.ending: list[Request] | None = None
        self.doomed: Exit | None = None
        self.awaiting: list[Future[Any]] | None = None
        self.listeners: list[Future[Exit]] | None = None
        self.starting: list[Future[Exit | None]] | None = None

    # Identity and settings

    @property
    def path(self) -> str:
        """The names from the root down to here, with slashes between."""
        if self.parent is None:
            return self.name
        return f"{self.parent.cell.path}/{self.name}"

    @property
    def alive(self) -> bool:
        """Whether a message would be taken."""
        return not self.mailbox.closed or self.phase == "passive" or self.virtual is not None

    @property
    def restart(self) -> Restart:
        """The restart type in force."""
        return self.plan.restart or self.kind.restart

    @property
    def significant(self) -> bool:
        """Whether its own end counts for its supervisor's auto-shutdown."""
        plan = self.plan.significant
        return self.kind.significant if plan is None else plan

    @property
    def grace(self) -> float:
        """Seconds from the order to stop to cancellation."""
        return self.plan.stop_grace or self.kind.stop_grace

    # Instances

    def build(self) -> None:
        """Build an instance, which ties itself to this cell (:meth:`attach`).

        :raises StartFailedError: what was built is not a new actor.
        """
        token = nascent.set(self)
        self.actor = None
        try:
            built = self.plan.build()
        finally:
            nascent.reset(token)
        if built is not self.actor:
            self.actor = None
            raise StartFailedError(f"{self.name} was not built as a new actor: {built!r}")

    def attach(self, actor: "Actor") -> None:
        """Take a new instance in; called before its ``__init__``."""
        self.actor = actor
        actor._cell = self  # noqa: SLF001  actor and cell are one unit
        kind = type(actor)
        if self.incarnation == 0:
            if kind is not self.kind:
                self.kind = kind
                self.mailbox.configure(kind.mailbox_limit, kind.overflow)
            if kind._supervises is not None:  # noqa: SLF001  as above
                self.supervision = kind._supervises(self)  # noqa: SLF001  as above

    def prepare(self) -> None:
        """Get ready for the next instance."""
        self.break_bonds()
        self.incarnation += 1
        self.active = True
        self.phase = "starting"
        self.up_since = None
        if self.doomed is not None:
            # An order to stop still in the mailbox goes on counting; anything else is done with.
            orders = (item.exit for item in self.mailbox.queue if type(item) is Order)
            self.doomed = next(orders, None)

    def come_back(self) -> None:
        """Accept messages again after an end, by the supervisor's decision."""
        self.exit = None
        self.mailbox.reopen()

    async def run(self) -> None:
        """Run one instance from ``on_start`` to its end, and tell the supervision."""
        current.set(self)
        exit_ = Exit("killed")
        try:
            with trio.CancelScope() as scope:
                self.scope = scope
                if self.doomed is not None:
                    self._limit_life()
                exit_ = await self._live()
            if scope.cancelled_caught:
                exit_ = self.doomed or Exit("killed")
                if isinstance(exit_.error, StartTimeoutError):
                    self.doomed = None  # it is to come back, as from any failed start
                    with trio.CancelScope() as self.scope:
                        await self.failed_start(exit_.error)
        except Exception as error:  # noqa: BLE001  whatever it was, it is the supervisor's now
            # A group of several errors that left together with a cancellation.
            self.last_error = error
            exit_ = Exit("failed", error)
        finally:
            self._instance_over(exit_)
        if self.parent is not None:
            self.parent.child_over(self, exit_)

    async def _live(self) -> Exit:
        try:
            if self.actor is None:
                self.build()
            if self.supervision is not None:
                return await self.supervision.run()
            await self.start()
        except Exception as error:  # noqa: BLE001  judged by the supervisor
            return await self.failed_start(error)
        self.started()
        return await self.finish(await self.serve())

    async def start(self) -> None:
        """Run ``on_start`` within its time."""
        actor = self.living
        self.phase = "starting"
        result = actor.on_start()
        if result is None:
            return
        # This ends the whole life; a scope for the start alone would cost a multiple.
        seconds = self.plan.start_timeout or self.kind.start_timeout
        timer = self.system.timers.call_after(seconds, self._too_late)
        try:
            await result
        finally:
            timer.cancel()

    def _too_late(self) -> None:
        seconds = self.plan.start_timeout or self.kind.start_timeout
        late = StartTimeoutError(f"{self.path} was not up within {seconds} seconds")
        self.kill(Exit("failed", late))

    def started(self) -> None:
        """Note that the instance is up, and tell those who wait for it."""
        self.phase = "stopping" if self.doomed else "running"
        self.up_since = trio.current_time()
        self._settle_start(None)

    async def failed_start(self, error: Exception) -> Exit:
        """Note that the instance did not come up; nobody but the supervisor acts on it."""
        logger.error("%s did not start", self.path, exc_info=error)
        self.last_error = error
        self.system.counters.failures += 1
        await self.tell_failure(error)
        let_go(error)
        return Exit("failed", error)

    async def finish(self, exit_: Exit) -> Exit:
        """Run ``on_stop`` if the instance ended in order; return the exit that counts."""
        if exit_.kind == "failed":
            return exit_
        self.phase = "passivating" if exit_.kind == "passivated" else "stopping"
        if self.doomed is None and self.scope is not None:
            self.scope.deadline = min(self.scope.deadline, trio.current_time() + self.grace)
            self.doomed = exit_
        actor = self.living
        try:
            result = actor.on_stop()
            if result is not None:
                await result
        except Exception as error:
            self.last_error = error
            logger.exception("on_stop of %s failed", self.path)
        return exit_

    def _instance_over(self, exit_: Exit) -> None:
        """Answer for the message in hand, drop the instance's timers and watches."""
        self.last_exit = exit_
        self.answer_for_current(exit_)
        self.active = False
        self.phase = "suspended"
        self.scope = None
        self.actor = None
        self.break_bonds()
        self.mailbox.forget_orders()
        self.mailbox.unstash()
        self._settle_start(exit_)

    def _settle_start(self, exit_: Exit | None) -> None:
        waiting, self.starting = self.starting, None
        for future in waiting or ():
            future.set(exit_)

    def start_result(self) -> Future[Exit | None]:
        """Return the future of the start under way: None if it came up, else why not."""
        future: Future[Exit | None] = Future()
        if self.starting is None:
            self.starting = []
        self.starting.append(future)
        return future

    # Orders

    def order_stop(self, exit_: Exit, request: Request | None = None) -> None:
        """End after what is queued; never to be restarted if ``exit_`` says ``stopped``."""
        if not self.alive or (self.virtual is not None and self.mailbox.closed):
            if request is not None:
                request.set(False)
            return
        if self.phase in {"restarting", "suspended", "passive"} and self.parent is not None:
            if request is not None:
                self.add_ending(request)
            self.parent.drop(self, exit_)
            return
        self.mailbox.put(Order(exit_, request))
        self._doom(exit_)

    def halt(self, exit_: Exit) -> None:
        """End before the next message; the mailbox stays as it is."""
        self.mailbox.put_urgent(Halt(exit_))
        self._doom(exit_)

    def kill(self, exit_: Exit) -> None:
        """Cancel the instance where it stands."""
        if self.doomed is None:
            self.doomed = exit_
        if self.scope is not None:
            self.scope.cancel()

    def _doom(self, exit_: Exit) -> None:
        if self.doomed is None:
            self.doomed = exit_
            if self.phase == "running":
                self.phase = "stopping"
            self._limit_life()

    def _limit_life(self) -> None:
        if self.scope is None or self.doomed is None:
            return
        if self.doomed.kind == "killed":
            self.scope.cancel()
        elif self.supervision is not None:
            self.supervision.limit_loop(self.grace)  # its children have graces of their own
        else:
            self.scope.deadline = min(self.scope.deadline, trio.current_time() + self.grace)

    def pardon(self) -> None:
        """Forget an order to stop that was withdrawn."""
        self.doomed = None
        self.phase = "running"
        if self.scope is not None:
            self.scope.deadline = math.inf

    def add_ending(self, request: Request) -> None:
        """Let a request be answered at the end for good."""
        self.ending = [*(self.ending or ()), request]

    # The end for good

    def end(self, exit_: Exit) -> None:
        """Close the mailbox, answer everybody who waits, and tell those who watch."""
        if self.phase == "ended":
            return
        self.phase = "ended"
        self.exit = exit_
        self.break_bonds()
        if self.supervision is not None:
            self.supervision.end_children()
        self.system.forget(self)
        for item in self.mailbox.close():
            self._return_unhandled(item)
        for request in self.ending or ():
            if not request.done:
                request.set(True)
        self.ending = None
        for future in self.listeners or ():
            future.set(exit_)
        self.listeners = None
        self.tell_watchers(exit_)

    def _return_unhandled(self, item: Any) -> None:
        if type(item) is Order:
            if item.future is not None and not item.future.done:
                item.future.set(True)
        else:
            self.lost(item, "dead")

    def enter(self, future: Future[Any]) -> None:
        """Note that this actor waits for a reply."""
        if self.awaiting is None:
            self.awaiting = []
        self.awaiting.append(future)

    def leave(self, future: Future[Any]) -> None:
        """Note that it waits no more."""
        if self.awaiting:
            self.awaiting.remove(future)

    def tell_end(self, future: Future[Exit]) -> None:
        """Resolve a future with the exit once this has ended for good."""
        if self.phase == "ended" and self.exit is not None:
            future.set(self.exit)
        else:
            self.listeners = [*(self.listeners or ()), future]

    def revive(self) -> Mailbox | None:
        """Bring a passivated actor back and return its mailbox; None if it is dead."""
        if self.virtual is not None:
            cell = self.system.activate(*self.virtual)
            self.ref._cell = cell  # noqa: SLF001  ref and cell are one unit
            return cell.mailbox
        if self.phase == "passive" and self.parent is not None and self.parent.wake(self):
            return self.mailbox
        return None
