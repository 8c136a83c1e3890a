"""What every HTTP request and answer passes: the bound on bodies, the security headers."""

import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from transport.limits import Limits

BODY_SECONDS = 30.0
"""Seconds a client has to send a request's body."""

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere (CSP level 3). 'self' covers the WebSocket.

``wasm-unsafe-eval`` lets WebAssembly of our own origin run: virtual backgrounds need it.
"""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), display-capture=(self)",
}


class Unacceptable(Exception):  # noqa: N818  the body is
    """A request's body is too long, or too slow."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        facts = {"reason": reason, "temporary": False}
        error = {"code": status, "message": message, "data": facts}
        self.response = JSONResponse({"error": error}, status)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limit = limits.body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            answer = _Answer(send)
            try:
                self._check_length(scope)
                await self._app(scope, self._bounded(receive), answer)
            except Unacceptable as problem:
                if not answer.started:
                    await problem.response(scope, receive, answer)

    def _check_length(self, scope: Scope) -> None:
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._limit:
            raise _too_large()

    def _bounded(self, receive: Receive) -> Receive:
        taken, deadline = 0, trio.current_time() + BODY_SECONDS
        whole = False

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()
            try:
                with trio.fail_at(deadline):
                    message = await receive()
            except trio.TooSlowError:
                raise Unacceptable(408, "too_slow", "The body took too long.") from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > self._limit:
                raise _too_large()
            return message

        return bounded


class _Answer:
    """The way an answer goes out, with the headers of every answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _too_large() -> Unacceptable:
    return Unacceptable(413, "too_large", "The body is too long.")
