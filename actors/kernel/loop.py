"""The receive loop: slices of messages for one instance, and what an exception leads to."""

import logging
import time
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

import trio
from pykka import messages as pykka_messages
from pykka._envelope import Envelope as PykkaEnvelope
from pykka._introspection import get_attr_directly

from actors.kernel.errors import ActorDeadError, HandlerTimeoutError, let_go
from actors.kernel.future import Future
from actors.kernel.mailbox import REPLACED, Mailbox
from actors.kernel.messages import Envelope, Halt, Keyed, Order, Request
from actors.kernel.policy import Directive, Exit

if TYPE_CHECKING:
    from actors.kernel.actor import Actor
    from actors.kernel.supervision import Supervision
    from actors.kernel.system import ActorSystem
    from actors.kernel.timers import Timer

logger = logging.getLogger(__name__)

SLICE_MESSAGES = 64
"""Messages an actor handles before everybody else gets a turn."""

SLICE_SECONDS = 0.001
"""Seconds after which it yields even within these."""

NEARLY = 0.001
"""Seconds too few to wait for: added to a large clock they may not move it at all."""

NOTHING: Any = object()
"""Stands for the message in hand when there is none."""

_ActorStop = pykka_messages._ActorStop  # noqa: SLF001  Pykka's word for stop
_PROXY = frozenset(
    {pykka_messages.ProxyCall, pykka_messages.ProxyGetAttr, pykka_messages.ProxySetAttr}
)
_SPECIAL = frozenset({Order, Keyed, PykkaEnvelope, _ActorStop}) | _PROXY
"""Types the loop looks at more closely than at a user's message."""

_clock = time.perf_counter


class Loop:
    """The part of a cell that handles messages. The cell brings the rest of the fields."""

    __slots__ = (
        "actor", "failures", "gather_until", "handled", "idle_since", "in_hand", "kind",
        "last_error", "mailbox", "napping",
    )  # fmt: skip

    mailbox: Mailbox
    kind: "type[Actor]"
    if TYPE_CHECKING:
        parent: "Supervision | None"
        system: "ActorSystem"
        timers: "set[Timer] | None"

        @property
        def path(self) -> str:
            """The actor's place in the tree."""

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self.in_hand: Any = NOTHING
        self.handled = 0
        self.failures = 0
        self.last_error: BaseException | None = None
        self.idle_since = 0.0
        self.gather_until = 0.0
        self.napping = False

    @property
    def living(self) -> "Actor":
        """The instance, where there must be one."""
        return cast("Actor", self.actor)

    async def serve(self) -> Exit:
        """Handle messages until something ends the instance; return what."""
        mailbox = self.mailbox
        queue = mailbox.queue
        task = trio.lowlevel.current_task()
        batched = self.kind.batch_limit > 1
        naps = self.kind.passivate_after is not None
        while True:
            if mailbox.urgent:
                exit_ = await self._urgent(mailbox.urgent.popleft())
            elif queue:
                if self.gather_until:
                    await self._gather()
                exit_ = await (self._batch() if batched else self._slice())
                if exit_ is None and queue:
                    await trio.lowlevel.checkpoint()
            else:
                if naps:
                    self._nap()
                mailbox.waiter = task
                await trio.lowlevel.wait_task_rescheduled(mailbox.abort_wait)
                continue
            if exit_ is not None:
                return exit_

    async def _slice(self) -> Exit | None:  # noqa: C901  a call per message would cost more
        actor = self.living
        mailbox, queue, receive = self.mailbox, self.mailbox.queue, actor.on_receive
        bounded = self.kind.handler_deadline is not None
        left = SLICE_MESSAGES
        ends = _clock() + SLICE_SECONDS
        while queue and left and not mailbox.urgent:
            left -= 1
            item = queue.popleft()
            kind = type(item)
            if kind in _SPECIAL:
                exit_ = await self._special(item)
                if exit_ is not None:
                    return exit_
                continue
            asked = kind is Request
            if asked and item.done:  # withdrawn
                continue
            self.in_hand = item
            self.handled += 1
            try:
                message = item.message if asked else item
                proxied = asked and type(message) in _SPECIAL
                result = self.invoke(message) if proxied else receive(message)
                if type(result) is CoroutineType:
                    result = await (self._bounded(result) if bounded else result)
            except Exception as error:  # noqa: BLE001  the decider's to judge
                exit_ = await self.failed(error)
                if exit_ is not None:
                    del actor, receive  # the error knows this frame, and is kept
                    return exit_
            else:
                if asked and self.in_hand is item and not item.done:
                    item.set(result)
            self.in_hand = NOTHING
            if queue and _clock() > ends:
                break
        return None

    async def _bounded(self, coroutine: Any) -> Any:
        """Await a handler, for as long as ``handler_deadline`` lets it run."""
        seconds = self.kind.handler_deadline or 0.0
        with trio.move_on_after(seconds) as scope:
            return await coroutine
        if scope.cancelled_caught:
            raise HandlerTimeoutError(f"a handler of {self.path} ran for {seconds} seconds")
        return None

    def invoke(self, message: Any) -> Any:
        """Do what a proxy asked for."""
        actor = self.living
        if isinstance(message, pykka_messages.ProxyCall):
            return get_attr_directly(actor, message.attr_path)(*message.args, **message.kwargs)
        if isinstance(message, pykka_messages.ProxyGetAttr):
            return get_attr_directly(actor, message.attr_path)
        if isinstance(message, pykka_messages.ProxySetAttr):
            parent = get_attr_directly(actor, message.attr_path[:-1])
            return setattr(parent, message.attr_path[-1], message.value)
        return actor.on_receive(message)

    async def _special(self, item: Any) -> Exit | None:
        """Handle what is not simply a user's message."""
        if type(item) is Order:
            if item.future is not None:
                if item.future.done:  # withdrawn: its sender would have waited for itself
                    self.pardon()
                    return None
                self.add_ending(item.future)
            return item.exit
        if isinstance(item, Keyed):
            message = self.mailbox.take_keyed(item)
            return None if message is REPLACED else await self._handle(message, None)
        if type(item) is PykkaEnvelope:
            return await self._handle(item.message, item.reply_to)
        if type(item) is _ActorStop:
            return Exit("stopped")
        return await self._handle(item, None)

    async def _handle(self, message: Any, request: Any) -> Exit | None:
        self.in_hand = message if request is None else request
        mine = self.in_hand
        try:
            result = self.invoke(message)
            if type(result) is CoroutineType:
                bounded = self.kind.handler_deadline is not None
                result = await (self._bounded(result) if bounded else result)
        except Exception as error:  # noqa: BLE001  the decider's to judge
            return await self.failed(error)
        else:
            if request is not None and self.in_hand is mine:
                request.set(result)
        finally:
            self.handled += 1
        self.in_hand = NOTHING
        return None

    async def _gather(self) -> None:
        """Let messages queue for what is left of the last batch's pause, unless many wait."""
        until, self.gather_until = self.gather_until, 0.0
        if len(self.mailbox.queue) < self.kind.batch_limit:
            await trio.sleep_until(until)

    def _take_in_hand(self, batch: list[Envelope]) -> None:
        self.in_hand = batch
        if len(batch) >= self.kind.batch_crowd and self.kind.batch_pause:
            self.gather_until = trio.current_time() + self.kind.batch_pause

    async def _batch(self) -> Exit | None:
        """Hand over up to ``batch_limit`` messages at once."""
        queue = self.mailbox.queue
        batch: list[Envelope] = []
        while queue and len(batch) < self.kind.batch_limit:
            item = queue[0]
            if type(item) is Keyed:
                message = self.mailbox.take_keyed(queue.popleft())
                if message is not REPLACED:
                    batch.append(Envelope(message))
            elif type(item) in _SPECIAL or (
                type(item) is Request and type(item.message) in _SPECIAL
            ):
                break
            elif type(item) is not Request:
                batch.append(Envelope(queue.popleft()))
            elif queue.popleft().done is False:
                batch.append(Envelope(item.message, item))
        if not batch:
            return await self._special_of_batch(queue.popleft()) if queue else None
        self._take_in_hand(batch)
        try:
            work: Any = self.living.on_receive_batch(batch)
            await (self._bounded(work) if self.kind.handler_deadline is not None else work)
        except Exception as error:  # noqa: BLE001  the decider's to judge
            return await self.failed(error)
        finally:
            self.handled += len(batch)
        for envelope in batch:
            envelope.reply(None)
        self.in_hand = NOTHING
        return None

    async def _special_of_batch(self, item: Any) -> Exit | None:
        if type(item) is Request:
            return await self._handle(item.message, item)
        return await self._special(item)

    async def _urgent(self, item: Any) -> Exit | None:
        if type(item) is Halt:
            exit_: Exit = item.exit
            return exit_
        if self.kind.batch_limit > 1:
            self.mailbox.queue.appendleft(item)
            return await self._batch()
        return await self._handle(item, None)

    # Failure

    async def failed(self, error: Exception) -> Exit | None:
        """Tell the asker, let the decider judge; return the exit unless it says RESUME."""
        item, self.in_hand = self.in_hand, NOTHING
        batch = item if type(item) is list else None
        asked = (
            isinstance(item, Request)
            or hasattr(item, "set_exception")
            or (batch is not None and all(envelope.asked for envelope in batch))
        )
        self.last_error = error
        self.failures += 1
        self.system.counters.failures += 1
        if batch is not None:
            for envelope in batch:
                self._fail(envelope, error)
        elif asked:
            item.set_exception(error)
        elif item is not NOTHING:
            self.system.dead_letters.publish(item, self, "crashed")
        directive = self._judge(error, asked=asked)
        if directive is Directive.RESUME:
            logger.info("%s goes on after an exception", self.path, exc_info=error)
            return None
        logger.error("%s failed", self.path, exc_info=error)
        await self.tell_failure(error)
        let_go(error)
        return Exit(
            "failed", error,
            final=directive is Directive.STOP, escalate=directive is Directive.ESCALATE,
        )  # fmt: skip

    def _fail(self, envelope: Envelope, error: BaseException) -> None:
        if envelope.asked:
            envelope.fail(error)
        elif not envelope.settled:
            self.system.dead_letters.publish(envelope.message, self, "crashed")

    def _judge(self, error: Exception, *, asked: bool) -> Directive:
        try:
            if self.parent is not None:
                directive = self.parent.judge(error, asked)
                if directive is not None:
                    return directive
            return self.kind.decider(error, asked)
        except Exception:
            logger.exception("the decider for %s failed", self.path)
            return Directive.RESTART

    async def tell_failure(self, error: Exception) -> None:
        """Run ``on_failure`` on the instance that failed, if there is one."""
        actor = self.actor
        if actor is None:
            return
        try:
            result: Any = actor.on_failure(type(error), error, error.__traceback__)
            if result is not None:
                await result
        except Exception as second:
            self.last_error = second
            logger.exception("on_failure of %s failed", self.path)

    def answer_for_current(self, exit_: Exit) -> None:
        """Answer for the message in hand when the instance was cancelled."""
        item, self.in_hand = self.in_hand, NOTHING
        if item is NOTHING:
            return
        error = ActorDeadError(f"{self.path} ended ({exit_.kind}) while handling the message")
        if type(item) is list:
            for envelope in item:
                self._fail(envelope, error)
        elif isinstance(item, Future):
            if not item.done:
                item.set_exception(error)
        else:
            self.system.dead_letters.publish(item, self, "crashed")

    def stash(self) -> None:
        """Put the message in hand aside."""
        item = self.in_hand
        if item is NOTHING or type(item) is list:
            raise RuntimeError("there is no single message in hand to stash")
        self.mailbox.stash(item)
        self.in_hand = NOTHING

    # Passivation

    def _nap(self) -> None:
        """Begin to count idle time; one timer serves any number of pauses."""
        self.idle_since = trio.current_time()
        if not self.napping:
            self.napping = True
            self._look_in(self.kind.passivate_after or 0.0)

    def _look_in(self, seconds: float) -> None:
        look: Callable[[], None] = self._maybe_passivate
        self.system.timers.call_after(seconds, look)

    def _maybe_passivate(self) -> None:
        actor, seconds = self.actor, self.kind.passivate_after
        self.napping = False
        if actor is None or seconds is None:
            return
        self.napping = True
        if self.mailbox.waiter is None:
            self._look_in(seconds)
            return
        left = self.idle_since + seconds - trio.current_time()
        if left > NEARLY:
            self._look_in(left)
        elif self.timers:
            self.napping = False  # its timer brings a message, and idle time counts from there
        elif self.mailbox.stashed or not self._willing():
            self._look_in(seconds)  # an actor that still expects something is not idle
        else:
            self.napping = False
            self.mailbox.put_urgent(Halt(Exit("passivated")))

    def _willing(self) -> bool:
        try:
            return self.living.may_passivate()
        except Exception:
            logger.exception("may_passivate of %s failed", self.path)
            return False

    if TYPE_CHECKING:

        def add_ending(self, request: Request) -> None:
            """Let a request be answered at the end for good."""

        def pardon(self) -> None:
            """Forget an order to stop that was withdrawn."""
