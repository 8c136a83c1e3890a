"""What a result of ``bench.inbound`` says of where the time goes: its parts, the three largest."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.load import staged

Result = Mapping[str, Any]

PARTS: Mapping[str, tuple[str, ...]] = {
    "the commit": (
        "rows for the journal", "handed to the writer", "commit: statements",
        "commit: begin, write and sync", "commit: waking the entity", staged.WRITING,
        staged.WOKEN,
    ),
    "the read model": ("projection",),
    "reading from sockets": (
        "told which sockets have something", "read from the socket", "WebSocket",
    ),
    "parse, structure and rates": (
        "the connection's task", "decode", "JSON-RPC", "rate limit", "structure",
        "kept until it is answered",
    ),
    "the mailbox": ("put into the entity's mailbox", "taken from the mailbox"),
    "the entity and its rules": (
        "the entity's turn", "decide", "evolve and answer", "record", "effects", "deadline",
    ),
    "telling everybody": (
        "publish, encoded once", "frames encoded", "written to everybody's socket",
    ),
    "the answer": ("the answer's way back", "the answer written to its socket"),
    "trio": (staged.SCHEDULING, staged.POLLING),
}  # fmt: skip
"""Which stages make up each part of the way."""

REST = "what has no stage"

DONE: Mapping[str, str] = {
    "the commit": "whatever queued while the last commit was on its way shares the next one; "
    "`journal` has it beside a commit for each",
    "the read model": "it makes pauses while people are served, and writes many rows a statement; "
    "`projection` has it beside one a statement",
    "reading from sockets": "one epoll for all connections, no task and no channel beside a "
    "connection's own, and `websockets` for wsproto",
    "parse, structure and rates": "no task waits for an answer, and a timer of the system's "
    "stands for a cancel scope",
    "the mailbox": "a command passes by the mailbox of its person while that is empty",
    "the entity and its rules": "a batch is decided at once and committed with one append, and an "
    "instant is spelt once",
    "telling everybody": "an event is encoded once, and what one commit made leaves in one write a "
    "listener; `fanout` has it beside a raw loop of writes",
    "the answer": "whoever gives it sends it, and no task is woken for it",
    "trio": "one task a connection, and none that waits for an answer",
}
"""What was done about each part."""

EARLIER = {
    "reading from sockets": "WebSocket",
    "parse, structure and rates": "time limit",
}
"""Stages that the bench measures as they were before too, and the part they belong to."""

LARGEST = 3


def parts(way: Result) -> dict[str, float]:
    """Return microseconds a command of each part of a way, what has no stage included."""
    stages = way["stages"]
    found = {part: sum(stages.get(stage, 0.0) for stage in names) for part, names in PARTS.items()}
    found[REST] = stages.get(staged.STEPS, 0.0) + way["rest"]
    return {part: round(cost, 2) for part, cost in found.items()}


def figures(ways: Mapping[str, Result]) -> dict[str, float]:
    """Return the parts of all ways, each with the name of its way."""
    return {
        f"{name}: {part}": cost for name, way in ways.items() for part, cost in parts(way).items()
    }


def text(result: Result) -> str:
    """Return what a result says of where the time goes; nothing of an older one's."""
    ways = result.get("ways", {})
    return (
        "\n".join([*_table(result, ways), "", *_largest(result, ways), *_waits(ways), ""])
        if ways
        else ""
    )


def _table(result: Result, ways: Mapping[str, Result]) -> Iterator[str]:
    yield "Microseconds of processor a command, of a daemon whose stages are stamped; what the"
    yield "stamps themselves cost is left out, as far as it is known.\n"
    yield f"| stage | {' | '.join(ways)} |\n|---|{'---:|' * len(ways)}"
    summed = {name: parts(way) for name, way in ways.items()}
    for part, names in PARTS.items():
        yield _row(f"**{part}**", [one[part] for one in summed.values()])
        for stage in names:
            costs = [way["stages"].get(stage, 0.0) for way in ways.values()]
            if len(names) > 1 and any(costs):
                yield _row(stage, costs)
    yield _row(f"**{REST}**", [one[REST] for one in summed.values()])
    yield _row("**all of it**", [way["whole"] for way in ways.values()])
    plain = [result["microseconds"][f"from socket to socket, {name}"] for name in ways]
    yield _row("all of it, of a daemon without stamps", plain)


def _row(name: str, costs: list[float]) -> str:
    return f"| {name} | {' | '.join(f'{cost:.1f}' for cost in costs)} |"


def _largest(result: Result, ways: Mapping[str, Result]) -> Iterator[str]:
    for name, way in ways.items():
        found = parts(way)
        shares = ", ".join(f"{part} ({found[part] / way['whole']:.0%})" for part in _most(way))
        yield f"- The three largest, {name}: {shares}."
    largest = {part for way in ways.values() for part in _most(way)}
    yield from (
        f"- Done about {part}: {DONE[part]}{_earlier(result, part)}."
        for part in PARTS
        if part in largest
    )


def _most(way: Result) -> list[str]:
    found = parts(way)
    return sorted(PARTS, key=lambda part: -found[part])[:LARGEST]


def _earlier(result: Result, part: str) -> str:
    stage = EARLIER.get(part, "")
    how, cost = result.get("before", {}).get(stage, ("", 0.0))
    if not how:
        return ""
    now = result["microseconds"][stage]
    return f" ({stage}: {cost:.1f} us {how}, {now:.1f} us now, {cost / now:.1f} times as fast)"


def _waits(ways: Mapping[str, Result]) -> Iterator[str]:
    for name, way in ways.items():
        told = "; ".join(f"{wait} {cost / 1000:.2f} ms" for wait, cost in way["waits"].items())
        yield f"- On the clock, {name}: {told}."
