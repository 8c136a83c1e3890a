"""The worker's sockets: one port for all addresses, out of the range that was set."""

import errno
import os
import signal
import socket
import subprocess
import sys

import pytest

from transport.media import worker
from transport.media.process import is_idle
from transport.media.worker import bind


@pytest.fixture
def taken():
    """A port of the loopback that somebody else has, with a free one behind it."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind:
                try:
                    behind.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
            yield port
            return
    pytest.skip("no two free ports beside each other")


def closing(found):
    ports = [each.getsockname()[1] for each in found]
    for each in found:
        each.close()
    return ports


def test_any_port_is_the_same_for_all_addresses():
    try:
        first, second = closing(bind(["127.0.0.1", "::1"], 0, 0))
    except OSError as error:
        if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            raise
        pytest.skip("this machine has no IPv6")
    assert first == second != 0


def test_a_port_free_at_one_address_only_is_given_back(monkeypatch):
    real, asked = worker._bind_one, []

    def bind_one(host, port):
        asked.append((host, port))
        if len(asked) == 2:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return real("127.0.0.1" if port == 0 else "127.0.0.2", port)

    monkeypatch.setattr(worker, "_bind_one", bind_one)
    first, second = closing(bind(["127.0.0.1", "127.0.0.2"], 0, 0))
    assert first == second
    assert [port for _, port in asked] == [0, asked[1][1], 0, first]


def test_a_port_that_is_taken_is_passed_over(taken):
    assert closing(bind(["127.0.0.1"], taken, taken + 1)) == [taken + 1]


def test_a_range_without_a_free_port_is_told(taken):
    with pytest.raises(OSError, match="Address already in use"):
        bind(["127.0.0.1"], taken, taken)
    with pytest.raises(OSError, match="empty"):
        bind(["127.0.0.1"], 5, 4)


def test_a_process_that_is_stopped_is_told_from_one_that_works():
    with subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile 1: pass"],
                          stdout=subprocess.PIPE) as busy:  # fmt: skip
        busy.stdout.readline()
        assert not is_idle(busy.pid)
        os.kill(busy.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, busy.pid, os.WSTOPPED)
        assert is_idle(busy.pid)
        busy.kill()
    assert not is_idle(busy.pid)
