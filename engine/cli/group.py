"""The group of all commands: what goes wrong is told in one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console

from actors.errors import GreenroomError
from engine.tokens import Key

KEY_VARIABLE = "GREENROOM_KEY"


class Unreachable(GreenroomError):  # noqa: N818  said of the engine
    """An engine does not answer, or not to us; the message says why."""


class Commands(click.Group):
    """A group whose expected errors are one line each, never a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, turning errors into one line each."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise  # a pipe is closed by whoever has read enough
        except (Exception, BaseExceptionGroup) as error:
            if interrupted(error):
                raise click.Abort from None
            if os.environ.get("GREENROOM_TRACE"):
                raise
            raise click.ClickException(explain(error)) from error


def interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C ended it: nurseries hand it on in a group, beside what broke because of it."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def until_stopped(said: str = "") -> Iterator[None]:
    """Take Ctrl-C within the block for the end that was meant, and say so."""
    try:
        yield
    except (KeyboardInterrupt, BaseExceptionGroup) as error:
        if not interrupted(error):
            raise
        console().print(said)


class KeyParameter(click.ParamType[Key]):
    """An API key as KEY:SECRET.

    The variable may name several, as for ``serve``; the first is the one to mint with.
    """

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Key:
        """Return the key that ``value`` spells."""
        if isinstance(value, Key):
            return value
        if value == os.environ.get(KEY_VARIABLE):
            value = value.split(",")[0]
        try:
            return Key.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def explain(error: BaseException) -> str:
    """Return one line for an error: Greenroom's own say all there is to say."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, GreenroomError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return (
        f"{type(error).__name__}: {error}. This is a fault of ours:"
        " set GREENROOM_TRACE=1 to see where, and please report it."
    )


def console(*, stderr: bool = False) -> Console:
    """Return a console that colours on a terminal and is plain in a pipe."""
    return Console(stderr=stderr, highlight=False)
