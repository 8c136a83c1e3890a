"""What an entity has carried out already, so that it is carried out once (rule 36).

People's commands carry a key of the client's choice, and a repeated one gets the first answer.
What other entities send carries the number of the event it follows from. It comes in order, so
the highest number of each sender says it all: whatever is sent again after a crash is known, also
what led to nothing the first time and would lead to something now.

Answers are packed once, large ones compressed, for memory and journal alike: most are never asked
for again, and as objects a published agenda's alone, with every slot that may be offered, took 0.4
MB in four thousand pieces. An entity that comes back takes them from the journal as they are.
"""

import zlib
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs
import msgpack

from actors.packing import pack
from actors.rules.base import Command

KEYS_KEPT = 1000
"""Clients' keys an entity remembers."""

BYTES_KEPT = 1 << 20
"""Bytes of keys and packed answers it remembers; the newest it does, however large. Whoever lost
an answer asks again within seconds."""

LARGE = 4096
"""Bytes of a packed answer above which it is compressed; lists of slots shrink to a tenth."""

COMPRESSED = b"x"
"""First byte of what zlib has compressed (RFC 1950, a window of 32 kB); no map of msgpack's."""

SENDERS_KEPT = 10_000
"""Other entities whose numbers it remembers."""


@attrs.define
class Answers:
    """One entity's book of what was carried out."""

    _answers: dict[str, bytes] = attrs.field(factory=dict)
    _bytes: int = 0
    _taken: OrderedDict[str, list[int]] = attrs.field(factory=OrderedDict)

    def find(self, command: Command) -> dict[str, Any] | None:
        """Return the first answer to a command that was carried out before."""
        if command.key is None:
            return None
        if command.sender:
            return {} if _number(command) <= self._taken.get(command.sender, []) else None
        packed = self._answers.get(_key(command)) or self._answers.get(_older_key(command))
        if packed is None:
            return None
        return unpack_answer(packed)

    def note(self, command: Command, answer: dict[str, Any], *, changed: bool) -> dict[str, Any]:
        """Note that a command was carried out; return what the journal has to say of it.

        :param changed: whether it led to anything. A client's command that did not can be asked
            again; remembering it would keep every query's answer.
        """
        if command.key is None or not (changed or command.sender):
            return {}
        said: dict[str, Any]
        if command.sender:
            said = {"sender": command.sender, "number": _number(command)}
        else:
            said = {"key": _key(command), "answer": _packed(answer)}
        self._enter(said)
        return {"done": said} if changed else {}

    def replay(self, meta: Mapping[str, Any]) -> None:
        """Take in what the journal says beside an event."""
        if "done" in meta:
            self._enter(meta["done"])

    def _enter(self, said: Mapping[str, Any]) -> None:
        if "key" in said:
            answer = _packed(said["answer"])  # which in older journals it is not
            if isinstance(answer, bytes):
                self._keep(said["key"], answer)
        else:
            self._taken[said["sender"]] = list(said["number"])
            self._taken.move_to_end(said["sender"])
            if len(self._taken) > SENDERS_KEPT:
                self._taken.popitem(last=False)

    def _keep(self, key: str, packed: bytes) -> None:
        answers = self._answers
        self._bytes += len(key) + len(packed)
        if key in answers:
            self._bytes -= len(key) + len(answers[key])
        answers[key] = packed
        while len(answers) > KEYS_KEPT or (self._bytes > BYTES_KEPT and len(answers) > 1):
            gone = next(iter(answers))
            self._bytes -= len(gone) + len(answers.pop(gone))

    def plain(self) -> dict[str, Any]:
        """Return the book as plain data, for a snapshot."""
        return {"answers": list(self._answers.items()), "taken": list(self._taken.items())}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Take in a book as :meth:`plain` gave it; older ones have answers that are not packed."""
        for key, answer in plain["answers"]:
            self._keep(key, answer if isinstance(answer, bytes) else pack_answer(answer))
        self._taken.update(plain["taken"])

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._bytes = 0
        self._taken.clear()


def pack_answer(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as the journal keeps it.

    :raises TypeError: it holds something that is not plain data.
    """
    packed = pack(answer)
    return zlib.compress(packed, 1) if len(packed) > LARGE else packed


def unpack_answer(packed: bytes) -> dict[str, Any]:
    """Return the answer that :func:`pack_answer` made bytes of."""
    plain = zlib.decompress(packed) if packed.startswith(COMPRESSED) else packed
    answer: dict[str, Any] = msgpack.unpackb(plain, strict_map_key=False)
    return answer


def _packed(answer: Any) -> Any:
    """Return an answer packed; as it is if that cannot be: the journal says so, and fails."""
    if isinstance(answer, bytes):
        return answer
    with suppress(TypeError, ValueError, OverflowError):
        return pack_answer(answer)
    return answer


def _key(command: Command) -> str:
    # A client may count its keys for each method: another one's answer is none. No id holds a NUL,
    # so no key is taken for an older one, or for somebody else's.
    return f"{command.by.id}\0{command.method}\0{command.key}"


def _older_key(command: Command) -> str:
    """Return the key as journals have it that were written without the method."""
    return f"{command.by.id} {command.key}"


def _number(command: Command) -> list[int]:
    seq, _, index = (command.key or "").partition(".")
    return [int(seq), int(index)]
