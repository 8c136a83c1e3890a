"""The server: one port for everything.

How to put it together::

    hub = Hub(limits, epoch=journal_id)           # before the actors: it is their Publisher
    door = ...                                    # the actors (actors.ports.Door)
    server = Server(door, hub, Authenticator(keys), limits)

    async with trio.open_nursery() as nursery:
        port = await nursery.start(server.serve, "127.0.0.1", 8700)
        ...
        await server.drain(10)                    # clients leave with 3001, spread over 10 s
        nursery.cancel_scope.cancel()

``serve`` reports the port it listens on (give 0 to have one chosen). ``ssl_context`` makes it
HTTPS and WSS; see :func:`tls_context`. Optional parts: ``web`` (folder of the web client),
``routes`` (further Starlette routes), ``exporter`` (hands out the server API's exports),
``reports`` (what an operator may read besides),
``problems`` (what keeps ``/readyz`` from saying yes), ``clock``, ``metrics_apart`` (no
``/metrics`` on this port; :meth:`Server.serve_metrics` serves them on another).

Both codecs, ``connect``, ``refresh``, ``ping`` and ``unsubscribe`` are answered here; every other
method is looked up in :data:`actors.rules.base.COMMANDS`, structured, and given to
``door.call``. ``door.connect`` may call ``hub.resume`` and ``hub.subscribe`` at once: what they
send leaves after the answer. ``server.statistics()`` says how many are here, ``server.expel()``
ends a person's connections, ``server.context.metrics.registry`` takes further instruments.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import attrs
import trio
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from actors.clock import SystemClock
from actors.ports import Clock, Door
from transport.closing import Close, retry_reason
from transport.context import Authenticator, Context, Registry
from transport.heartbeat import Heartbeat
from transport.http.api import Exporter, Report, api_routes
from transport.http.app import Readiness, make_app, watch_routes
from transport.http.serving import HttpServer
from transport.hub import Hub, HubStatistics
from transport.limits import Buckets, Limits
from transport.listener import Listener
from transport.listening import closing_all, open_sockets
from transport.patience import Patience

WEB = Path(__file__).parent / "web"
"""The web client's folder."""

DRAIN_STEP = 0.1
"""Seconds between two groups of connections that a drain sends away."""


@attrs.frozen
class ServerStatistics:
    """How many are here."""

    connections: int
    handshakes: int
    clients: int
    people: int
    hub: HubStatistics


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context for a certificate chain and its key, both PEM; TLS 1.2 or later.

    :raises OSError: a file cannot be read.
    :raises ssl.SSLError: they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class Server:
    """Takes people in over one port.

    :param door: where they and their commands go.
    :param hub: what the actors publish through.
    :param problems: says what keeps the server from being ready; draining is known by itself.
    """

    def __init__(  # noqa: PLR0913  the optional ones are named
        self,
        door: Door,
        hub: Hub,
        authenticator: Authenticator,
        limits: Limits | None = None,
        *,
        clock: Clock | None = None,
        web: Path = WEB,
        routes: Sequence[BaseRoute] = (),
        exporter: Exporter | None = None,
        reports: Mapping[str, Report] = MappingProxyType({}),
        problems: Callable[[], Sequence[str]] = tuple,
        random: Random | None = None,
        metrics_apart: bool = False,
    ) -> None:
        limits = limits or Limits()
        self._heartbeat = Heartbeat()
        self.context = Context(
            door=door,
            hub=hub,
            authenticator=authenticator,
            limits=limits,
            clock=clock or SystemClock(),
            metrics=hub.metrics,
            registry=Registry(limits),
            buckets=Buckets(limits),
            random=random or Random(),  # noqa: S311  it spreads load, it keeps no secret
            watch=self._heartbeat.watch,
            heads=Patience(limits.head_seconds),
            connects=Patience(limits.connect_seconds),
        )
        self._problems = problems
        served = [*api_routes(self.context, exporter, reports), *routes]
        watch = self.context, Readiness(self._why_not), self._measure
        app = make_app(*watch, web, served, metrics=not metrics_apart)
        self._http = HttpServer(app, limits)
        self._watch_http = HttpServer(Starlette(routes=watch_routes(*watch)), limits)

    async def serve(
        self,
        host: str,
        port: int,
        *,
        ssl_context: ssl.SSLContext | None = None,
        share: bool = False,
        task_status: Any = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen until cancelled; reports the port once it can be connected to.

        :param share: let other processes of this machine listen on the same port.
        :raises OSError: the address is taken, or not this machine's.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.context.readiness.run)
            nursery.start_soon(self.context.entrance.run)
            await nursery.start(self.context.hub.run)
            await nursery.start(partial(self._heartbeat.run, self.context))
            listener = Listener(self.context, self._http.serve, nursery, ssl_context)
            with closing_all(await open_sockets(host, port, share=share)) as opened:
                async with trio.open_nursery() as accepting:
                    for one in opened:
                        accepting.start_soon(listener.accept, one)
                    task_status.started(opened[0].getsockname()[1])

    async def serve_metrics(
        self, host: str, port: int, *, task_status: Any = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve health and metrics on a port of their own until cancelled; reports the port.

        :raises OSError: the address is taken, or not this machine's.
        """

        async def handle(stream: trio.SocketStream) -> None:
            try:
                await self._watch_http.serve(stream, None)
            except (trio.BrokenResourceError, OSError):
                pass  # whoever watched has gone
            finally:
                await trio.aclose_forcefully(stream)

        opened = await open_sockets(host, port)
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(one)) for one in opened]
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(trio.serve_listeners, handle, listeners, handler_nursery=nursery)
            )
            task_status.started(listeners[0].socket.getsockname()[1])

    async def drain(self, seconds: float = 10.0) -> None:
        """Send every client elsewhere, spread over ``seconds``, and take no new ones.

        Clients are closed with 3001, the reason naming a ``retry_after`` of their own. Health
        and metrics are served on. Returns when the last client has been told.
        """
        context = self.context
        context.draining = True
        context.retry_spread = max(seconds, 1.0)
        connections = list(context.registry.by_id.values())
        context.random.shuffle(connections)
        steps = max(1, int(seconds / DRAIN_STEP))
        size = max(1, -(-len(connections) // steps))
        for begin in range(0, len(connections), size):
            for connection in connections[begin : begin + size]:
                reason = retry_reason(context.retry_spread, context.random)
                connection.end(Close.SHUTTING_DOWN, reason)
            await trio.sleep(DRAIN_STEP)
        with trio.move_on_after(context.limits.closing_seconds):
            while context.registry.by_id:  # noqa: ASYNC110  one waiter, once in a life
                await trio.sleep(DRAIN_STEP)

    def expel(self, event: str, person: str, code: int = Close.INVALID_TOKEN) -> int:
        """End a person's connections; return how many there were."""
        connections = list(self.context.registry.by_person.get((event, person), {}).values())
        for connection in connections:
            connection.end(code)
        return len(connections)

    def statistics(self) -> ServerStatistics:
        """Return how many are here."""
        registry = self.context.registry
        return ServerStatistics(
            connections=registry.open,
            handshakes=registry.handshakes,
            clients=len(registry.by_id),
            people=len(registry.by_person),
            hub=self.context.hub.statistics(),
        )

    def _why_not(self) -> Sequence[str]:
        draining = ("draining",) if self.context.draining else ()
        return (*draining, *self._problems())

    def _measure(self) -> None:
        statistics, metrics = self.statistics(), self.context.metrics
        metrics.clients.set(statistics.clients)
        metrics.people.set(statistics.people)
        metrics.topics.set(statistics.hub.topics)
        metrics.subscriptions.set(statistics.hub.subscriptions)
        metrics.backlog.set(statistics.hub.backlog)
        metrics.history_bytes.set(statistics.hub.history_bytes)
