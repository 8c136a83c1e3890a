"""``greenroom top``: the live tree of actors, and the media workers.

As JSON for an admin, and as a picture in a terminal.

The picture is drawn from the JSON form, so that it can be watched from another process.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs
import trio
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from actors.kernel import ActorSystem
from engine.top_media import Worker, media_tables

SHOWN = 200
"""Children of one supervisor in the JSON form, and rows in the terminal."""

_STATES = {
    "running": "green",
    "starting": "cyan",
    "restarting": "yellow",
    "suspended": "yellow",
    "stopping": "magenta",
    "passivating": "blue",
    "passive": "dim",
    "ended": "red",
}
_NEARLY_FULL = 0.8

Fetch = Callable[[], Awaitable[Mapping[str, Any]]]


class Top:
    """Samples a system; keeps the last sample of each caller apart by one instance each.

    :param system: whose tree to show.
    :param clock: seconds that only grow, to tell messages per second.
    :param media: returns what each media worker counted last.
    """

    def __init__(
        self,
        system: ActorSystem,
        clock: Callable[[], float] = time.monotonic,
        media: Callable[[], Sequence[Worker]] = tuple,
    ) -> None:
        self._media = media
        self._system = system
        self._clock = clock
        self._sampled_at: float | None = None
        self._handled: dict[str, int] = {}

    def sample(self, children: int = SHOWN) -> dict[str, Any]:
        """Return the tree and the totals as plain data for JSON.

        :param children: how many of one supervisor's children to include at most.

        Every actor has ``rate``: messages handled a second since the last sample of this
        instance; None in the first.
        """
        now = self._clock()
        seconds = None if self._sampled_at is None else max(now - self._sampled_at, 1e-9)
        tree = self._system.tree(children).to_dict()
        handled: dict[str, int] = {}
        self._add_rates(tree, seconds, handled)
        self._sampled_at, self._handled = now, handled
        return {
            "tree": tree,
            "totals": attrs.asdict(self._system.statistics()),
            "media": list(self._media()),
        }

    def _add_rates(
        self, node: dict[str, Any], seconds: float | None, handled: dict[str, int]
    ) -> None:
        urn, count = node["urn"], node["handled"]
        handled[urn] = count
        # A passivated actor that came back counts from nothing.
        since = count - min(self._handled.get(urn, 0), count)
        node["rate"] = None if seconds is None else round(since / seconds, 1)
        node["children"] = list(node["children"])
        for child in node["children"]:
            self._add_rates(child, seconds, handled)


def render(sample: Mapping[str, Any], rows: int = SHOWN) -> RenderableType:
    """Draw a sample.

    :param sample: what :meth:`Top.sample` returned, or its JSON read back.
    :param rows: lines at most; the rest is told as a number.
    """
    table = Table(box=None, padding=(0, 1), expand=True)
    table.add_column("actor", no_wrap=True, ratio=3)
    table.add_column("state", no_wrap=True)
    for title in ("mailbox", "msg/s", "handled", "restarts", "lost"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("last error", no_wrap=True, ratio=2, style="red")
    lines: list[tuple[str, Mapping[str, Any]]] = []
    _walk(sample["tree"], "", "", lines)
    for prefix, node in lines[:rows]:
        table.add_row(*_row(prefix, node))
    parts: list[RenderableType] = [_summary(sample["totals"]), table]
    if len(lines) > rows:
        parts.append(Text(f"... and {len(lines) - rows} more", style="dim"))
    parts += media_tables(sample.get("media", ()))
    return Group(*parts)


def _walk(
    node: Mapping[str, Any], own: str, below: str, lines: list[tuple[str, Mapping[str, Any]]]
) -> None:
    lines.append((own, node))
    children = node["children"]
    for index, child in enumerate(children):
        last = index == len(children) - 1 and not node["hidden"]
        _walk(child, below + ("└ " if last else "├ "), below + ("  " if last else "│ "), lines)
    if node["hidden"]:
        lines.append((f"{below}└ ", {"hidden_rest": node["hidden"]}))


def _row(prefix: str, node: Mapping[str, Any]) -> list[RenderableType]:
    if "hidden_rest" in node:
        return [Text(f"{prefix}{node['hidden_rest']} more", style="dim")]
    label = Text(f"{prefix}{node['name']}")
    if node["strategy"]:
        label.append(f"  {node['strategy']}", style="dim")
    share = node["mailbox"] / max(1, node["mailbox_limit"])
    rate = "" if node["rate"] is None else f"{node['rate']:,.1f}"
    return [
        label,
        Text(node["state"], style=_STATES.get(node["state"], "")),
        Text(f"{node['mailbox']:,}", style="red" if share >= _NEARLY_FULL else ""),
        rate,
        f"{node['handled']:,}",
        Text(f"{node['restarts']:,}", style="yellow" if node["restarts"] else ""),
        Text(f"{node['lost']:,}", style="yellow" if node["lost"] else ""),
        Text(node["last_error"] or ""),
    ]


def _summary(totals: Mapping[str, Any]) -> Text:
    letters = sum(totals["dead_letters"].values())
    return Text(
        f"{totals['actors']:,} actors   {totals['waiting']:,} waiting   "
        f"{totals['handled']:,} handled   {totals['restarts']:,} restarts   "
        f"{totals['failures']:,} failures   {letters:,} dead letters",
        style="bold",
    )


async def watch(fetch: Fetch, *, interval: float = 1.0, count: int | None = None) -> None:
    """Draw the tree in the terminal until interrupted.

    :param fetch: gets a sample: from the same process, or as JSON over HTTP.
    :param interval: seconds between two samples.
    :param count: samples after which to end; None goes on.
    """
    with Live(auto_refresh=False, screen=count is None) as live:
        seen = 0
        while count is None or seen < count:
            if seen:
                await trio.sleep(interval)
            sample = await fetch()
            lines = live.console.height - 4
            rows = lines // 2 if sample.get("media") else lines
            live.update(render(sample, rows=max(5, rows)), refresh=True)
            seen += 1
