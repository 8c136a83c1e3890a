"""What operators see: figures for Prometheus and the live tree, of a real daemon."""

import json
import socket
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from engine.cli import main
from tests.engine.daemon import KEY, running, token


def get(daemon, path, **claims):
    headers = {"authorization": f"Bearer {token('ops', **claims)}"}
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


def figures(daemon):
    lines = get(daemon, "/metrics").splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def run_top(*arguments):
    return CliRunner().invoke(main, ["top", *arguments])


def test_commands_and_crashes_of_actors_are_counted(shared_daemon):
    before = figures(shared_daemon)
    with shared_daemon.client("ana") as ana:
        ana.call("session.get", session="ux")
    after = figures(shared_daemon)
    for name in ("greenroom_actors_commands_total", "greenroom_kernel_handled_total"):
        assert float(after[name]) > float(before[name])
    assert float(after["greenroom_kernel_failures_total"]) == 0
    assert float(after["greenroom_actors_effects_lost_total"]) == 0
    assert float(after["greenroom_runtime_tasks"]) > 1
    assert float(after["process_resident_memory_bytes"]) > 1e7
    assert 1e6 < float(after["greenroom_runtime_heap_bytes"]) < 1e8
    assert 1e5 < float(after["greenroom_runtime_blocks"]) < 1e7
    assert float(after["greenroom_kernel_deepest"]) <= float(after["greenroom_kernel_waiting"])


def test_metrics_are_told_on_the_port_they_are_given_and_nowhere_else(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        apart = probe.getsockname()[1]
    with running(tmp_path, config=f"metrics_port = {apart}\n") as daemon:
        with urllib.request.urlopen(f"http://127.0.0.1:{apart}/metrics", timeout=10) as answer:
            assert b"greenroom_actors_commands_total" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as error:
            get(daemon, "/metrics")
        assert error.value.code == 404
        error.value.close()


def test_an_admin_reads_the_live_tree_and_nobody_else(shared_daemon):
    sample = json.loads(get(shared_daemon, "/v1/api/tree", grants=frozenset({"admin"})))
    sessions = next(one for one in sample["tree"]["children"] if one["name"] == "sessions")
    (supervisor,) = sessions["children"]
    assert [one["name"] for one in supervisor["children"]] == ["session/ux"]
    assert sample["totals"]["actors"] >= 10
    with pytest.raises(urllib.error.HTTPError) as error:
        get(shared_daemon, "/v1/api/tree")
    assert error.value.code == 403
    error.value.close()


def test_top_shows_it_as_a_picture_and_for_machines(shared_daemon):
    where = ("--url", f"http://127.0.0.1:{shared_daemon.port}")
    key = ("--key", f"{KEY.id}:{KEY.secret}")
    result = run_top(*where, *key, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["tree"]["name"] == "root"
    result = run_top(*where, *key, "--count", "1")
    assert result.exit_code == 0, result.output


def test_top_says_in_one_line_why_it_cannot(shared_daemon):
    url = f"http://127.0.0.1:{shared_daemon.port}"
    for arguments, why in (
        (("--url", url, "--key", "other:secret-of-more-than-32-characters-xx"), "answers 401"),
        (("--url", "http://127.0.0.1:1", "--key", f"{KEY.id}:{KEY.secret}"), "does not answer"),
        (("--url", "ftp://host", "--key", f"{KEY.id}:{KEY.secret}"), "expected http://"),
    ):
        result = run_top(*arguments, "--json")
        assert result.exit_code == 1
        assert why in result.output
        assert "Traceback" not in result.output
