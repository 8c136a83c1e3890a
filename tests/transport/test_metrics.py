"""The dashboard asks only for what is measured."""

import json
import re
from pathlib import Path

import trio

from transport.metrics import Metrics

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "greenroom.json"


def test_every_figure_of_the_dashboard_exists():
    metrics = Metrics()
    text = metrics.text().decode()
    known = set(re.findall(r"# TYPE (\S+)", text))
    known |= {f"{name}_{end}" for name in known for end in ("bucket", "count", "sum")}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"greenroom_\w+", target["expr"])
    }
    assert asked
    assert asked <= known


async def fetch(port, path):
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(
            f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
        )
        answer = b""
        async for data in stream:
            answer += data
        return answer


async def test_metrics_and_health_may_have_a_port_of_their_own(running):
    with trio.fail_after(10):
        async with running(metrics_apart=True) as house:
            port = await house.nursery.start(house.server.serve_metrics, "127.0.0.1", 0)
            assert b"greenroom_node_num_clients" in await fetch(port, "/metrics")
            assert (await fetch(port, "/healthz")).endswith(b"ok\n")
            assert b" 404 " in await fetch(port, "/v1/openapi.json")
            assert b" 404 " in await fetch(house.port, "/metrics")
            assert (await fetch(house.port, "/healthz")).endswith(b"ok\n")
