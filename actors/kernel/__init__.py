"""An actor runtime on trio with OTP's supervision and Pykka's interface.

Knows nothing of Greenroom and can be used by itself; see ``docs/kernel.md``.
"""

from pykka import ActorDeadError, Timeout, traversable

from actors.kernel.actor import Actor
from actors.kernel.deadletters import DeadLetters
from actors.kernel.embedding import run_in_asyncio, run_in_thread
from actors.kernel.errors import (
    ActorFailedError,
    AskCycleError,
    AskTimeoutError,
    BadChildError,
    FutureNotReadyError,
    HandlerTimeoutError,
    KernelError,
    MailboxFullError,
    NameTakenError,
    RestartIntensityError,
    StartFailedError,
    StartTimeoutError,
    UnknownKindError,
)
from actors.kernel.future import Future, get_all
from actors.kernel.mailbox import Mailbox
from actors.kernel.messages import DeadLetter, Envelope, Terminated
from actors.kernel.policy import (
    FOREVER,
    Backoff,
    Child,
    Directive,
    Exit,
    Intensity,
    Strategy,
    asker_decides,
    let_it_crash,
)
from actors.kernel.proxy import ActorProxy
from actors.kernel.ref import ActorRef
from actors.kernel.registry import ActorRegistry
from actors.kernel.statistics import Node, Statistics
from actors.kernel.supervisor import Supervisor
from actors.kernel.system import ActorSystem, Root, current_system
from actors.kernel.timers import Timer

__all__ = [
    "FOREVER",
    "Actor",
    "ActorDeadError",
    "ActorFailedError",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorSystem",
    "AskCycleError",
    "AskTimeoutError",
    "Backoff",
    "BadChildError",
    "Child",
    "DeadLetter",
    "DeadLetters",
    "Directive",
    "Envelope",
    "Exit",
    "Future",
    "FutureNotReadyError",
    "HandlerTimeoutError",
    "Intensity",
    "KernelError",
    "Mailbox",
    "MailboxFullError",
    "NameTakenError",
    "Node",
    "RestartIntensityError",
    "Root",
    "StartFailedError",
    "StartTimeoutError",
    "Statistics",
    "Strategy",
    "Supervisor",
    "Terminated",
    "Timeout",
    "Timer",
    "UnknownKindError",
    "asker_decides",
    "current_system",
    "get_all",
    "let_it_crash",
    "run_in_asyncio",
    "run_in_thread",
    "traversable",
]
