"""Webhooks: signed, in order, put off when nobody takes them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import attrs
import h11
import pytest
import trio

from actors.ports import StorageUnavailable
from transport.metrics import Metrics
from transport.webhooks import (
    AT_ONCE,
    SIGNATURE,
    TIMESTAMP,
    BadSignature,
    Courier,
    sign,
    verify,
)

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
SECRET = "s3cret"
BODY = b'{"id":"session/ux#1"}'


def headers(secret=SECRET, body=BODY, at=NOW):
    stamp = int(at.timestamp())
    return {TIMESTAMP.title(): str(stamp), SIGNATURE: sign(secret, stamp, body)}


def test_what_was_signed_is_verified():
    verify("s3cret", headers(), BODY, NOW + timedelta(minutes=4))


def test_a_known_signature_stays_what_it_is():
    assert sign("s3cret", 1796032800, BODY) == (
        "v1=" + "6d1e11c06425b9fffc4e70da0169ba9ff13ccf8187d2d98366d1e228e1be3286"
    )


@pytest.mark.parametrize(
    ("given", "body", "now"),
    [
        (headers("other"), BODY, NOW),
        (headers(), BODY + b" ", NOW),
        (headers(), BODY, NOW + timedelta(minutes=6)),
        (headers(), BODY, NOW - timedelta(minutes=6)),
        ({}, BODY, NOW),
        ({**headers(), TIMESTAMP.title(): "yesterday"}, BODY, NOW),
        ({**headers(), SIGNATURE: "v1=ü"}, BODY, NOW),
    ],
)
def test_anything_else_is_refused(given, body, now):
    with pytest.raises(BadSignature):
        verify("s3cret", given, body, now)


@attrs.define
class Message:
    endpoint: str
    entity: str
    seq: int
    type: str = "session.started"
    body: str = BODY.decode()


@attrs.define
class MemoryOutbox:
    """One entity's oldest message at a time, as the storage's."""

    waiting: list[Message]
    errors: list[str] = attrs.field(factory=list)

    async def due(self, now, limit=100):
        first = {}
        for message in self.waiting:
            first.setdefault((message.endpoint, message.entity), message)
        return list(first.values())

    async def next_due(self):
        return None

    async def delivered(self, message, now):
        self.waiting.remove(message)

    async def failed(self, message, now, error):
        self.errors.append(error)
        return now + timedelta(seconds=5)


class Receiver:
    """An HTTP server that keeps what it is sent."""

    def __init__(self, statuses=()):
        self.statuses = list(statuses)
        self.taken = []

    async def handle(self, stream):
        connection = h11.Connection(h11.SERVER)
        fields, body = {}, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Request):
                fields = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
        self.taken.append((fields, body))
        status = self.statuses.pop(0) if self.statuses else 200
        await stream.send_all(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % status)


def courier(outbox, url):
    clock = SimpleNamespace(now=lambda: NOW)
    return Courier(outbox, {url: SECRET}, clock, Metrics())


@pytest.fixture
async def receive(nursery):
    async def start(*statuses):
        receiver = Receiver(statuses)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, receiver.handle, listeners)
        return receiver, f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/hook?x=1"

    return start


async def test_a_message_arrives_signed_and_is_ticked_off(receive):
    receiver, url = await receive()
    outbox = MemoryOutbox([Message(url, "session/ux", 1)])
    assert await courier(outbox, url).round() == 1
    ((fields, body),) = receiver.taken
    verify("s3cret", fields, body, NOW)
    assert not outbox.waiting


async def test_a_failed_message_keeps_its_successors_waiting(receive):
    receiver, url = await receive(500, 302, 204)
    outbox = MemoryOutbox([Message(url, "session/ux", seq) for seq in (1, 2)])
    outbox.waiting.append(Message(url, "session/ai", 1))
    post_office = courier(outbox, url)
    await post_office.round()
    assert len(outbox.waiting) == 3
    assert sorted(outbox.errors) == ["answered 302", "answered 500"]
    await post_office.round()
    await post_office.round()
    assert not outbox.waiting
    assert len(receiver.taken) == 5


async def test_nobody_there_is_a_failure_and_no_crash():
    url = "http://127.0.0.1:9/nobody"
    outbox = MemoryOutbox([Message(url, "session/ux", 1)])
    await courier(outbox, url).round()
    assert len(outbox.errors) == 1
    outbox = MemoryOutbox([Message("http://127.0.0.1:9/unknown", "session/ux", 1)])
    await courier(outbox, url).round()
    assert outbox.errors == ["the endpoint is not configured any more"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/grün", "http://a..b/", f"http://{'a' * 64}/"])
async def test_an_address_that_cannot_be_written_down_is_a_failure_and_no_crash(url):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = url.replace("127.0.0.1", f"127.0.0.1:{listener.socket.getsockname()[1]}")
    outbox = MemoryOutbox([Message(url, "session/ux", 1)])
    await courier(outbox, url).round()
    assert len(outbox.errors) == 1
    await listener.aclose()


async def test_a_disk_that_takes_nothing_holds_up_webhooks_and_ends_nothing(autojump_clock):
    """Deliveries are tasks of their own, so what they cannot write down comes in a group."""

    class Full(MemoryOutbox):
        tried = 0

        async def failed(self, message, now, error):
            self.tried += 1
            raise StorageUnavailable("the journal could not commit: disk I/O error")

    outbox = Full([Message("http://127.0.0.1:9/nobody", "session/ux", 1)])
    with trio.move_on_after(60):
        await courier(outbox, "http://127.0.0.1:9/nobody").run()
    assert outbox.tried > 1


async def test_an_endpoint_that_never_answers_is_given_up_on_in_time(autojump_clock, monkeypatch):
    async def never(*_):
        await trio.sleep_forever()

    monkeypatch.setattr("transport.webhooks.post", never)
    url = "http://127.0.0.1:9/slow"
    outbox = MemoryOutbox([Message(url, "session/ux", 1)])
    await courier(outbox, url).round()
    assert outbox.errors == ["no answer in 10 s"]


async def test_an_endpoint_that_hangs_holds_up_no_other(autojump_clock, monkeypatch):
    bad, good = "http://127.0.0.1:9/bad", "http://127.0.0.1:9/good"
    begin, taken = trio.current_time(), []

    async def post(url, *_):
        if url == bad:
            await trio.sleep_forever()
        taken.append(trio.current_time() - begin)
        return 200

    monkeypatch.setattr("transport.webhooks.post", post)
    outbox = MemoryOutbox([Message(bad, f"session/{number}", 1) for number in range(100)])
    outbox.waiting += [Message(good, f"session/{number}", 1) for number in range(20)]
    clock = SimpleNamespace(now=lambda: NOW)
    await Courier(outbox, {bad: SECRET, good: SECRET}, clock, Metrics()).round()
    assert taken == [0] * 20
    assert outbox.errors == ["no answer in 10 s"] * AT_ONCE
    assert trio.current_time() - begin == 10
    assert len(outbox.waiting) == 100


async def test_what_one_entity_tells_is_heard_soon_however_much_it_is(
    autojump_clock, monkeypatch, nursery
):
    url, taken = "http://127.0.0.1:9/hook", []

    async def post(*given):
        taken.append(trio.current_time())
        return 200

    monkeypatch.setattr("transport.webhooks.post", post)
    outbox = MemoryOutbox([Message(url, "session/ux", number) for number in range(100)])
    begin = trio.current_time()
    await nursery.start(courier(outbox, url).run)
    await trio.sleep(10)
    assert len(taken) == 100
    assert taken[-1] - begin < 6
    nursery.cancel_scope.cancel()
