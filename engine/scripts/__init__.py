"""The scripts of ``greenroom demo --script NAME``: runs that play themselves and say what happens.

Each is a function that takes a console, or None to print nothing, and what opens the engines it
plays on, one by default. It runs to its end and returns the transcript; it raises a
:class:`GreenroomError` when something did not happen as it should.
"""

from collections.abc import Mapping
from typing import Protocol

from rich.console import Console

from engine.scripts.fair import run_fair
from engine.scripts.opening import House, one_engine
from engine.scripts.transcript import Transcript
from engine.scripts.workshop import run_workshop


class Script(Protocol):
    """A script, to be run."""

    def __call__(self, console: Console | None, house: House = one_engine) -> Transcript:
        """Run it from beginning to end and return its transcript."""


SCRIPTS: Mapping[str, Script] = {"fair": run_fair, "workshop": run_workshop}
