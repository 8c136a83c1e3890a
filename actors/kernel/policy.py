"""How actors are kept alive: restart types, strategies, intensity, backoff, deciders.

The words and their meaning are those of Erlang/OTP's supervisor behaviour; the decider's four
answers are Akka's.
"""

import enum
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs

from actors.kernel.errors import BadChildError

Restart = Literal["permanent", "transient", "temporary"]
"""When an ended child is started again: always, after a failure only, or never."""

AutoShutdown = Literal["never", "any_significant", "all_significant"]
"""When the end of significant children ends their supervisor."""

Overflow = Literal["reject", "drop_oldest", "coalesce"]
"""What a full mailbox does: refuse the newcomer, drop the oldest, or replace by key."""

DEFAULT_START_TIMEOUT = 30.0
"""Seconds ``on_start`` may take."""

DEFAULT_STOP_GRACE = 5.0
"""Seconds an actor gets to empty its mailbox and run ``on_stop`` before it is cancelled."""

DEFAULT_MAILBOX_LIMIT = 10_000
"""Messages a mailbox holds unless its actor's class says otherwise."""


class Strategy(enum.Enum):
    """Whom a supervisor restarts along with a child that ended."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody else."""
    ONE_FOR_ALL = "one_for_all"
    """All its siblings."""
    REST_FOR_ONE = "rest_for_one"
    """The siblings started after it."""
    POOL = "pool"
    """Nobody else; all children are dynamic and are stopped together, in no order."""


class Directive(enum.Enum):
    """What a decider may say about an exception."""

    RESUME = "resume"
    """Drop the message, keep the instance."""
    RESTART = "restart"
    """End the instance; its supervisor applies the restart type."""
    STOP = "stop"
    """End the actor for good, whatever its restart type."""
    ESCALATE = "escalate"
    """Fail the supervisor."""


Decider = Callable[[Exception, bool], Directive]
"""Takes the exception and whether somebody awaits a reply; answers with a directive."""


def asker_decides(_error: Exception, asked: bool) -> Directive:
    """Leave an asked message's exception to the asker, as Pykka does; restart otherwise."""
    return Directive.RESUME if asked else Directive.RESTART


def let_it_crash(_error: Exception, _asked: bool) -> Directive:
    """Restart on every exception; an asker is told all the same."""
    return Directive.RESTART


@attrs.frozen
class Intensity:
    """How many restarts a supervisor bears.

    :param restarts: allowed within the window; one more ends the supervisor.
    :param seconds: the window's length.
    :param per_child: count each child on its own, and give up on that child alone. For pools
        of strangers, where one poisoned member must not take the others down.
    """

    restarts: int = attrs.field(default=3, validator=attrs.validators.ge(0))
    seconds: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    per_child: bool = False


@attrs.frozen
class Backoff:
    """How long to wait before a restart.

    :param initial: seconds before the first restart.
    :param maximum: seconds no wait exceeds, jitter included.
    :param factor: what each further failure multiplies the wait by.
    :param jitter: the share of the wait (0 to 1) that is random, both ways.
    :param reset_after: seconds a child must stay up for its failures to be forgotten.
    """

    initial: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    maximum: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    factor: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))
    jitter: float = attrs.field(
        default=0.2, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    reset_after: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))

    def delay(self, failures: int, rng: random.Random) -> float:
        """Return the seconds to wait before the restart after the ``failures``-th failure."""
        if self.initial == 0:
            return 0.0
        # Beyond this exponent the wait is the maximum for any sensible factor, and a float
        # power of a larger one would overflow.
        exponent = min(failures - 1, 64)
        wait = min(self.maximum, self.initial * self.factor**exponent)
        spread = wait * self.jitter
        return min(self.maximum, wait + rng.uniform(-spread, spread))


@attrs.frozen
class Exit:
    """Why an actor's instance ended.

    :param kind: ``normal`` (it stopped itself), ``shutdown`` (orderly, part of something
        larger), ``stopped`` (somebody called ``stop`` on its ref), ``failed``, ``killed``
        (cancelled), ``passivated``.
    :param final: set when the decider said STOP: no restart type applies.
    :param escalate: set when the decider said ESCALATE.
    """

    kind: Literal["normal", "shutdown", "stopped", "failed", "killed", "passivated"]
    error: BaseException | None = None
    final: bool = False
    escalate: bool = False

    @property
    def abnormal(self) -> bool:
        """Whether a transient child is restarted after this."""
        return self.kind in {"failed", "killed"}


def _rounded(seconds: float) -> float:
    if not (seconds > 0):  # also refuses nan
        raise BadChildError(f"seconds must be above zero, not {seconds!r}")
    return seconds


@attrs.frozen
class Child:
    """One child in a supervisor's plan.

    :param actor: the actor's class, or a callable that builds a new actor.
    :param name: unique among its siblings; refs and mailbox go with the name.
    :param restart: None takes the class's.
    :param significant: whether its own end may end the supervisor (``auto_shutdown``).
    :param start_timeout: seconds for ``on_start``; None takes the class's.
    :param stop_grace: seconds from the order to stop to cancellation; None takes the class's.
    """

    actor: Callable[..., Any]
    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)
    restart: Restart | None = None
    significant: bool | None = None
    start_timeout: float | None = attrs.field(
        default=None, converter=attrs.converters.optional(_rounded)
    )
    stop_grace: float | None = attrs.field(
        default=None, converter=attrs.converters.optional(_rounded)
    )

    def build(self) -> Any:
        """Build a new instance."""
        return self.actor(*self.args, **self.kwargs)


FOREVER = math.inf
"""For a timeout that must not end."""
