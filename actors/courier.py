"""Brings what one entity asks of others to them: in order, and again until it is taken.

Each receiver has a line of its own. The next message of a line sets out when the one before was
answered, so that nothing overtakes what had to be sent again. Receivers take a command once, by
its key.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import structlog

from actors.errors import TEMPORARY, GreenroomError, Refused
from actors.kernel import ActorRef, Future, Timer
from actors.services import Counters

LINE = 10_000
"""Messages that may wait for one receiver; one more is dropped and counted."""

ATTEMPTS = 20
"""How often a message sets out; then it is dropped and counted, and the next one's turn is."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the second attempt, and at most before any."""

_log = structlog.get_logger("greenroom.courier")


@attrs.define(eq=False)
class _Line:
    waiting: deque[tuple[object, int]] = attrs.field(factory=deque)
    attempts: int = 0
    under_way: Future[Any] | None = None
    timer: Timer | None = None


@attrs.define(eq=False)
class Courier:
    """Carries one entity's messages.

    :param address: finds the receiver.
    :param later: calls a function in so many seconds.
    :param on_idle: is called when everything sent was taken.
    """

    address: Callable[[str], ActorRef[Any]]
    later: Callable[[float, Callable[[], object]], Timer]
    counters: Counters
    on_idle: Callable[[], object] = lambda: None
    _lines: dict[str, _Line] = attrs.field(factory=dict, init=False)
    _open: dict[int, int] = attrs.field(factory=dict, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    @property
    def idle(self) -> bool:
        """Whether everything sent was taken."""
        return not self._lines

    @property
    def oldest(self) -> int | None:
        """The number of the oldest event of which something has not been taken; None if idle."""
        return next(iter(self._open), None)

    def send(self, to: str, message: object, number: int = 0) -> None:
        """Bring a message to an entity, after all that was sent to it before.

        :param number: of the event it follows from; never lower than the one before.
        """
        line = self._lines.setdefault(to, _Line())
        if len(line.waiting) >= LINE:
            self.counters.effects_lost += 1
            return
        self.counters.effects += 1
        self._open[number] = self._open.get(number, 0) + 1
        line.waiting.append((message, number))
        if len(line.waiting) == 1:
            self._set_out(to, line)

    def close(self) -> None:
        """Send nothing more; whoever takes over reads from the journal what is to be sent."""
        self._closed = True
        for line in self._lines.values():
            if line.timer is not None:
                line.timer.cancel()
        self._lines.clear()
        self._open.clear()

    def _set_out(self, to: str, line: _Line) -> None:
        line.attempts += 1
        line.timer = None
        try:
            line.under_way = self.address(to).ask(line.waiting[0][0])
        except Exception as error:  # noqa: BLE001  there is no such entity, or none just now
            self._failed(to, line, error)
        else:
            line.under_way.on_done(partial(self._answered, to, line, line.under_way))

    def _answered(self, to: str, line: _Line, future: Future[Any]) -> None:
        if self._closed or line.under_way is not future:
            return
        line.under_way = None
        try:
            future.get()
        except Exception as error:  # noqa: BLE001  whatever it was is looked at here
            self._failed(to, line, error)
        else:
            self._next(to, line)

    def _failed(self, to: str, line: _Line, error: Exception) -> None:
        final = isinstance(error, Refused) and error.reason not in TEMPORARY
        if final:
            self.counters.effects_refused += 1
            self._next(to, line)
        elif line.attempts >= ATTEMPTS:
            self.counters.effects_lost += 1
            told = str(error) if isinstance(error, GreenroomError) else repr(error)
            _log.error("given up", to=to, message=type(line.waiting[0][0]).__name__, error=told)
            self._next(to, line)
        else:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (line.attempts - 1))
            line.timer = self.later(pause, partial(self._set_out, to, line))

    def _next(self, to: str, line: _Line) -> None:
        number = line.waiting.popleft()[1]
        self._open[number] -= 1
        if not self._open[number]:
            del self._open[number]
        line.attempts = 0
        if line.waiting:
            self._set_out(to, line)
            return
        del self._lines[to]
        if not self._lines:
            self.on_idle()
