"""The scripts of ``greenroom demo --script NAME``: runs that play themselves and say what happens.

Each is a function that takes a console, or None to print nothing, runs to its end, and returns
the transcript; it raises a :class:`GreenroomError` when something did not happen as it should.
"""

from collections.abc import Callable, Mapping

from rich.console import Console

from engine.scripts.fair import run_fair
from engine.scripts.transcript import Transcript
from engine.scripts.workshop import run_workshop

Script = Callable[[Console | None], Transcript]

SCRIPTS: Mapping[str, Script] = {"fair": run_fair, "workshop": run_workshop}
