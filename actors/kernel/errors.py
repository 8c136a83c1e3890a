"""What can go wrong between actors. Each error says which actor, and what to do about it."""

from traceback import clear_frames

import trio
from pykka import ActorDeadError, Timeout

__all__ = [
    "ActorDeadError",
    "ActorFailedError",
    "AskCycleError",
    "AskTimeoutError",
    "BadChildError",
    "FutureNotReadyError",
    "HandlerTimeoutError",
    "KernelError",
    "MailboxFullError",
    "NameTakenError",
    "RestartIntensityError",
    "StartFailedError",
    "StartTimeoutError",
    "Timeout",
    "UnknownKindError",
    "let_go",
]


class KernelError(Exception):
    """Base of every error the kernel raises on purpose."""


class ActorFailedError(KernelError):
    """An actor, or the whole system, ended abnormally; the cause is ``__cause__``."""


class RestartIntensityError(ActorFailedError):
    """Children of a supervisor failed more often than its intensity allows."""


class StartFailedError(ActorFailedError):
    """An actor did not come up: its constructor or ``on_start`` raised."""


class StartTimeoutError(StartFailedError):
    """``on_start`` took longer than ``start_timeout`` seconds."""


class HandlerTimeoutError(ActorFailedError):
    """A handler ran past ``handler_deadline`` seconds and was cancelled."""


class AskCycleError(KernelError):
    """The actor asked is, directly or through others, waiting for the one who asks."""


class MailboxFullError(KernelError):
    """A mailbox held as many messages as it may; the message was not taken, or had to go."""


class NameTakenError(KernelError):
    """The supervisor already has a child of this name."""


class BadChildError(KernelError, ValueError):
    """A child's settings contradict each other or its supervisor's."""


class UnknownKindError(KernelError, LookupError):
    """``system.get`` was asked for a kind nobody registered."""


class FutureNotReadyError(KernelError):
    """``get()`` would have to block the event loop; ``await`` the future instead."""


class AskTimeoutError(KernelError, Timeout, trio.TooSlowError):
    """No reply came in time. It is Pykka's ``Timeout`` and trio's ``TooSlowError`` alike."""


def let_go(error: BaseException) -> None:
    """Empty the frames that an error and its causes came through.

    An error is kept where it can be looked at, and told to whoever asked. With what its frames
    held, an actor's whole state stayed in memory for each crash.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        clear_frames(one.__traceback__)
        waiting += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
