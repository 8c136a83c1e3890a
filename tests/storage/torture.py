"""The process that test_torture.py kills: clients that write, and say what was acknowledged."""

import os
import sys
from datetime import UTC, datetime

import trio

from actors.ports import Entry, Write
from storage import Store

CLIENTS = 6
PAIRS = 2


def chat(seq: int, text: str) -> Entry:
    data = {"id": str(seq), "person": "ana", "name": "Ana", "role": "participant", "text": text}
    return Entry(seq, "chat.posted", datetime.now(UTC), data, {"by": "ana"})


async def last_seq(store: Store, entity: str) -> int:
    """Ask for the number alone: reading 200 rounds' history is not what is tested here."""

    def query(db):
        row = db.execute("SELECT seq FROM entities WHERE entity = ?", (entity,)).fetchone()
        return row[0] if row else 0

    return await store.journal.query(query)


async def write(path: str, said: str, token: str) -> None:
    """Write until killed; a line ``entity seq text`` in the file ``said`` for each commit.

    What was written to that file is in the kernel's hands, so a kill does not take it back.
    """
    acknowledged = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def acknowledge(entity: str, seq: int, text: str) -> None:
        os.write(acknowledged, f"{entity} {seq} {text}\n".encode())

    async def client(number: int) -> None:
        entity = f"session/{number}"
        seq = await last_seq(store, entity)
        while True:
            seq += 1
            text = f"{token}-{number}-{seq}"
            await store.journal.append(Write(entity, seq - 1, [chat(seq, text)]))
            acknowledge(entity, seq, text)

    async def pair(number: int) -> None:
        entities = (f"room/a.{number}", f"room/b.{number}")
        seq = await last_seq(store, entities[0])
        while True:
            seq += 1
            text = f"{token}-pair{number}-{seq}"
            writes = [Write(entity, seq - 1, [chat(seq, text)]) for entity in entities]
            await store.journal.append(*writes)
            acknowledge(entities[0], seq, text)
            acknowledge(entities[1], seq, text)

    async with Store.open(path) as store, trio.open_nursery() as nursery:
        for number in range(CLIENTS):
            nursery.start_soon(client, number)
        for number in range(PAIRS):
            nursery.start_soon(pair, number)


def main() -> None:
    """Fork a writer for each line ``path said token``; tell its pid, then how it ended."""
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            trio.run(write, *line.split())
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
