"""Looks now and then whether a deployment is still there, and leaves no trace in its figures.

It is asked over HTTP for the WebSocket's own path, without an upgrade: that path whatever stands
before the server leads to it, and no handshake is broken off. One connection is kept for all
questions.
"""

import http.client
import threading
import time
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

import trio

from bench.load.target import Target
from bench.load.watch import connection
from bench.load.wire import Address, LoadFailed

LOOK_EVERY, GONE_SECONDS = 1.0, 8.0
"""How often one looks whether a deployment is there, and how long it may be away."""

LAST_WORD_SECONDS = 2.5
"""How much longer a bench may take to tell itself that its deployment is gone."""

GATEWAY_ERRORS = frozenset({502, 503, 504})
"""What a proxy answers when there is nobody behind it (RFC 9110, 15.6)."""


class Sight:
    """One connection over which a deployment is looked at again and again.

    :param url: of its WebSocket.
    :raises LoadFailed: it is none.
    """

    def __init__(self, url: str) -> None:
        Address.parse(url)  # a URL that is none is told as such
        parts = urlsplit(url)
        scheme = "https" if parts.scheme == "wss" else "http"
        self._path = parts.path or "/"
        self._kept = connection(f"{scheme}://{parts.netloc}")

    def look(self) -> None:
        """Make sure that somebody answers.

        :raises LoadFailed: nobody does.
        """
        try:
            status = self._ask()
        except TimeoutError as error:
            raise self._silent(error) from error
        except (OSError, http.client.HTTPException):  # it may have been idle for too long
            try:
                status = self._ask()
            except (OSError, http.client.HTTPException) as error:
                raise self._silent(error) from error
        if status in GATEWAY_ERRORS:
            raise LoadFailed(f"it answers {status} {http.client.responses[status]}")

    @staticmethod
    def _silent(error: Exception) -> LoadFailed:
        return LoadFailed(f"it does not answer: {error or type(error).__name__}")

    def _ask(self) -> int:
        try:
            self._kept.request("GET", self._path)
            answer = self._kept.getresponse()
            answer.read()
        except BaseException:
            self.close()
            raise
        return answer.status

    def close(self) -> None:
        """Hang up; the next look connects again."""
        self._kept.close()


async def watch_over(target: Target, so_far: Callable[[], str]) -> None:
    """Look now and then whether a deployment is still there; for a nursery.

    Its people would wait for ever. Whoever is back within :data:`GONE_SECONDS` was restarted.

    :param so_far: tells what was measured until then.
    :raises LoadFailed: it is gone.
    """
    if target.ours:
        return  # ours to kill and to start again
    seen, sight = trio.current_time(), Sight(target.url)
    while True:
        await trio.sleep(LOOK_EVERY)
        try:
            await trio.to_thread.run_sync(sight.look, abandon_on_cancel=True)
            seen = trio.current_time()
        except LoadFailed as failed:
            if trio.current_time() - seen > GONE_SECONDS:
                raise LoadFailed(f"the server is gone ({failed}); {so_far()}") from failed


class Lookout:
    """Looks from a thread whether a deployment is still there, for a bench in another process.

    :param url: of its WebSocket.
    """

    def __init__(self, url: str) -> None:
        self._sight = Sight(url)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)
        self.gone = ""
        """Why, once it has been away for too long."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        seen = time.monotonic()
        while not self._over.wait(LOOK_EVERY):
            try:
                self._sight.look()
                seen = time.monotonic()
            except LoadFailed as failed:
                # The bench itself knows what was measured until then: it has the first word.
                if time.monotonic() - seen > GONE_SECONDS + LAST_WORD_SECONDS:
                    self.gone = str(failed)
                    return
        self._sight.close()
