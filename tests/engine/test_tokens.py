"""Tokens: whom they stand for, and what makes one no good."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from actors.clock import SystemClock
from actors.errors import Refused
from actors.rules.base import Person
from engine.config import Config
from engine.engine import _authenticator
from engine.tokens import REMEMBERED_FOR, Authenticator, Key, mint

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
OLD = Key("old", "o" * 64)
NEW = Key("new", "n" * 32)
ANA = Person(
    id="ana",
    name="Ana",
    event="fair",
    role="employee",
    company="acme",
    grants=frozenset({"support"}),
    sessions=frozenset({"ux"}),
)
CLAIMS = {"sub": "ana", "event": "fair", "exp": NOW.timestamp() + 60}


def authenticator(*keys, now=NOW):
    return Authenticator(keys or (OLD, NEW), SimpleNamespace(now=lambda: now))


def signed(key=OLD, headers=None, **claims):
    claims = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(claims, key.secret, "HS256", headers=headers or {"kid": key.id})


def test_a_minted_token_stands_for_its_person_until_it_expires():
    token = mint(OLD, ANA, now=NOW, ttl=timedelta(minutes=5))
    assert authenticator().verify(token) == (ANA, NOW + timedelta(minutes=5))


def test_keys_rotate_by_kid():
    old, new = (mint(key, ANA, now=NOW, ttl=timedelta(hours=1)) for key in (OLD, NEW))
    assert authenticator(OLD, NEW).verify(old) == authenticator(OLD, NEW).verify(new)
    with pytest.raises(Refused, match="not known"):
        authenticator(NEW).verify(old)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(headers={"kid": "none"}),
        signed(headers={"kid": ""}),
        signed(Key("old", "another secret of thirty-two byte")),
        signed(sub=None),
        signed(event=None),
        signed(exp=None),
        signed(exp="soon"),
        signed(exp=10**30),
        signed(nbf=NOW.timestamp() + 60),
        signed(role="king"),
        signed(role="employee"),
        signed(name="x" * 201),
        signed(sub="x" * 129),
        signed(sub=""),
        signed(sub="ana\ud83d"),
        signed(name="Ana \ud83d"),
        signed(sessions=["\ud83d"]),
        signed(grants="admin"),
        signed(sessions=[1]),
        signed(sessions=["s"] * 201),
        jwt.encode(CLAIMS, OLD.secret, "HS512", headers={"kid": "old"}),
        jwt.encode(CLAIMS, None, "none", headers={"kid": "old"}),
    ],
)
def test_anything_wrong_is_unauthorized(token):
    with pytest.raises(Refused) as refused:
        authenticator().verify(token)
    assert refused.value.reason == "unauthorized"
    assert OLD.secret not in str(refused.value)


def test_an_expired_token_says_so():
    with pytest.raises(Refused) as refused:
        authenticator().verify(signed(exp=NOW.timestamp()))
    assert refused.value.reason == "token_expired"


def test_unknown_grants_are_no_grants():
    person, _ = authenticator().verify(signed(grants=["admin", "wizard"]))
    assert person.grants == {"admin"}
    assert person.is_system


def test_a_token_says_when_it_was_minted_to_the_millisecond():
    at = NOW + timedelta(milliseconds=250)
    person, _ = authenticator(now=at).verify(mint(OLD, ANA, now=at, ttl=timedelta(hours=1)))
    assert person.issued == at
    assert authenticator().verify(signed())[0].issued is None


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_any_text_is_refused_and_nothing_else(text):
    with pytest.raises(Refused):
        authenticator().verify(text)


def test_a_secret_is_never_shown():
    assert OLD.secret not in repr(OLD)
    assert OLD.secret not in repr(authenticator())


@pytest.mark.parametrize("text", ["", "key", ":secret", "key:"])
def test_a_key_needs_a_name_and_a_secret(text):
    with pytest.raises(ValueError, match="KEY:SECRET"):
        Key.parse(text)


def test_a_short_secret_is_weak():
    assert Key.parse("k:short").weak
    assert not OLD.weak


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"name": "Änne \u2713", "role": "employee", "company": "acme"},
        {"grants": ["support", "fly"], "sessions": ["ux", "ux", "*"], "other": [1] * 500},
        {"iat": NOW.timestamp() - 0.123, "nbf": NOW.timestamp() - 1, "exp": 1e11},
    ],
)
def test_a_token_met_before_stands_for_the_same_person(claims):
    doorman, token = authenticator(), signed(**claims)
    first = doorman.verify(token)
    again = doorman.verify(token)
    assert again == first
    assert again[0].issued == first[0].issued


def test_a_token_met_before_still_expires():
    now = [NOW]
    guard = Authenticator([OLD], SimpleNamespace(now=lambda: now[0]))
    token = mint(OLD, ANA, now=NOW, ttl=timedelta(minutes=5))
    assert guard.verify(token) == guard.verify(token)
    now[0] += timedelta(minutes=6)
    with pytest.raises(Refused, match="expired"):
        guard.verify(token)


def test_a_tampered_copy_of_a_token_met_before_is_no_good():
    guard = authenticator()
    token = mint(OLD, ANA, now=NOW, ttl=timedelta(minutes=5))
    guard.verify(token)
    head, claims, _ = token.split(".")
    with pytest.raises(Refused) as refused:
        guard.verify(f"{head}.{claims}.{'A' * 43}")
    assert refused.value.reason == "unauthorized"


def test_only_so_many_tokens_are_remembered(monkeypatch):
    monkeypatch.setattr("engine.tokens.REMEMBERED", 3)
    guard = authenticator()
    tokens = [mint(OLD, ANA, now=NOW, ttl=timedelta(minutes=n)) for n in range(1, 7)]
    for token in tokens:
        guard.verify(token)
    assert len(guard._known) == 3
    assert guard.verify(tokens[0])[0] == ANA


def test_a_token_is_forgotten_minutes_after_its_last_use():
    clock = SimpleNamespace(at=NOW)
    clock.now = lambda: clock.at
    keeper = Authenticator((OLD,), clock)
    used, left = (mint(OLD, ANA, now=NOW, ttl=timedelta(hours=hours)) for hours in (1, 2))
    for token in (used, left, used):
        keeper.verify(token)
    clock.at += REMEMBERED_FOR
    keeper.verify(used)
    assert len(keeper._known) == 2
    clock.at += timedelta(seconds=1)
    keeper.verify(used)
    assert len(keeper._known) == 1
    assert keeper.verify(left) == (ANA, NOW + timedelta(hours=2))


def test_a_key_with_a_short_secret_is_taken_and_warned_of():
    long = "s" * 32
    with capture_logs() as logs:
        keys = _authenticator(Config(key=("trial:hush", f"good:{long}")), SystemClock()).keys
    assert set(keys) == {"trial", "good"}
    assert [(line["event"], line["key"]) for line in logs] == [("weak key", "trial")]
    assert "hush" not in str(logs)
