"""How the daemon writes its log: for people on a terminal, as JSON lines elsewhere."""

import logging
import sys

import structlog

from transport import telemetry

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(level: str) -> None:
    """Send structured logs, and those of libraries, to standard error.

    :param level: the least level to write: ``debug``, ``info``, ``warning`` or ``error``. Only
        ``debug`` names people by their ids; the others know them by pseudonyms.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    else:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    telemetry.name_people(level == "debug")
    logging.basicConfig(stream=sys.stderr, level=max(LEVELS[level], logging.WARNING))
