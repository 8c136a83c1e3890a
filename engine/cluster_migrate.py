"""Moving a journal between an engine's database file and a cluster's NATS, either way."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from actors.errors import GreenroomError
from actors.ports import Entry, Write
from engine.kinds import KINDS
from storage import SqliteJournal
from storage.jetstream import JetStreamJournal
from storage.outbox_move import FileOutbox, OutboxEnd, Pages, StreamOutbox, joined
from transport.cluster.membership import live_nodes
from transport.cluster.nats import Nats

PAGE = 500
"""Events copied with one append."""

Journal = SqliteJournal | JetStreamJournal

End = str | Path
"""A NATS URL, or a database file."""


class MigrationRefused(GreenroomError):  # noqa: N818  said of the migration
    """Nothing was copied, or not all of it; the message says why and what to do."""


@attrs.frozen
class Plan:
    """What is to be copied.

    :param name: of the cluster in NATS.
    :param replicas: NATS servers that hold each stream, if it has to be made.
    """

    source: End
    target: End
    name: str = "main"
    replicas: int = 1
    check_only: bool = attrs.field(default=False, kw_only=True)


@attrs.define
class Counted:
    """What both ends hold.

    :param webhooks: messages that wait to be told.
    """

    entities: int = 0
    events: int = 0
    webhooks: int = 0


@attrs.frozen
class _Side:
    """One end, open."""

    journal: Journal
    outbox: OutboxEnd


async def run_migration(plan: Plan, console: Console) -> Counted:
    """Copy what the target lacks, then compare all of it.

    :raises MigrationRefused: the ends are of one kind, in use, or hold different events.
    """
    if isinstance(plan.source, str) == isinstance(plan.target, str):
        raise MigrationRefused("one end is a database file, the other a NATS URL")
    if isinstance(plan.source, Path) and not plan.source.exists():
        raise MigrationRefused(f"{plan.source} does not exist")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        async with _open(plan, plan.source) as source, _open(plan, plan.target) as target:
            names = [name for kind in KINDS for name in await source.journal.entities(kind)]
            counted = Counted()
            if not plan.check_only:
                tail = await source.outbox.tail()
                for name in progress.track(names, description="Copying"):
                    await _copy(source.journal, target.journal, name, tail.get(name))
                counted.webhooks = await _carry_over(source.outbox, target.outbox, progress)
                for name in tail:  # what no webhooks were entered for, where they will be
                    await _copy(source.journal, target.journal, name)
            for name in progress.track(names, description="Comparing"):
                counted.events += await _compare(source.journal, target.journal, name)
                counted.entities += 1
            await _compare_names(names, target.journal)
            return counted


@asynccontextmanager
async def _open(plan: Plan, end: End) -> AsyncIterator[_Side]:
    async with AsyncExitStack() as stack:
        if isinstance(end, Path):
            file = await stack.enter_async_context(SqliteJournal.open(end))
            yield _Side(file, FileOutbox(file))
            return
        nats = await stack.enter_async_context(Nats.open(end.split(",")))
        if nodes := await live_nodes(nats, plan.name):
            raise MigrationRefused(
                f"{len(nodes)} nodes of the cluster {plan.name} are running. Stop them first."
            )
        journal = await JetStreamJournal.open(nats, plan.name, replicas=plan.replicas)
        yield _Side(journal, StreamOutbox(nats, plan.name, journal, plan.replicas))


async def _head(journal: Journal, entity: str) -> int:
    head = 0
    while page := await journal.read(entity, head, PAGE):
        head = page[-1].seq
    return head


async def _copy(source: Journal, target: Journal, entity: str, until: int | None = None) -> None:
    """Copy what the target lacks of an entity, up to an event's number if one is given."""
    head = await _head(target, entity)
    while page := await source.read(entity, head, PAGE):
        if until is not None:
            page = [entry for entry in page if entry.seq <= until]
            if not page:
                return
        await target.append(Write(entity, head, page))
        head = page[-1].seq
    snapshot = await source.load_snapshot(entity)
    if snapshot is not None:
        await target.save_snapshot(entity, snapshot)


async def _carry_over(source: OutboxEnd, target: OutboxEnd, progress: Progress) -> int:
    """Carry over the webhooks that wait; return how many do at the target."""
    there = await target.held()
    held = joined(await source.held(), there)

    async def lacking() -> Pages:
        task = progress.add_task("Webhooks", total=len(held))
        async for page in source.messages():
            wanted = [message for message in page if held.has(message)]
            if new := [message for message in wanted if not there.has(message)]:
                yield new
            progress.advance(task, len(wanted))

    await target.take(held, lacking())
    if (found := await target.held()).waiting != held.waiting:
        raise MigrationRefused(f"of {len(held)} webhooks that wait the target holds {len(found)}")
    return len(held)


async def _compare(source: Journal, target: Journal, entity: str) -> int:
    at = 0
    while True:
        ours, theirs = await source.read(entity, at, PAGE), await target.read(entity, at, PAGE)
        if list(ours) != list(theirs):
            raise MigrationRefused(
                f"{entity} differs after its event {_common(at, ours, theirs)}: the target holds"
                " other events, or fewer. Copy into an empty target, or the other way round."
            )
        if not ours:
            return at
        at = ours[-1].seq


def _common(at: int, ours: Sequence[Entry], theirs: Sequence[Entry]) -> int:
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            break
        at = mine.seq
    return at


async def _compare_names(names: Sequence[str], target: Journal) -> None:
    held = {name for kind in KINDS for name in await target.entities(kind)}
    if more := sorted(held - set(names)):
        raise MigrationRefused(f"the target holds {len(more)} entities more, such as {more[0]}")
