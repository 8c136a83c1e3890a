"""Processes that a bench speaks to by lines."""

import os
import subprocess
from collections.abc import Sequence

import attrs

LAST_WORDS = 2_000
"""Characters of what a process said on standard error that are told when it ends early."""


class BenchFailed(Exception):  # noqa: N818  said of the run
    """A server or the clients ended early; the text is what they said last."""


@attrs.frozen
class Child:
    """A process spoken to by lines."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, command: Sequence[str], **environment: str) -> "Child":
        """Start one."""
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
        )

    def tell(self, line: str) -> None:
        """Write a line.

        :raises BenchFailed: it has ended.
        """
        try:
            self.write(line)
        except BrokenPipeError:
            raise BenchFailed(self.last_words()) from None

    def write(self, line: str) -> None:
        """Write a line.

        :raises BrokenPipeError: it has ended.
        """
        pipe = self.process.stdin
        assert pipe is not None  # noqa: S101  asked for above
        pipe.write(line + "\n")
        pipe.flush()

    def hear(self) -> str:
        """Read a line.

        :raises BenchFailed: it has ended.
        """
        assert self.process.stdout is not None  # noqa: S101  asked for above
        line = self.process.stdout.readline()
        if not line:
            raise BenchFailed(self.last_words())
        return line.strip()

    def last_words(self) -> str:
        """End it, and return what it said last on standard error."""
        self.process.kill()
        assert self.process.stderr is not None  # noqa: S101  asked for above
        return self.process.stderr.read()[-LAST_WORDS:].strip()

    def end(self) -> None:
        """Make sure it has ended."""
        self.process.kill()
        self.process.communicate()
