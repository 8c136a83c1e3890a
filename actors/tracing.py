"""What an actor notes of a batch's way, so that a trace can show where the time went."""

from collections.abc import Iterable
from time import time_ns
from typing import Any

from actors.ports import Tracer


class Stages:
    """The stages of one batch and when each was over; nothing is noted without a tracer."""

    __slots__ = ("_began", "_passed", "_tracer")

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer
        self._began = 0 if tracer is None else time_ns()
        self._passed: list[tuple[str, int]] = []

    def passed(self, name: str) -> None:
        """Note that a stage is over."""
        if self._tracer is not None:
            self._passed.append((name, time_ns()))

    def record(self, entity: str, messages: Iterable[Any], name: str = "entity") -> None:
        """Show the stages in the trace of every message that has one.

        :param name: what they are stages of.
        """
        if self._tracer is None or not self._passed:
            return
        for message in messages:
            trace = getattr(message, "trace", "")
            if not trace:
                continue
            ended = self._passed[-1][1]
            above = self._tracer.record(name, trace, self._began, ended, entity=entity)
            began = self._began
            for stage, over in self._passed:
                self._tracer.record(stage, above, began, over)
                began = over
