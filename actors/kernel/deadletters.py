"""Where messages go that nobody will handle: counted, kept for a while, told to who listens."""

import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

from actors.kernel.context import current
from actors.kernel.messages import DeadLetter

logger = logging.getLogger(__name__)

KEPT = 100
"""Latest dead letters kept for inspection."""


class Addressee(Protocol):
    """For whom a message was."""

    @property
    def path(self) -> str:
        """Its place in the tree."""


class DeadLetters:
    """The dead-letter topic of a system."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: deque[DeadLetter] = deque(maxlen=KEPT)
        self._listeners: list[Callable[[DeadLetter], object]] = []

    @property
    def total(self) -> int:
        """How many there have been."""
        return self.counts.total()

    def subscribe(self, listener: Callable[[DeadLetter], object]) -> Callable[[], None]:
        """Call ``listener`` (say, a ref's ``tell``) with each; return what ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def publish(self, message: Any, recipient: Addressee, reason: str) -> None:
        """Report a message."""
        self.counts[reason] += 1
        if isinstance(message, DeadLetter):
            return  # a listener that is dead or full itself: counted, and no more about it
        sender = current.get()
        letter = DeadLetter(message, recipient.path, reason, sender.path if sender else None)
        self.latest.append(letter)
        for listener in tuple(self._listeners):
            try:
                listener(letter)
            except Exception:
                logger.debug("a listener to dead letters failed", exc_info=True)
