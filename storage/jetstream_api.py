"""NATS JetStream's API as far as the journal needs it, over any connection.

Requests and answers are those of https://docs.nats.io/reference/reference-protocols/nats_api_reference;
atomic batches and batched direct reads are the server's ADR-50 and ADR-31.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import trio

from actors.errors import GreenroomError
from actors.ports import StorageUnavailable

API = "$JS.API"

TIMEOUT = 2.0
"""Seconds in which JetStream answers, or it is looked what became of a write."""

CALL_SECONDS, CALL_AGAIN = 5.0, 0.5
"""How long an API request waits, and after how long it is sent once more: a request to a leader
that has died is lost, one to its successor is not."""

PAGE_SECONDS, PAGE_PAUSE = 1.0, 0.1
"""How long a page waits for its next message before it is asked for anew, and the pause before."""

WRONG_LAST = frozenset({10071, 10164})
"""The server's codes for: the subject's last number is not the expected one."""

NOT_FOUND = frozenset({10037, 10059})
"""The server's codes for: no such message, no such stream."""

EXPECTED = "Nats-Expected-Last-Subject-Sequence"


class Reply(Protocol):
    """A message of the connection."""

    @property
    def subject(self) -> str:
        """Where it was sent."""

    @property
    def data(self) -> bytes:
        """Its payload."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""


class Connection(Protocol):
    """What the journal needs of a NATS connection."""

    @property
    def payload_limit(self) -> int:
        """Bytes one message may have."""

    def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a message."""

    async def request(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        within: float,
        again: float = math.inf,
    ) -> Reply:
        """Send a message and return the reply.

        :param again: seconds after which it is sent once more, as often as it takes.
        :raises StorageUnavailable: there was none in time.
        """

    async def gather(self, subject: str, data: bytes, *, within: float) -> Sequence[Reply]:
        """Send a message and return all its replies."""


class StreamRefused(GreenroomError):  # noqa: N818  said of the stream
    """JetStream will not do it, now or ever; nothing was changed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@attrs.frozen
class Stored:
    """A message in a stream.

    :param number: its number in the stream.
    """

    subject: str
    number: int
    data: bytes
    headers: Mapping[str, str]


@attrs.frozen
class Outgoing:
    """A message to be stored.

    :param expected: the number of the subject's last message, 0 for none; None to follow another
        message of the same subject in one batch.
    """

    subject: str
    data: bytes
    headers: Mapping[str, str]
    expected: int | None


async def call(connection: Connection, name: str, body: Mapping[str, Any] | None = None) -> Any:
    """Carry out an API request and return the answer.

    :raises StreamRefused: the server says no.
    :raises StorageUnavailable: there was no answer.
    """
    data = json.dumps(body).encode() if body is not None else b""
    reply = await connection.request(f"{API}.{name}", data, within=CALL_SECONDS, again=CALL_AGAIN)
    return _checked(reply)


def _checked(reply: Reply) -> Any:
    try:
        answer = json.loads(reply.data)
    except ValueError:
        raise StorageUnavailable(f"JetStream said {reply.data[:80]!r}") from None
    if error := answer.get("error"):
        raise StreamRefused(error.get("err_code", 0), error.get("description", "refused"))
    return answer


async def ensure_stream(connection: Connection, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a stream unless there is one of that name; return its configuration.

    :raises StreamRefused: the server cannot make it so.
    """
    name = config["name"]
    try:
        answer = await call(connection, f"STREAM.INFO.{name}")
    except StreamRefused as refused:
        if refused.code not in NOT_FOUND:
            raise
        try:
            answer = await call(connection, f"STREAM.CREATE.{name}", config)
        except StreamRefused:
            # Another node was quicker, with metadata of its own.
            answer = await call(connection, f"STREAM.INFO.{name}")
    found: Mapping[str, Any] = answer["config"]
    return found


async def last(connection: Connection, stream: str, subject: str) -> Stored | None:
    """Return a subject's last message, as the stream's leader has it."""
    return await _one(connection, stream, {"last_by_subj": subject})


async def latest(connection: Connection, stream: str, subject: str) -> Stored | None:
    """Return a subject's last message, as any replica has it: it needs no leader.

    :raises StorageUnavailable: NATS does not answer.
    """
    name = f"{API}.DIRECT.GET.{stream}.{subject}"
    reply = await connection.request(name, b"", within=CALL_SECONDS, again=CALL_AGAIN)
    if "Nats-Sequence" not in reply.headers:
        return None
    return Stored(subject, int(reply.headers["Nats-Sequence"]), reply.data, reply.headers)


async def following(connection: Connection, stream: str, subject: str, start: int) -> Stored | None:
    """Return the first message of a subject from the number ``start`` on, as the leader has it.

    :param subject: may have wildcards.
    """
    return await _one(connection, stream, {"seq": start, "next_by_subj": subject})


async def _one(connection: Connection, stream: str, which: Mapping[str, Any]) -> Stored | None:
    try:
        answer = await call(connection, f"STREAM.MSG.GET.{stream}", which)
    except StreamRefused as refused:
        if refused.code in NOT_FOUND:
            return None
        raise StorageUnavailable(str(refused)) from refused
    message = answer["message"]
    headers = _headers(base64.b64decode(message.get("hdrs", "")))
    data = base64.b64decode(message.get("data", ""))
    return Stored(message["subject"], message["seq"], data, headers)


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode().split("\r\n")[1:]
    return {
        name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }


async def page(
    connection: Connection, stream: str, subject: str, start: int, limit: int
) -> list[Stored]:
    """Return up to ``limit`` messages of a subject from the stream's number ``start`` on.

    Any replica answers, so it may be a little behind the leader.

    :raises StorageUnavailable: none answers.
    """
    body = {"seq": start, "batch": limit, "next_by_subj": subject}
    data = json.dumps(body).encode()
    until = trio.current_time() + CALL_SECONDS
    while True:
        try:
            replies = await connection.gather(
                f"{API}.DIRECT.GET.{stream}", data, within=PAGE_SECONDS
            )
            break
        except StorageUnavailable:  # a replica has died under it; the next one has it too
            if trio.current_time() > until:
                raise
            await trio.sleep(PAGE_PAUSE)
    return [
        Stored(
            reply.headers["Nats-Subject"],
            int(reply.headers["Nats-Sequence"]),
            reply.data,
            reply.headers,
        )
        for reply in replies
    ]


async def store(
    connection: Connection, batch: str, messages: Sequence[Outgoing], within: float = TIMEOUT
) -> int:
    """Store one message, or several as one atomic batch; return the number of the last.

    The messages of a batch stand one after the other in the stream.

    :param batch: an id no other batch has.
    :param within: seconds for which an answer is waited for.
    :raises StreamRefused: nothing was stored; see :data:`WRONG_LAST`.
    :raises StorageUnavailable: no answer; they may be stored or not.
    """
    several = len(messages) > 1
    for index, message in enumerate(messages, 1):
        headers = dict(message.headers)
        if message.expected is not None:
            headers[EXPECTED] = str(message.expected)
        if several:
            headers |= {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(index)}
        if index < len(messages):
            connection.publish(message.subject, message.data, headers)
            continue
        if several:
            headers["Nats-Batch-Commit"] = "1"
        reply = await connection.request(message.subject, message.data, headers, within=within)
        number: int = _checked(reply)["seq"]
    return number
