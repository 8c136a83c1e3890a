"""Opening a client's stream and its WebSocket."""

import ssl
from urllib.parse import urlsplit

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

MESSAGE_BYTES = 16 << 20
"""Longest message a client takes."""

READ_BYTES = 16 << 10

AnyStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


def check_address(url: str) -> str:
    """Return the address of a WebSocket, if it is one.

    :raises ValueError: it is not.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url}: expected ws://HOST:PORT/v1/ws or wss://…")
    return url


async def dial(url: str, context: ssl.SSLContext | None) -> AnyStream:
    """Open a stream to the host of a ``ws`` or ``wss`` address.

    :raises OSError: nobody listens there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "wss":
        return await trio.open_tcp_stream(host, parts.port or 80)
    return await trio.open_ssl_over_tcp_stream(
        host,
        parts.port or 443,
        ssl_context=context or ssl.create_default_context(),
        https_compatible=True,
    )


async def shake_hands(
    nursery: trio.Nursery, stream: AnyStream, url: str, subprotocol: str
) -> WebSocketConnection:
    """Open the WebSocket; its tasks run in ``nursery``, where a rejection is raised."""
    parts = urlsplit(url)
    return await wrap_client_stream(
        nursery,
        stream,
        parts.netloc,
        parts.path or "/v1/ws",
        subprotocols=[subprotocol],
        max_message_size=MESSAGE_BYTES,
        message_queue_size=16,
        receive_buffer_size=READ_BYTES,
    )
