"""The HTTP side of the port: health, metrics, contract, server API, web client, bad heads."""

import httpx
import pytest
import trio

from actors.errors import Refused
from actors.rules.base import COMMANDS
from transport.http.api import Export
from transport.limits import Limits


async def raw(house, data, *, close=False):
    with trio.fail_after(20):
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with stream:
            await stream.send_all(data)
            if close:
                await stream.send_eof()
            return b"".join([chunk async for chunk in stream])


def client(house, token=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.port}", headers=headers)


@pytest.fixture
def admin(house):
    return client(house, house.token("service", grants=frozenset({"admin"})))


async def test_it_is_alive_and_ready_until_it_drains(house):
    async with client(house) as http:
        assert (await http.get("/healthz")).text == "ok\n"
        assert (await http.get("/readyz")).json() == {"ready": True}
        await house.server.drain(0)
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "because": ["draining"]}


async def test_metrics_are_prometheus_text(house):
    async with client(house) as http:
        text = (await http.get("/metrics")).text
    assert "greenroom_node_num_clients 0.0" in text
    assert "# TYPE greenroom_client_command_duration_seconds histogram" in text


async def test_the_contract_lists_every_command(house):
    async with client(house) as http:
        document = (await http.get("/v1/openrpc.json")).json()
        page = (await http.get("/docs")).text
    methods = {method["name"]: method for method in document["methods"]}
    assert set(methods) == {"connect", "refresh", "ping", "unsubscribe", *COMMANDS}
    params = {param["name"]: param for param in methods["test.say"]["params"]}
    assert params["text"] == {"name": "text", "required": True, "schema": {"type": "string"}}
    assert "by" not in params
    assert "connection" not in params
    assert 'id="test.say"' in page


async def test_pages_may_run_nothing_inline(running, tmp_path):
    (tmp_path / "index.html").write_text("<title>Greenroom</title>")
    async with running(web=tmp_path) as house, client(house) as http:
        for path in ("/", "/session/ux", "/docs"):
            policy = (await http.get(path)).headers["content-security-policy"]
            assert "default-src 'self'" in policy
            # Running a compiled module is no way to run text as code; backgrounds need it.
            assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")


async def test_the_web_client_routes_by_itself(running, tmp_path):
    (tmp_path / "index.html").write_text("<title>Greenroom</title>")
    (tmp_path / "app.js").write_text("export {}")
    async with running(web=tmp_path) as house, client(house) as http:
        assert "Greenroom" in (await http.get("/")).text
        assert "Greenroom" in (await http.get("/session/ux")).text
        assert (await http.get("/app.js")).headers["content-type"].startswith("text/javascript")
        assert (await http.get("/missing.js")).status_code == 404
        assert (await http.get("/vendor/vision/ready.json")).status_code == 204
        assert (await http.get("/../server.py")).status_code == 404
        assert (await http.get("/v1/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("grants", "status", "reason"),
    [(None, 401, "unauthorized"), ((), 403, "forbidden"), (("support",), 403, "forbidden")],
)
async def test_the_server_api_is_for_admins(house, grants, status, reason):
    token = None if grants is None else house.token(grants=frozenset(grants))
    async with client(house, token) as http:
        answer = await http.post("/v1/api/sessions/ux/end")
    assert answer.status_code == status
    assert answer.json()["error"]["data"]["reason"] == reason


async def test_bodies_have_a_bound(running):
    async with running(Limits(body_bytes=100)) as house:
        token = house.token(grants=frozenset({"admin"}))
        async with client(house, token) as http:
            answer = await http.put("/v1/api/events/fair", content=b"x" * 101)
            assert answer.status_code == 413

            async def pieces():
                for _ in range(20):
                    yield b"x" * 10

            answer = await http.put("/v1/api/events/fair", content=pieces())
            assert answer.status_code == 413
            assert answer.json()["error"]["data"]["reason"] == "too_large"


async def test_exports_come_through_the_callback(running):
    class Exporter:
        formats = ("json", "csv")

        async def export(self, name, format_name, event):
            if name != "chat" or format_name not in self.formats:
                raise Refused("not_found", "There is no such export.")
            return Export(b"a,b\n1,2\n", "text/csv", f"{name}-{event}.csv")

    async with running(exporter=Exporter()) as house:
        token = house.token(grants=frozenset({"admin"}))
        async with client(house, token) as http:
            answer = await http.get(
                "/v1/api/exports/chat", params={"format": "csv", "event": "fair"}
            )
            assert answer.content == b"a,b\n1,2\n"
            assert answer.headers["content-disposition"] == 'attachment; filename="chat-fair.csv"'
            assert (await http.get("/v1/api/exports/nothing")).status_code == 404
            assert (await http.get("/v1/api/exports/chat?no=1")).status_code == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000, b"431"),
        (b"GET /v1/ws HTTP/1.1\r\nhost: x\r\n\r\n", b"426"),
        (b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"400"),
    ],
)
async def test_a_bad_head_gets_its_status(house, data, status):
    answer = await raw(house, data, close=True)
    assert answer.startswith(b"HTTP/1.1 " + status), answer


async def test_who_is_slow_with_the_head_is_sent_away(running):
    async with running(Limits(head_seconds=0.2)) as house:
        assert (await raw(house, b"GET / HTTP/1.1\r\n")).startswith(b"HTTP/1.1 408")


async def test_an_address_has_only_so_many_connections(running):
    async with running(Limits(connections_per_address=3)) as house:
        open_streams = [await trio.open_tcp_stream("127.0.0.1", house.port) for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert (await raw(house, b"")).startswith(b"HTTP/1.1 429")
        for stream in open_streams:
            await stream.aclose()
        with trio.fail_after(5):
            while house.server.statistics().connections:
                await trio.sleep(0.01)
        assert not house.server.context.registry.by_address


async def test_a_foreign_page_may_not_open_the_websocket(house):
    head = (
        "GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        "origin: {}\r\n\r\n"
    )
    answer = await raw(house, head.format("https://evil.example").encode())
    assert answer.startswith(b"HTTP/1.1 403")
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        await stream.send_all(head.format("http://127.0.0.1").encode())
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")


async def test_an_unknown_subprotocol_is_refused(house):
    answer = await raw(
        house,
        b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"sec-websocket-protocol: soap\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 400")
