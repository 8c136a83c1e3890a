"""One peer connection's transport: ICE-lite, DTLS and SRTP behind one address."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from pylibsrtp import Error as SrtpError

from transport.media import rtcp, rtp, srtp, stun
from transport.media.description import Description
from transport.media.dtls import Dtls, HandshakeFailed, Identity
from transport.media.rtp import Malformed
from transport.media.srtp import Buffer

Address = tuple[Any, ...]
"""Whatever the socket says: host and port, and for IPv6 flow and scope."""


class Socket(Protocol):
    """The part of a UDP socket that is used; tests have others."""

    def sendto(self, data: Any, address: Any, /) -> int:
        """Send a datagram; raises OSError when that cannot be done now."""

    def fileno(self) -> int:
        """Return its number."""


CONSENT_LIFE = 30.0
"""Seconds without an authentic STUN request after which a peer is given up (RFC 7675)."""

STREAMS_LIMIT = 512
"""SSRCs one client may have used: libsrtp keeps a context for every one it has authenticated."""

ADDRESSES_LIMIT = 16
"""Addresses of one client that are listened to at once."""

_log = structlog.get_logger("greenroom.media")


class Handler(Protocol):
    """What a peer connection is for."""

    def packet(self, packet: rtp.Packet, now: float) -> None:
        """Take an RTP packet."""

    def report(self, message: rtcp.Message, now: float) -> None:
        """Take a part of an RTCP packet."""

    def connected(self, now: float) -> None:
        """Begin: packets can be sent from now on."""

    def moved(self) -> None:
        """Take note that packets are sent to another address, with other keys, or not at all."""


class Peer:
    """One transport.

    :param counters: the worker's, for what is dropped.
    :param scratch: memory for outgoing packets, shared by the worker's peers.
    """

    def __init__(
        self,
        identity: Identity,
        handler: Handler,
        counters: Counter[str],
        scratch: Buffer,
        now: float,
    ) -> None:
        self.credentials = stun.Credentials()
        self.addresses: dict[Address, None] = {}
        self.address: Address | None = None
        self.dropped: Address | None = None
        self.socket: Socket | None = None
        self.outbound: Any = None
        self.heard_at = now
        self.failed = False
        self._identity = identity
        self._handler = handler
        self._counters = counters
        self._scratch = scratch
        self._remote: Description | None = None
        self._dtls: Dtls | None = None
        self._inbound: Any = None
        self._streams: set[bytes] = set()
        self._retransmit_at: float | None = None
        self.keys: Any = None

    @property
    def is_connected(self) -> bool:
        """Whether packets can be sent."""
        return self.outbound is not None and self.address is not None

    def renew(self) -> None:
        """Make new ICE credentials; packets pass on the old path until a new one is found."""
        self.credentials = stun.Credentials()

    def describe(self, remote: Description, *, client: bool) -> None:
        """Take the client's description.

        :param client: whether this side begins the DTLS handshake, should there be a new one.
        """
        same = self._remote is not None and self._remote.fingerprints == remote.fingerprints
        self._remote = remote
        if same and not self.failed:
            return
        self.failed = False
        self._dtls = Dtls(self._identity, remote.fingerprints, client=client)
        self.outbound = self._inbound = self.keys = None
        self._streams.clear()
        self._handler.moved()
        if client and self.address is not None:
            self._start()

    def _start(self) -> None:
        if self._dtls is not None:
            self._send_all(self._dtls.start())

    def stun(self, request: stun.Request, address: Address, socket: Socket, now: float) -> bool:
        """Answer a binding request; False if it is not authentic."""
        response = stun.answer(request, self.credentials.password, (address[0], address[1]))
        if response is None:
            return False
        self.heard_at = now
        if address not in self.addresses:
            if len(self.addresses) >= ADDRESSES_LIMIT:
                self.dropped = next(each for each in self.addresses if each != self.address)
                del self.addresses[self.dropped]
            self.addresses[address] = None
        first = self.address is None
        if first or request.nominates:
            if (address, socket) != (self.address, self.socket):
                self._handler.moved()
            self.address, self.socket = address, socket
        self._send_to(socket, response, address)
        if first:
            self._start_if_client()
        return True

    def _start_if_client(self) -> None:
        if self._dtls is not None and self._dtls.keys is None:
            self._start()

    def handshake(self, data: bytes, now: float) -> None:
        """Take a DTLS datagram."""
        if self._dtls is None or self.failed:
            self._counters["dropped_dtls"] += 1
            return
        try:
            self._send_all(self._dtls.receive(data))
        except HandshakeFailed as error:
            self._fail(str(error))
            return
        wait = self._dtls.timeout()
        self._retransmit_at = None if wait is None else now + wait
        if self._dtls.closed:
            self.failed = True
        elif self._dtls.keys is not None and self.outbound is None:
            self.keys = self._dtls.keys
            self._inbound = self.keys.inbound
            self.outbound = srtp.handle(self.keys.outbound)
            self._handler.moved()
            self._counters["connected"] += 1
            self._handler.connected(now)

    def _fail(self, why: str, counter: str = "handshake_failed") -> None:
        self.failed = True
        self._counters[counter] += 1
        _log.info("peer connection given up", why=why)

    def media(self, buffer: Buffer, length: int, now: float) -> None:
        """Take an SRTP or SRTCP datagram that stands at the buffer's start."""
        if self._inbound is None or self.failed:
            self._counters["dropped_early"] += 1
            return
        is_rtcp = rtp.is_rtcp(buffer.data[1])
        try:
            length = srtp.unprotect(self._inbound, buffer, length, rtcp=is_rtcp)
            self._streams.add(bytes(buffer.data[4:8] if is_rtcp else buffer.data[8:12]))
            if len(self._streams) > STREAMS_LIMIT:
                self._fail("too many streams", "dropped_flooder")
                return
            if not is_rtcp:
                self._handler.packet(rtp.parse(buffer.data, length), now)
                return
        except SrtpError:
            self._counters["dropped_srtp"] += 1
            return
        except Malformed:
            self._counters["dropped_malformed"] += 1
            return
        for message in rtcp.parse(bytes(buffer.view[:length])):
            self._handler.report(message, now)

    def send(self, packet: bytes) -> None:
        """Protect and send one RTP packet. Never raises."""
        self._protected(packet, srtp.protect_at)

    def send_control(self, packet: bytes) -> None:
        """Protect and send one RTCP packet. Never raises."""
        self._protected(packet, srtp.protect_rtcp_at)

    def _protected(self, packet: bytes, protect: Callable[[Any, Any, Any], int]) -> None:
        if self.outbound is None or self.address is None or self.socket is None:
            return
        scratch, length = self._scratch, len(packet)
        if length + srtp.TRAILER > len(scratch.data):
            self._counters["dropped_too_long"] += 1
            return
        scratch.view[:length] = packet
        scratch.length[0] = length
        if protect(self.outbound, scratch.pointer, scratch.length):
            self._counters["dropped_protect"] += 1
            return
        self._send_to(self.socket, scratch.view[: scratch.length[0]], self.address)

    def _send_all(self, datagrams: list[bytes]) -> None:
        if self.address is None or self.socket is None:
            return
        for datagram in datagrams:
            self._send_to(self.socket, datagram, self.address)

    def _send_to(self, socket: Socket, datagram: bytes | memoryview, address: Address) -> None:
        try:
            socket.sendto(datagram, address)
        except OSError:
            # A full socket buffer or a network that is gone: UDP may lose, the loop may not stop.
            self._counters["dropped_send"] += 1

    def tick(self, now: float) -> bool:
        """Do what time asks for; False once the peer is to be forgotten."""
        if (
            self._retransmit_at is not None
            and now >= self._retransmit_at
            and self._dtls is not None
        ):
            try:
                self._send_all(self._dtls.retransmit())
            except HandshakeFailed as error:
                self._fail(str(error))
            wait = self._dtls.timeout()
            self._retransmit_at = None if wait is None else now + wait
        return not self.failed and now - self.heard_at < CONSENT_LIFE

    def close(self) -> None:
        """Say goodbye."""
        if self._dtls is not None:
            self._send_all(self._dtls.close())
        self.outbound = self._inbound = self.keys = self._dtls = None
        self.failed = True
        self._handler.moved()
