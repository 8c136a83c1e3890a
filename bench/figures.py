"""The figures that stand for a bench: what is told in tables, beside the peer and the target."""

from collections.abc import Callable, Iterator, Mapping

from bench.figure import Figure, Result
from bench.figures_media import media, media_crash, media_soak

LARGE, WEEK = 10_000, 7
"""People and days of the fair that is to be simulated in a minute."""

MEMORY = (
    ("memory_mb_per_hour", "memory after warm-up, by each minute's least", "MB", 1.0),
    ("memory_of_all_samples_mb_per_hour", "memory after warm-up, by all samples", "MB", None),
    ("heap_in_use_mb_per_hour", "of it in use in the C library's heap", "MB", None),
    ("blocks_in_use_thousands_per_hour", "of it in use by Python's objects", "thousand blocks",
     None),
)  # fmt: skip
"""The slopes that a soak tells: what is resident, and of it what is in use."""


def actors(result: Result) -> Iterator[Figure]:
    """Tell the kernel's rates, beside Pykka's threads and trio's channels."""
    rates = result["per_second"]
    for name, bound in (("tell", 1.0), ("ask", 2.0), ("spawn", 2.0)):
        row = rates[name]
        yield Figure(name, row["greenroom"], "/s", "Pykka threads", row["pykka"], bound,
                     of_ratio=True)  # fmt: skip
    tell = rates["tell"]
    yield Figure("tell", tell["greenroom"], "/s", "trio channel", tell["channel"], 2.0,
                 of_ratio=True)  # fmt: skip
    ours = next(iter(result["memory"]["greenroom"].values()))["bytes"]
    theirs = next(iter(result["memory"]["pykka"].values()))["bytes"]
    yield Figure("memory an actor", ours, "bytes", "Pykka threads", theirs, 3.0,
                 of_ratio=True, higher=False)  # fmt: skip
    late = result["lateness"]["p99_ms"]
    yield Figure("bystander's timer late, p99", late, "ms", target=5.0, sense="at most",
                 higher=False)  # fmt: skip


def journal(result: Result) -> Iterator[Figure]:
    """Tell of durable appends beside a commit for each."""
    most = max(result["appends"], key=int)
    rate = result["appends"][most]["per_second"]
    yield Figure(f"durable appends, {most} writers", rate, "/s", "sqlite3, commit each",
                 result["commit_each_per_second"])  # fmt: skip
    yield Figure("fsync of this disk", result["fsync_per_second"], "/s")
    for key, name in (
        ("recovery_100k_events_of_one_entity", "recovery, 100,000 events of one entity"),
        ("recovery_1000_entities_of_100_events", "recovery, 1,000 entities of 100 events"),
    ):
        yield Figure(name, result[key]["seconds"], "s", higher=False)


def projection(result: Result) -> Iterator[Figure]:
    """Tell what a row of the read model costs, beside a statement for each."""
    many, one = result["many_a_statement"], result["one_a_statement"]
    for place, name in (("alone", "alone"), ("beside_loop", "beside a busy loop")):
        yield Figure(f"a message projected, {name}", many[place]["cpu_us_per_row"], "us of CPU",
                     "a statement a row", one[place]["cpu_us_per_row"], higher=False)  # fmt: skip


def fanout(result: Result) -> Iterator[Figure]:
    """Tell what a recipient costs, beside each peer; of a deployment, how late messages come."""
    for name, case in result.get("deployment", {}).items():
        for who in ("first", "last"):
            for part in ("p50", "p99") if case[who]["count"] else ():
                yield Figure(f"{name}: the {who} has it, {part}", case[who][f"{part}_ms"], "ms",
                             higher=False)  # fmt: skip
        yield Figure(f"{name}: delivered", case["delivered_percent"], "%", target=100.0)
    for case in result.get("cases", ()):
        what = f"fan-out, {case['subscribers']:,} subscribers, {case['size']:,} bytes"
        if "greenroom" not in case["peers"]:
            yield Figure(f"{what}: Greenroom failed", 1, "", target=0, sense="at most",
                         higher=False)  # fmt: skip
            continue
        ours = case["peers"]["greenroom"]["cpu_us_per_recipient"]
        for peer, figures in case["peers"].items():
            if peer != "greenroom":
                yield Figure(what, ours, "us a recipient", peer, figures["cpu_us_per_recipient"],
                             higher=False)  # fmt: skip
        for peer in case["failed"]:
            yield Figure(what, ours, "us a recipient", f"{peer} failed", higher=False)
        yield from _fanout_targets(case, what)


def _fanout_targets(case: Result, what: str) -> Iterator[Figure]:
    for key, name, bound in (
        ("of_best_python_peer", "of the best Python peer", 0.8),
        ("of_floor", "of a raw loop of writes", 1.5),
    ):
        if key in case:
            yield Figure(f"{what}: {name}", case[key], "times", target=bound, sense="at most",
                         higher=False)  # fmt: skip
    memory = case["peers"]["greenroom"]["memory_bytes_per_connection"]
    yield Figure(f"{what}: memory a connection", memory / 1000, "kB", target=30.0,
                 sense="at most", higher=False)  # fmt: skip


def join(result: Result) -> Iterator[Figure]:
    """Tell of a session filling up."""
    people = result["people"]
    if result["join_cpu_seconds"] is not None and result["connect_cpu_seconds"] is not None:
        yield Figure(f"server CPU, {people:,} people join", result["join_cpu_seconds"], "s",
                     target=3.0, sense="at most", higher=False)  # fmt: skip
        yield Figure(f"server CPU, {people:,} people connect", result["connect_cpu_seconds"], "s",
                     higher=False)  # fmt: skip
    yield Figure("joins answered within, p99", result["latency"]["p99_ms"], "ms", higher=False)
    yield Figure("people with a snapshot", result["snapshots"], "", target=people)
    yield Figure("people that People counts", result["people_counted"], "", target=people)


def commands(result: Result) -> Iterator[Figure]:
    """Tell of durable chat beside python-socketio."""
    servers = result["servers"]
    ours, peer = servers["greenroom"], servers.get("python-socketio")
    name = f"durable chat, {result['people']} senders to as many"
    yield Figure(name, ours["saturation_per_second"], "/s", "python-socketio" if peer else "",
                 peer["saturation_per_second"] if peer else None,
                 3.0 if peer else None, of_ratio=True)  # fmt: skip
    slow = peer["at_70_percent"]["latency"].get("p99_ms") if peer else None
    yield Figure("the same at 70 %, p99", ours["at_70_percent"]["latency"]["p99_ms"], "ms",
                 "python-socketio" if peer else "", slow, 50.0, "at most",
                 higher=False)  # fmt: skip
    yield Figure("delivered", ours["at_70_percent"]["delivered_percent"], "%", target=100.0)
    lost = sum(map(_not_carried_out, (ours["at_saturation"], ours["at_70_percent"])))
    yield Figure("refused, not answered, hung up on", lost, "", target=0, sense="at most",
                 higher=False)  # fmt: skip
    cost = ours["at_saturation"].get("server_cpu_us_per_command")
    if cost is not None:
        theirs = peer["at_saturation"]["server_cpu_us_per_command"] if peer else None
        yield Figure("server CPU a command, all deliveries counted", cost, "us",
                     "python-socketio" if peer else "", theirs, higher=False)  # fmt: skip


def _not_carried_out(load: Result) -> float:
    return float(sum(load["refused"].values()) + load["unanswered"] + load["hung_up"])


def storm(result: Result) -> Iterator[Figure]:
    """Tell how everybody drops and comes back."""
    name = f"delivered, {result['clients']:,} clients drop"
    yield Figure(name, result["delivered_percent"], "%", target=100.0)
    yield Figure("missed or repeated", result["missed"] + result["repeated"], "messages",
                 target=0, sense="at most", higher=False)  # fmt: skip
    yield Figure("back again, p99", result["back_p99_s"], "s", target=3.0, sense="at most",
                 higher=False)  # fmt: skip
    yield Figure("late because of it, p99", result["late_p99_s"], "s", higher=False)
    if result["server_worst_stall_ms"] is not None:
        yield Figure("the loop's worst stall", result["server_worst_stall_ms"], "ms", target=50.0,
                     sense="at most", higher=False)  # fmt: skip
    if result["return_server_us_each"] is not None:
        cost = result["return_server_us_each"]
        yield Figure("a return costs the server", cost, "us", higher=False)
    if "acknowledged" in result:
        part = result["acknowledged"] / result["published"]
        yield Figure("acknowledged, of those sent", 100 * part, "%", target=100.0)


def slow(result: Result) -> Iterator[Figure]:
    """Tell what others notice of one that never reads."""
    name = f"a message to {result['clients']:,} beside one that never reads, of without"
    yield Figure(f"{name}: p99", result["p99_ratio"], "times", target=1.2, sense="at most",
                 higher=False)  # fmt: skip
    if "server_cpu_ratio" in result:
        yield Figure(f"{name}: median", result["middle_ratio"], "times", higher=False)
        yield Figure(f"{name}: server CPU", result["server_cpu_ratio"], "times", target=1.1,
                     sense="at most", higher=False)  # fmt: skip
    if result["memory_grown_kb"] is not None:
        yield Figure("memory grown over the rounds", result["memory_grown_kb"], "kB", target=2_000,
                     sense="at most", higher=False)  # fmt: skip
    yield Figure("missed by the others", result["missed"], "messages", target=0, sense="at most",
                 higher=False)  # fmt: skip
    yield Figure("closed as slow, of those that never read", result["slow_consumers"], "",
                 target=result["rounds"])  # fmt: skip


def book(result: Result) -> Iterator[Figure]:
    """Tell of the race for slots."""
    won = result["outcomes"].get("confirmed", 0)
    name = f"slots booked, {result['people']:,} people for {result['slots']}"
    yield Figure(name, won, "", target=result["slots"])
    yield Figure("picks", result["picks_per_second"], "/s")
    if result["winners_ms"]:
        yield Figure("a winner is told, p99", result["winners_ms"]["p99"], "ms", higher=False)


def inbound(result: Result) -> Iterator[Figure]:
    """Tell the microseconds of each stage of a command's way in, some beside what they were."""
    before = result.get("before", {})
    for name, cost in result["microseconds"].items():
        way, earlier = before.get(name, ("", None))
        yield Figure(name, cost, "us", way, earlier, higher=False)


def stage(result: Result) -> Iterator[Figure]:
    """Tell of people coming on screen."""
    yield Figure("people brought on screen", result["on_screen_per_second"], "/s")
    late = result["countdown_late"].get("p99_ms")
    if late is not None:
        yield Figure("countdown late, p99", late, "ms", higher=False)
    yield Figure("a command, p99", result["latency"]["p99_ms"], "ms", higher=False)
    yield Figure("failed", result["failed"], "commands", target=0, sense="at most", higher=False)


def breakout(result: Result) -> Iterator[Figure]:
    """Tell of rooms opening and closing."""
    people = result["people"]
    name = f"{people} people told of {result['rooms']} rooms"
    yield Figure(name, result["told_of_opening_ms"], "ms", higher=False)
    yield Figure("all in their rooms", result["in_their_rooms_ms"], "ms", higher=False)
    yield Figure("told of the close", result["told_of_close_ms"], "ms", higher=False)
    yield Figure("moved exactly once", result["moved_exactly_once"], "people", target=people)


def page(result: Result) -> Iterator[Figure]:
    """Tell of the web client's page in a full session."""
    name = f"frames, {result['people']:,} people, {result['messages_a_second']:.0f} messages/s"
    yield Figure(f"{name}, p5", result["frames_a_second_p5"], "/s", target=30.0)
    if "empty_frames_a_second_p5" in result:
        empty = result["empty_frames_a_second_p5"]
        yield Figure("an empty page in the same seconds, p5", empty, "/s")
        yield Figure("frames that came late", result["frames_late_percent"], "%", target=5.0,
                     sense="at most", higher=False)  # fmt: skip
        late = result["empty_frames_late_percent"]
        yield Figure("the same of the empty page", late, "%", higher=False)
    yield Figure("its main thread", 100 * result["page_cpu"], "% of a core", higher=False)
    yield Figure("longest frame", result["frame_longest_ms"], "ms", higher=False)
    yield Figure("bots lost on the way", result["hung_up"], "", target=0, sense="at most",
                 higher=False)  # fmt: skip
    yield Figure("messages that reached the page", result["shown_percent"], "%", target=100.0)
    yield Figure("nodes of its document", result["nodes_most"], "", target=5_000,
                 sense="at most", higher=False)  # fmt: skip
    yield Figure("its JavaScript heap", result["heap_mb"], "MB", higher=False)
    growth = result["heap_mb_an_hour"]
    if growth is not None:
        yield Figure("the same, once it is full", growth, "MB an hour", target=12.0,
                     sense="at most", higher=False)  # fmt: skip


def mixed(result: Result) -> Iterator[Figure]:
    """Tell of a whole fair at once."""
    yield Figure("commands", result["commands_per_second"], "/s")
    yield Figure("a command, p99", result["latency"]["p99_ms"], "ms", higher=False)
    yield Figure("failed", result["failed"], "commands", target=0, sense="at most", higher=False)
    yield Figure("invariants broken", len(result["broken"]), "", target=0, sense="at most",
                 higher=False)  # fmt: skip
    if "chats" in result:
        yield from _chats(result["chats"])
    yield from _memory(result)


def _memory(result: Result) -> Iterator[Figure]:
    for key, label, unit, target in MEMORY:
        if result.get(key) is not None:
            yield Figure(label, result[key], f"{unit} an hour", target=target, sense="at most",
                         higher=False)  # fmt: skip


def _chats(chats: Result) -> Iterator[Figure]:
    yield Figure("1-1 chats booked", chats["booked"], "")
    if "entries" in chats:  # an older result counts how often somebody came
        yield Figure("1-1 chats entered", chats["entered"], "")
    yield Figure("1-1 chats in which both met", chats["met"], "")
    both = chats["ended_with_both"]
    why = "" if chats.get("long_enough_for_an_end", both) else " (too short a fair for any)"
    yield Figure(f"1-1 chats both were in to the end{why}", both, "")


def plain(result: Result) -> Iterator[Figure]:
    """Tell whatever numbers stand at the top of a result."""
    for name, value in result.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield Figure(name.replace("_", " "), float(value), "")


def cluster(result: Result) -> Iterator[Figure]:
    """Tell what going through NATS costs, and what a second node brings, beside SQLite."""
    base = result["ways"][0]
    for one in result["ways"]:
        peer = "" if one is base else base["way"]
        for part, name, key, unit, higher in (
            ("commands", "commands", "per_second", "/s", True),
            ("commands", "nodes' CPU a command", "node_cpu_us_per_command", "us", False),
            ("fanout", "deliveries", "deliveries_per_second", "/s", True),
            ("fanout", "nodes' CPU a delivery", "node_cpu_us_per_delivery", "us", False),
        ):
            yield Figure(f"{name}, {one['way']}", one[part][key], unit, peer,
                         base[part][key] if peer else None, higher=higher)  # fmt: skip
        yield Figure(f"a command answered within, p99, {one['way']}", one["commands"]["p99_ms"],
                     "ms", higher=False)  # fmt: skip
        least = min(one[part]["delivered_percent"] for part in ("commands", "fanout"))
        yield Figure(f"delivered, {one['way']}", least, "%", target=100.0)


def outage(result: Result) -> Iterator[Figure]:
    """Tell how long anybody waited through each fault; what was acknowledged is checked."""
    for fault in result["faults"]:
        name = f"longest wait, {fault['fault']}"
        yield Figure(f"{name}, of those at other nodes", fault["elsewhere"], "s",
                     target=fault["limit"], sense="at most", higher=False)  # fmt: skip
        yield Figure(f"{name}, of anybody", fault["longest"], "s", higher=False)
        if fault["election"]:
            yield Figure(f"of it without a leader of JetStream, {fault['fault']}",
                         fault["election"], "s", higher=False)  # fmt: skip
    reloaded = max(fault["reloaded"] for fault in result["faults"])
    yield Figure("people who could not resume by number", reloaded, "", target=0.0,
                 sense="at most", higher=False)  # fmt: skip


def simulate(result: Result) -> Iterator[Figure]:
    """Tell of fairs on a clock that jumps: broken promises, and how fast time goes by."""
    for fairs in (result["small"], result["large"]):
        name = f"{fairs['fairs']} of {fairs['people']:,} people, {fairs['days']} days"
        yield Figure(f"fairs that broke a promise, {name}", fairs["broken"], "", target=0,
                     sense="at most", higher=False)  # fmt: skip
        week = fairs["people"] >= LARGE and fairs["days"] >= WEEK
        yield Figure(f"real seconds a fair, {name}", fairs["seconds_each"], "s",
                     target=60.0 if week else None, sense="at most", higher=False)  # fmt: skip
        yield Figure(f"commands, {name}", fairs["commands_per_second"], "/s")


READ: Mapping[str, Callable[[Result], Iterator[Figure]]] = {
    "actors": actors,
    "journal": journal,
    "projection": projection,
    "fanout": fanout,
    "join": join,
    "commands": commands,
    "storm": storm,
    "storm_daemon": storm,
    "slow": slow,
    "stage": stage,
    "breakout": breakout,
    "media": media,
    "media_soak": media_soak,
    "media_crash": media_crash,
    "book": book,
    "inbound": inbound,
    "page": page,
    "mixed": mixed,
    "soak": mixed,
    "cluster": cluster,
    "outage": outage,
    "simulate": simulate,
}


def read(bench: str, result: Result) -> list[Figure]:
    """Return a bench's figures."""
    return list(READ.get(bench, plain)(result))
