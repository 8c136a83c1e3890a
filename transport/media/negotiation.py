"""Session descriptions: writing answers and offers (RFC 8829).

The server is an ICE-lite agent, bundles everything on one transport, and names the SSRC of every
stream it sends.
"""

from collections.abc import Mapping, Sequence

import attrs

from transport.media.description import LEVEL, SEND_TIME, Codec, Description, Section, takes
from transport.media.stun import Credentials

_FEEDBACK = {
    "audio": ("transport-cc",),
    "video": ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"),
}


@attrs.frozen
class Transport:
    """The server's end of a peer connection, as descriptions tell of it.

    :param addresses: host and port of each address clients may reach.
    """

    credentials: Credentials
    fingerprint: str
    addresses: Sequence[tuple[str, int]]


def _session_lines(version: int, mids: Sequence[str]) -> list[str]:
    return [
        "v=0",
        f"o=- 1 {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=msid-semantic:WMS *",
    ]


def _transport_lines(transport: Transport, setup: str) -> list[str]:
    lines = ["a=rtcp-mux", "a=rtcp-rsize"]
    for number, (host, port) in enumerate(transport.addresses):
        priority = (126 << 24) + ((65535 - number) << 8) + 255
        lines.append(f"a=candidate:{number + 1} 1 udp {priority} {host} {port} typ host")
    return [
        *lines,
        "a=end-of-candidates",
        f"a=ice-ufrag:{transport.credentials.fragment}",
        f"a=ice-pwd:{transport.credentials.password}",
        f"a=fingerprint:sha-256 {transport.fingerprint}",
        f"a=setup:{setup}",
    ]


def _codec_lines(codecs: Sequence[Codec], feedback: Sequence[str]) -> list[str]:
    lines = []
    for codec in codecs:
        channels = "/2" if codec.name == "opus" else ""
        lines.append(f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock}{channels}")
        lines += [
            f"a=rtcp-fb:{codec.payload_type} {each}" for each in codec.feedback if each in feedback
        ]
        if codec.parameters:
            lines.append(f"a=fmtp:{codec.payload_type} {codec.parameters}")
        if codec.retransmission is not None:
            lines.append(f"a=rtpmap:{codec.retransmission} rtx/{codec.clock}")
            lines.append(f"a=fmtp:{codec.retransmission} apt={codec.payload_type}")
    return lines


def _payload_types(codecs: Sequence[Codec]) -> str:
    numbers = []
    for codec in codecs:
        numbers.append(codec.payload_type)
        if codec.retransmission is not None:
            numbers.append(codec.retransmission)
    return " ".join(map(str, numbers))


def answer(offer: Description, transport: Transport, version: int) -> str:
    """Write the answer to a publish offer: everything that can be forwarded is received."""
    setup = "active" if offer.client is False else "passive"
    usable = [each for each in offer.sections if takes(each)]
    lines = _session_lines(version, [each.mid for each in usable])
    for section in offer.sections:
        if not takes(section):
            lines += [_rejected(section), "c=IN IP4 0.0.0.0", "a=inactive", f"a=mid:{section.mid}"]
            continue
        lines += [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {_payload_types(section.codecs)}",
            "c=IN IP4 0.0.0.0",
            "a=recvonly" if section.sends else "a=inactive",
            f"a=mid:{section.mid}",
            "a=rtcp:9 IN IP4 0.0.0.0",
        ]
        lines += [f"a=extmap:{number} {uri}" for uri, number in section.extensions.items()]
        lines += _codec_lines(section.codecs, _FEEDBACK[section.kind])
        if section.rids:
            lines += [f"a=rid:{rid} recv" for rid in section.rids]
            lines.append(f"a=simulcast:recv {';'.join(section.rids)}")
        lines += _transport_lines(transport, setup)
    return "\r\n".join(lines) + "\r\n"


def _rejected(section: Section) -> str:
    kind, _, rest = section.line.removeprefix("m=").split(" ", 2)
    return f"m={kind} 0 {rest}"


_RTX_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
OFFERED: Mapping[str, Sequence[Codec]] = {
    "audio": (Codec("opus", 111, 48000, "minptime=10;useinbandfec=1"),),
    "video": (
        Codec("VP8", 96, 90000, "", _RTX_FEEDBACK, 97),
        Codec("VP9", 98, 90000, "profile-id=0", _RTX_FEEDBACK, 99),
        Codec(
            "H264",
            102,
            90000,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            _RTX_FEEDBACK,
            103,
        ),
        Codec(
            "H264",
            104,
            90000,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
            _RTX_FEEDBACK,
            105,
        ),
        Codec("AV1", 106, 90000, "", _RTX_FEEDBACK, 107),
    ),
}
"""What subscribe offers hold."""

LEVEL_NUMBER, SEND_TIME_NUMBER = 2, 3
_OFFERED_EXTENSIONS = {
    "audio": {LEVEL: LEVEL_NUMBER, SEND_TIME: SEND_TIME_NUMBER},
    "video": {SEND_TIME: SEND_TIME_NUMBER},
}


@attrs.frozen
class Line:
    """An m-line of a subscribe offer: a stream of fixed SSRC that shows now this, now that.

    :param stream: the ``msid`` stream, shared by what belongs together.
    :param repair: SSRC of the RTX stream; None for sound.
    """

    mid: str
    kind: str
    stream: str
    ssrc: int
    repair: int | None


def offer(lines: Sequence[Line], transport: Transport, version: int, cname: str) -> str:
    """Write a subscribe offer."""
    text = _session_lines(version, [each.mid for each in lines])
    for line in lines:
        codecs = OFFERED[line.kind]
        text += [
            f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {_payload_types(codecs)}",
            "c=IN IP4 0.0.0.0",
            "a=sendonly",
            f"a=mid:{line.mid}",
            f"a=msid:{line.stream} {line.stream}-{line.mid}",
            "a=rtcp:9 IN IP4 0.0.0.0",
        ]
        extensions = _OFFERED_EXTENSIONS[line.kind]
        text += [f"a=extmap:{number} {uri}" for uri, number in extensions.items()]
        text += _codec_lines(codecs, _RTX_FEEDBACK)
        if line.repair is not None:
            text.append(f"a=ssrc-group:FID {line.ssrc} {line.repair}")
        text += [
            f"a=ssrc:{ssrc} cname:{cname}" for ssrc in (line.ssrc, line.repair) if ssrc is not None
        ]
        text += _transport_lines(transport, "actpass")
    return "\r\n".join(text) + "\r\n"


def match(codec: Codec, taken: Sequence[Codec]) -> Codec | None:
    """Return the viewer's codec for a publisher's, preferring the same H264 profile."""
    same = [each for each in taken if each.name == codec.name]
    if codec.name != "H264":
        return same[0] if same else None
    profile = _profile(codec)
    return next((each for each in same if _profile(each) == profile), same[0] if same else None)


def _profile(codec: Codec) -> str:
    return codec.parameters.lower().partition("profile-level-id=")[2][:4]
