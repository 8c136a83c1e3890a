"""Who is speaking: audio levels (RFC 6464) smoothed and ordered."""

from collections.abc import Hashable
from typing import Generic, TypeVar

import attrs

SILENCE = 127
"""-dBov of silence; the level of a stream that says none."""

SPEAKING = 50
"""-dBov below which a smoothed level counts as speech."""

SMOOTHING = 0.1
HOLD = 1.5
"""Seconds a speaker stays in the list after falling silent, so that pauses do not flicker."""

ADVANTAGE = 6
"""-dBov by which a newcomer must be louder to take the place of somebody already forwarded."""

Name = TypeVar("Name", bound=Hashable)


@attrs.define
class _Voice:
    level: float = SILENCE
    heard_at: float = float("-inf")
    at: float = float("-inf")


class Levels(Generic[Name]):
    """The voices of one room.

    :param top: how many streams are forwarded at most.
    """

    def __init__(self, top: int) -> None:
        self.top = top
        self._voices: dict[Name, _Voice] = {}
        self._forwarded: dict[Name, None] = {}

    def heard(self, name: Name, level: int, now: float) -> None:
        """Note one packet's level, 0 (loudest) to 127."""
        voice = self._voices.get(name)
        if voice is None:
            voice = self._voices[name] = _Voice()
        voice.level += (level - voice.level) * SMOOTHING
        voice.at = now
        if voice.level < SPEAKING:
            voice.heard_at = now

    def forget(self, name: Name) -> None:
        """Drop a voice."""
        self._voices.pop(name, None)
        self._forwarded.pop(name, None)

    def speakers(self, now: float) -> list[tuple[Name, int]]:
        """Return who is speaking with their levels, loudest first."""
        speaking = [
            (name, round(voice.level))
            for name, voice in self._voices.items()
            if now - voice.heard_at < HOLD
        ]
        return sorted(speaking, key=lambda each: (each[1], str(each[0])))

    def forwarded(self, now: float) -> set[Name]:
        """Return whose packets go out: everybody while there is room, else the loudest."""
        if len(self._voices) <= self.top:
            self._forwarded = dict.fromkeys(self._voices)
            return set(self._forwarded)

        def rank(name: Name) -> tuple[float, str]:
            voice = self._voices[name]
            quiet = SILENCE if now - voice.at > HOLD else voice.level
            return quiet - (ADVANTAGE if name in self._forwarded else 0), str(name)

        self._forwarded = dict.fromkeys(sorted(self._voices, key=rank)[: self.top])
        return set(self._forwarded)

    def recency(self, name: Name) -> float:
        """Return when a voice was last heard speaking; -infinity for never."""
        voice = self._voices.get(name)
        return voice.heard_at if voice is not None else float("-inf")
