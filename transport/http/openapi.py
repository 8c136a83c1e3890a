"""The server API's OpenAPI document (https://spec.openapis.org, 3.1), from its operations."""

import re
from collections.abc import Sequence
from typing import Any

from actors.rules.base import COMMANDS
from transport.http.operations import OPERATIONS, Operation
from transport.http.schema import members, of_class, of_type, summary

VERSION = "1.0.0"
PREFIX = "/v1/api"

_JSON = "application/json"
_REFUSED = {"$ref": "#/components/responses/Refused"}
_STATUSES = ("400", "401", "403", "404", "408", "409", "413", "429", "500", "503")

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "data"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "data": {
                    "type": "object",
                    "required": ["reason", "temporary"],
                    "properties": {
                        "reason": {"type": "string"},
                        "temporary": {"type": "boolean"},
                    },
                },
            },
        }
    },
}


def openapi(formats: Sequence[str]) -> dict[str, Any]:
    """Return the document.

    :param formats: the formats exports come in; none, and there are no exports.
    """
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        if operation.command in COMMANDS:
            verbs = paths.setdefault(PREFIX + operation.path, {})
            verbs[operation.verb.lower()] = _describe(operation)
    if "event.program" in COMMANDS:
        paths[PREFIX + "/events/{event}/sessions"] = {"get": _sessions()}
    if formats:
        paths[PREFIX + "/exports/{name}"] = {"get": _exports(formats)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Greenroom server API", "version": VERSION},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "responses": {
                "Refused": {
                    "description": "It was not carried out; `reason` is stable.",
                    "content": {_JSON: {"schema": ERROR}},
                }
            },
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    cls = COMMANDS[operation.command]
    described: dict[str, Any] = {
        "operationId": f"{operation.verb.lower()}_{operation.path.strip('/').replace('/', '_')}",
        "summary": summary(cls),
        "parameters": _path_parameters(operation.path),
        "responses": _responses({_JSON: {"schema": {"type": "object"}}}),
    }
    described["operationId"] = re.sub(r"[{}]", "", described["operationId"])
    free = {n: f for n, f in members(cls, "wire").items() if n not in operation.filled}
    if operation.reads:
        described["parameters"] += [
            {"name": name, "in": "query", "required": needed, "schema": of_type(kind)}
            for name, (kind, needed) in free.items()
        ]
    elif free:
        described["requestBody"] = _body(cls, operation)
    return described


def _body(cls: type[Any], operation: Operation) -> dict[str, Any]:
    schema = of_class(cls)
    for name in operation.filled:
        schema["properties"].pop(name, None)
    needed = [name for name in schema.pop("required", ()) if name not in operation.filled]
    if needed:
        schema["required"] = needed
    return {"required": bool(needed), "content": {_JSON: {"schema": schema}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _responses(content: dict[str, Any]) -> dict[str, Any]:
    done = {"description": "It was carried out.", "content": content}
    return {"200": done, **dict.fromkeys(_STATUSES, _REFUSED)}


def _sessions() -> dict[str, Any]:
    program = COMMANDS["event.program"]
    schema = {
        "type": "object",
        "required": ["sessions"],
        "properties": {"sessions": {"type": "array", "items": {"type": "object"}}},
    }
    query = [("state", str), *((n, k) for n, (k, _) in members(program, "wire").items())]
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": of_type(kind)}
        for name, kind in query
    ]
    return {
        "operationId": "get_event_sessions",
        "summary": "List the event's sessions, for example those with state=live.",
        "parameters": [*_path_parameters("/{event}"), *parameters],
        "responses": _responses({_JSON: {"schema": schema}}),
    }


def _exports(formats: Sequence[str]) -> dict[str, Any]:
    query = {"in": "query", "required": False}
    content: dict[str, Any] = {"application/json": {}, "text/csv": {}, "text/calendar": {}}
    return {
        "operationId": "get_export",
        "summary": "Read an export.",
        "parameters": [
            *_path_parameters("/{name}"),
            {"name": "format", **query, "schema": {"enum": list(formats)}},
            {"name": "event", **query, "schema": {"type": "string"}},
        ],
        "responses": _responses(content),
    }
