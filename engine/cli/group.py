"""The group of all commands: what goes wrong is told in one line."""

import os
from typing import Any

import click
from rich.console import Console

from actors.errors import GreenroomError


class Commands(click.Group):
    """A group whose expected errors are one line each, never a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, turning errors into one line each."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise  # a pipe is closed by whoever has read enough
        except (Exception, ExceptionGroup) as error:
            if os.environ.get("GREENROOM_TRACE"):
                raise
            raise click.ClickException(explain(error)) from error


def explain(error: BaseException) -> str:
    """Return one line for an error: Greenroom's own say all there is to say."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, GreenroomError):
        return str(error)
    return (
        f"{type(error).__name__}: {error}. This is a fault of ours:"
        " set GREENROOM_TRACE=1 to see where, and please report it."
    )


def console(*, stderr: bool = False) -> Console:
    """Return a console that colours on a terminal and is plain in a pipe."""
    return Console(stderr=stderr, highlight=False)
