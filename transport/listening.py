"""Opening the port, alone or shared with other processes of this machine."""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import trio

BACKLOG = 4096
"""Connections the kernel may hold that are not yet accepted."""

UNSENT_BYTES = 16 << 10
"""What the kernel may hold of one connection's data that is not on its way yet."""


async def open_sockets(host: str, port: int, *, share: bool = False) -> list[socket.socket]:
    """Listen on every address that ``host`` stands for.

    The sockets do not block. What is accepted takes over their options (on Linux), so that they
    need not be set for each connection.

    :param share: let other processes listen on the same port (``SO_REUSEPORT``): the kernel
        spreads new connections over them.
    :raises OSError: the address is taken, or not this machine's.
    """
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with ExitStack() as stack:
        opened: list[socket.socket] = []
        for family, _, protocol, _, address in found:
            try:
                one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, protocol))
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT and len(found) > 1:
                    continue  # a name may stand for addresses this machine does not speak
                raise
            _prepare(one, share=share)
            one.bind(address)
            one.listen(BACKLOG)
            opened.append(one)
        if not opened:
            raise OSError(errno.EAFNOSUPPORT, f"no address of {host} can be listened on here")
        stack.pop_all()
    return opened


def _prepare(one: socket.socket, *, share: bool) -> None:
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


@contextmanager
def closing_all(opened: Sequence[socket.socket]) -> Iterator[Sequence[socket.socket]]:
    """Close all of them at the block's end."""
    try:
        yield opened
    finally:
        for one in opened:
            one.close()
