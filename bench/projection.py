"""What projecting the journal into the read model costs, alone and beside a busy loop.

``python -m bench.projection`` fills a journal with chat messages and projects it as the journal's
writer does, slice by slice. First alone, then while another thread does what the loop that serves
people does: it runs Python and writes to a socket, letting go of the interpreter's lock each time.
Both are done with rows inserted many a statement and, for the ratio, with a statement each;
:mod:`storage.bulk` says why that matters.
"""

import argparse
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlite_utils import Database

from actors.ports import Entry, Write
from bench.load.latency import Latencies
from storage import bulk, codec, follower, readmodel
from storage.file import connect, prepare
from storage.group import Append, Group
from storage.heads import Heads
from storage.projections import schema
from storage.readmodel import ReadModel
from transport.collector import SWITCH_SECONDS

ROWS = 8_000
BATCH = 40
"""Messages of one commit, as a full session's are."""
WORDS = 4_000
"""Different words in the messages."""
PEOPLE = 200
FRAME = b"x" * 300
FRAMES = 8
"""Written between two stretches of Python by who acts as the loop."""
STRETCH = 400
"""Additions in a stretch: some 15 microseconds."""


def _messages(rows: int) -> Iterator[Entry]:
    random = Random(1)
    words = ["".join(random.choices("abcdefghijklmnoprstu", k=random.randint(2, 9)))
             for _ in range(WORDS)]  # fmt: skip
    now = datetime.now(UTC)
    for number in range(1, rows + 1):
        person = f"p-{number % PEOPLE}"
        data = {"id": str(number), "person": person, "name": person.title(), "role": "participant",
                "text": " ".join(random.choices(words, k=9))}  # fmt: skip
        yield Entry(number, "chat.posted", now, data, {"by": person, "number": number})


def filled(path: Path, rows: int) -> Database:
    """Return an open database whose journal holds one session's chat messages."""
    prepare(path)
    db = connect(path)
    db.execute("PRAGMA synchronous=NORMAL")
    entries = list(_messages(rows))
    for first in range(0, rows, BATCH):
        write = Write("session/ux", first, entries[first : first + BATCH])
        with db.atomic():
            group = Group(db, Heads())
            group.add(Append([codec.pack_write(write)])).unwrap()
            group.flush()
    return db


@contextmanager
def _loop() -> Iterator[list[int]]:
    """Keep the interpreter as busy as a loop with much to send; yields how often it has sent."""
    sent, ended = [0], threading.Event()
    here, there = socket.socketpair()

    def work() -> None:
        while not ended.is_set():
            for _ in range(FRAMES):
                here.send(FRAME)
            there.recv(FRAMES * len(FRAME))
            sum(range(STRETCH))
            sent[0] += FRAMES

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()
        here.close()
        there.close()


def projected(db: Database) -> dict[str, float]:
    """Project all anew; return microseconds of processor a row, and milliseconds a slice."""
    with db.atomic():
        schema.create(db)
        follower.set_position(db, readmodel.NAME, 0, schema.VERSION)
    model, slices = ReadModel(), Latencies()
    cpu, more = time.thread_time(), True
    while more:
        begun = time.perf_counter()
        with db.atomic():
            more = model.step(db)
        slices.record(time.perf_counter() - begun)
    cpu = time.thread_time() - cpu
    return {
        "cpu_us_per_row": round(cpu / model.projected * 1e6, 1),
        "slice_p50_ms": slices.at(50),
        "slice_p99_ms": slices.at(99),
    }


def _measured(db: Database) -> dict[str, dict[str, float]]:
    alone = projected(db)
    with _loop() as sent:
        before, begun = sent[0], time.perf_counter()
        beside = projected(db)
        rate = (sent[0] - before) / (time.perf_counter() - begun)
    return {"alone": alone, "beside_loop": {**beside, "loop_frames_per_second": round(rate)}}


def run(rows: int = ROWS, folder: Path | None = None) -> dict[str, Any]:
    """Measure with many rows a statement, and with one.

    :param rows: chat messages projected.
    :param folder: where to measure; the disk matters, so not a memory file system.
    """
    result: dict[str, Any] = {"bench": "projection", "rows": rows, "slice": follower.SLICE}
    interval, most = sys.getswitchinterval(), bulk.MOST
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with (
            tempfile.TemporaryDirectory(
                dir=folder or Path.cwd(), prefix=".bench-projection-"
            ) as at,
            closing(filled(Path(at) / "greenroom.db", rows)) as db,
        ):
            result["many_a_statement"] = _measured(db)
            bulk.MOST = 1
            result["one_a_statement"] = _measured(db)
    finally:
        sys.setswitchinterval(interval)
        bulk.MOST = most
    for place in ("alone", "beside_loop"):
        one, many = (result[how][place] for how in ("one_a_statement", "many_a_statement"))
        result[f"times_{place}"] = round(one["cpu_us_per_row"] / many["cpu_us_per_row"], 2)
    return result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path, help="where to write; default: here")
    parser.add_argument("--json", action="store_true", help="print for machines")
    given = parser.parse_args()
    result = run(given.rows, given.folder)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for how in ("many_a_statement", "one_a_statement"):
        for place, found in result[how].items():
            frames = found.get("loop_frames_per_second")
            print(
                f"{how.replace('_', ' '):17} {place.replace('_', ' '):12}"
                f"{found['cpu_us_per_row']:7.1f} us of CPU a row,"
                f" slice p50 {found['slice_p50_ms']:5.1f} ms p99 {found['slice_p99_ms']:5.1f} ms"
                + (f", the loop sends {frames:,} /s" if frames else "")
            )


if __name__ == "__main__":
    main()
