"""``greenroom demo --script workshop``: a workshop from the four ways in to the way out.

A real engine and a connection for each of 3 hosts, 60 participants and an organizer, over
loopback. Time is the script's own: it jumps to whatever comes next, so that the workshop's hour
passes in seconds.
"""

from datetime import timedelta

from rich.console import Console

from engine.scripts.opening import Act, House, one_engine, play
from engine.scripts.transcript import Transcript
from engine.scripts.venue import Venue
from engine.scripts.workshop_cast import START, WORKSHOP
from engine.scripts.workshop_rooms import breakout_rooms, company_tab, leaving, people_tab
from engine.scripts.workshop_stage import entering, going_on_screen, on_screen, ways_in
from engine.scripts.workshop_talk import chat_tab, questions_tab

ACTS: tuple[Act, ...] = (
    ("Before: My Schedule, Lobby, Program and company profile", ways_in),
    ("Step 1: entering the session", entering),
    ("Step 2: requesting to go on screen", going_on_screen),
    ("Step 3: on screen", on_screen),
    ("Step 4: viewing the company info", company_tab),
    ("Step 5: viewing all participants", people_tab),
    ("Step 6: questions in the Q&A tab", questions_tab),
    ("Step 7: the chat tab", chat_tab),
    ("Step 8: breakout rooms", breakout_rooms),
    ("Step 9: leaving", leaving),
)

BETWEEN = timedelta(minutes=3)
"""What passes between two acts once the session has begun."""


def run_workshop(console: Console | None, house: House = one_engine) -> Transcript:
    """Run the script from beginning to end and return its transcript.

    :param console: where it is printed as it happens; None to keep it only.
    :param house: opens the engines, one or several nodes.
    :raises ScriptFailed: something did not happen as described.
    """
    return play(WORKSHOP, ACTS, console, house, between=_time_passes)


async def _time_passes(venue: Venue) -> None:
    if venue.now >= START:
        await venue.until(venue.now + BETWEEN)
