"""The server API of a real daemon: exports, webhooks, health."""

import json
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.engine.daemon import Daemon, token
from transport.webhooks import verify

ADMIN = {"authorization": f"Bearer {token('service', grants=frozenset({'admin'}))}"}


def get(daemon, path, headers=ADMIN):
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.read().decode()


def test_tables_are_exported_as_json_and_csv_and_the_program_as_a_calendar(shared_daemon):
    assert [row["id"] for row in json.loads(get(shared_daemon, "/v1/api/exports/sessions")[1])] == [
        "ux"
    ]
    assert "UX workshop" in get(shared_daemon, "/v1/api/exports/sessions?format=csv")[1]
    calendar = get(shared_daemon, "/v1/api/exports/program?format=ics&event=fair")[1]
    assert calendar.startswith("BEGIN:VCALENDAR")
    assert "SUMMARY:UX workshop" in calendar


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/api/exports/none", 404),
        ("/v1/api/exports/sessions?format=xml", 404),
        ("/v1/api/exports/notifications", 404),
    ],
)
def test_what_cannot_be_exported_is_told(shared_daemon, path, status):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(shared_daemon, path)
    assert error.value.code == status
    assert json.loads(error.value.read())["error"]["data"]["reason"] == "not_found"
    error.value.close()


def test_only_an_admin_may_export(shared_daemon):
    plain = {"authorization": f"Bearer {token('ana')}"}
    for headers in ({}, plain):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(shared_daemon, "/v1/api/exports/sessions", headers)
        assert error.value.code in {401, 403}
        error.value.close()


class Receiver(HTTPServer):
    """Notes webhooks; refuses the first, to see it come again."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard = []
        self.attempts = 0


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.attempts += 1
        if self.server.attempts == 1:
            self.send_response(500)
        else:
            self.server.heard.append((dict(self.headers), body))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.mark.slow
def test_webhooks_arrive_signed_and_in_order_although_the_first_is_refused(tmp_path):
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    daemon = Daemon(tmp_path)
    daemon.config = f"""
    [[webhook]]
    url = "http://127.0.0.1:{receiver.server_port}/hook"
    secret = "shared"
    events = ["session.started", "session.ended"]
    """
    daemon.start()
    try:
        with daemon.client("hana", sessions=frozenset({"ux"})) as hana:
            hana.call("session.join", session="ux")
            hana.call("session.start", session="ux")
            hana.call("session.end", session="ux")
        for _ in range(200):
            if len(receiver.heard) == 2:
                break
            threading.Event().wait(0.1)
    finally:
        daemon.kill()
        receiver.shutdown()
        receiver.server_close()
    bodies = [json.loads(body) for _, body in receiver.heard]
    assert [(body["type"], body["seq"]) for body in bodies] == [
        ("session.started", 1),
        ("session.ended", 2),
    ]
    headers, body = receiver.heard[0]
    verify("shared", headers, body, datetime.now(UTC))
    assert receiver.attempts == 3
