"""A real daemon tells another service what happened: signed, in order, also after a crash."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.engine.daemon import Daemon
from tests.engine.test_drain import wait_until
from transport.webhooks import verify

SECRET = "shared with that service"


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        verify(SECRET, {k.lower(): v for k, v in self.headers.items()}, body, datetime.now(UTC))
        self.server.heard.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def service():
    server = HTTPServer(("127.0.0.1", 0), Service)
    server.heard = []
    yield server
    server.server_close()


def test_what_a_daemon_could_not_tell_before_it_was_killed_is_told_after(service, tmp_path):
    daemon = Daemon(tmp_path)
    daemon.config = (
        f'[[webhook]]\nurl = "http://127.0.0.1:{service.server_port}/hook"\nsecret = "{SECRET}"\n'
        'events = ["session.started", "participant.joined", "session.ended"]\n'
    )
    daemon.start()
    try:
        with daemon.client("hana", sessions=frozenset({"ux"})) as hana:
            for method in ("session.join", "session.start", "session.end"):
                hana.call(method, session="ux")  # the service accepts, and does not answer
        daemon.kill()
        threading.Thread(target=service.serve_forever, daemon=True).start()
        daemon.start()
        wait_until(lambda: any(one["type"] == "session.ended" for one in service.heard))
    finally:
        service.shutdown()
        if daemon.process is not None:
            daemon.kill()
    by_id = {one["id"]: one for one in service.heard}  # at least once
    told = sorted(by_id.values(), key=lambda one: one["seq"])
    assert list(by_id.values()) == told
    assert [one["seq"] for one in told] == [1, 2, 3]
    assert [one["type"] for one in told] == [
        "participant.joined",
        "session.started",
        "session.ended",
    ]
