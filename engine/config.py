"""Configuration: flags over ``GREENROOM_*`` variables over a TOML file over defaults.

Every option is one field of :class:`Config` or of one of its sections; the command line's
``greenroom check --explain`` and the documentation print what stands here.
"""

import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import attrs

from actors.errors import GreenroomError
from transport.lengths import longest
from transport.limits import METHOD_RATES, Limits, Rate

LISTS = (tuple, frozenset)


class ConfigError(GreenroomError):
    """The configuration cannot be used; the message says which option and why."""


def option(default: Any, help_text: str) -> Any:
    """Declare an option with its default and one sentence for the operator."""
    return attrs.field(default=default, metadata={"help": help_text})


@attrs.frozen(kw_only=True)
class MediaOptions:
    """The forwarding unit."""

    workers: int = option(1, "Media worker processes; 0 turns media off.")
    port: int = option(0, "First UDP port of the workers, one each; 0 lets the system choose.")
    hosts: tuple[str, ...] = option(("127.0.0.1",), "Addresses the workers bind, IPv4 or IPv6.")
    addresses: tuple[str, ...] = option((), "Public addresses announced to clients, behind NAT.")
    stun: tuple[str, ...] = option((), "STUN servers handed to clients, as stun:host:port.")
    turn: tuple[str, ...] = option((), "TURN servers handed to clients, as turn:host:port.")
    turn_secret: str = option("", "Shared secret for short-lived TURN credentials.")
    fan_out: str = option("auto", "Who sends to the viewers: auto (C where it was built), python.")


@attrs.frozen(kw_only=True)
class WebhookOptions:
    """A service that is told what happens.

    :param events: event types to tell, such as ``session.started``; empty: all.
    """

    url: str
    secret: str = attrs.field(repr=False)
    events: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ClusterOptions:
    """Several nodes as one engine; see docs/cluster.md."""

    servers: tuple[str, ...] = option((), "NATS servers, as nats://host:port; none: one node.")
    name: str = option("main", "Tells this engine from others in the same NATS.")
    replicas: int = option(1, "NATS servers that hold each stream when it is made: 1, 3 or 5.")
    lease_seconds: float = option(
        3.0, "How long a silent node is waited for before others take over; the same at all nodes."
    )
    share_port: bool = option(False, "Let several nodes of one machine listen on one port.")


@attrs.frozen(kw_only=True)
class Config:
    """Everything an operator may set."""

    host: str = option("127.0.0.1", "Address to listen on; 0.0.0.0 for all interfaces.")
    port: int = option(8000, "TCP port; 0 lets the system choose.")
    metrics_port: int = option(
        0, "TCP port of its own for /metrics and health; 0 serves them on the main port."
    )
    data: Path = option(Path("data"), "Folder of the database.")
    key: tuple[str, ...] = option((), "API keys as KEY:SECRET; several allow rotation.")
    load: Path | None = option(None, "File with event, companies and sessions, loaded at start.")
    certificate: Path | None = option(None, "TLS certificate chain, PEM.")
    private_key: Path | None = option(None, "TLS private key, PEM.")
    drain_seconds: float = option(20.0, "Seconds over which a stopping daemon lets people go.")
    traces: str = option(
        "", "Where traces go, as http://host:4318/v1/traces (OTLP; needs the extra tracing)."
    )
    log_level: str = option("info", "debug (names people), info, warning, error.")
    media: MediaOptions = attrs.field(factory=MediaOptions)
    webhook: tuple[WebhookOptions, ...] = option(
        (), "Who is told what happens; tables url, secret, events (see docs/operators.md)."
    )
    limits: Limits = attrs.field(factory=Limits)
    cluster: ClusterOptions = attrs.field(factory=ClusterOptions)


def load_config(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> Config:
    """Build the configuration from its three sources.

    :param flags: options given on the command line; None stands for not given.
    :raises ConfigError: a source names an unknown option or a value of the wrong kind.
    """
    values = _read_file(file) if file is not None else {}
    _merge_environment(values, environment)
    values |= {name: value for name, value in flags.items() if value not in (None, ())}
    config: Config = _build(Config, values, "")
    _check(config)
    return config


@attrs.frozen
class Option:
    """One thing an operator may set.

    :param name: dotted, such as ``media.workers``.
    """

    name: str
    kind: Any
    help: str


def options(cls: type = Config, prefix: str = "") -> Iterator[Option]:
    """Yield every option."""
    for field in attrs.fields(cls):
        if attrs.has(field.type) and field.type is not Rate:
            yield from options(field.type, f"{prefix}{field.name}.")
        else:
            yield Option(prefix + field.name, field.type, explanation(cls, field))


def explanation(owner: type, field: "attrs.Attribute[Any]") -> str:
    """Return an option's one sentence: from its declaration, or its class's docstring."""
    declared = field.metadata.get("help")
    if declared:
        return str(declared)
    found = re.search(
        rf":param {field.name}: (.+?)(?=\n\s*:param|\n\s*\n|\Z)", owner.__doc__ or "", re.DOTALL
    )
    text = " ".join(found[1].split()) if found else ""
    return text[:1].upper() + text[1:]


def variable(name: str) -> str:
    """Return the environment variable of an option's dotted name."""
    return "GREENROOM_" + name.replace(".", "_").upper()


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error


def _merge_environment(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    for option in options():
        text = environment.get(variable(option.name))
        if text is None:
            continue
        *sections, last = option.name.split(".")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = _from_text(option.name, text, option.kind)


def _from_text(name: str, text: str, kind: Any) -> Any:
    if get_origin(kind) in LISTS:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return (
            [_webhook(name, part) for part in parts] if WebhookOptions in get_args(kind) else parts
        )
    if get_origin(kind) is Mapping:
        return dict(_pair(name, part, kind) for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0", "yes", "no"}:
            raise ConfigError(f"{variable(name)}: {text!r} is neither true nor false")
        return text.lower() in {"true", "1", "yes"}
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError:
            raise ConfigError(f"{variable(name)}: {text!r} is not a number") from None
    return text


def _webhook(name: str, text: str) -> dict[str, Any]:
    """Read one webhook: its URL, its secret, and the events it is told, all if none are named."""
    match text.split():
        case [url, secret, *events]:
            return {"url": url, "secret": secret, "events": events}
    raise ConfigError(f'{variable(name)} is written "URL SECRET EVENT EVENT, URL SECRET"')


def _pair(name: str, text: str, kind: Any) -> tuple[str, Any]:
    """Read one member of a table, as ``greenroom check --explain`` writes it."""
    match text.split():
        case [key, value] if Rate in get_args(kind):
            return key, value
        case [key, value]:
            return key, _from_text(name, value, int)
    raise ConfigError(f'{variable(name)} is written "NAME VALUE, NAME VALUE"')


def _build(cls: type, values: Mapping[str, Any], prefix: str) -> Any:
    fields = {field.name: field for field in attrs.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise ConfigError(f"unknown option {prefix}{unknown[0]}")
    built = {
        name: _value(prefix + name, value, fields[name].type) for name, value in values.items()
    }
    for field in attrs.fields(cls):
        if field.default is attrs.NOTHING and field.name not in built:
            raise ConfigError(f"{prefix}{field.name} is missing")
    return cls(**built)


def _value(name: str, value: Any, kind: Any) -> Any:
    if kind is Rate:
        return _rate(name, value)
    if attrs.has(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} must be a table")
        return _build(kind, value, f"{name}.")
    if get_origin(kind) in LISTS:
        return _list(name, value, kind)
    if get_origin(kind) is Mapping:
        return (_rates if Rate in get_args(kind) else _lengths)(name, value)
    return _scalar(name, value, kind)


def _scalar(name: str, value: Any, kind: Any) -> Any:
    if kind is Path or Path in get_args(kind):
        if not isinstance(value, (str, Path)):
            raise ConfigError(f"{name} must be a path, not {type(value).__name__}")
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, not {type(value).__name__}")
    return value


def _list(name: str, value: Any, kind: Any) -> Any:
    item = get_args(kind)[0]
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{name} must be a list")
    made = [_value(f"{name}[{index}]", one, item) for index, one in enumerate(value)]
    return get_origin(kind)(made)


def _rates(name: str, value: Any) -> Mapping[str, Rate]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} must be a table")
    given = {method: _rate(f"{name}.{method}", rate) for method, rate in value.items()}
    return {**METHOD_RATES, **given}


def _lengths(name: str, value: Any) -> Mapping[str, int]:
    import engine.kinds  # noqa: F401  brings every command

    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} must be a table")
    for member, length in value.items():
        allowed = longest(member)
        if allowed is None:
            raise ConfigError(f'{name}: no text is called "{member}"; one is "chat.send.text"')
        if type(length) is not int or not 1 <= length <= allowed:
            raise ConfigError(f"{name}.{member} must be from 1 to {allowed}, as the rules allow")
    return dict(value)


def _rate(name: str, value: Any) -> Rate:
    """Read a rate: ``"10/60"`` is ten a second on average, sixty at once."""
    try:
        per_second, burst = map(float, value.split("/"))
    except (AttributeError, ValueError):
        raise ConfigError(f'{name} is written "PER_SECOND/BURST", such as "10/60"') from None
    if not 0 < per_second < float("inf") or not 1 <= burst < float("inf"):
        raise ConfigError(f"{name} must let something through")
    return Rate(per_second, burst)


def _check(config: Config) -> None:
    for pair in config.key:
        key, _, secret = pair.partition(":")
        if not key or not secret:
            raise ConfigError("key must be given as KEY:SECRET")
    if (config.certificate is None) != (config.private_key is None):
        raise ConfigError("certificate and private_key go together")
    if not 0 <= config.drain_seconds < float("inf"):
        raise ConfigError("drain_seconds must be 0 or more, and end")
    _check_cluster(config)
    _check_ports(config)
    _check_limits(config.limits)
    for index, webhook in enumerate(config.webhook):
        _check_webhook(f"webhook[{index}]", webhook)
    _check_address("traces", config.traces, empty=True)
    _check_media(config.media)
    if config.log_level not in {"debug", "info", "warning", "error"}:
        raise ConfigError("log_level must be debug, info, warning or error")


def _check_cluster(config: Config) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", config.cluster.name):
        raise ConfigError("cluster.name is 1 to 32 letters, digits and underscores")
    if config.cluster.replicas not in {1, 3, 5}:
        raise ConfigError("cluster.replicas must be 1, 3 or 5")
    if not 1 <= config.cluster.lease_seconds <= 60:  # noqa: PLR2004  what a fair can wait
        raise ConfigError("cluster.lease_seconds must be between 1 and 60")


def _check_media(media: MediaOptions) -> None:
    if media.workers < 0:
        raise ConfigError("media.workers must not be negative")
    if not 0 <= media.port <= 65536 - max(1, media.workers):
        raise ConfigError("media.port must leave each worker a port below 65536")
    if media.fan_out not in {"auto", "python"}:
        raise ConfigError("media.fan_out must be auto or python")
    for name, addresses in (("hosts", media.hosts), ("addresses", media.addresses)):
        for address in addresses:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ConfigError(f"media.{name}: {address!r} is not an IP address") from None


def _check_limits(limits: Limits) -> None:
    for field in attrs.fields(Limits):
        value = getattr(limits, field.name)
        if isinstance(value, (int, float)) and not 0 < value < float("inf"):
            raise ConfigError(f"limits.{field.name} must be more than 0")


def _check_webhook(name: str, webhook: WebhookOptions) -> None:
    from storage.outbox import WEBHOOK_TYPES

    _check_address(f"{name}.url", webhook.url)
    if not webhook.secret:
        raise ConfigError(f"{name}.secret is empty: nobody could tell a genuine message")
    if unknown := sorted(set(webhook.events) - WEBHOOK_TYPES):
        known = ", ".join(sorted(WEBHOOK_TYPES))
        raise ConfigError(f"{name}.events: nothing is called {unknown[0]}; there are {known}")


def _check_address(name: str, address: str, *, empty: bool = False) -> None:
    if empty and not address:
        return
    try:
        parts = urlsplit(address)
        (parts.hostname or "").encode("idna")
        (parts.path + parts.query).encode("ascii")
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(f"{name} must be written http://HOST or https://HOST, not {address!r}")


def _check_ports(config: Config) -> None:
    for name, port in (("port", config.port), ("metrics_port", config.metrics_port)):
        if not 0 <= port < 65536:  # noqa: PLR2004  the range of TCP ports
            raise ConfigError(f"{name} must be between 0 and 65535")
    if config.metrics_port and config.metrics_port == config.port:
        raise ConfigError("metrics_port and port must differ")
    if config.metrics_port and config.cluster.share_port:
        raise ConfigError("nodes that share a port cannot share a metrics_port")
