"""The daemon: the engine, signals, and a graceful end."""

import signal

import structlog
import trio

from engine.allocator import give_back, share_heap
from engine.config import Config
from engine.engine import Engine
from engine.loading import load_steps, read_event_file, within
from engine.logs import configure_logs
from transport.collector import calm, tidy

_log = structlog.get_logger("greenroom.daemon")


def run(config: Config) -> None:
    """Run the engine until SIGTERM or SIGINT; a second signal ends it at once.

    :raises GreenroomError: it could not start; the message says why.
    """
    configure_logs(config.log_level)
    share_heap()
    calm()
    trio.run(main, config)


async def main(config: Config) -> None:
    """Open, load, serve and drain."""
    async with Engine.open(config) as engine:
        if config.load is not None:
            await load_steps(within(engine), read_event_file(config.load))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tidy, give_back)
            port = await nursery.start(engine.serve)
            _log.info("ready", host=config.host, port=port, data=str(config.data))
            await _wait_for_signals(engine)
            nursery.cancel_scope.cancel()
    _log.info("stopped")


async def _wait_for_signals(engine: Engine) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await anext(signals)
        _log.info("draining", seconds=engine.config.drain_seconds)
        async with trio.open_nursery() as nursery:

            async def drain() -> None:
                await engine.server.drain(engine.config.drain_seconds)
                nursery.cancel_scope.cancel()

            nursery.start_soon(drain)
            await anext(signals)
            nursery.cancel_scope.cancel()
