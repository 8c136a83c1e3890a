"""The daemon with a wall clock that is wrong: ``python -m bench.skewed FILE serve …``.

The file says by how many seconds it is fast, and may change while the daemon runs.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import engine.cluster
import engine.engine
from actors.clock import SystemClock
from engine.cli import main


class SkewedClock(SystemClock):
    """The system's clock, set off."""

    def now(self) -> datetime:
        """Return the present instant as this machine would have it."""
        return super().now() + timedelta(seconds=float(_FILE.read_text()))


if __name__ == "__main__":
    _FILE = Path(sys.argv.pop(1))
    for module in (engine.cluster, engine.engine):
        module.SystemClock = SkewedClock  # type: ignore[attr-defined]  # what this process is for
    main()
