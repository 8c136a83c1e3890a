"""Revoked tokens on the wire: who is connected, who comes back, and after a crash."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.daemon import token
from tests.engine.test_session_connections import closed

ADMIN = {"grants": frozenset({"admin"})}


def api(daemon, verb, path, bearer, **body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.port}/v1/api{path}",
        method=verb,
        headers={"authorization": f"Bearer {bearer}"},
        data=json.dumps(body).encode() if verb == "PUT" else None,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.slow
def test_revoked_tokens_end_their_connections_and_let_nobody_in_also_after_a_crash(daemon):
    stolen, old_admin = token("ana"), token("leaky", **ADMIN)
    with daemon.client() as thief, daemon.client("ana") as ana, daemon.client("ben") as ben:
        thief.call("connect", token=stolen)
        before = datetime.now(UTC)
        time.sleep(0.01)
        ana.call("refresh", token=token("ana"))
        service = token("service", **ADMIN)
        for person, facts in (("ana", {"before": before.isoformat()}), ("leaky", {})):
            status, told = api(
                daemon, "PUT", f"/events/fair/revocations/{person}", service, **facts
            )
            assert (status, told["person"]) == (200, person)
        assert closed(thief) == (3000, "invalid token")
        ana.call("ping")  # it has a younger token
        ana.call("event.get")
        ben.call("event.get")
        reason = ana.error("refresh", token=stolen)["data"]["reason"]
        assert reason == "unauthorized"
    for _ in range(2):
        with daemon.client() as thief:
            assert thief.error("connect", token=stolen)["data"]["reason"] == "unauthorized"
            assert closed(thief)[0] == 3000
        with daemon.client("ana") as ana:
            ana.call("event.get")
        status, told = api(daemon, "GET", "/events/fair", old_admin)
        assert (status, told["error"]["data"]["reason"]) == (401, "unauthorized")
        assert api(daemon, "GET", "/events/fair", token("leaky", **ADMIN))[0] == 200
        daemon.kill()
        daemon.start()


def test_only_the_service_revokes_and_only_the_past(shared_daemon):
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with shared_daemon.client("olga", role="organizer") as olga:
        assert olga.error("event.revoke", person="ana")["data"]["reason"] == "forbidden"
    path, service = "/events/fair/revocations/ana", token("service", **ADMIN)
    assert api(shared_daemon, "PUT", path, service, before=ahead)[0] == 400
    assert api(shared_daemon, "PUT", path, service, before="yesterday")[0] == 400
    assert api(shared_daemon, "PUT", path, token("ana"))[0] == 403
