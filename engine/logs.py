"""How the daemon writes its log: for people on a terminal, as JSON lines elsewhere."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from transport import telemetry

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_KINDS = "|".join(sorted(telemetry.NAMED_AFTER_PEOPLE))
_PERSONAL = re.compile(rf"\b({_KINDS})/([^\s.]+)\.([^\s'\"<>()\[\]{{}},;:]+)")
"""An entity that is named after its person, within a text."""


def configure_logs(level: str) -> None:
    """Send structured logs, and those of libraries, to standard error.

    :param level: the least level to write: ``debug``, ``info``, ``warning`` or ``error``. Only
        ``debug`` names people by their ids; the others know them by pseudonyms.
    """
    named = level == "debug"
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        # The usual one shows local variables, and in them tokens and people.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=plain)
    else:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, *(() if named else (_hide,)), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        # A line and its end in one write: several workers share the pipe.
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    telemetry.name_people(named)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((logging.Formatter if named else _Hiding)(logging.BASIC_FORMAT))
    logging.basicConfig(handlers=[handler], level=max(LEVELS[level], logging.WARNING))


def without_people(text: str) -> str:
    """Return a text with pseudonyms for the people whom entities in it are named after."""
    return _PERSONAL.sub(lambda found: _pseudonymous(*found.groups()), text)


def _pseudonymous(kind: str, event: str, person: str) -> str:
    return f"{kind}/{telemetry.pseudonym_of(event, person)}"


def _hide(_: Any, __: str, said: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: value if name == "exc_info" else _hidden(value) for name, value in said.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        kind, _, rest = value.partition("/")
        event, dot, person = rest.partition(".")
        # All of it: an id may hold what would end it in a text.
        if dot and kind in telemetry.NAMED_AFTER_PEOPLE:
            return _pseudonymous(kind, event, person)
        return without_people(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hidden(one) for one in value]
    return value


class _Hiding(logging.Formatter):
    """Writes what libraries, and the kernel, say."""

    def format(self, record: logging.LogRecord) -> str:
        return without_people(super().format(record))
