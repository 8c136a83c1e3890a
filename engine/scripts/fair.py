"""``greenroom demo --script fair``: a fair's 1-1 chats from the first draft to the last note.

A real engine and a connection for each of 222 people, over loopback. The fair's time is the
script's own: it jumps to whatever comes next, so that two days pass in seconds.
"""

from rich.console import Console

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
from engine.scripts.opening import Act, Cast, House, one_engine, play
from engine.scripts.transcript import Transcript

FAIR = Cast(
    opening=OPENING,
    zone=ZONE,
    description=description,
    people=EVERYBODY,
    headline=f"Spring Fair, {DAYS[0]} and {DAYS[1]}, times in {ZONE}.",
)

ACTS: tuple[Act, ...] = (
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
    return play(FAIR, ACTS, console, house)
