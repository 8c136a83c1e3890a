"""The same publishers and viewers through Janus's VideoRoom plugin, as a peer to compare with.

Janus is driven over its HTTP API and its media over sockets of the load's own. Its API listens on
the loopback; its media on whatever address of this machine it picks, reached without leaving it.
"""

import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import attrs

from bench.load.wire import LoadFailed
from bench.media_load import (
    PASSWORD,
    VIDEO_SSRC,
    Endpoint,
    Publisher,
    credentials,
    processor_seconds,
    publish_offer,
    viewer_answer,
)

ROOM_NUMBER = 7
START_WITHIN = 10.0
ANSWER_WITHIN = 10.0

_CONFIG = """general: {{
  configs_folder = "{folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{folder}"
  loggers_folder = "{folder}"
  debug_level = 2
}}
nat: {{ }}
media: {{ }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "{other_transports}" }}
"""

_HTTP = """general: {{
  json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false }}
"""


def available() -> bool:
    """Whether Janus is installed."""
    return shutil.which("janus") is not None and _libraries() is not None


def _libraries() -> Path | None:
    found = sorted(Path("/usr/lib").glob("*/janus/plugins/libjanus_videoroom.so"))
    return found[0].parent.parent if found else None


@attrs.define
class Janus:
    """A Janus with one VideoRoom; takes publishers first, then viewers of all of them."""

    process: subprocess.Popen[bytes]
    folder: "tempfile.TemporaryDirectory[str]"
    address: str
    session: str = ""
    feeds: list[int] = attrs.field(factory=list)
    _numbers: "itertools.count[int]" = attrs.field(factory=itertools.count)

    @classmethod
    def start(cls) -> Self:
        """Start Janus and open a room.

        :raises LoadFailed: it does not answer.
        """
        libraries, program = _libraries(), shutil.which("janus")
        if libraries is None or program is None:
            raise LoadFailed("Janus is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        folder = tempfile.TemporaryDirectory(prefix="greenroom-janus-")
        _configure(Path(folder.name), libraries, port)
        with (Path(folder.name) / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-F", folder.name, "-C", f"{folder.name}/janus.jcfg"],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        unit = cls(process, folder, f"http://127.0.0.1:{port}/janus")
        try:
            unit._open()
        except BaseException:
            unit.stop()
            raise
        return unit

    def _open(self) -> None:
        until = time.monotonic() + START_WITHIN
        while True:
            try:
                self.session = f"/{self._ask('', janus='create')['data']['id']}"
                break
            except OSError as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise LoadFailed("Janus does not start") from error
                time.sleep(0.1)
        room = {"request": "create", "room": ROOM_NUMBER, "publishers": 100, "bitrate": 0,
                "videocodec": "vp8", "notify_joining": False}  # fmt: skip
        self._message(self._attach(), room)

    def _send(self, path: str, **body: Any) -> dict[str, Any]:
        body.setdefault("transaction", f"t{next(self._numbers)}")
        request = urllib.request.Request(  # noqa: S310  the loopback's
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as response:  # noqa: S310
            reply: dict[str, Any] = json.loads(response.read())
        if reply["janus"] == "error":
            raise LoadFailed(f"Janus: {reply['error']['reason']}")
        return reply

    def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        transaction = f"t{next(self._numbers)}"
        reply = self._send(path, transaction=transaction, **body)
        return self._event(transaction) if reply["janus"] == "ack" else reply

    def _event(self, transaction: str) -> dict[str, Any]:
        """Wait for what a message leads to; others' news are passed over."""
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            with urllib.request.urlopen(  # noqa: S310
                self.address + self.session, timeout=ANSWER_WITHIN
            ) as response:
                event: dict[str, Any] = json.loads(response.read())
            if event.get("transaction") == transaction:
                return event
        raise LoadFailed("Janus does not answer")

    def _attach(self) -> str:
        reply = self._ask(self.session, janus="attach", plugin="janus.plugin.videoroom")
        return f"{self.session}/{reply['data']['id']}"

    def _message(
        self, handle: str, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        described = {"jsep": jsep} if jsep else {}
        reply = self._ask(handle, janus="message", body=body, **described)
        data = reply["plugindata"]["data"]
        if "error" in data:
            raise LoadFailed(f"Janus: {data['error']}")
        return reply

    def publisher(self, number: int) -> Publisher:
        """Let a publisher in."""
        handle, ssrc = self._attach(), VIDEO_SSRC + number
        body = {"request": "joinandconfigure", "room": ROOM_NUMBER, "ptype": "publisher"}
        jsep = {"type": "offer", "sdp": publish_offer(ssrc)}
        reply = self._message(handle, body, jsep)
        self.feeds.append(reply["plugindata"]["data"]["id"])
        sdp = reply["jsep"]["sdp"]
        host, port = _where(sdp)
        made = Publisher(port, *credentials(sdp), host=host)
        made.ssrc, made.password = ssrc, PASSWORD
        self._trickle(handle, made)
        made.connect()
        return made

    def viewer(self, number: int) -> Endpoint:  # noqa: ARG002  a media worker wants to know
        """Let somebody see all publishers there are."""
        handle = self._attach()
        body = {"request": "join", "room": ROOM_NUMBER, "ptype": "subscriber",
                "streams": [{"feed": feed} for feed in self.feeds]}  # fmt: skip
        sdp = self._message(handle, body)["jsep"]["sdp"]
        jsep = {"type": "answer", "sdp": viewer_answer(sdp)}
        self._message(handle, {"request": "start"}, jsep)
        host, port = _where(sdp)
        made = Endpoint(port, *credentials(sdp), host=host)
        self._trickle(handle, made)
        made.connect()
        return made

    def _trickle(self, handle: str, endpoint: Endpoint) -> None:
        """Tell where somebody is: Janus checks back there."""
        host, port = endpoint.socket.getsockname()
        line = f"candidate:1 1 udp 2130706431 {host} {port} typ host"
        first = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
        for candidate in (first, {"completed": True}):
            self._send(handle, janus="trickle", candidate=candidate)

    def cpu(self) -> float:
        """Seconds of processor time used so far, by all its threads."""
        return processor_seconds(self.process.pid)

    def stop(self) -> None:
        """End Janus."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


def _configure(folder: Path, libraries: Path, port: int) -> None:
    def others(kind: str, wanted: str) -> str:
        files = (libraries / kind).glob("*.so")
        return ",".join(sorted(file.name for file in files if file.name != wanted))

    config = _CONFIG.format(
        folder=folder, libraries=libraries,
        other_plugins=others("plugins", "libjanus_videoroom.so"),
        other_transports=others("transports", "libjanus_http.so"),
    )  # fmt: skip
    (folder / "janus.jcfg").write_text(config)
    (folder / "janus.transport.http.jcfg").write_text(_HTTP.format(port=port))
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")


def _where(sdp: str) -> tuple[str, int]:
    """Return the address of the first UDP candidate of IPv4."""
    for line in sdp.splitlines():
        if line.startswith("a=candidate:"):
            fields = line.split()
            if fields[2].lower() == "udp" and ":" not in fields[4]:
                return fields[4], int(fields[5])
    raise LoadFailed("Janus offers no address")
