"""What a running system shows of itself: totals, and the live tree."""

from typing import Any

import attrs


@attrs.define
class Counters:
    """Totals that only grow, of one system."""

    spawned: int = 0
    ended: int = 0
    handled_by_ended: int = 0
    restarts: int = 0
    failures: int = 0


@attrs.frozen
class Statistics:
    """A system at one moment.

    :param actors: alive or passive, supervisors included.
    :param waiting: messages in all mailboxes.
    :param deepest: messages in the fullest mailbox.
    :param handled: messages handled since the start.
    :param timers: pending.
    :param dead_letters: by reason.
    """

    actors: int
    spawned: int
    ended: int
    restarts: int
    failures: int
    handled: int
    waiting: int
    deepest: int
    timers: int
    dead_letters: dict[str, int]


@attrs.frozen
class Node:
    """One actor in the live tree.

    :param state: ``starting``, ``running``, ``stopping``, ``passivating``, ``passive``,
        ``restarting`` (in its backoff), ``suspended`` (its group is being restarted) or ``ended``.
    :param mailbox: messages waiting.
    :param handled: messages handled, over all instances.
    :param lost: messages its mailbox refused, dropped or coalesced.
    :param up: seconds the present instance has been up; None if none is.
    :param last_error: the latest exception, as one line.
    :param strategy: a supervisor's.
    :param hidden: children left out of ``children``.
    """

    name: str
    path: str
    actor: str
    urn: str
    state: str
    mailbox: int
    mailbox_limit: int
    handled: int
    failures: int
    restarts: int
    lost: int
    up: float | None
    last_error: str | None
    strategy: str | None = None
    hidden: int = 0
    children: "tuple[Node, ...]" = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return attrs.asdict(self)
