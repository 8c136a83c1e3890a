"""One command makes one trace, from the socket to the subscribers."""

import subprocess
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from actors.errors import Refused
from actors.rules.base import SYSTEM
from actors.rules.event_model import Change
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, read_event_file, within
from engine.tracing import OtelTracer, make_tracer
from tests.engine.daemon import EVENT, EVENT_FILE, KEY, START, token
from transport.client import open_client


@pytest.fixture
def spans():
    return InMemorySpanExporter()


def tracer_into(spans, **options):
    provider = TracerProvider(**options)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return OtelTracer(provider.get_tracer("test"))


async def chat(folder, monkeypatch, tracer):
    """Run an engine with a tracer; say one thing in it, and one that is refused."""
    monkeypatch.setattr("engine.engine.make_tracer", lambda _: tracer)
    file = folder / "event.toml"
    file.write_text(EVENT_FILE)
    config = Config(
        key=(f"{KEY.id}:{KEY.secret}",), port=0, data=folder, media=MediaOptions(workers=0)
    )
    async with Engine.open(config) as engine, trio.open_nursery() as nursery:
        await load_steps(within(engine), read_event_file(file))
        port = await nursery.start(engine.serve)
        hana = token("hana", sessions=frozenset({"ux"}))
        async with open_client(f"ws://127.0.0.1:{port}/v1/ws", hana) as client:
            await client.call("session.join", session="ux")
            await client.call("session.start", session="ux")
            await client.call("chat.send", topic="session/ux", text="hi")
            with pytest.raises(Refused):
                await client.call("chat.delete", topic="session/ux", id="none")
        nursery.cancel_scope.cancel()


async def test_one_command_makes_a_connected_trace_from_the_socket_to_the_subscribers(
    tmp_path, monkeypatch, spans
):
    await chat(tmp_path, monkeypatch, tracer_into(spans))
    done = spans.get_finished_spans()
    root = next(span for span in done if span.name == "chat.send")
    mine = {span.name: span for span in done if span.context.trace_id == root.context.trace_id}
    assert set(mine) == {"chat.send", "participant", "entity", "decide", "commit", "publish"}
    assert root.parent is None
    for child, parent in (
        ("participant", "chat.send"),
        ("entity", "participant"),
        ("decide", "entity"),
        ("commit", "entity"),
        ("publish", "entity"),
    ):
        assert mine[child].parent.span_id == mine[parent].context.span_id
    order = [mine["decide"].end_time, mine["commit"].end_time, mine["publish"].end_time]
    assert order == sorted(order)
    assert root.start_time <= mine["entity"].start_time <= mine["decide"].end_time
    assert mine["entity"].attributes == {"greenroom.entity": "session/ux"}
    assert "hana" not in "".join(span.to_json() for span in mine.values())
    refused = next(span for span in done if span.name == "chat.delete")
    assert refused.status.status_code is trace.StatusCode.ERROR
    assert refused.status.description == "not_found"


async def test_what_a_command_leads_to_elsewhere_is_in_its_trace(tmp_path, monkeypatch, spans):
    await chat(tmp_path, monkeypatch, tracer_into(spans))
    done = spans.get_finished_spans()
    root = next(span for span in done if span.name == "session.start")
    mine = [span for span in done if span.context.trace_id == root.context.trace_id]
    own, other = [span for span in mine if span.name == "entity"]
    assert own.attributes == {"greenroom.entity": "session/ux"}
    assert other.attributes == {"greenroom.entity": "event/fair"}  # its program shows the session
    assert other.parent.span_id == own.parent.span_id


async def test_a_booking_shows_its_stages_and_names_nobody(tmp_path, monkeypatch, spans):
    monkeypatch.setattr("engine.engine.make_tracer", lambda _: tracer_into(spans))
    config = Config(
        key=(f"{KEY.id}:{KEY.secret}",), port=0, data=tmp_path, media=MediaOptions(workers=0)
    )
    (tmp_path / "event.toml").write_text(EVENT_FILE)
    day = (START + timedelta(days=2)).date().isoformat()
    policy = {"durations": [30], "hours": ["09:00", "14:00"]}
    async with Engine.open(config) as engine, trio.open_nursery() as nursery:
        await load_steps(within(engine), read_event_file(tmp_path / "event.toml"))
        await engine.call(Change(by=SYSTEM, id=EVENT, days=[day], one_to_one=policy))
        port = await nursery.start(engine.serve)
        emil = token("emil", role="employee", company="acme")
        async with open_client(f"ws://127.0.0.1:{port}/v1/ws", emil) as client:
            await client.call("agenda.draft", day=day, duration=30, slots="all")
        nursery.cancel_scope.cancel()
    done = spans.get_finished_spans()
    root = next(span for span in done if span.name == "agenda.draft")
    mine = {span.name: span for span in done if span.context.trace_id == root.context.trace_id}
    assert {"transaction", "borrow", "decide", "commit"} <= mine.keys()
    assert mine["transaction"].parent.span_id == root.context.span_id
    assert mine["transaction"].attributes == {"greenroom.entity": "agenda"}
    below = [span.name for span in done if span.parent == mine["transaction"].context]
    assert below == ["borrow", "decide", "commit"]
    assert "emil" not in "".join(span.to_json() for span in done)


async def test_what_the_sampler_leaves_out_leaves_nothing(tmp_path, monkeypatch, spans):
    await chat(tmp_path, monkeypatch, tracer_into(spans, sampler=ALWAYS_OFF))
    assert not spans.get_finished_spans()


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_traces_are_sent_to_the_endpoint_that_is_named():
    server = HTTPServer(("127.0.0.1", 0), Collector)
    server.heard = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        tracer = make_tracer(f"http://127.0.0.1:{server.server_port}/v1/traces")
        tracer.begin("session.get", connection="c1").end()
        tracer._tracer.span_processor.force_flush()
    finally:
        server.shutdown()
        server.server_close()
    ((path, body),) = server.heard
    assert path == "/v1/traces"
    assert b"session.get" in body


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [("", "None"), ("http://127.0.0.1:1/v1/traces", "TracingMissing")],
)
def test_without_the_package_nothing_is_imported_and_asking_for_it_is_told(endpoint, expected):
    program = f"""
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
import engine.engine
from engine.tracing import make_tracer
try:
    print(make_tracer({endpoint!r}))
except Exception as error:
    print(type(error).__name__, error)
assert not [name for name in sys.modules if name.startswith("opentelemetry.")]
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(expected)
