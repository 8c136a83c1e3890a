"""Opening the port, alone or shared with other processes of this machine."""

import socket

import trio

BACKLOG = 4096
"""Connections the kernel may hold that are not yet accepted."""


async def open_listeners(host: str, port: int, *, share: bool = False) -> list[trio.SocketListener]:
    """Listen on every address that ``host`` stands for.

    :param share: let other processes listen on the same port (``SO_REUSEPORT``): the kernel
        spreads new connections over them.
    :raises OSError: the address is taken, or not this machine's.
    """
    if not share:
        return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listeners: list[trio.SocketListener] = []
    for family, kind, protocol, _, address in found:
        opened = trio.socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            await opened.bind(address)
            opened.listen(BACKLOG)
        except OSError:
            opened.close()
            for listener in listeners:
                await listener.aclose()
            raise
        listeners.append(trio.SocketListener(opened))
    return listeners
