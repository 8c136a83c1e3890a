"""Reading the file that describes an event, and bringing an engine in line with it.

The commands create what is missing and change what differs, so that loading a file again changes
what differs and nothing else.
"""

import json
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from actors.errors import GreenroomError, Refused
from actors.rules.base import COMMANDS, SYSTEM, Command
from actors.rules.company import CompanyRules
from actors.rules.event import EventRules
from actors.rules.session.rules import SessionRules
from transport.client import Client
from transport.params import structure

if TYPE_CHECKING:
    from engine.engine import Engine


_SPEAKERS = (EventRules, CompanyRules, SessionRules)
"""Whose commands a file is turned into; importing them has registered these."""


class LoadError(GreenroomError):
    """The file cannot be loaded; the message says where in it, and why."""


Call = Callable[["Step"], Awaitable[object]]
"""Carries a step out: in this process's engine, or over the wire in another's."""


@attrs.frozen
class Step:
    """One thing of the file, and the command that makes it so.

    :param path: where it stands in the file, such as ``session[2]``.
    :param params: what the command's wire params are.
    """

    path: str
    command: Command
    params: Mapping[str, Any]


def read_event_file(file: Path) -> Sequence[Step]:
    """Return what a TOML or JSON file asks for, in the order in which to do it.

    :raises LoadError: it cannot be read, or describes no valid event.
    """
    try:
        text = file.read_text("utf-8")
        data = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise LoadError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise LoadError(f"{file}: {error}") from error
    except RecursionError as error:
        raise LoadError(f"{file}: nested too deep") from error
    if not isinstance(data, Mapping):
        raise LoadError(f"{file}: a table [event] with an id is needed")
    try:
        return steps(data)
    except LoadError as error:
        raise LoadError(f"{file}: {error}") from error


def steps(data: Mapping[str, Any]) -> Sequence[Step]:
    """Return what a description of an event asks for.

    :param data: tables ``event``, ``company`` and ``session``, as in the file.
    :raises LoadError: a member is missing, unknown or wrong.
    """
    if unknown := sorted(set(data) - {"event", "company", "session"}):
        raise LoadError(f"unknown table {unknown[0]}")
    event = data.get("event")
    if not isinstance(event, Mapping) or not isinstance(event.get("id"), str):
        raise LoadError("a table [event] with an id is needed")
    found = [_step("event", "event.create", event)]
    for index, company in _tables(data, "company"):
        params = {**company, "event": event["id"]}
        found.append(_step(f"company[{index}]", "company.create", params))
    for index, session in _tables(data, "session"):
        params = {**session, "event": event["id"], "session": session.get("id")}
        params.pop("id", None)
        found.append(_step(f"session[{index}]", "session.create", params))
    return found


def _tables(data: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    tables = data.get(name, [])
    if not isinstance(tables, Sequence) or not all(isinstance(one, Mapping) for one in tables):
        raise LoadError(f"{name} must be a list of tables: write [[{name}]]")
    yield from enumerate(tables)


def _step(path: str, method: str, params: Mapping[str, Any]) -> Step:
    try:
        return Step(path, structure(COMMANDS[method], params, SYSTEM, ""), params)
    except Refused as refused:
        raise LoadError(f"{path}: {refused.message}") from refused


async def load_steps(
    call: Call, found: Sequence[Step], done: Callable[[], None] = lambda: None
) -> int:
    """Carry the steps out in order; return how many there were.

    :param done: called after each.
    :raises LoadError: the engine refused one; those before it stand.
    """
    for step in found:
        try:
            await call(step)
        except Refused as refused:
            raise LoadError(f"{step.path}: {refused.message}") from refused
        done()
    return len(found)


def within(engine: "Engine") -> Call:
    """Carry steps out in an engine of this process."""

    async def call(step: Step) -> None:
        await engine.call(step.command)

    return call


def over(client: Client) -> Call:
    """Carry steps out in another process's engine; the client's token needs the admin grant."""

    async def call(step: Step) -> None:
        params = {name: _plain(value) for name, value in step.params.items()}
        await client.call(step.command.method, **params)

    return call


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
