"""What the journal takes and gives back: appends with fsync, and recovery.

Beside the journal's appends stand, in the same run and folder, sqlite3 with a commit for each
event and the bare fsync rate of the disk.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from actors.packing import pack
from actors.ports import Entry, Snapshot, Write
from bench.script import command
from storage import SqliteJournal, codec
from storage.file import connect

WRITERS = (1, 100, 1_000)
SECONDS = 2.0
"""Length of each measurement of a rate."""
SNAPSHOT_EVERY = 500
TEXT = "An ordinary message of a chat, as people write it in a session, of two hundred bytes. " * 2


def entry(seq: int) -> Entry:
    """Return a chat message of about 200 bytes of text."""
    data = {"id": str(seq), "person": "ana", "name": "Ana", "role": "participant", "text": TEXT}
    return Entry(seq, "chat.posted", datetime.now(UTC), data, {"by": "ana"})


def fsync_rate(folder: Path, seconds: float) -> float:
    """Return how often a second a 4 KiB page appended to a file can be synced."""
    file = os.open(folder / "fsync", os.O_RDWR | os.O_CREAT)
    try:
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            os.write(file, b"x" * 4096)
            os.fsync(file)
            count += 1
        return count / spent
    finally:
        os.close(file)


def commit_each_rate(folder: Path, seconds: float) -> float:
    """Return events a second of sqlite3 alone: the same row and settings, a commit for each."""
    with closing(connect(folder / "each.db").conn) as db:
        db.execute("CREATE TABLE journal (position INTEGER PRIMARY KEY, entity, seq, type, at,"
                   " data, meta, UNIQUE (entity, seq))")  # fmt: skip
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            count += 1
            row = codec.pack_write(Write("session/ux", count - 1, [entry(count)])).rows[0]
            db.execute(
                "INSERT INTO journal (entity, seq, type, at, data, meta) VALUES (?,?,?,?,?,?)", row
            )
        return count / spent


async def append_rate(folder: Path, writers: int, seconds: float) -> dict[str, float]:
    """Return acknowledged appends a second by concurrent writers, each to its own entity."""
    counts = [0] * writers

    async def write(number: int) -> None:
        entity = f"session/{number}"
        while time.perf_counter() < ends:
            seq = counts[number]
            await journal.append(Write(entity, seq, [entry(seq + 1)]))
            counts[number] += 1

    async with SqliteJournal.open(folder / f"writers-{writers}.db") as journal:
        start = time.perf_counter()
        ends = start + seconds
        async with trio.open_nursery() as nursery:
            for number in range(writers):
                nursery.start_soon(write, number)
        spent = time.perf_counter() - start
        statistics = journal.statistics()
    done = sum(counts)
    if done != statistics.entries:
        raise RuntimeError(f"{done} acknowledged, {statistics.entries} written")
    return {"per_second": done / spent, "group": done / statistics.groups}


async def recovery(folder: Path, entities: int, events: int) -> dict[str, float]:
    """Return the seconds to open a file and bring every entity back by snapshot and tail."""
    path = folder / f"recovery-{entities}.db"
    names = [f"session/{number}" for number in range(entities)]
    async with SqliteJournal.open(path) as journal:
        for name in names:
            for first in range(0, events, 1_000):
                last = min(first + 1_000, events)
                entries = [entry(seq) for seq in range(first + 1, last + 1)]
                await journal.append(Write(name, first, entries))
        if events > SNAPSHOT_EVERY:
            kept = (events // SNAPSHOT_EVERY - 1) * SNAPSHOT_EVERY + SNAPSHOT_EVERY // 2
            state = pack({"messages": [codec.unpack(pack(entry(n).data))
                                             for n in range(2_000)]})  # fmt: skip
            for name in names:
                await journal.save_snapshot(name, Snapshot(kept, state))
    read = 0

    async def recover(name: str) -> None:
        nonlocal read
        snapshot = await journal.load_snapshot(name)
        if snapshot is not None:
            codec.unpack(snapshot.state)
        seq = snapshot.seq if snapshot else 0
        while page := await journal.read(name, after=seq):
            seq = page[-1].seq
            read += len(page)
        if seq != events:
            raise RuntimeError(f"{name} came back at {seq} of {events}")

    start = time.perf_counter()
    async with SqliteJournal.open(path) as journal:
        opened = time.perf_counter() - start
        async with trio.open_nursery() as nursery:
            for name in await journal.entities("session"):
                nursery.start_soon(recover, name)
        spent = time.perf_counter() - start
    return {"seconds": spent, "of_it_opening": opened, "events_read": float(read)}


def run(
    folder: Path | None = None, writers: Sequence[int] = WRITERS, seconds: float = SECONDS
) -> dict[str, Any]:
    """Measure everything in a new folder inside ``folder``, and remove it.

    :param folder: where to measure; the disk matters, so not a memory file system.
    :param seconds: length of each measurement of a rate.
    """
    with tempfile.TemporaryDirectory(dir=folder or Path.cwd(), prefix=".bench-journal-") as name:
        place = Path(name)
        result: dict[str, Any] = {
            "fsync_per_second": fsync_rate(place, seconds / 2),
            "commit_each_per_second": commit_each_rate(place, seconds),
            "appends": {
                str(count): trio.run(append_rate, place, count, seconds) for count in writers
            },
            "recovery_100k_events_of_one_entity": trio.run(recovery, place, 1, 100_000),
            "recovery_1000_entities_of_100_events": trio.run(recovery, place, 1_000, 100),
        }
    most = result["appends"][str(max(writers))]["per_second"]
    result["times_commit_each"] = most / result["commit_each_per_second"]
    return result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; default: here")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true", help="print for machines")
    arguments = parser.parse_args()
    result = run(arguments.folder, seconds=arguments.seconds)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"fsync                  {result['fsync_per_second']:>10,.0f} /s")
    print(f"sqlite3, commit each   {result['commit_each_per_second']:>10,.0f} /s")
    for count, rate in result["appends"].items():
        print(f"{count:>5} writers          {rate['per_second']:>10,.0f} /s"
              f"   groups of {rate['group']:.0f}")  # fmt: skip
    print(f"group commit / commit each {result['times_commit_each']:>6.1f} x")
    for name in ("recovery_100k_events_of_one_entity", "recovery_1000_entities_of_100_events"):
        print(f"{name.replace('_', ' ')}: {result[name]['seconds']:.2f} s")


if __name__ == "__main__":
    command(main)
