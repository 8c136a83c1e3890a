"""Tokens: who somebody is, as a JWT (RFC 7519) signed with an API key's secret.

HS256 only. The header's ``kid`` names the key, so that keys can be rotated: add the new one,
mint with it, and take the old one away when its last token has expired.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal, get_args
from warnings import catch_warnings, simplefilter

import attrs
import jwt

from actors.clock import SystemClock
from actors.errors import Refused
from actors.ports import Clock
from actors.rules.base import Person, Role
from actors.rules.text import is_sound

ALGORITHM = "HS256"
SECRET_BYTES = 32
"""Shortest secret that is not weak: HS256 is no stronger than its key (RFC 7518, 3.2)."""

NAME_LENGTH = 200
ID_LENGTH = 128
LIST_LENGTH = 200
"""Sessions or grants a token may name."""

LEEWAY = timedelta(seconds=5)
"""How far the clocks of those who mint and those who verify may differ."""

REMEMBERED = 20_000
"""Tokens whose signature is not checked a second time: those who drop come back with theirs."""

REMEMBERED_FOR = timedelta(minutes=10)
"""How long after its last use a token is remembered: who has gone home takes no memory."""

CLAIMS = ("sub", "name", "event", "role", "company", "grants", "sessions", "iat", "nbf", "exp")
"""What is read of a token, and remembered as one text: as objects it would be twenty."""

GRANTS = frozenset({"support", "admin"})


@attrs.frozen
class Key:
    """An API key.

    :param id: what a token's ``kid`` names.
    :param secret: at least 32 bytes outside of trials; never shown.
    """

    id: str
    secret: str = attrs.field(repr=False)

    @property
    def weak(self) -> bool:
        """Whether the secret is shorter than it should be outside of trials."""
        return len(self.secret.encode()) < SECRET_BYTES

    @property
    def spelled(self) -> str:
        """The key as ``KEY:SECRET``, as :meth:`parse` takes it; never shown either."""
        return f"{self.id}:{self.secret}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Return the key that ``KEY:SECRET`` spells.

        :raises ValueError: it has no colon.
        """
        ident, colon, secret = text.partition(":")
        if not (colon and ident and secret):
            raise ValueError("a key is written KEY:SECRET")
        return cls(ident, secret)


def _by_id(keys: Iterable[Key]) -> Mapping[str, Key]:
    return {key.id: key for key in keys}


@attrs.frozen
class Verified:
    """What a token says whose signature was found good. Its times are still to be checked."""

    person: Person
    expires: datetime
    not_before: datetime | None


@attrs.define
class Authenticator:
    """Verifies tokens against a set of keys. What has been revoked, the actors know.

    :param keys: every key whose tokens are taken.
    :param clock: tells the time.
    """

    keys: Mapping[str, Key] = attrs.field(converter=_by_id, repr=False)
    clock: Clock = attrs.field(factory=SystemClock)
    _known: OrderedDict[bytes, tuple[str, datetime]] = attrs.field(
        factory=OrderedDict, init=False, repr=False
    )

    def verify(self, token: str) -> tuple[Person, datetime]:
        """Return whom a token stands for, and when it expires.

        :raises Refused: ``token_expired``, or ``unauthorized`` for everything else.
        """
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        now, known = self.clock.now(), self._known.pop(digest, None)
        claims = self._read(token) if known is None else json.loads(known[0])
        verified = _verified(claims)
        self._known[digest] = json.dumps(claims) if known is None else known[0], now
        self._forget(now)
        self._check_times(verified, now)
        return verified.person, verified.expires

    def _forget(self, now: datetime) -> None:
        while True:
            digest, (_, used) = next(iter(self._known.items()))
            if len(self._known) <= REMEMBERED and now - used <= REMEMBERED_FOR:
                return
            del self._known[digest]

    def _read(self, token: str) -> dict[str, Any]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            raise _unauthorized("That is no token.") from None
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise _unauthorized("The token is signed with a key that is not known here.")
        claims = self._claims(token, key)
        return {name: claims[name] for name in CLAIMS if name in claims}

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        # The times are checked below, against this clock rather than the machine's.
        options: Any = {
            "require": ["sub", "exp", "event"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            with catch_warnings():  # the operator is told of a weak secret once, at the start
                simplefilter("ignore", jwt.InsecureKeyLengthWarning)
                return jwt.decode(token, key.secret, algorithms=[ALGORITHM], options=options)
        except jwt.PyJWTError as error:
            raise _unauthorized(f"The token cannot be taken: {error}.") from None

    @staticmethod
    def _check_times(token: Verified, now: datetime) -> None:
        if token.expires <= now:
            raise Refused("token_expired", "The token has expired.")
        if token.not_before is not None and token.not_before > now + LEEWAY:
            raise _unauthorized("The token is not valid yet.")


def mint(key: Key, person: Person, *, now: datetime, ttl: timedelta) -> str:
    """Return a token for a person.

    :param ttl: how long it is good for.
    """
    claims: dict[str, Any] = {
        "sub": person.id,
        "name": person.name,
        "event": person.event,
        "role": person.role,
        "iat": int(now.timestamp() * 1000) / 1000,  # as exact as revocations
        "nbf": int(now.timestamp()),
        "exp": int((now + ttl).timestamp()),
    }
    if person.company is not None:
        claims["company"] = person.company
    if person.grants:
        claims["grants"] = sorted(person.grants)
    if person.sessions:
        claims["sessions"] = sorted(person.sessions)
    with catch_warnings():
        simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.id})


def _unauthorized(message: str) -> Refused:
    return Refused("unauthorized", message)


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unauthorized(f"The token's {name} is not a time.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise _unauthorized(f"The token's {name} is not a time.") from None


def _text(claims: Mapping[str, Any], name: str, limit: int, default: str | None = None) -> str:
    value = claims.get(name, default)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise _unauthorized(f"The token's {name} must be text of 1 to {limit} characters.")
    if not is_sound(value):
        raise _unauthorized(f"The token's {name} holds characters that are not text.")
    return value


def _ids(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    value = claims.get(name, ())
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or len(value) > LIST_LENGTH
        or not all(isinstance(item, str) and is_sound(item) for item in value)
    ):
        raise _unauthorized(f"The token's {name} must be a list of up to {LIST_LENGTH} texts.")
    return frozenset(value)


def _verified(claims: Mapping[str, Any]) -> Verified:
    return Verified(
        _person(claims),
        _instant(claims, "exp"),
        _instant(claims, "nbf") if "nbf" in claims else None,
    )


def _person(claims: Mapping[str, Any]) -> Person:
    roles: tuple[Role, ...] = get_args(Role)
    role: Literal["organizer", "employee", "participant"] = claims.get("role", "participant")
    if role not in roles:
        raise _unauthorized(f"The token's role must be one of {', '.join(roles)}.")
    company = claims.get("company")
    if company is not None or role == "employee":
        company = _text(claims, "company", ID_LENGTH)
    ident = _text(claims, "sub", ID_LENGTH)
    return Person(
        id=ident,
        name=_text(claims, "name", NAME_LENGTH, ident),
        event=_text(claims, "event", ID_LENGTH),
        role=role,
        company=company,
        grants=_ids(claims, "grants") & GRANTS,
        sessions=_ids(claims, "sessions"),
        issued=_instant(claims, "iat") if "iat" in claims else None,
    )
