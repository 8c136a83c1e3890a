"""Several nodes behind one port of one machine, and what happens when one of the parts dies."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio

from bench.cluster_servers import free_port
from tests.cluster.nodes import event_of, token
from tests.engine.daemon import EVENT_FILE, KEY
from transport.client import open_client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def workers(tmp_path):
    (tmp_path / "event.toml").write_text(EVENT_FILE)
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "engine.cli", "serve", "--workers", "2", "--port", str(port),
            "--key", f"{KEY.id}:{KEY.secret}", "--data", str(tmp_path / "data"),
            "--load", str(tmp_path / "event.toml"),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "GREENROOM_MEDIA_WORKERS": "0", "GREENROOM_DRAIN_SECONDS": "1"},
    )  # fmt: skip
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stderr:
            lines.append(line)
            if '"workers"' in line:
                ready.set()
        process.stderr.close()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert ready.wait(60), lines
    yield process, port, lines
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    reader.join(10)


def children(process) -> dict[int, str]:
    found = {}
    for name in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        found[int(name)] = Path(f"/proc/{name}/cmdline").read_text().replace("\0", " ")
    return found


async def test_two_workers_share_a_port_and_a_session(workers):
    process, port, lines = workers
    url = f"ws://127.0.0.1:{port}/v1/ws"
    async with (
        open_client(url, token("hana", sessions=frozenset({"ux"}))) as hana,
        open_client(url, token("ana")) as ana,
    ):
        await hana.call("session.join", session="ux")
        await hana.call("session.start", session="ux")
        await ana.call("session.join", session="ux")
        await ana.call("chat.send", topic="session/ux", text="hello")
        await event_of(hana, "chat.posted", text="hello")

        nodes = [pid for pid, line in children(process).items() if "engine.cli" in line]
        assert len(nodes) == 2
        os.kill(nodes[0], signal.SIGKILL)
        with trio.fail_after(30):
            await ana.call("chat.send", topic="session/ux", text="again")
        await event_of(hana, "chat.posted", text="again")
        with trio.fail_after(30):
            while sum("engine.cli" in line for line in children(process).values()) < 2:
                await trio.sleep(0.1)
    before = set(children(process))
    process.send_signal(signal.SIGTERM)
    assert await trio.to_thread.run_sync(process.wait, 60) == 0
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()]
    assert any(json.loads(line).get("event") == "ended" for line in lines if line.startswith("{"))
