"""Load for a forwarding unit: publishers and viewers that are sockets, keys and little else.

A stock peer connection costs more than what it measures. These speak ICE, DTLS and SRTP, and count
what comes without decrypting it.
"""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import attrs
from aioice import stun

from transport.media import description, rtcp, rtp, srtp
from transport.media.control import Decoder, encode
from transport.media.dtls import Dtls, Identity
from transport.media.rtp import Packet
from transport.media.srtp import Buffer

PAYLOAD = 1100
"""Bytes of a video packet's payload; what Chromium sends at a good bitrate."""

VIDEO_TYPE, VIDEO_SSRC = 96, 7_000
ROOM = "session/bench"
HANDSHAKE_WITHIN = 5.0
CHECK_EVERY = 0.2
RECEIVE_BUFFER = 4 << 20

_FRAGMENT = "load"
_OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=sendonly
a=mid:0
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc:{ssrc} cname:load
a=ice-ufrag:load
a=ice-pwd:loadloadloadloadloadload
a=fingerprint:sha-256 {fingerprint}
a=setup:active
"""

IDENTITY = Identity()
PASSWORD = "load" * 6
"""For ICE, as the offer has it."""


def publish_offer(ssrc: int) -> str:
    """Write the offer of a publisher with one picture."""
    text = _OFFER.format(ssrc=ssrc, fingerprint=IDENTITY.fingerprint)
    return text.replace("\n", "\r\n")


def viewer_answer(offer: str) -> str:
    """Write the answer to a subscribe offer."""
    lines = []
    for line in offer.splitlines():
        key = line.partition(":")[0]
        changed = {
            "a=sendonly": "a=recvonly",
            "a=setup": "a=setup:active",
            "a=fingerprint": f"a=fingerprint:sha-256 {IDENTITY.fingerprint}",
            "a=ice-ufrag": f"a=ice-ufrag:{_FRAGMENT}",
        }
        if not line.startswith(("a=candidate", "a=ice-lite")):
            lines.append(changed.get(key, line))
    return "\r\n".join(lines) + "\r\n"


class Endpoint:
    """One connected client."""

    def __init__(
        self, port: int, credentials: tuple[str, str], fingerprint: str, host: str = "127.0.0.1"
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.connect((host, port))
        self._credentials = credentials
        # A viewer's answer repeats the other side's.
        self.password = credentials[1]
        self._dtls = Dtls(IDENTITY, {"sha-256": fingerprint}, client=True)
        self.outbound: Any = None

    def connect(self) -> None:
        """Check, shake hands."""
        self._reach()
        until, flight = time.monotonic() + HANDSHAKE_WITHIN, self._dtls.start()
        out = flight
        while True:
            for datagram in out:
                self.socket.send(datagram)
            if self._dtls.keys is not None:
                break
            try:
                data = self.socket.recv(2048)
            except TimeoutError:
                # The other end may not have been ready for it.
                if time.monotonic() > until:
                    raise
                self.check()
                out = flight
                continue
            out = self._take(data)
            flight = out or flight
        self.outbound = srtp.handle(self._dtls.keys.outbound)
        self.socket.setblocking(False)

    def _reach(self) -> None:
        """Check until an answer comes."""
        self.socket.settimeout(CHECK_EVERY)
        until = time.monotonic() + HANDSHAKE_WITHIN
        while True:
            self.check()
            try:
                self._take(self.socket.recv(2048))
            except TimeoutError:
                if time.monotonic() > until:
                    raise
            else:
                return

    def _take(self, data: bytes) -> list[bytes]:
        """Take a datagram of the time before media; return what the handshake has to say."""
        if data[0] in range(20, 64):
            return self._dtls.receive(data)
        if data[:2] == b"\x00\x01":
            # An agent that is not lite checks back.
            asked = stun.parse_message(data)
            message = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=asked.transaction_id,
            )
            message.attributes["XOR-MAPPED-ADDRESS"] = self.socket.getpeername()
            message.add_message_integrity(self.password.encode())
            self.socket.send(bytes(message))
        return []

    def check(self) -> None:
        """Send a binding request that nominates."""
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self._credentials[0]}:{_FRAGMENT}"
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = (1 << 64) - 1
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self._credentials[1].encode())
        self.socket.send(bytes(message))

    def welcome(self, bitrate: int = 90_000_000) -> None:
        """Tell that the line is wide."""
        report = rtcp.pack_receiver_report(1, ()) + rtcp.pack_bandwidth_estimate(1, bitrate, (1,))
        buffer = Buffer()
        buffer.view[: len(report)] = report
        buffer.length[0] = len(report)
        srtp.protect_rtcp_at(self.outbound, buffer.pointer, buffer.length)
        self.socket.send(buffer.view[: buffer.length[0]])


_KEY, _DELTA = b"\x10\x00" + bytes(PAYLOAD - 2), b"\x00\x01" + bytes(PAYLOAD - 2)


class Publisher(Endpoint):
    """Sends pictures as fast as it is told."""

    sequence = 2000
    ssrc = VIDEO_SSRC

    def send(self, count: int) -> None:
        """Send so many packets at once; the first of each 100 begins a key frame."""
        buffer = self._buffer
        for _ in range(count):
            self.sequence = (self.sequence + 1) & 0xFFFF
            key = self.sequence % 100 == 0
            body = _KEY if key else _DELTA
            timestamp = self.sequence * 900
            packet = Packet(self.sequence, timestamp, self.ssrc, VIDEO_TYPE, True, body, {})
            data = rtp.serialize(packet)
            buffer.view[: len(data)] = data
            buffer.length[0] = len(data)
            srtp.protect_at(self.outbound, buffer.pointer, buffer.length)
            try:
                self.socket.send(buffer.view[: buffer.length[0]])
            except BlockingIOError:
                continue

    _buffer = Buffer()


@attrs.define
class Unit:
    """A media worker under test, spoken to without an engine."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    port: int = 0
    _decoder: Decoder = attrs.field(factory=Decoder)
    _number: int = 0
    facts: list[tuple[str, dict[str, Any]]] = attrs.field(factory=list)

    @classmethod
    def start(cls, fan_out: str = "auto") -> Self:
        """Start a worker process and wait until it takes orders.

        :param fan_out: ``python``, or ``auto`` for C where it was built.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            root = Path(__file__).parent.parent
            command = [sys.executable, "-m", "transport.media.worker", str(theirs.fileno())]
            process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), cwd=root)
        unit = cls(process, ours)
        settings = {
            "hosts": ["127.0.0.1"], "low": 0, "high": 0, "public": [], "last_videos": 12,
            "fan_out": fan_out,
        }  # fmt: skip
        unit.port = unit.order("start", settings)["port"]
        return unit

    def order(self, order: str, params: dict[str, Any]) -> Any:
        """Order something and return its result."""
        self._number += 1
        self.control.sendall(encode(self._number, order, params))
        answered: list[Any] = []
        while not answered:
            for number, word, value in self._decoder.feed(self.control.recv(1 << 20)):
                if number is None:
                    self.facts.append((word, value))
                elif word is not None:
                    raise RuntimeError(f"{order}: {word}")
                elif number == self._number:
                    answered.append(value)
        return answered[0]

    def publisher(self, number: int, room: str = ROOM) -> Publisher:
        """Let a publisher in."""
        person = f"publisher-{number}"
        self.order("allow", {"room": room, "person": person, "publish": ["video"], "view": False})
        sdp = publish_offer(VIDEO_SSRC + number)
        params = {"room": room, "connection": person, "person": person, "sdp": sdp, "tracks": {}}
        answer = self.order("offer", params)
        made = Publisher(self.port, *credentials(answer))
        made.ssrc = VIDEO_SSRC + number
        made.connect()
        return made

    def viewer(self, number: int, room: str = ROOM) -> Endpoint:
        """Let a viewer in."""
        person = f"viewer-{number}"
        self.order("allow", {"room": room, "person": person, "publish": [], "view": True})
        self.order("join", {"room": room, "connection": person, "person": person})
        offer = next(
            data["sdp"]
            for kind, data in reversed(self.facts)
            if kind == "rtc.offer" and data["connection"] == person
        )
        self.order("answer", {"connection": person, "sdp": viewer_answer(offer)})
        made = Endpoint(self.port, *credentials(offer))
        made.connect()
        return made

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        return processor_seconds(self.process.pid)

    def memory(self) -> int:
        """Bytes resident."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * 4096

    def stop(self) -> None:
        """End the worker."""
        # Read on while it ends, so that what it still tells finds somebody.
        self.control.shutdown(socket.SHUT_WR)
        while self.control.recv(1 << 16):
            continue
        self.control.close()
        self.process.wait(5)


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used so far, all its threads together.

    By the process's own clock, in nanoseconds; ``/proc`` counts in hundredths of a second.
    """
    # What clock_getcpuclockid(3) makes of a pid on Linux, with CPUCLOCK_SCHED.
    return time.clock_gettime(~pid << 3 | 2)


def credentials(sdp: str) -> tuple[tuple[str, str], str]:
    """Return the ICE user fragment and password, and the fingerprint, in a description."""
    parsed = description.parse(sdp)
    password = sdp.partition("a=ice-pwd:")[2].partition("\r")[0]
    return (parsed.fragment, password), parsed.fingerprints["sha-256"]
