"""Where the ``greenroom`` command begins: before its modules are there, Ctrl-C just ends it."""

import sys

INTERRUPTED = 130
"""The exit code of a program that SIGINT ended, as shells tell it."""


def main() -> None:
    """Run the command that was typed."""
    try:
        from engine.cli import main as commands  # it takes most of a second
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    commands()
