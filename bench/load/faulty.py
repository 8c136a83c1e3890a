"""A daemon in which actors crash now and then, for soaks: ``greenroom serve`` with a flaw.

``python -m bench.load.faulty CRASH_SECONDS PASSIVATE_SECONDS serve --port 0 …`` lets an entity's
actor die about every so many seconds, before or after it has done its batch of commands, and lets
idle actors leave memory sooner than they would.
"""

import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from actors.durable import DurableActor
from actors.entity import EntityActor
from actors.kernel import Envelope
from actors.media import MediaActor
from actors.participant import ParticipantActor
from engine.cli import main as greenroom
from engine.tree import SessionSupervisor


class Injected(Exception):  # noqa: N818  what is put in on purpose
    """Nothing is wrong but that an actor was meant to die."""


def flaw(mean: float, random: Random) -> None:
    """Let actors of entities die.

    :param mean: seconds between two deaths, about; 0 for none.
    """
    if mean <= 0:
        return
    carry_out = EntityActor.on_receive_batch
    due = time.monotonic() + mean

    async def on_receive_batch(self: Any, batch: Sequence[Envelope]) -> None:
        nonlocal due
        if time.monotonic() < due:
            await carry_out(self, batch)
            return
        # Never two soon after each other: what is asked once more then works.
        due = time.monotonic() + mean * random.uniform(0.5, 1.5)
        if random.random() < 0.5:  # noqa: PLR2004  before as often as after
            raise Injected(self.entity)
        await carry_out(self, batch)
        raise Injected(self.entity)

    EntityActor.on_receive_batch = on_receive_batch  # type: ignore[method-assign]


def main() -> None:
    """Serve with a flaw."""
    mean, idle = float(sys.argv[1]), float(sys.argv[2])
    for kind in (DurableActor, ParticipantActor, MediaActor, SessionSupervisor):
        kind.passivate_after = idle
    flaw(mean, Random())
    sys.argv[1:3] = []
    greenroom()


if __name__ == "__main__":
    main()
