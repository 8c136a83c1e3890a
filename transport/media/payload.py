"""What a forwarder must know of video payloads: key frames, and VP8's and VP9's picture numbers.

Sources: RFC 7741 (VP8), RFC 9628 (VP9), RFC 6184 (H264), the AV1 RTP payload specification of AOM.
"""

import attrs

_PICTURE_MODULUS = 1 << 15
_VP8_FIRST_PARTITION = 0x10
"""S set and partition 0: the first packet of a frame."""


@attrs.frozen
class Picture:
    """Where a VP8 or VP9 payload carries its picture numbers.

    :param picture: the picture id, or None; ``picture_at`` is its offset in the payload.
    :param wide: whether the id has 15 bits instead of 7.
    :param base: the TL0PICIDX, or None; ``base_at`` is its offset.
    """

    picture: int | None = None
    picture_at: int = 0
    wide: bool = False
    base: int | None = None
    base_at: int = 0


NO_PICTURE = Picture()


def picture(codec: str, payload: bytes) -> Picture:
    """Find the picture numbers of a payload; :data:`NO_PICTURE` when it has none."""
    try:
        if codec == "VP8":
            return _vp8_picture(payload)
        if codec == "VP9":
            return _vp9_picture(payload)
    except IndexError:
        pass
    return NO_PICTURE


def _vp8_picture(payload: bytes) -> Picture:
    if not payload[0] & 0x80:
        return NO_PICTURE
    flags, at = payload[1], 2
    number, wide, number_at = None, False, at
    if flags & 0x80:
        number, wide = _picture_id(payload, at)
        at += 2 if wide else 1
    base = payload[at] if flags & 0x40 else None
    return Picture(number, number_at, wide, base, at)


def _vp9_picture(payload: bytes) -> Picture:
    flags, at = payload[0], 1
    number, wide, number_at = None, False, at
    if flags & 0x80:
        number, wide = _picture_id(payload, at)
        at += 2 if wide else 1
    base = None
    if flags & 0x20 and not flags & 0x10:
        at += 1
        base = payload[at]
    return Picture(number, number_at, wide, base, at)


def _picture_id(payload: bytes, at: int) -> tuple[int, bool]:
    if payload[at] & 0x80:
        return (payload[at] & 0x7F) << 8 | payload[at + 1], True
    return payload[at], False


def renumber(
    buffer: bytearray, start: int, found: Picture, picture_shift: int, base_shift: int
) -> None:
    """Shift the picture numbers of a payload that stands at ``start`` of a buffer."""
    if found.picture is not None:
        at = start + found.picture_at
        if found.wide:
            number = (found.picture + picture_shift) % _PICTURE_MODULUS
            buffer[at] = 0x80 | number >> 8
            buffer[at + 1] = number & 0xFF
        else:
            buffer[at] = (found.picture + picture_shift) & 0x7F
    if found.base is not None:
        buffer[start + found.base_at] = (found.base + base_shift) & 0xFF


def starts_key_frame(codec: str, payload: bytes) -> bool:
    """Tell whether a packet is the first of a frame that needs no other."""
    check = _KEY_FRAME.get(codec)
    try:
        return check(payload) if check is not None else True
    except IndexError:
        return False


def _vp8_key(payload: bytes) -> bool:
    first = payload[0]
    if first & 0x17 != _VP8_FIRST_PARTITION:
        return False
    at = 1
    if first & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return not payload[at] & 1


def _vp9_key(payload: bytes) -> bool:
    first = payload[0]
    if first & 0x40 or not first & 0x08:
        return False
    if not first & 0x20:
        return True
    at = 1
    if first & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    return not payload[at] & 0x0E


_H264_KEYS = frozenset({5, 7})
_STAP_A, _FU_A = 24, 28


def _h264_key(payload: bytes) -> bool:
    kind = payload[0] & 0x1F
    if kind == _STAP_A:
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F in _H264_KEYS:
                return True
            at += 2 + int.from_bytes(payload[at : at + 2], "big")
        return False
    if kind == _FU_A:
        return payload[1] & 0x80 != 0 and payload[1] & 0x1F in _H264_KEYS
    return kind in _H264_KEYS


def _av1_key(payload: bytes) -> bool:
    return payload[0] & 0x08 != 0


_KEY_FRAME = {"VP8": _vp8_key, "VP9": _vp9_key, "H264": _h264_key, "AV1": _av1_key}


def height(codec: str, payload: bytes) -> int:
    """Return the picture's height in pixels if this packet tells it; 0 otherwise.

    Only VP8's key frames say it in a place that needs no bit reader (RFC 6386, section 9.1).
    """
    if codec != "VP8" or not starts_key_frame(codec, payload):
        return 0
    at = payload.find(b"\x9d\x01\x2a", 1, 16)
    if at < 0 or at + 7 > len(payload):
        return 0
    return int.from_bytes(payload[at + 5 : at + 7], "little") & 0x3FFF
