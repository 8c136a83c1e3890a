"""The peer of ``bench.commands``: a chat with python-socketio that commits before it tells.

A message is written and committed on a thread of its own, so that the disk does not stop the loop,
then sent to the room, then acknowledged.
"""

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import socketio
from aiohttp import web

ROOM = "session"


class Chat:
    """The messages on disk."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, person TEXT, text TEXT)")

    async def keep(self, person: str, text: str) -> int:
        """Commit a message; return its id."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._keep, person, text
        )

    def _keep(self, person: str, text: str) -> int:
        with self._db:
            cursor = self._db.execute(
                "INSERT INTO messages (person, text) VALUES (?, ?)", (person, text)
            )
        return int(cursor.lastrowid or 0)


async def serve(path: str) -> None:
    """Serve until killed."""
    server, chat = socketio.AsyncServer(async_mode="aiohttp", ping_interval=600), Chat(path)

    async def join(sid: str, data: dict[str, Any]) -> dict[str, Any]:
        await server.enter_room(sid, ROOM)
        return {"acked": data["number"], "ok": True}

    async def post(sid: str, data: dict[str, Any]) -> dict[str, Any]:
        ident = await chat.keep(sid, data["text"])
        message = {"id": str(ident), "person": sid, "text": data["text"]}
        await server.emit("chat.posted", message, room=ROOM)
        return {"acked": data["number"], "ok": True}

    server.on("join", join)
    server.on("chat", post)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("ready", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
