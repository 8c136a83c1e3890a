"""The facade: everything Greenroom is made of, put together and supervised.

Embed it in a trio program::

    async with Engine.open(Config(key=("k:secret",), port=0)) as engine:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(engine.serve)
            ...
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import attrs
import structlog
import trio
from prometheus_client import ProcessCollector

from actors.clock import SystemClock
from actors.door import FrontDoor
from actors.errors import GreenroomError
from actors.kernel import ActorSystem
from actors.media import deliver
from actors.ports import Archive, Clock, Journal
from actors.rules import base as rules
from actors.rules.base import Command
from actors.services import Services
from engine.config import Config, MediaOptions
from engine.exports import StoreExporter
from engine.kinds import NOTICING
from engine.telemetry import EngineCollector
from engine.tokens import SECRET_BYTES, Authenticator, Key
from engine.top import Top
from engine.tracing import make_tracer
from engine.tree import grow
from engine.wiring import Wiring
from storage import FILE_NAME, Endpoint, Store
from transport.hub import Hub
from transport.media.ice import IceServers
from transport.media.metrics import MediaCollector
from transport.media.plane import MediaSettings, WorkerPlane
from transport.server import Server, tls_context
from transport.webhooks import Courier, Outbox

_log = structlog.get_logger("greenroom.engine")


class ListenError(GreenroomError):
    """The daemon cannot listen where it was told to."""


@attrs.frozen(kw_only=True)
class Engine:
    """A running engine.

    :param store: everything on disk; None when a journal was given.
    """

    config: Config
    system: ActorSystem
    services: Services
    door: FrontDoor
    server: Server
    store: Store | None = None
    outbox: Outbox | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Config, *, clock: Clock | None = None) -> AsyncIterator[Self]:
        """Open the database and start the actors; stop and close them at the block's end.

        :raises StorageRefused: the database will not be opened; its subclasses say why.
        """
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(
                Store.open(config.data / FILE_NAME, endpoints=endpoints_of(config))
            )
            epoch = await store.journal.identity()
            await store.journal.trust(_version_of_rules())
            engine = await stack.enter_async_context(
                cls.assemble(
                    config,
                    journal=store.journal,
                    archive=store.archive,
                    epoch=epoch,
                    clock=clock or SystemClock(),
                    store=store,
                )
            )
            yield engine

    @classmethod
    @asynccontextmanager
    async def assemble(  # noqa: PLR0913  the parts of an engine
        cls,
        config: Config,
        *,
        journal: Journal,
        archive: Archive,
        epoch: str,
        clock: Clock,
        store: Store | None = None,
        wiring: Wiring | None = None,
        outbox: Outbox | None = None,
    ) -> AsyncIterator[Self]:
        """Start the actors over a journal of your own.

        :param epoch: names the journal's line of numbers; the same after each restart.
        :param outbox: where webhooks lie; None: in the store.
        :param wiring: how the parts find each other; None for an engine of one node.
        """
        wiring = wiring or Wiring()
        hub = wiring.hub(config.limits, epoch)
        async with AsyncExitStack() as stack:
            plane = await _open_media(config.media, hub, clock, stack)
            system = await stack.enter_async_context(ActorSystem())
            services = _services(config, wiring, system, hub, plane, journal, archive, clock=clock)
            grow(system, services)
            door = wiring.door(services, epoch)
            engine = cls(
                config=config,
                system=system,
                services=services,
                door=door,
                server=_make_server(config, door, hub, system, services, store, plane),
                store=store,
                outbox=outbox or (store.outbox if store is not None else None),
            )
            await wiring.wake(services, system.timers.call_after)
            yield engine

    async def call(self, command: Command) -> Any:
        """Carry out a command of the embedding program.

        :raises Refused: it was not carried out.
        """
        return await self.door.call(command)

    async def serve(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Take people in until cancelled; reports the port it listens on.

        :raises ListenError: the address is taken, or not this machine's.
        """
        config = self.config
        context = None
        if config.certificate is not None and config.private_key is not None:
            try:
                context = tls_context(config.certificate, config.private_key)
            except OSError as error:  # ssl.SSLError is one
                files = f"{config.certificate} and {config.private_key}"
                why = error.strerror or str(error)
                raise ListenError(f"certificate and private_key: {files}: {why}") from error
        try:
            async with trio.open_nursery() as nursery:
                if self.outbox is not None and config.webhook:
                    nursery.start_soon(self._courier(self.outbox).run)
                if config.metrics_port:
                    await nursery.start(self.server.serve_metrics, config.host, config.metrics_port)
                await self.server.serve(
                    config.host,
                    config.port,
                    ssl_context=context,
                    share=config.cluster.share_port,
                    task_status=task_status,
                )
        except* OSError as group:
            also = f" or {config.metrics_port}" if config.metrics_port else ""
            where = f"{config.host}:{config.port}{also}"
            raise ListenError(f"cannot listen on {where}: {_first(group)}") from group

    def _courier(self, outbox: Outbox) -> Courier:
        secrets = {webhook.url: webhook.secret for webhook in self.config.webhook}
        metrics = self.server.context.metrics
        return Courier(outbox, secrets, self.services.clock, metrics)


def _version_of_rules() -> str:
    """Return what changes with the rules: others may have had other deadlines.

    The package's version alone would not do: people run what they have changed.
    """
    digest = sha256()
    with suppress(PackageNotFoundError):  # embedded from a folder
        digest.update(version("greenroom").encode())
    for source in sorted(Path(rules.__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _authenticator(config: Config, clock: Clock) -> Authenticator:
    keys = [Key.parse(pair) for pair in config.key]
    for key in keys:
        if key.weak:
            _log.warning("weak key", key=key.id, needs=f"a secret of {SECRET_BYTES} bytes")
    return Authenticator(keys, clock)


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return getattr(error, "strerror", None) or str(error)


def endpoints_of(config: Config) -> list[Endpoint]:
    """Return who is told by webhooks."""
    return [Endpoint(webhook.url, frozenset(webhook.events)) for webhook in config.webhook]


def _services(  # noqa: PLR0913  the parts of an engine
    config: Config,
    wiring: Wiring,
    system: ActorSystem,
    hub: Hub,
    plane: WorkerPlane | None,
    journal: Journal,
    archive: Archive,
    *,
    clock: Clock,
) -> Services:
    """Put together what the actors work with."""
    return Services(
        journal=journal,
        publisher=hub,
        archive=archive,
        clock=clock,
        presence=wiring.presence(),
        address=wiring.address(system),
        noticing=NOTICING,
        media=plane,
        tracer=make_tracer(config.traces),
    )


def _make_server(
    config: Config,
    door: FrontDoor,
    hub: Hub,
    system: ActorSystem,
    services: Services,
    store: Store | None,
    plane: WorkerPlane | None,
) -> Server:
    """Put the way in and out together, and what tells of both."""
    ProcessCollector(registry=hub.metrics.registry)
    hub.metrics.registry.register(EngineCollector(system, services))
    top = Top(system, media=lambda: plane.latest if plane else ())
    server = Server(
        door,
        hub,
        _authenticator(config, services.clock),
        config.limits,
        clock=services.clock,
        exporter=StoreExporter(store) if store is not None else None,
        reports={"tree": top.sample},
        metrics_apart=bool(config.metrics_port),
    )
    server.context.tracer = services.tracer
    return server


async def _open_media(
    options: MediaOptions, hub: Hub, clock: Clock, stack: AsyncExitStack
) -> WorkerPlane | None:
    """Start the media workers, which live as long as the stack; None if there shall be none."""
    if not options.workers:
        return None
    ports = (options.port, options.port + options.workers - 1) if options.port else (0, 0)
    settings = MediaSettings(
        workers=options.workers,
        hosts=options.hosts,
        ports=ports,
        public=options.addresses,
        servers=IceServers(stun=options.stun, turn=options.turn, secret=options.turn_secret),
        fan_out=options.fan_out,
    )
    plane = WorkerPlane(settings, deliver(hub, clock.now))
    hub.metrics.registry.register(MediaCollector(plane))
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    await nursery.start(plane.run)
    return plane
