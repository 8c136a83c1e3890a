"""The contract, generated from the commands and events themselves: OpenRPC and a page."""

from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from actors.errors import CODES, TEMPORARY
from actors.rules.base import COMMANDS, EVENTS
from transport import rpc
from transport.builtin import PARAMS
from transport.closing import CLOSE_REASONS, Close, may_reconnect
from transport.http.schema import members, of_class, of_type, summary

VERSION = "1.0.0"

OWN_ERRORS = {
    "parse_error": rpc.PARSE_ERROR,
    "invalid_request": rpc.INVALID_REQUEST,
    "method_not_found": rpc.METHOD_NOT_FOUND,
    "internal_error": rpc.INTERNAL_ERROR,
}

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem } h3 { margin-bottom: 0 } p { margin-top: .25rem }
code, pre { font: 14px ui-monospace, monospace } table { border-collapse: collapse }
td, th { border-bottom: 1px solid #ccc; padding: .2rem .8rem .2rem 0; text-align: left }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8cf } }
"""


def _methods() -> dict[str, type[Any]]:
    return {**PARAMS, **dict(sorted(COMMANDS.items()))}


def openrpc() -> dict[str, Any]:
    """Return the OpenRPC document (https://spec.open-rpc.org, 1.3)."""
    return {
        "openrpc": "1.3.2",
        "info": {"title": "Greenroom", "version": VERSION},
        "methods": [_method(name, cls) for name, cls in _methods().items()],
        "components": {
            "errors": {
                reason: {"code": code, "message": reason}
                for reason, code in {**OWN_ERRORS, **CODES}.items()
            }
        },
        "x-events": [
            {"name": name, "summary": summary(cls), "schema": of_class(cls, "secret")}
            for name, cls in sorted(EVENTS.items())
            if cls.published
        ],
        "x-close-codes": {str(int(code)): CLOSE_REASONS.get(code, code.name) for code in Close},
    }


def _method(name: str, cls: type[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary(cls),
        "paramStructure": "by-name",
        "params": [
            {"name": field, "required": needed, "schema": of_type(kind)}
            for field, (kind, needed) in members(cls, "wire").items()
        ],
        "result": {"name": "result", "schema": {"type": "object"}},
    }


def page() -> str:
    """Return the contract as a page."""
    return "\n".join(("<!doctype html>", *_page()))


def _page() -> Iterator[str]:
    yield '<html lang="en"><meta charset="utf-8"><title>Greenroom: the wire</title>'
    yield '<link rel="stylesheet" href="/docs/style.css"><h1>Greenroom: the wire, version 1</h1>'
    yield "<p>JSON-RPC 2.0 over a WebSocket at <code>/v1/ws</code>, subprotocol "
    yield "<code>greenroom.v1.json</code> or <code>greenroom.v1.msgpack</code>. Machine-readable: "
    yield '<a href="/v1/openrpc.json">OpenRPC</a>, <a href="/v1/openapi.json">OpenAPI</a>.</p>'
    yield "<h2>Methods</h2>"
    for name, cls in _methods().items():
        yield f'<h3 id="{escape(name)}"><code>{escape(name)}({_signature(cls)})</code></h3>'
        yield f"<p>{escape(summary(cls))}</p>"
    yield "<h2>Events</h2>"
    for name, cls in sorted(EVENTS.items()):
        if cls.published:
            fields = ", ".join(members(cls, "secret"))
            yield f"<h3><code>{escape(name)}</code></h3>"
            yield f"<p>{escape(summary(cls))} <code>{escape(fields)}</code></p>"
    yield from _errors()


def _errors() -> Iterator[str]:
    yield "<h2>Errors</h2><table><tr><th>reason<th>code<th>worth another try</tr>"
    for reason, code in {**OWN_ERRORS, **CODES}.items():
        again = "yes" if reason in TEMPORARY else "no"
        yield f"<tr><td><code>{reason}</code><td>{code}<td>{again}</tr>"
    yield "</table><h2>Close codes</h2><table><tr><th>code<th>meaning<th>reconnect</tr>"
    for close in Close:
        meaning = CLOSE_REASONS.get(close, close.name.lower().replace("_", " "))
        again = "yes" if may_reconnect(close) else "no"
        yield f"<tr><td>{int(close)}<td>{meaning}<td>{again}</tr>"
    yield "</table></html>"


def _signature(cls: type[Any]) -> str:
    fields = members(cls, "wire").items()
    return escape(", ".join(name if needed else f"{name}?" for name, (_, needed) in fields))


def contract_routes() -> list[BaseRoute]:
    """Return the routes that serve the contract."""

    async def document(_: Request) -> Response:
        return JSONResponse(openrpc())

    async def docs(_: Request) -> Response:
        return HTMLResponse(page())

    async def style(_: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    return [
        Route("/v1/openrpc.json", document),
        Route("/docs", docs),
        Route("/docs/style.css", style),
    ]
