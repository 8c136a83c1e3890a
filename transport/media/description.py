"""Session descriptions: reading what clients write (RFC 8829).

aiortc parses; what it leaves out (``rid``, ``simulcast``) is read here.
"""

from collections.abc import Mapping, Sequence

import attrs
from aiortc import sdp
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from actors.errors import Refused

DESCRIPTION_LIMIT = 64_000
"""Characters of the longest description taken from a client."""

SECTIONS_LIMIT = 48

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_NUMBER = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
_ACCEPTED = {
    "audio": {MID, LEVEL, SEND_TIME, TRANSPORT_NUMBER},
    "video": {MID, RID, REPAIRED_RID, SEND_TIME, TRANSPORT_NUMBER},
}
_NAMES = {
    "audio": {"opus": "opus"},
    "video": {"vp8": "VP8", "vp9": "VP9", "h264": "H264", "av1": "AV1"},
}
SIMULCAST_LIMIT = 3

SOURCES = {"audio": ("audio", "screen_audio"), "video": ("video", "screen")}
"""What the first and the second m-line of a kind carry when the client does not say."""


@attrs.frozen
class Codec:
    """A codec as one description numbers it.

    :param parameters: the ``fmtp`` line's content.
    :param retransmission: payload type of its RTX stream.
    """

    name: str
    payload_type: int
    clock: int
    parameters: str = ""
    feedback: tuple[str, ...] = ()
    retransmission: int | None = None


@attrs.frozen
class Section:
    """One m-line of a client's description."""

    mid: str
    kind: str
    line: str
    rejected: bool
    sends: bool
    receives: bool
    codecs: tuple[Codec, ...] = ()
    extensions: Mapping[str, int] = attrs.field(factory=dict)
    rids: tuple[str, ...] = ()
    ssrcs: tuple[int, ...] = ()
    repairs: Mapping[int, int] = attrs.field(factory=dict)


@attrs.frozen
class Description:
    """A client's description.

    :param client: whether the client begins the DTLS handshake; None if it leaves the choice.
    :param repairs: of a section: RTX SSRC to the SSRC it repairs.
    """

    fragment: str
    fingerprints: Mapping[str, str]
    client: bool | None
    sections: tuple[Section, ...]


def parse(text: str) -> Description:
    """Read a client's offer or answer.

    :raises Refused: ``invalid_params`` with ``path`` ``sdp``.
    """
    if len(text) > DESCRIPTION_LIMIT:
        raise Refused("too_large", "This session description is too long.", path="sdp")
    try:
        return _describe(text)
    except Refused:
        raise
    except Exception as error:
        # aiortc's parser asserts, indexes and converts its way through: any of it may fail.
        raise _unusable("This is not a session description.") from error


def _unusable(message: str) -> Refused:
    return Refused("invalid_params", message, path="sdp")


def _describe(text: str) -> Description:
    parsed = sdp.SessionDescription.parse(text)
    _, groups = sdp.grouplines(text)
    if not parsed.media:
        raise _unusable("There is no media in this session description.")
    if len(parsed.media) > SECTIONS_LIMIT:
        raise Refused("too_large", "This session description has too many m-lines.", path="sdp")
    sections = tuple(
        _section(media, lines) for media, lines in zip(parsed.media, groups, strict=True)
    )
    if len({section.mid for section in sections}) != len(sections):
        raise _unusable("Each m-line needs a mid of its own.")
    live = [media for media in parsed.media if media.port] or parsed.media
    first = live[0]
    if first.dtls is None or first.ice is None:
        raise _unusable("There is no transport in this session description.")
    fingerprints = {each.algorithm.lower(): each.value.upper() for each in first.dtls.fingerprints}
    if not first.ice.usernameFragment or not fingerprints:
        raise _unusable("ICE credentials or DTLS fingerprint are missing.")
    client = {"client": True, "server": False}.get(first.dtls.role or "")
    return Description(first.ice.usernameFragment, fingerprints, client, sections)


def _section(media: sdp.MediaDescription, lines: Sequence[str]) -> Section:
    direction = media.direction or "sendrecv"
    accepted = _ACCEPTED.get(media.kind, set())
    repairs = {
        int(group.items[1]): int(group.items[0])
        for group in media.ssrc_group
        if group.semantic == "FID" and len(group.items) == 2  # noqa: PLR2004  a pair
    }
    ssrcs = tuple(each.ssrc for each in media.ssrc if each.ssrc not in repairs)
    return Section(
        mid=media.rtp.muxId,
        kind=media.kind,
        line=lines[0],
        rejected=not media.port,
        sends=direction in ("sendonly", "sendrecv"),
        receives=direction in ("recvonly", "sendrecv"),
        codecs=tuple(_codecs(media)),
        extensions={
            each.uri: each.id for each in media.rtp.headerExtensions if each.uri in accepted
        },
        rids=_rids(lines),
        ssrcs=ssrcs,
        repairs=repairs,
    )


def _codecs(media: sdp.MediaDescription) -> Sequence[Codec]:
    names = _NAMES.get(media.kind, {})
    repairs = {
        each.parameters.get("apt"): each.payloadType
        for each in media.rtp.codecs
        if each.name.lower() == "rtx"
    }
    return [
        Codec(
            names[each.name.lower()],
            each.payloadType or 0,
            each.clockRate,
            sdp.parameters_to_sdp(each.parameters),
            tuple(_feedback(each)),
            repairs.get(each.payloadType),
        )
        for each in media.rtp.codecs
        if each.name.lower() in names and _usable(each)
    ]


def _usable(codec: RTCRtpCodecParameters) -> bool:
    if codec.name.lower() == "h264":
        return str(codec.parameters.get("packetization-mode", "0")) == "1"
    if codec.name.lower() == "vp9":
        return str(codec.parameters.get("profile-id", "0")) == "0"
    return True


def _feedback(codec: RTCRtpCodecParameters) -> Sequence[str]:
    return [
        f"{each.type} {each.parameter}" if each.parameter else each.type
        for each in codec.rtcpFeedback
    ]


def _rids(lines: Sequence[str]) -> tuple[str, ...]:
    simulcast = next((line for line in lines if line.startswith("a=simulcast:")), "")
    words = simulcast.removeprefix("a=simulcast:").split()
    layers = dict(zip(words[::2], words[1::2], strict=False)).get("send", "")
    found = [each.split(",")[0].lstrip("~") for each in layers.split(";") if each]
    return tuple(found[:SIMULCAST_LIMIT])


def sources(description: Description, told: Mapping[str, str]) -> dict[str, str]:
    """Return what each sending m-line carries: one of :data:`SOURCES`, by mid.

    :param told: what the client says, by mid.
    :raises Refused: an unknown source, or one that the kind of m-line cannot carry.
    """
    found: dict[str, str] = {}
    for section in description.sections:
        if section.rejected or section.kind not in SOURCES:
            continue
        named = told.get(section.mid)
        if named is not None and named not in SOURCES[section.kind]:
            raise Refused("invalid_params", f"An m-line cannot carry {named!r}.", path="tracks")
        free = [each for each in SOURCES[section.kind] if each not in found.values()]
        source = named or next(iter(free), None)
        if source is not None and source not in found.values():
            found[section.mid] = source
    return found


def takes(section: Section) -> bool:
    """Tell whether a section can be forwarded at all."""
    return not section.rejected and bool(section.codecs)
