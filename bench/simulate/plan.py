"""How large a simulation is, and what came of it."""

from math import ceil

import attrs

LARGE = 100
"""People above which a fair is large: faults are rarer, since each reads back a large state."""


@attrs.frozen(kw_only=True)
class Plan:
    """One simulation.

    :param people: who visits the fair; employees and staff come on top.
    :param days: of the fair; the one with the change of the clocks is among them.
    :param faults: of a hundred appends, go wrong; None for 3, or 0.1 of a large fair.
    :param restarts: how often the whole engine dies and comes back; None: as many as there are
        days, or half as many at a large fair.
    :param first: end at the first promise that is broken.
    """

    seed: int
    people: int = 5
    days: int = 2
    faults: float | None = None
    restarts: int | None = None
    first: bool = False

    @property
    def is_large(self) -> bool:
        """Whether people share their time among many sessions and each does little."""
        return self.people > LARGE

    @property
    def fault_percent(self) -> float:
        """Of a hundred appends, so many go wrong."""
        if self.faults is None:
            return 0.1 if self.is_large else 3.0
        return self.faults

    @property
    def crashes(self) -> int:
        """How often the engine dies."""
        if self.restarts is None:
            return ceil(self.days / 2) if self.is_large else self.days
        return self.restarts

    @property
    def command(self) -> str:
        """The command that does the same again."""
        words = [f"greenroom simulate --seed {self.seed}"]
        words += [f"--people {self.people}", f"--days {self.days}"]
        if self.faults is not None:
            words.append(f"--faults {self.faults:g}")
        if self.restarts is not None:
            words.append(f"--restarts {self.restarts}")
        return " ".join(words)


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a simulation.

    :param broken: the promises that did not hold; empty if all is well.
    :param commands: carried out or refused, those of the engine's entities among each other too.
    :param asked: commands of people.
    :param events: in the journal.
    :param received: frames that connections were sent.
    :param refusals: reason -> how often somebody was refused for it.
    :param faults: what went wrong on purpose -> how often.
    :param met: what the fair went through, such as ``meeting.completed`` -> how often.
    :param digest: of the whole history; two runs of one plan have the same.
    :param seconds: of real time.
    """

    seed: int
    broken: tuple[str, ...]
    commands: int
    asked: int
    events: int
    received: int
    refusals: dict[str, int]
    faults: dict[str, int]
    met: dict[str, int]
    simulated_seconds: float
    digest: str
    seconds: float = attrs.field(eq=False)
