"""The HTTP application: health, metrics, the contract, the server API, the web client."""

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from transport.context import Context
from transport.http.contract import contract_routes
from transport.http.guard import Guard
from transport.http.web import WebClient

METRICS = "/metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@attrs.frozen
class Readiness:
    """Whether connections should come here.

    :param problems: says what keeps the server from taking them; empty when nothing does.
    """

    problems: Callable[[], Sequence[str]]


def make_app(
    context: Context,
    readiness: Readiness,
    refresh_gauges: Callable[[], None],
    web: Path,
    routes: Sequence[BaseRoute] = (),
    *,
    metrics: bool = True,
) -> Starlette:
    """Return the application.

    :param refresh_gauges: brings the gauges up to date before they are read.
    :param web: the folder of the web client.
    :param routes: further routes, before the web client's.
    :param metrics: whether ``/metrics`` is served here too.
    """

    async def websocket(_: Request) -> Response:
        text = "This is a WebSocket: connect with an upgrade.\n"
        return PlainTextResponse(text, 426, {"upgrade": "websocket"})

    async def elsewhere(_: Request) -> Response:
        return PlainTextResponse("Metrics have a port of their own.\n", 404)

    watched = watch_routes(context, readiness, refresh_gauges)
    if not metrics:
        watched = [Route(METRICS, elsewhere), *watched]
    app = Starlette(
        routes=[
            *watched,
            Route("/v1/ws", websocket),
            *contract_routes(),
            *routes,
            Mount("/", WebClient(web)),
        ]
    )
    app.add_middleware(Guard, limits=context.limits)
    return app


def watch_routes(
    context: Context, readiness: Readiness, refresh_gauges: Callable[[], None]
) -> list[Route]:
    """Return the routes for those who watch the server: health, readiness, metrics."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        problems = list(readiness.problems())
        if problems:
            headers = {"retry-after": "5"}
            return JSONResponse({"ready": False, "because": problems}, 503, headers)
        return JSONResponse({"ready": True})

    async def metrics(_: Request) -> Response:
        refresh_gauges()
        return Response(context.metrics.text(), media_type=METRICS_TYPE)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route(METRICS, metrics),
    ]
