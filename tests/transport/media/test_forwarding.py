"""The fan-out itself, in Python and in C: the same packets, whoever sends them."""

import secrets
import socket
import struct
from collections import Counter

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy

from tests.transport.media.hall import Wire, publisher, video
from tests.transport.media.in_c import in_c
from transport.media import accelerator, payload, rtp, srtp
from transport.media.accelerator import Accelerator, pack_address
from transport.media.forwarding import PythonTable, Row, Written
from transport.media.srtp import Buffer

PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


@attrs.define(eq=False)
class Viewer:
    """The receiving end of a row."""

    address: tuple
    key: bytes = attrs.field(factory=lambda: secrets.token_bytes(28))
    counters: Counter = attrs.field(factory=Counter)

    def missed(self, size, why=None):
        self.counters[why] += 1

    def row(self, wire, **numbers):
        session = srtp.session(self.key, PROFILE, inbound=False)
        given = {"payload_type": 96, "sequence_shift": 7, "timestamp_shift": 2**32 - 1,
                 "ssrc": 2**31 + 5, "first_in": 0, "picture_shift": 0, "base_shift": 0}  # fmt: skip
        given |= numbers
        return Row(srtp.handle(session), *given.values(), wire, self.address, self, session)

    def read(self, datagram):
        buffer, session = Buffer(), srtp.session(self.key, PROFILE, inbound=True)
        buffer.view[: len(datagram)] = datagram
        length = srtp.unprotect(session, buffer, len(datagram), rtcp=False)
        return rtp.parse(buffer.data, length)


@pytest.fixture
def make(accelerated):
    """Makes tables, of both kinds."""
    return accelerated or (lambda rows: PythonTable(rows, Buffer()))


NO_EXTENSIONS = struct.pack("!HH", rtp.ONE_BYTE_PROFILE, 0)


def written(body, sequence=2**16 + 65_530, numbers=payload.NO_PICTURE):
    rest = NO_EXTENSIONS + body
    return Written(0x80, rest, 12 + len(rest), sequence, 500, 12 + len(NO_EXTENSIONS), numbers)


def test_each_of_many_gets_the_packet_in_its_own_numbers(make):
    wire = Wire()
    people = [Viewer((f"192.0.2.{at}", 1000 + at)) for at in range(70)]
    rows = [
        each.row(wire, sequence_shift=at, ssrc=at, payload_type=96 + at % 20)
        for at, each in enumerate(people)
    ]
    assert make(rows).send(written(b"body")) == len(people)
    assert [address for _, address in wire.sent] == [each.address for each in people]
    for at, (person, (datagram, _)) in enumerate(zip(people, wire.sent, strict=True)):
        got = person.read(datagram)
        assert (got.sequence, got.timestamp) == ((65_530 + at) & 0xFFFF, 499)
        assert (got.ssrc, got.payload_type, got.marker) == (at, 96 + at % 20, True)
        assert got.payload == b"body"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bytes([0x90, 0xE0, 0xFF, 0xFF, 250, 0x60, 0x10, 0]), (0x7FFF + 3 & 0x7FFF, 250 + 9 & 255)),
        (bytes([0x90, 0xC0, 0x05, 7, 0x10, 0]), (8, 16)),
        (bytes([0x90, 0x80, 0x7E, 0x10, 0]), (0x7E + 3 & 0x7F, None)),
        (bytes([0x10, 0x00, 1, 2, 3]), (None, None)),
    ],
)
def test_picture_numbers_go_on(make, body, expected):
    wire, person = Wire(), Viewer(("192.0.2.1", 9))
    table = make([person.row(wire, picture_shift=3, base_shift=9)])
    table.send(written(body, numbers=payload.picture("VP8", body)))
    ((datagram, _),) = wire.sent
    got = person.read(datagram).payload
    found = payload.picture("VP8", got)
    assert (found.picture, found.base) == expected
    assert len(got) == len(body)


@given(
    body=st.binary(max_size=1400),
    codec=st.sampled_from(["VP8", "VP9"]),
    sequence=st.integers(0, 2**40),
    shifts=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1),
                     st.integers(0, 0x7FFF), st.integers(0, 0xFF)),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_send_the_same(library, body, codec, sequence, shifts):
    names = ("sequence_shift", "timestamp_shift", "picture_shift", "base_shift")
    numbers = dict(zip(names, shifts, strict=True))
    packet = written(body, sequence, payload.picture(codec, body))
    sent = []
    for make in (in_c(library), lambda rows: PythonTable(rows, Buffer())):
        wire, person = Wire(), Viewer(("192.0.2.1", 9))
        assert make([person.row(wire, **numbers)]).send(packet) == 1
        sent.append(person.read(wire.sent[0][0]))
    assert sent[0] == sent[1]


def test_what_fails_for_one_reaches_the_others(make):
    wire, blocked = Wire(), Wire()
    blocked.refuses = True
    people = [Viewer((f"192.0.2.{at}", at)) for at in range(4)]
    rows = [people[0].row(wire), people[1].row(wire, first_in=2**40),
            people[2].row(blocked), people[3].row(wire)]  # fmt: skip
    assert make(rows).send(written(b"x")) == 2
    assert [address for _, address in wire.sent] == [people[0].address, people[3].address]
    assert people[1].counters == {None: 1}
    assert people[2].counters == {"dropped_send": 1}


def test_the_same_number_is_never_encrypted_twice(make):
    """Other content under a used number would reuse its nonce."""
    wire, person = Wire(), Viewer(("192.0.2.1", 9))
    table = make([person.row(wire)])
    assert table.send(written(b"one")) == 1
    assert table.send(written(b"two")) == 0
    assert person.counters == {"dropped_protect": 1}
    assert len(wire.sent) == 1


def test_a_viewers_packets_follow_it_to_another_address(hall):
    board, ana, bob, _ = hall
    ana.rtp(video(1))
    assert len(bob.received()) == 1
    bob.check(address=("192.0.2.77", 7))
    bob.address = ("192.0.2.77", 7)
    ana.rtp(video(2))
    assert len(bob.received()) == 1
    # Lost keys, lost path: nothing is sent, nothing fails.
    board.subscriptions["c-bob"].peer.close()
    ana.rtp(video(3))
    assert bob.received() == []
    assert board.counters["dropped_send"] == board.counters["dropped_protect"] == 0


def test_picture_numbers_go_on_when_another_person_is_shown(hall):
    board, ana, bob, _ = hall

    def body(picture, base):
        return bytes([0x90, 0xE0, 0x80 | picture >> 8, picture & 255, base, 0x60, 0, 0]) + bytes(9)

    ana.rtp(video(1, body(0x100, 10)))
    board.allow("session/ux", "ana", None, False, 1.0)
    board.allow("session/ux", "cara", frozenset({"video"}), False, 1.0)
    cara = publisher(board, "cara", "session/ux", ("192.0.2.30", 3))
    cara.rtp(video(50_000, body(0x7FFF, 200)), 1.5)
    cara.rtp(video(50_001, body(0, 201)), 1.5)
    got = bob.received()
    found = [payload.picture("VP8", each.payload) for each in got]
    assert [(each.picture, each.base) for each in found] == [(0x100, 10), (0x101, 11), (0x102, 12)]
    assert {each.sequence - got[0].sequence for each in got} == {0, 1, 2}


# The part in C


def test_addresses_are_written_as_the_kernel_has_them():
    four = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B8x", 4000, 192, 0, 2, 1)
    assert pack_address(("192.0.2.1", 4000)) == four
    six = pack_address(("fe80::1%eth0", 4000, 5, 3))
    assert six[:8] == struct.pack("=H", socket.AF_INET6) + struct.pack("!HL", 4000, 5)
    assert six[8:24] == bytes([0xFE, 0x80]) + bytes(13) + b"\x01"
    assert six[24:] == struct.pack("=L", 3)


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_the_kernel_takes_what_c_sends(library, family, host):
    with socket.socket(family, socket.SOCK_DGRAM) as ours, socket.socket(
        family, socket.SOCK_DGRAM
    ) as theirs:  # fmt: skip
        try:
            theirs.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        theirs.settimeout(5)
        person = Viewer(theirs.getsockname())
        assert Accelerator(library)([person.row(ours)]).send(written(b"hello")) == 1
        assert person.read(theirs.recv(2048)).payload == b"hello"


def test_without_the_library_python_sends(tmp_path, monkeypatch):
    monkeypatch.setattr(accelerator, "LIBRARY", tmp_path / "none.so")
    assert accelerator.load() is None
    assert accelerator.describe().startswith("in Python: ")
    (tmp_path / "other.so").write_bytes(b"not a library")
    with pytest.raises(OSError, match=r"other\.so"):
        Accelerator(tmp_path / "other.so")


def test_python_can_be_asked_for(library, monkeypatch):
    monkeypatch.setattr(accelerator, "LIBRARY", library)
    assert accelerator.load() is not None
    assert accelerator.describe() == "in C"
    assert accelerator.load("python") is None
    assert accelerator.describe("python") == "in Python, as configured"
