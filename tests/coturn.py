"""A TURN server (RFC 8656) for those who reach media by no other way: Debian's coturn."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def coturn(folder: Path, secret: str) -> Iterator[int]:
    """Run coturn on a free port of the loopback, and give the port.

    :param folder: where it may keep its files.
    :param secret: the shared secret that short-lived credentials are made with.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [
        *("turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"),
        *(f"--listening-port={port}", "--use-auth-secret", f"--static-auth-secret={secret}"),
        *("--realm=greenroom", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"),
        *(f"--pidfile={folder}/pid", f"--userdb={folder}/db", "--log-file=stdout"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)
