"""``greenroom demo --script fair``: a fair's 1-1 chats from the first draft to the last note.

A real engine and a connection for each of 222 people, over loopback. The fair's time is the
script's own: it jumps to whatever comes next, so that two days pass in seconds.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import trio
from rich.console import Console
from trio.testing import MockClock

from engine.scripts.fair_before import (
    availability,
    changes,
    organizer_sets_the_frame,
    requests,
    review,
    scheduling,
)
from engine.scripts.fair_cast import DAYS, EVERYBODY, OPENING, ZONE, description
from engine.scripts.fair_live import all_chats, completed, one_chat, reminders
from engine.scripts.opening import Cast, House, one_engine, opened
from engine.scripts.transcript import Transcript
from engine.scripts.venue import Venue

FAIR = Cast(opening=OPENING, zone=ZONE, description=description, people=EVERYBODY)

ACTS: tuple[tuple[str, Callable[[Venue], Awaitable[None]]], ...] = (
    ("The organizer sets the frame", organizer_sets_the_frame),
    ("Configuring the availability", availability),
    ("Requested", requests),
    ("Reviewing incoming requests", review),
    ("In scheduling", scheduling),
    ("Confirmed: rescheduling and cancelling", changes),
    ("The first day: reminders", reminders),
    ("Accessing a confirmed 1-1 chat", one_chat),
    ("All chats, slot after slot", all_chats),
    ("Completed", completed),
)


def run_fair(console: Console | None, house: House = one_engine) -> Transcript:
    """Run the script from beginning to end and return its transcript.

    :param console: where it is printed as it happens; None to keep it only.
    :param house: opens the engines, one or several nodes.
    :raises ScriptFailed: something did not happen as described.
    """
    clock = MockClock(rate=1.0)
    return trio.run(_run, console, clock, house, clock=clock)


async def _run(console: Console | None, clock: MockClock, house: House) -> Transcript:
    with TemporaryDirectory(prefix="greenroom-fair-") as folder:
        async with opened(FAIR, Path(folder), console, clock, house) as venue:
            venue.transcript.tell("", f"Spring Fair, {DAYS[0]} and {DAYS[1]}, times in {ZONE}.")
            for title, act in ACTS:
                venue.transcript.chapter(title)
                await act(venue)
            return venue.transcript
