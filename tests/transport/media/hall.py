"""A room on a switchboard without sockets, and visitors who may send whatever they like."""

import itertools
import weakref
from typing import ClassVar

from aioice import stun as reference

from tests.transport.media.test_sans_io import OFFER
from transport.media import description, rtp, srtp
from transport.media.dtls import Dtls, Identity
from transport.media.rtp import Packet
from transport.media.srtp import Buffer
from transport.media.switchboard import Switchboard

ADDRESS = ("192.0.2.7", 4000)
STRANGER = ("192.0.2.66", 6)


class Wire:
    """Takes what the worker sends."""

    numbers = itertools.count(3)
    known: ClassVar = weakref.WeakValueDictionary()

    def __init__(self):
        self.sent = []
        self.refuses = False
        self.number = next(self.numbers)
        self.known[self.number] = self

    def sendto(self, data, address):
        if self.refuses:
            raise BlockingIOError
        self.sent.append((bytes(data), address))
        return len(data)

    def fileno(self):
        return self.number


class Visitor:
    """A client made of a DTLS endpoint and a hand: it can send whatever it likes."""

    identity = Identity()

    def __init__(self, board, wire, address, credentials, fingerprint):
        self.board, self.wire, self.address = board, wire, address
        self.credentials = credentials
        self.dtls = Dtls(self.identity, {"sha-256": fingerprint}, client=True)
        self.buffer = Buffer()

    def give(self, data, now=1.0, address=None):
        entrance = self.board.entrance
        entrance.buffer.view[: len(data)] = data
        entrance.datagram(len(data), address or self.address, self.wire, now)

    def check(self, now=1.0, address=None, password=None, fragment=None):
        message = reference.Message(
            message_method=reference.Method.BINDING, message_class=reference.Class.REQUEST
        )
        message.attributes["USERNAME"] = f"{fragment or self.credentials.fragment}:abcd"
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.credentials.password).encode())
        self.give(bytes(message), now, address)

    def handshake(self):
        out = self.dtls.start()
        for _ in range(10):
            self.wire.sent.clear()
            for datagram in out:
                self.give(datagram)
            out = [each for data, _ in self.wire.sent for each in self.dtls.receive(data)]
            if self.dtls.keys is not None and not out:
                break
        assert self.dtls.keys is not None
        self.outbound = srtp.handle(self.dtls.keys.outbound)

    def rtp(self, packet, now=1.0):
        data = rtp.serialize(packet)
        self.buffer.view[: len(data)] = data
        self.buffer.length[0] = len(data)
        assert srtp.protect_at(self.outbound, self.buffer.pointer, self.buffer.length) == 0
        self.give(bytes(self.buffer.view[: self.buffer.length[0]]), now)

    def rtcp(self, data, now=1.0):
        self.buffer.view[: len(data)] = data
        self.buffer.length[0] = len(data)
        assert srtp.protect_rtcp_at(self.outbound, self.buffer.pointer, self.buffer.length) == 0
        self.give(bytes(self.buffer.view[: self.buffer.length[0]]), now)

    def told(self):
        """Decrypt what came as RTCP since the last time, as bytes; media is passed over."""
        found = []
        for data, address in self.wire.sent:
            if address != self.address or not 128 <= data[0] < 192 or not rtp.is_rtcp(data[1]):
                continue
            self.buffer.view[: len(data)] = data
            length = srtp.unprotect(self.dtls.keys.inbound, self.buffer, len(data), rtcp=True)
            found.append(bytes(self.buffer.view[:length]))
        self.wire.sent.clear()
        return found

    def received(self):
        """Decrypt what came as media since the last time."""
        found = []
        for data, address in self.wire.sent:
            if address != self.address or not 128 <= data[0] < 192 or rtp.is_rtcp(data[1]):
                continue
            self.buffer.view[: len(data)] = data
            length = srtp.unprotect(self.dtls.keys.inbound, self.buffer, len(data), rtcp=False)
            found.append(rtp.parse(self.buffer.data, length))
        self.wire.sent.clear()
        return found


def described():
    return OFFER.replace("AA:BB", Visitor.identity.fingerprint).replace(
        "a=simulcast:send q;f\n", ""
    )


def answer_to(board, facts):
    sdp = [data["sdp"] for kind, data in facts if kind == "rtc.offer"][-1]
    text = sdp.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")
    lines = []
    for line in text.splitlines():
        if line.startswith("a=fingerprint"):
            lines.append(f"a=fingerprint:sha-256 {Visitor.identity.fingerprint}")
        elif line.startswith("a=ice-ufrag"):
            lines.append("a=ice-ufrag:abcd")
        else:
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"


SOUND, PICTURE = 111, 96
KEY = bytes([0x10, 0x00, 0x00, 0x00]) + bytes(20)
DELTA = bytes([0x10, 0x01]) + bytes(22)


def video(sequence, body=KEY, ssrc=77, payload_type=PICTURE):
    return Packet(sequence, sequence * 3000, ssrc, payload_type, True, body, {})


def audio(sequence, level=20, ssrc=55):
    return Packet(sequence, sequence * 960, ssrc, SOUND, False, b"sound", {1: bytes([level])})


def publisher(board, person, room, address, offer=None):
    """Let somebody send into a room."""
    wire = Wire()
    answer = board.offer(f"c-{person}", person, room, offer or described(), {}, 0.0)
    fingerprint = description.parse(answer).fingerprints["sha-256"]
    peer = board.publications[f"c-{person}"].peer
    made = Visitor(board, wire, address, peer.credentials, fingerprint)
    made.check()
    made.handshake()
    return made


def viewer(board, facts, person, room, address):
    """Let somebody watch a room."""
    wire = Wire()
    board.join(room, f"c-{person}", person, 0.0)
    board.answer(f"c-{person}", answer_to(board, facts), 0.0)
    sdp = [data["sdp"] for kind, data in facts if kind == "rtc.offer"][-1]
    fingerprint = description.parse(sdp).fingerprints["sha-256"]
    peer = board.subscriptions[f"c-{person}"].peer
    made = Visitor(board, wire, address, peer.credentials, fingerprint)
    made.check()
    made.handshake()
    wire.sent.clear()
    return made


def room_with_two(accelerated=None):
    """A room with Ana, who publishes, and Bob, who watches; both connected."""
    facts = []
    board = Switchboard(
        [("192.0.2.1", 5000)],
        lambda kind, data: facts.append((kind, data)),
        accelerated=accelerated,
    )
    board.allow("session/ux", "ana", frozenset({"audio", "video"}), True, 0.0)
    board.allow("session/ux", "bob", frozenset(), True, 0.0)
    ana = publisher(board, "ana", "session/ux", ADDRESS)
    bob = viewer(board, facts, "bob", "session/ux", ("192.0.2.8", 9))
    return board, ana, bob, facts
