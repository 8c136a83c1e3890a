"""The proxies' example files, with the proxies themselves."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from websockets.sync.client import connect

from transport.client import open_client
from transport.limits import Limits

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
LIMITS = Limits(trusted_proxies=frozenset({"127.0.0.1"}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replaced(text, changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def nginx(folder, port, behind):
    site = replaced(
        (DEPLOY / "nginx.conf").read_text(),
        {
            "server 127.0.0.1:8000": f"server 127.0.0.1:{behind}",
            "listen 443": f"listen 127.0.0.1:{port}",
            "/etc/letsencrypt/live/fair.example.org/fullchain.pem": f"{folder}/chain.pem",
            "/etc/letsencrypt/live/fair.example.org/privkey.pem": f"{folder}/key.pem",
        },
    )
    (folder / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    main = f"""
        daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{ worker_connections 256; }}
        http {{ access_log off; {temporary} include {folder}/site.conf; }}
    """
    (folder / "nginx.conf").write_text(main)
    command = [shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    return command, {}


def caddy(folder, port, behind):
    site = replaced(
        (DEPLOY / "Caddyfile").read_text(),
        {
            "127.0.0.1:8000": f"127.0.0.1:{behind}",
            "fair.example.org {": f"https://localhost:{port} {{\n\tbind 127.0.0.1\n"
            f"\ttls {folder}/chain.pem {folder}/key.pem\n",
        },
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    return command, {"HOME": str(folder), "PATH": "/usr/bin"}


def _start(proxy, folder, port, behind):
    command, environment = proxy(folder, port, behind)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stderr=log, env=environment)


@asynccontextmanager
async def behind(proxy, house, folder):
    """Run a proxy in front of a server; yields its port and what a client needs to trust it."""
    port = free_port()
    process = _start(proxy, folder, port, house.port)
    try:
        with trio.fail_after(20):
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                try:
                    await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await trio.sleep(0.05)
        yield port, ssl.create_default_context(cafile=str(folder / "chain.pem"))
    finally:
        process.send_signal(signal.SIGTERM)
        await trio.to_thread.run_sync(process.wait, 10)


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_a_server_behind_the_example_of_a_proxy(running, tmp_path, certificate, proxy):
    for file in certificate:
        shutil.copy(file, tmp_path)
    async with running(LIMITS) as house, behind(proxy, house, tmp_path) as (port, context):
        base = f"https://localhost:{port}"
        spoofed = {"x-forwarded-for": "6.6.6.6"}
        async with httpx.AsyncClient(base_url=base, verify=context, headers=spoofed) as http:
            for _ in range(5):  # leaves connections to the server open, for what follows
                assert (await http.get("/readyz")).json() == {"ready": True}
            assert (await http.get("/v1/openrpc.json")).status_code == 200
            for private in ("/metrics", "/v1/api/events/fair"):
                assert (await http.get(private)).status_code in {403, 404}
            assert set(house.server.context.registry.by_address) == {"127.0.0.1"}
            with trio.fail_after(20):
                for _ in range(3):
                    await _talk(house, f"wss://localhost:{port}/v1/ws", context)
                    assert (await http.get("/healthz")).text == "ok\n"
        await trio.to_thread.run_sync(_as_a_page, port, context, house.token())


async def _talk(house, url, context):
    async with open_client(url, house.token(), ssl_context=context) as client:
        await client.call("test.join", topic="session/ux")
        for number in range(30):
            house.door.say("session/ux", str(number) + "x" * 20_000)
        seqs = [(await client.next_event()).seq for _ in range(31)]
        assert seqs == list(range(seqs[0], seqs[0] + 31))


def _as_a_page(port, context, token):
    origin = f"https://localhost:{port}"
    url = f"wss://localhost:{port}/v1/ws"
    with connect(url, origin=origin, subprotocols=["greenroom.v1.json"], ssl=context) as socket:
        socket.send(
            '{"jsonrpc":"2.0","id":1,"method":"connect","params":{"token":"' + token + '"}}'
        )
        assert '"result"' in socket.recv(10)


def test_the_unit_for_systemd_is_sound(tmp_path):
    unit = replaced(
        (DEPLOY / "greenroom.service").read_text(),
        {"/opt/greenroom/.venv/bin/greenroom": str(Path(sys.executable).with_name("greenroom"))},
    )
    (tmp_path / "greenroom.service").write_text(unit)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "greenroom.service")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
