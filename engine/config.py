"""Configuration: flags over ``GREENROOM_*`` variables over a TOML file over defaults.

Every option is one field of :class:`Config` or of one of its sections; the command line's
``greenroom check --explain`` and the documentation print what stands here.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs

from actors.errors import GreenroomError


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


@attrs.frozen(kw_only=True)
class Config:
    """Everything an operator may set."""

    host: str = option("127.0.0.1", "Address to listen on; 0.0.0.0 for all interfaces.")
    port: int = option(8000, "TCP port; 0 lets the system choose.")
    data: Path = option(Path("data"), "Folder of the database.")
    key: tuple[str, ...] = option((), "API keys as KEY:SECRET; several allow rotation.")
    load: Path | None = option(None, "File with event, companies and sessions, loaded at start.")
    certificate: Path | None = option(None, "TLS certificate chain, PEM.")
    private_key: Path | None = option(None, "TLS private key, PEM.")
    origins: tuple[str, ...] = option((), "Origins browsers may come from; empty: our own only.")
    drain_seconds: float = option(20.0, "Seconds over which a stopping daemon lets people go.")
    log_level: str = option("info", "debug, info, warning or error.")
    log_people: bool = option(False, "Write people's ids in logs as they are, not hashed.")
    media: MediaOptions = attrs.field(factory=MediaOptions)


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


def options(cls: type = Config, prefix: str = "") -> Iterator[tuple[str, "attrs.Attribute[Any]"]]:
    """Yield every option with its dotted name."""
    for field in attrs.fields(cls):
        if attrs.has(field.type):
            yield from options(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


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
    for name, field in options():
        text = environment.get(variable(name))
        if text is None:
            continue
        *sections, last = name.split(".")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = _from_text(name, text, field.type)


def _from_text(name: str, text: str, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return [part for part in text.split(",") if part]
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise ConfigError(f"{variable(name)}: {text!r} is neither true nor false")
        return text.lower() in ("true", "1", "yes")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ConfigError(f"{variable(name)}: {text!r} is not a number") from None
    return text


def _build(cls: type, values: Mapping[str, Any], prefix: str) -> Any:
    fields = {field.name: field for field in attrs.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise ConfigError(f"unknown option {prefix}{unknown[0]}")
    built = {
        name: _value(prefix + name, value, fields[name].type) for name, value in values.items()
    }
    return cls(**built)


def _value(name: str, value: Any, kind: Any) -> Any:
    if attrs.has(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} must be a table")
        return _build(kind, value, f"{name}.")
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise ConfigError(f"{name} must be a list of texts")
        return tuple(value)
    if kind is Path or Path in get_args(kind):
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, not {type(value).__name__}")
    return value


def _check(config: Config) -> None:
    for pair in config.key:
        key, _, secret = pair.partition(":")
        if not key or not secret:
            raise ConfigError("key must be given as KEY:SECRET")
    if (config.certificate is None) != (config.private_key is None):
        raise ConfigError("certificate and private_key go together")
    if not 0 <= config.port < 65536:  # noqa: PLR2004  the range of TCP ports
        raise ConfigError("port must be between 0 and 65535")
    if config.log_level not in ("debug", "info", "warning", "error"):
        raise ConfigError("log_level must be debug, info, warning or error")
