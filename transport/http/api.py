"""The server API: commands over HTTP, for the service that drives the engine.

``Authorization: Bearer`` a token with the ``admin`` grant. Such a token stands for the service
itself: it may act in every event of the daemon.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, get_args

import attrs
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from actors.errors import Refused
from actors.rules.base import COMMANDS, Command, Person
from transport import rpc
from transport.codec import JSON, Unreadable
from transport.context import Context
from transport.http.guard import Unacceptable
from transport.http.openapi import openapi
from transport.http.operations import OPERATIONS, Operation
from transport.http.schema import members
from transport.params import structure
from transport.telemetry import call, pseudonym

log = structlog.get_logger("greenroom.api")

PREFIX = "/v1/api"

ID_LENGTH = 128
"""Characters an id in a path may have, as the document says."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""Answered by an API path itself, if only by which of them it has: the web client, which lies
behind every path, would speak of its own."""

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen
class Export:
    """A file to hand out."""

    content: bytes
    media_type: str
    name: str


class Exporter(Protocol):
    """Hands out what lasts as files; the read model does."""

    @property
    def formats(self) -> Sequence[str]:
        """Such as ``json``, ``csv``, ``ics``."""

    async def export(self, name: str, format_name: str, event: str | None) -> Export:
        """Return an export.

        :raises Refused: ``not_found`` for an unknown name or format.
        """


Report = Callable[[], Mapping[str, Any]]
"""Something an operator may read, made when it is asked for."""


def api_routes(
    context: Context,
    exporter: Exporter | None,
    reports: Mapping[str, Report] = MappingProxyType({}),
) -> list[BaseRoute]:
    """Return the server API's routes.

    :param exporter: hands out the exports; without one there are none.
    :param reports: further things to read, by the last part of their path.
    """
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in OPERATIONS:
        handlers = by_path.setdefault(PREFIX + operation.path, {})
        handlers[operation.verb] = _handler(context, operation)
    live = _guarded(context, lambda request, by: _live_sessions(context, request, by))
    by_path[PREFIX + "/events/{event}/sessions"] = {"GET": live}
    if exporter is not None:
        export = _guarded(context, lambda request, _: _export(exporter, request))
        by_path[PREFIX + "/exports/{name}"] = {"GET": export}

    for name, report in reports.items():
        by_path[f"{PREFIX}/{name}"] = {"GET": _guarded(context, partial(_report, report))}

    async def document(_: Request) -> Response:
        return JSONResponse(openapi(exporter.formats if exporter else ()))

    routes: list[BaseRoute] = [Route("/v1/openapi.json", document)]
    for path, handlers in by_path.items():
        routes.append(Route(path, _by_verb(handlers), methods=METHODS))
    return routes


def _by_verb(handlers: Mapping[str, Handler]) -> Handler:
    allowed = ", ".join([*handlers, *(["HEAD"] if "GET" in handlers else [])])

    async def handle(request: Request) -> Response:
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return Response(status_code=405, headers={"allow": allowed})
        return await handler(request)

    return handle


def _check_path(request: Request) -> None:
    for name, value in request.path_params.items():
        if len(value) > ID_LENGTH:
            problem = f"{name} is longer than {ID_LENGTH} characters"
            raise Refused("invalid_params", problem, path=name)


def _template(request: Request) -> str:
    """Return a request's path for the log: whom and what it names stays out."""
    path = request.url.path
    for name, value in request.path_params.items():
        path = path.replace(f"/{value}", f"/{{{name}}}")
    return path


def _guarded(context: Context, work: Callable[[Request, Person], Awaitable[Response]]) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            by = await _who(context, request)
            _check_path(request)
            context.buckets.take(f"api/{by.event}/{by.id}", "", context.limits.api_rate)
            return await work(request, by)
        except Unacceptable:
            raise  # the guard around the application answers
        except Exception as error:
            told = rpc.told(error)
            if told is None:
                log.exception("request failed", path=_template(request))
                told = rpc.INTERNAL
            return _failure(told)

    return handle


def _failure(error: Refused | rpc.RpcError) -> Response:
    wire = error.wire()
    code = wire["code"]
    status = code if code > 0 else 500 if code == rpc.INTERNAL_ERROR else 400
    headers = {}
    if status == 401:  # noqa: PLR2004  Unauthorized
        headers["www-authenticate"] = "Bearer"
    if "retry_after" in wire["data"]:
        headers["retry-after"] = str(max(1, round(wire["data"]["retry_after"])))
    return _json({"error": wire}, status, headers)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(JSON.encode(value), status, dict(headers or {}), "application/json")


async def _who(context: Context, request: Request) -> Person:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("unauthorized", "Send Authorization: Bearer and a token.")
    person, _ = context.authenticator.verify(token.strip())
    if not person.is_system:
        raise Refused("forbidden", "The token needs the admin grant.")
    await context.door.admit(person)
    return attrs.evolve(person, role="organizer")


def _handler(context: Context, operation: Operation) -> Handler:
    async def work(request: Request, by: Person) -> Response:
        params = await _params(context, operation, request)
        for parameter, member in operation.names.items():
            value = request.path_params[parameter]
            if member == "@event":
                by = attrs.evolve(by, event=value)
            else:
                params[member] = value
        for member, template in operation.fixed.items():
            params[member] = template.format(**request.path_params)
        cls = COMMANDS.get(operation.command)
        if cls is None:
            raise Refused("not_found", "This server does not offer that.")
        command = structure(cls, params, by, "")
        context.lengths.check(command)
        result = await call(context, command, path=operation.path)
        log.info("done", command=operation.command, person=pseudonym(by))
        return _json(dict(result))

    return _guarded(context, work)


async def _params(context: Context, operation: Operation, request: Request) -> dict[str, Any]:
    if operation.reads:
        return _queried(COMMANDS.get(operation.command), request)
    body = await request.body()
    if not body:
        return {}
    try:
        params = JSON.decode(body.decode(), context.limits.depth)
    except (Unreadable, UnicodeDecodeError) as problem:
        raise Refused("invalid_params", f"The body is not JSON: {problem}", path="") from None
    if not isinstance(params, dict):
        raise Refused("invalid_params", "The body must be an object.", path="")
    for name in operation.filled & params.keys():
        raise Refused("invalid_params", f"{name}: it stands in the path", path=name)
    return params


def _queried(cls: type[Command] | None, request: Request) -> dict[str, Any]:
    """Return a query's members; digits are a number only where the command takes no text."""
    kinds = members(cls, "wire") if cls is not None else {}
    return {
        name: value if _takes_text(kinds.get(name)) else _number(value)
        for name, value in request.query_params.items()
    }


def _takes_text(member: tuple[Any, bool] | None) -> bool:
    return member is not None and str in {member[0], *get_args(member[0])}


def _number(value: str) -> str | int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else value  # noqa: PLR2004  a page's size is shorter


async def _live_sessions(context: Context, request: Request, by: Person) -> Response:
    """Answer with the event's sessions, all or those in one state."""
    by = attrs.evolve(by, event=request.path_params["event"])
    params = _queried(COMMANDS["event.program"], request)
    wanted = params.pop("state", None)
    command: Command = structure(COMMANDS["event.program"], params, by, "")
    program = await context.door.call(command)
    sessions = [one for one in program["sessions"] if wanted is None or one.get("state") == wanted]
    return _json({"sessions": sessions})


async def _report(report: Report, _: Request, __: Person) -> Response:
    return _json(report())


async def _export(exporter: Exporter, request: Request) -> Response:
    unknown = set(request.query_params) - {"event", "format"}
    if unknown:
        name = min(unknown)
        raise Refused("invalid_params", f"{name}: unknown member", path=name)
    format_name = request.query_params.get("format", "json")
    event = request.query_params.get("event")
    export = await exporter.export(request.path_params["name"], format_name, event)
    headers = {"content-disposition": f'attachment; filename="{export.name}"'}
    return Response(export.content, 200, headers, export.media_type)


__all__ = ["Export", "Exporter", "api_routes"]
