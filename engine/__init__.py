"""Puts Greenroom together: the Engine facade, daemon, command line and configuration.

The packages' names are generic, so a file of the same name elsewhere on ``sys.path`` could take
their place. That is looked for here, where everything begins.
"""

from importlib.util import find_spec
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent


def _check_neighbours() -> None:
    for name in ("actors", "storage", "transport"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if found is None or found.parent.parent != _HOME:
            raise ImportError(
                f"Greenroom's package {name!r} is shadowed by {found or 'nothing'}: rename that"
                f" file, or put {_HOME} before it on sys.path."
            )


_check_neighbours()
