"""The daemon of one node: it hands over before it goes, and starts anew when it was away."""

import os
import signal
from contextlib import suppress
from typing import Any

import attrs
import structlog
import trio

from actors.errors import GreenroomError
from actors.ports import StorageUnavailable
from engine.allocator import give_back, share_heap
from engine.cluster import Node, open_node
from engine.config import Config
from engine.loading import load_steps, read_event_file, within
from engine.logs import configure_logs
from transport.cluster.lease import LeaseLapsed
from transport.collector import calm, tidy

READY = "GREENROOM_READY_FD"
"""The variable that names a descriptor to be written to once people can come in."""

AGAIN_SECONDS = 0.5
"""Pause before a node that was away starts anew."""

_log = structlog.get_logger("greenroom.daemon")


def run(config: Config) -> None:
    """Run a node until SIGTERM or SIGINT; a second signal ends it at once.

    :raises GreenroomError: it could not start; the message says why.
    """
    configure_logs(config.log_level)
    share_heap()
    calm()
    trio.run(main, config)


async def main(config: Config) -> None:
    """Run a node; start it anew whenever its lease has lapsed."""
    before = False
    life = _Life(config, None)
    while not life.draining:
        away: BaseException | None = None
        try:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                life = _Life(config, signals)
                await life.run()
                return
        except* LeaseLapsed as group:
            away = group
        except* StorageUnavailable as group:
            if not before and not life.port:
                raise GreenroomError(str(_first(group))) from group
            away = group
        before = True
        config = attrs.evolve(config, port=life.port or config.port, load=None)
        _log.warning("starting anew", why=str(_first(away)))
        await trio.sleep(AGAIN_SECONDS)


def _first(error: BaseException | None) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@attrs.define
class _Life:
    """One life of a node, from joining to leaving."""

    config: Config
    signals: Any
    port: int = 0
    draining: bool = False

    async def run(self) -> None:
        async with open_node(self.config) as node:
            engine = node.engine
            if self.config.load is not None:
                await load_steps(within(engine), read_event_file(self.config.load))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tidy, give_back)
                self.port = await nursery.start(engine.serve)
                _log.info("ready", host=self.config.host, port=self.port, node=node.membership.me)
                _tell_ready()
                await self._wait_for_signals(node)
                nursery.cancel_scope.cancel()
        _log.info("stopped")

    async def _wait_for_signals(self, node: Node) -> None:
        signals = self.signals
        await anext(signals)
        self.draining = True
        _log.info("draining", seconds=self.config.drain_seconds)
        async with trio.open_nursery() as nursery:

            async def drain() -> None:
                # First the entities, while this node still serves its clients; then the clients.
                with suppress(StorageUnavailable):
                    await node.leave()
                await node.engine.server.drain(self.config.drain_seconds)
                nursery.cancel_scope.cancel()

            nursery.start_soon(drain)
            await anext(signals)
            nursery.cancel_scope.cancel()


def _tell_ready() -> None:
    descriptor = os.environ.pop(READY, None)
    if descriptor is not None:
        os.write(int(descriptor), b"1")
        os.close(int(descriptor))
