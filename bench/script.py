"""``python -m bench.NAME``: what goes wrong is told in a line, and a closed pipe in none.

It measures this machine. ``greenroom bench NAME --url`` loads a deployment: it looks out for the
server's death, and knows how long a bench may take.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from actors.errors import GreenroomError
from bench.child import BenchFailed
from bench.load.wire import LoadFailed


def reason(error: BaseException) -> str | None:
    """Return in a line why a bench failed; None if by a mistake of its own."""
    leaves = [error]
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves[:1] = leaves[0].exceptions
    for kind in (LoadFailed, GreenroomError, BenchFailed, OSError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return " ".join(str(leaf).split()) or type(leaf).__name__
    return None


URL = "--url"
RAISED = re.compile(r"^[\s|]*(\w+\.)*[A-Z]\w*: ")
"""The class that the last line of a traceback begins with."""


def last_word(text: str) -> str:
    """Return what a process that broke said last: its traceback's last line, without the frame."""
    lines = [line for line in text.splitlines() if line.strip(" |+-")]
    return RAISED.sub("", lines[-1]).strip(" |") if lines else "no word"


def command(main: Callable[[], object]) -> NoReturn:
    """Run a bench's command line and end the program.

    Ends with what ``main`` returned if that is a status, else with 0; with 1 if the bench failed or
    nobody reads on, and with 130 after Ctrl-C.
    """
    if any(argument.partition("=")[0] == URL for argument in sys.argv[1:]):
        print("a deployment is loaded by: greenroom bench NAME --url …", file=sys.stderr)
        sys.exit(2)
    status: object = 0
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough; the interpreter would try to flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        why = reason(error)
        if why is None:
            raise
        sys.exit(f"it failed: {why}")
    sys.exit(status if isinstance(status, int) else 0)
