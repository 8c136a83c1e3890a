"""A daemon with 1-1 chats shorter than an organizer may allow, for fairs of a minute or two.

``python -m bench.load.brief serve --port 0 …`` takes slots of a minute, and ends a chat two seconds
after its slot; all else is as in ``greenroom serve``.
"""

from datetime import timedelta

from actors.rules import policy
from actors.rules.meeting import room, rules
from engine.cli import main as greenroom

MINUTES = 1
GRACE = timedelta(seconds=2)

PROGRAM = ("bench.load.brief",)
"""How it is run, as arguments of ``python -m``."""


def main() -> None:
    """Serve with short chats."""
    policy.MIN_MINUTES = MINUTES
    for module in (room, rules):
        vars(module)["GRACE"] = GRACE
    greenroom()


if __name__ == "__main__":
    main()
