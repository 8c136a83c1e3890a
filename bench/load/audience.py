"""The people of a load: what each does on the way in."""

from typing import Any

from bench.load.target import Target

Opening = list[tuple[str, dict[str, Any]]]


def host(target: Target, session: str) -> Opening:
    """Return how a host comes in and starts the session."""
    token = target.token(f"host-{session}", sessions=frozenset({session}))
    return [
        ("connect", {"token": token}),
        ("session.join", {"session": session}),
        ("session.start", {"session": session}),
    ]


def guest(target: Target, name: str, session: str | None = None) -> Opening:
    """Return how somebody comes in, and into a session if one is named."""
    opening: Opening = [("connect", {"token": target.token(name)})]
    if session is not None:
        opening.append(("session.join", {"session": session}))
    return opening


def audience(target: Target, session: str, count: int) -> list[Opening]:
    """Return a host and ``count - 1`` others of one session."""
    others = (guest(target, f"p-{number}", session) for number in range(count - 1))
    return [host(target, session), *others]
