"""A writing process is killed 200 times; nothing acknowledged is ever lost."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgpack
import pytest

from storage import Store
from storage.readmodel import rebuild

HERE = Path(__file__).parent

ROUNDS = 200
PAIRS = 2
LONGEST = 0.08
"""Seconds of writing in one round, at most."""


@pytest.fixture
def nursery():
    """A process that has imported everything, and forks a writer when asked."""
    program = [sys.executable, str(HERE / "torture.py")]
    paths = os.pathsep.join([str(HERE.parent.parent), *sys.path])
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def one_round(nursery, path: Path, token: str, luck: random.Random) -> list[tuple[str, int, str]]:
    """Let a process write, kill it at some moment, return what it acknowledged."""
    said = path.with_name(token)
    nursery.stdin.write(f"{path} {said} {token}\n")
    pid = int(nursery.stdout.readline())
    if luck.random() < 0.8:  # else it may be killed while it opens the file
        ends = time.monotonic() + 10
        while time.monotonic() < ends and not (said.exists() and said.stat().st_size):
            time.sleep(0.002)
    time.sleep(luck.uniform(0, LONGEST))
    os.kill(pid, signal.SIGKILL)
    assert int(nursery.stdout.readline()) == -signal.SIGKILL, "the writer failed by itself"
    lines = said.read_text().split("\n")[:-1] if said.exists() else []
    return [(entity, int(seq), text) for entity, seq, text in map(str.split, lines)]


def check(path: Path, acknowledged: dict[tuple[str, int], str], new) -> int:
    with closing(sqlite3.connect(path)) as db:
        for entity, seq, text in new:
            row = db.execute(
                "SELECT data FROM journal WHERE entity = ? AND seq = ?", (entity, seq)
            ).fetchone()
            assert row, f"{entity} {seq} was acknowledged and is gone"
            assert msgpack.unpackb(row[0])["text"] == text
            assert (entity, seq) not in acknowledged, f"{entity} {seq} was acknowledged twice"
            acknowledged[entity, seq] = text
        heads = dict(db.execute("SELECT entity, seq FROM entities"))
        counted = db.execute(
            "SELECT entity, count(*), min(seq), max(seq) FROM journal INDEXED BY journal_entity_seq"
            " GROUP BY entity"
        ).fetchall()
        assert {row[0] for row in counted} == set(heads)
        for entity, count, first, last in counted:
            assert (count, first, last) == (heads[entity], 1, heads[entity]), entity
        for number in range(PAIRS):
            assert heads.get(f"room/a.{number}") == heads.get(f"room/b.{number}")
        check_read_model(db)
        return sum(heads.values())


def check_read_model(db: sqlite3.Connection) -> None:
    """As far as it says it has come, it holds exactly what the journal holds."""
    at = db.execute("SELECT position FROM positions WHERE name = 'read_model'").fetchone()
    if at is None:
        return
    wanted = db.execute(
        "SELECT entity, count(*), max(seq) FROM journal WHERE position <= ? GROUP BY entity", at
    ).fetchall()
    held = db.execute(
        "SELECT topic, count(*), max(number) FROM chat_messages GROUP BY topic"
    ).fetchall()
    assert held == wanted
    assert db.execute("SELECT count(*) FROM not_projected").fetchone() == (0,)


@pytest.mark.slow
@pytest.mark.timeout(300)  # half a minute on an idle machine
def test_whatever_was_acknowledged_survives_two_hundred_kills(tmp_path, nursery):
    path = tmp_path / "greenroom.db"
    seed = random.SystemRandom().randrange(10**6)
    luck = random.Random(seed)
    acknowledged: dict[tuple[str, int], str] = {}
    total = 0
    for number in range(ROUNDS):
        new = one_round(nursery, path, f"r{number}", luck)
        if path.exists():
            total = check(path, acknowledged, new)
    assert len(acknowledged) > ROUNDS * 20, f"seed {seed}"
    assert total >= len(acknowledged)


@pytest.mark.slow
@pytest.mark.timeout(300)  # half a minute on an idle machine
async def test_after_a_kill_the_read_model_catches_up_to_what_a_rebuild_gives(tmp_path, nursery):
    path = tmp_path / "greenroom.db"
    luck = random.Random(7)
    for number in range(3):
        one_round(nursery, path, f"r{number}", luck)
    async with Store.open(path) as store:
        assert await store.archive.catch_up()
        caught_up = await store.journal.query(messages)
        await store.journal.transact(rebuild)
        assert await store.journal.query(messages) == caught_up
        assert caught_up


def messages(db):
    return db.execute("SELECT * FROM chat_messages ORDER BY topic, number").fetchall()
