"""What the people of a fair did and were told, in one process, and of all processes together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import attrs

from bench.load.latency import Latencies

ROWS = 120
"""Steps of the plot over time, about."""

SIDES = 2
"""Of a 1-1 chat."""

Name = TypeVar("Name", str, int)


@attrs.define(eq=False)
class Diary:
    """What all people did, and what they were told.

    :param said: text -> session, of every chat message that was acknowledged.
    :param inside: session -> who is in it, as they were told last.
    :param votes: (session, question) -> whose vote stands, as they were told last.
    :param booked: 1-1 chat -> who picked and its start, of every pick that was acknowledged.
    :param aside: text -> 1-1 chat, of every message there that was acknowledged.
    :param met: 1-1 chats of which somebody was told that both have been there.
    :param open: 1-1 chat -> from when on it could be entered since it was booked, and until when.
    :param entries: how often somebody came into a 1-1 chat.
    :param entered: 1-1 chats that somebody came into.
    :param warned: how often somebody in one was told that it ends soon.
    :param ended: 1-1 chat -> who was in it at its end and was told.
    :param unsure: people, questions and chats of which the last answer never came.
    :param waiting: how many wait for an answer now.
    :param asked: when somebody asked last, by trio's clock.
    :param told: when somebody was answered last.
    :param step: seconds of one row over time.
    :param done: commands carried out after the warm-up.
    """

    latencies: Latencies = attrs.field(factory=Latencies)
    by_method: dict[str, Latencies] = attrs.field(factory=dict)
    by_step: dict[int, Latencies] = attrs.field(factory=dict)
    refused: Counter[str] = attrs.field(factory=Counter)
    failed: Counter[str] = attrs.field(factory=Counter)
    said: dict[str, str] = attrs.field(factory=dict)
    inside: dict[str, set[str]] = attrs.field(factory=dict)
    votes: dict[tuple[str, str], set[str]] = attrs.field(factory=dict)
    booked: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    aside: dict[str, str] = attrs.field(factory=dict)
    met: set[str] = attrs.field(factory=set)
    open: dict[str, tuple[datetime, datetime]] = attrs.field(factory=dict)
    entries: int = 0
    entered: set[str] = attrs.field(factory=set)
    warned: int = 0
    ended: dict[str, set[str]] = attrs.field(factory=dict)
    unsure: set[Any] = attrs.field(factory=set)
    waiting: int = 0
    asked: float = 0.0
    told: float = 0.0
    step: float = 1.0
    done: int = 0
    visits: int = 0
    events: int = 0
    reconnects: int = 0
    reloaded: int = 0
    begun: float = 0.0
    measured: float = 0.0
    """When warm-up is over, by trio's clock; earlier commands are not in the latencies."""

    def note(self, method: str, intended: float, now: float) -> None:
        """Note a command that was carried out."""
        self.done += intended >= self.measured
        self.waited(method, intended, now)

    def fail(self, method: str, why: str, intended: float, now: float) -> None:
        """Note a command that failed: it took as long as it was waited for, if not longer."""
        self.failed[f"{method}: {why}"] += 1
        self.waited(method, intended, now)

    def waited(self, method: str, intended: float, now: float) -> None:
        """Note how long a command was waited for, whatever came of it."""
        if intended < self.measured:
            return
        self.latencies.record(now - intended)
        self.by_method.setdefault(method, Latencies()).record(now - intended)
        step = int((intended - self.measured) / self.step)
        self.by_step.setdefault(step, Latencies()).record(now - intended)

    def plain(self) -> dict[str, Any]:
        """Return the figures as one process tells them to another; :func:`summed` adds them up."""
        return {
            "latency": self.latencies.encode(),
            "by_method": {name: one.encode() for name, one in self.by_method.items()},
            "by_step": [[step, one.encode()] for step, one in self.by_step.items()],
            "refused": dict(self.refused),
            "failures": dict(self.failed),
            "counts": {
                "commands_carried_out": self.done,
                "events_received": self.events,
                "acknowledged_messages": len(self.said),
                "visits": self.visits,
                "reconnects": self.reconnects,
                "topics_reloaded": self.reloaded,
            },
            "chats": {
                "booked": len(self.booked),
                "entered": len(self.entered & self.booked.keys()),
                "entries": self.entries,
                "met": len(self.met),
                "told_it_ends_soon": self.warned,
                "told_of_the_end": sum(map(len, self.ended.values())),
                "ended_with_both": sum(len(told) == SIDES for told in self.ended.values()),
                "acknowledged_messages": len(self.aside),
            },
        }


@attrs.frozen(kw_only=True)
class Summary:
    """What the diaries of all processes say together.

    :param refused: method and reason -> how often.
    :param failures: what failed -> how often.
    :param counts: name -> number, of what was done and heard.
    :param chats: the same of 1-1 chats.
    :param over_time: a row for each step, with the latencies in it.
    """

    latencies: Latencies
    by_method: Mapping[str, Any]
    refused: Mapping[str, int]
    failures: Mapping[str, int]
    counts: Mapping[str, int]
    chats: Mapping[str, int]
    over_time: Sequence[Mapping[str, float]]

    def figures(self) -> dict[str, Any]:
        """Return what every result has of it."""
        return {
            "latency": self.latencies.summary(),
            "by_method": dict(self.by_method),
            "refused": dict(self.refused),
            "failed": sum(self.failures.values()),
            "failures": dict(self.failures),
            "over_time": list(self.over_time),
        }


def summed(told: Sequence[Mapping[str, Any]], step: float) -> Summary:
    """Return what the diaries of all processes say together.

    :param told: what :meth:`Diary.plain` returned in each.
    :param step: seconds of one row over time.
    """
    by_method = _merged(item for one in told for item in one["by_method"].items())
    by_step = _merged(item for one in told for item in one["by_step"])
    return Summary(
        latencies=Latencies.merged(one["latency"] for one in told),
        by_method={name: by_method[name].summary() for name in sorted(by_method)},
        refused=_added(told, "refused"),
        failures=_added(told, "failures"),
        counts=_added(told, "counts"),
        chats=_added(told, "chats"),
        over_time=[
            {"second": number * step, "done": len(by_step[number]),
             "p50_ms": by_step[number].at(50), "p99_ms": by_step[number].at(99)}
            for number in sorted(by_step)
        ],
    )  # fmt: skip


def _merged(encoded: Iterable[tuple[Name, str]]) -> dict[Name, Latencies]:
    parts: dict[Name, list[str]] = {}
    for name, one in encoded:
        parts.setdefault(name, []).append(one)
    return {name: Latencies.merged(one) for name, one in parts.items()}


def _added(told: Sequence[Mapping[str, Any]], key: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in told:
        total.update(one[key])
    return dict(total)
