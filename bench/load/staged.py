# ruff: noqa: SLF001 - what is stamped are the daemon's own parts, wherever a stage begins or ends
"""A daemon that tells what each stage of a command costs it: ``greenroom serve`` with stamps.

``python -m bench.load.staged FILE serve --port 0 …`` writes, at each SIGUSR1, the processor time of
each stage since the start, of the loop's thread and of the writer's, and how long commands waited.
"""

import sys
import time
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import attrs
import trio

from actors.door import FrontDoor
from actors.durable import DurableActor
from actors.entity import EntityActor
from actors.kernel import Envelope
from actors.kernel.loop import Loop
from bench.load.stages import Meter, Stamp
from bench.load.watched import serve
from storage import journal
from storage.group import Group
from storage.writer import Writer
from transport import connection, rpc
from transport.codec import Codec
from transport.hub import Hub
from transport.limits import Buckets
from transport.outbox import Outbox
from transport.pipeline import Pipeline
from transport.readiness import Readiness
from transport.websocket import WebSocket

SCHEDULING, POLLING, STEPS, WOKEN = (
    "trio's scheduling", "trio asking the kernel", "tasks of no stage", "woken by another thread"
)  # fmt: skip
"""What the loop's thread does between stages."""

ENTRY = "run_sync_soon"
"""In the name of trio's task that carries out what another thread asks for."""

STAGES: Sequence[tuple[Any, str, str]] = (
    (Outbox, "receive_some", "read from the socket"),
    (WebSocket, "get_message", "WebSocket"),
    (connection.Connection, "run", "the connection's task"),
    (connection.Connection, "_receive", "the connection's task"),
    (Readiness, "run", "told which sockets have something"),
    (Codec, "decode", "decode"),
    (Codec, "frame", "frames encoded"),
    (rpc, "parse", "JSON-RPC"),
    (Buckets, "take", "rate limit"),
    (connection, "structure", "structure"),
    (Pipeline, "begin", "kept until it is answered"),
    (FrontDoor, "begin", "put into the entity's mailbox"),
    (Loop, "serve", "taken from the mailbox"),
    (EntityActor, "on_receive_batch", "the entity's turn"),
    (EntityActor, "_decide", "decide"),
    (EntityActor, "_evolve", "evolve and answer"),
    (EntityActor, "_number", "record"),
    (journal, "pack_write", "rows for the journal"),
    (Writer, "submit", "handed to the writer"),
    (DurableActor, "_send_effects", "effects"),
    (DurableActor, "_set_timer", "deadline"),
    (Hub, "publish", "publish, encoded once"),
    (Hub, "_deliver", "written to everybody's socket"),
    (Envelope, "reply", "the answer's way back"),
    (connection.Connection, "reply", "the answer written to its socket"),
)
"""Where each stage of the loop's thread is: an owner, a function of it, and what it is called."""

OF_WRITER: Sequence[tuple[Any, str, str]] = (
    (Writer, "_commit", "commit: begin, write and sync"),
    (Group, "flush", "commit: statements"),
    (Writer, "_hand_back", "commit: waking the entity"),
    (Writer, "_do_chores", "projection"),
)
WRITING = "the writer's thread between commits"

MAILBOX, COMMIT, SYNC, ANSWER = (
    "put into the mailbox until taken",
    "commit, until the entity goes on",
    "commit, of it the transaction",
    "put into the mailbox until answered",
)
"""Waits of a command, on the clock."""


class Steps(trio.abc.Instrument):
    """Counts what trio itself does apart from the steps of tasks."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Begin a task's step."""
        self._meter.enter(WOKEN if ENTRY in task.name else STEPS)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002  trio's word
        """End it."""
        self._meter.leave()

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002  trio's word
        """Ask the kernel what there is to do."""
        self._meter.enter(POLLING)

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002  trio's word
        """Take its answer."""
        self._meter.leave()


@attrs.define(eq=False)
class Waits:
    """How long commands waited, on the clock.

    :param seconds: of all commands, by what they waited for.
    :param commands: that were answered.
    """

    seconds: dict[str, float] = attrs.field(
        factory=lambda: dict.fromkeys((MAILBOX, COMMIT, SYNC, ANSWER), 0.0)
    )
    commands: int = 0
    _asked: dict[int, float] = attrs.field(factory=dict)

    def watch(self) -> None:
        """Look at commands from now on."""
        self._watch_asking()
        self._watch_commits()

    def _watch_asking(self) -> None:
        begin, take, reply = FrontDoor.begin, EntityActor._take, Envelope.reply

        def begun(door: FrontDoor, command: Any) -> Any:
            future, now = begin(door, command), time.perf_counter()
            if future is not None:
                self._asked[id(future)] = now
            return future

        def taken(actor: EntityActor, envelope: Envelope) -> Any:
            asked = self._asked.get(id(envelope._request))
            if asked is not None:
                self.seconds[MAILBOX] += time.perf_counter() - asked
            return take(actor, envelope)

        def replied(envelope: Envelope, value: Any = None) -> None:
            asked = self._asked.pop(id(envelope._request), None)
            if asked is not None:
                self.seconds[ANSWER] += time.perf_counter() - asked
                self.commands += 1
            reply(envelope, value)

        replace(FrontDoor, "begin", begun)
        replace(EntityActor, "_take", taken)
        replace(Envelope, "reply", replied)

    def _watch_commits(self) -> None:
        commit, transaction = EntityActor._commit, Writer._commit

        async def committed(actor: EntityActor, decided: Sequence[Any]) -> bool:
            since = time.perf_counter()
            written = await commit(actor, decided)
            self.seconds[COMMIT] += (time.perf_counter() - since) * len(decided)
            return written

        def synced(writer: Writer, group: list[Any]) -> None:
            since = time.perf_counter()
            transaction(writer, group)
            rows = sum(len(write.rows) for t in group for write in getattr(t.task, "writes", ()))
            self.seconds[SYNC] += (time.perf_counter() - since) * rows

        replace(EntityActor, "_commit", committed)
        replace(Writer, "_commit", synced)


def replace(owner: Any, name: str, work: Callable[..., Any]) -> None:
    """Put a function in another one's place, which it calls."""
    setattr(owner, name, work)


def stamp(meter: Meter, stages: Sequence[tuple[Any, str, str]]) -> None:
    """Have functions count as stages from now on."""
    for owner, name, stage in stages:
        work = getattr(owner, name)
        around = meter.along if iscoroutinefunction(work) else meter.around
        replace(owner, name, around(work, stage))


def main() -> None:
    """Serve, and count."""
    file = Path(sys.argv.pop(1))
    cost, loop, writing, waits = Stamp.measured(), Meter(SCHEDULING), Meter(WRITING), Waits()
    waits.watch()
    stamp(loop, STAGES)
    stamp(writing, OF_WRITER)
    work = Writer._work

    def begun(writer: Writer) -> None:
        writing.begin()
        work(writer)

    replace(Writer, "_work", begun)

    def report() -> dict[str, Any]:
        return {
            "processor": {"": time.process_time_ns()},
            "stages": {kind: loop.told()[kind] | of for kind, of in writing.told().items()},
            "stamp": attrs.asdict(cost),
            "waits": {"seconds": {**waits.seconds}, "commands": {"": waits.commands}},
        }

    async def count() -> None:
        loop.begin()
        loop.enter(STEPS)  # this one, which the instrument has not seen begin
        trio.lowlevel.add_instrument(Steps(loop))
        await trio.sleep_forever()

    serve(file, report, count)


if __name__ == "__main__":
    main()
