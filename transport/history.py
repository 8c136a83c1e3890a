"""What a topic published lately, kept as frames for those who come back."""

from collections import deque
from collections.abc import Iterator

import attrs

from transport.codec import CODECS, Codec, payload_of

UNSPELLED: tuple[bytes | None, ...] = (None,) * len(CODECS)


@attrs.define(eq=False, weakref_slot=False)
class Frames:
    """One event's frames, one for each codec, made when first asked for.

    Histories hold thousands of them: two objects each, beside two numbers and the bytes.

    :param message: the JSON-RPC notification; let go once it has been spelled.
    :param seq: the event's number in its topic, once a history holds it.
    :param size: bytes of its frames then.
    """

    message: object | None
    spelled: tuple[bytes | None, ...] = UNSPELLED
    seq: int = 0
    size: int = 0

    def of(self, codec: Codec) -> bytes:
        """Return the frame for a codec."""
        frame = self.spelled[codec.index]
        if frame is None:
            frame = codec.frame(self._say())
            before, after = self.spelled[: codec.index], self.spelled[codec.index + 1 :]
            self.spelled = (*before, frame, *after)
        return frame

    def _say(self) -> object:
        if self.message is not None:
            return self.message
        codec, frame = next(
            (codec, frame) for codec in CODECS if (frame := self.spelled[codec.index])
        )
        payload = payload_of(frame)
        return codec.load(payload.decode() if codec.message_type is str else payload)

    def settle(self, seq: int) -> None:
        """Let go of the message, keeping its frames, as the event with this number."""
        if self.spelled is UNSPELLED:
            self.of(CODECS[0])
        self.message, self.seq = None, seq
        self.size = sum(len(frame) for frame in self.spelled if frame)


class History:
    """The latest durable events of one topic, bounded in number and in bytes.

    It holds every event the topic published above ``floor``. Numbers may skip: an entity's
    unpublished events count too.

    :param standing: the topic's last number when the history begins.
    :param count_limit: events held; with 0 none is, and its frames are made only if sent.
    """

    __slots__ = ("_bytes", "_bytes_limit", "_count_limit", "_entries", "floor", "last")

    def __init__(self, standing: int, count_limit: int, bytes_limit: int) -> None:
        self.floor = self.last = standing
        self._count_limit = count_limit
        self._bytes_limit = bytes_limit
        self._entries: deque[Frames] = deque()
        self._bytes = 0

    def add(self, seq: int, frames: Frames) -> None:
        """Keep an event; the oldest go when there are too many.

        A number that does not rise starts the history anew: what came before is not its past.
        """
        if seq <= self.last:
            self._entries.clear()
            self._bytes = 0
            self.floor = seq - 1
        if not self._count_limit:
            self.floor = self.last = seq
            return
        frames.settle(seq)
        self._entries.append(frames)
        self._bytes += frames.size
        self.last = seq
        while len(self._entries) > self._count_limit or self._bytes > self._bytes_limit:
            oldest = self._entries.popleft()
            self.floor = oldest.seq
            self._bytes -= oldest.size

    def stand(self, seq: int) -> None:
        """Note that the topic stands at ``seq``: nothing was published since the last event."""
        self.last = max(self.last, seq)

    def after(self, seq: int) -> Iterator[Frames] | None:
        """Return every event above ``seq``; None if not all of them are held, or none could be."""
        if not self.floor <= seq <= self.last:
            return None
        return (frames for frames in self._entries if frames.seq > seq)

    @property
    def size(self) -> int:
        """Bytes of the frames held."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)
