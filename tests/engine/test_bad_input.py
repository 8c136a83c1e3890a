"""Bad input on every door: the documented error, and nobody else disturbed."""

import json
import socket
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.engine.daemon import token

NUMBERS = count()


@pytest.fixture(scope="module")
def daemon(shared_daemon):
    """Start the session, with a host who stays."""
    with shared_daemon.client("hana", sessions=frozenset({"ux"})) as hana:
        hana.call("session.join", session="ux")
        hana.call("session.start", session="ux")
        yield shared_daemon


@pytest.fixture
def bystander(daemon):
    """Somebody is in the session before, during and after, and must not notice.

    Another one each time: nobody may join as often as these tests follow one another.
    """
    with daemon.client(f"ben{next(NUMBERS)}") as ben:
        ben.call("session.join", session="ux")
        yield ben
        ben.call("chat.send", topic="session/ux", text="still here")
        ben.wait_for("chat.posted", text="still here")


def receive_until_closed(client):
    while True:
        client.socket.recv(10)


def closed_with(client, frame):
    client.socket.send(frame)
    with pytest.raises(ConnectionClosed) as closed:
        receive_until_closed(client)
    return closed.value.rcvd.code


def first_reply(client, frame):
    client.socket.send(frame)
    return json.loads(client.socket.recv(10))


def test_garbage_bytes_on_the_port_harm_nobody(daemon, bystander):
    for garbage in (
        b"\x00\xff" * 4000,
        b"GET / HTTP/9\r\n\r\n",
        b"\r\n\r\n",
        b"GET " + b"a" * 99999,
    ):
        with socket.create_connection(("127.0.0.1", daemon.port), 5) as stream:
            with suppress(OSError):  # it may have hung up already
                stream.sendall(garbage)
                stream.shutdown(socket.SHUT_WR)
            stream.settimeout(15)
            with suppress(ConnectionResetError):
                while stream.recv(4096):
                    pass


@pytest.mark.parametrize(
    ("params", "code", "reason"),
    [
        ({"token": "nonsense"}, 401, "unauthorized"),
        ({"token": token("ana", ttl=timedelta(hours=-1))}, 401, "token_expired"),
        ({"token": token("ana", event="another")}, 404, "not_found"),
        ({}, -32602, "invalid_params"),
    ],
    ids=["nonsense", "expired", "another event", "missing"],
)
def test_who_has_no_good_token_is_told_why(daemon, bystander, params, code, reason):
    with daemon.client() as client:
        error = client.error("connect", **params)
        assert (error["code"], error["data"]["reason"]) == (code, reason)


def test_who_does_not_connect_first_is_refused(daemon, bystander):
    with daemon.client() as client:
        assert client.error("session.get", session="ux")["code"] == -32600
        with pytest.raises(ConnectionClosed) as closed:
            receive_until_closed(client)
        assert closed.value.rcvd.code == 3500


@pytest.mark.parametrize(
    ("method", "params", "code", "path"),
    [
        ("no.such.method", {}, -32601, None),
        ("chat.send", {"topic": "session/ux", "text": 5}, -32602, "text"),
        ("chat.send", {"topic": "session/ux"}, -32602, "text"),
        ("chat.send", {"topic": "session/ux", "text": "a", "by": {"id": "hana"}}, -32602, "by"),
        ("session.join", {"session": ["ux"]}, -32602, "session"),
        ("stage.request", {"session": "ux", "mic": "yes", "camera": True}, -32602, "mic"),
        ("session.get", {"session": "unknown"}, 404, None),
        ("chat.send", {"topic": "nowhere", "text": "a"}, -32602, "topic"),
        ("chat.send", {"topic": "session/unknown", "text": "a"}, 404, None),
        ("session.end", {"session": "ux"}, 403, None),
        ("chat.send", {"topic": "session/ux", "text": "a" * 100_000}, -32602, "text"),
    ],
)
def test_a_wrong_request_gets_its_documented_error(daemon, bystander, method, params, code, path):
    with daemon.client("ana") as ana:
        ana.call("session.join", session="ux")
        error = ana.error(method, **params)
        assert error["code"] == code, error
        if path is not None:
            assert error["data"]["path"] == path


def test_what_is_no_json_rpc_is_told_so(daemon, bystander):
    with daemon.client("ana") as ana:
        assert first_reply(ana, "{")["error"]["code"] == -32700
        assert first_reply(ana, "[]")["error"]["code"] == -32600
        assert first_reply(ana, '{"jsonrpc":"1.0","id":1}')["error"]["code"] == -32600


def test_a_hundred_thousand_nested_arrays_are_refused(daemon, bystander):
    with daemon.client("ana") as ana:
        assert first_reply(ana, "[" * 100_000 + "]" * 100_000)["error"]["code"] == -32700


def test_an_oversized_frame_closes_its_own_connection_only(daemon, bystander):
    with daemon.client("ana") as ana:
        assert closed_with(ana, "x" * 10_000_000) == 1009


def test_a_token_for_another_event_opens_nothing_here(daemon, bystander):
    with connect(daemon.url, subprotocols=["greenroom.v1.json"]) as stream:
        request = {"jsonrpc": "2.0", "id": 1, "method": "connect"}
        params = {"token": token("ana", event="other", role="organizer", sessions=frozenset("*"))}
        stream.send(json.dumps({**request, "params": params}))
        assert json.loads(stream.recv(10))["error"]["data"]["reason"] == "not_found"
