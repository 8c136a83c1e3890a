"""The figures of the media benches."""

from collections.abc import Iterator

from bench.figure import Figure, Result


def media(result: Result) -> Iterator[Figure]:
    """Tell of packets forwarded, beside aiortc's relay and Janus; or of a deployment's viewers."""
    if "per_viewer" in result:
        yield from _watched(result)
        return
    cost = "microseconds_per_packet"
    best = {kind: each["best"] for kind, each in result["forwarding"].items() if each["best"]}
    for kind, step in best.items():
        name = f"packets forwarded, one core, fan-out in {kind}"
        yield Figure(name, step["out_per_second"], "/s")
        yield Figure("a packet then", step[cost], "us", higher=False)
    for kind, crowd in result["audience"].items():
        python = result["audience"].get("python") if kind == "c" else None
        name = f"a packet to {crowd['viewers']} viewers, fan-out in {kind}"
        yield Figure(name, crowd[cost], "us", "Python" if python else "",
                     python[cost] if python else None, 1.3 if python else None, of_ratio=True,
                     higher=False)  # fmt: skip
        name = f"lost, {crowd['viewers']} viewers, fan-out in {kind}"
        yield Figure(name, 100 * crowd["loss"], "%", target=1.0, sense="at most", higher=False)
        yield Figure("a peer connection", crowd["bytes_per_connection"] / 1000, "kB",
                     target=200.0, sense="at most", higher=False)  # fmt: skip
        yield Figure("peer connections set up, one core", crowd["setups_per_second"], "/s")
    peer = result["janus"] or {"ratios": ()}
    for kind in peer["ratios"]:
        yield Figure(f"a packet, the same load, fan-out in {kind}", peer[kind][cost], "us",
                     "Janus VideoRoom", peer["janus"][cost], 0.5,
                     of_ratio=True, higher=False)  # fmt: skip
    relay = result["relay"]
    yield Figure("one more viewer", relay["ours"]["percent_per_viewer"], "% of a core",
                 "aiortc MediaRelay", relay["relay"]["percent_per_viewer"], 30.0, of_ratio=True,
                 higher=False)  # fmt: skip


def _watched(result: Result) -> Iterator[Figure]:
    name = f"{result['publishers']} shown to {result['viewers']}"
    yield Figure(f"packets sent, {name}", result["sent_packets"], "")
    yield Figure("packets received, of all viewers", result["received_packets"], "")
    yield Figure("lost on the way", result["lost_percent"], "%", target=1.0, sense="at most",
                 higher=False)  # fmt: skip
    yield Figure("viewers who never saw everybody", result["without_picture"], "", target=0,
                 sense="at most", higher=False)  # fmt: skip
    for part in ("p50", "max"):
        first = result[f"first_picture_{part}_s"]
        if first is not None:
            yield Figure(f"everybody's picture is there within, {part}", first, "s", higher=False)
    yield Figure("freezes", result["freezes"], "", target=0, sense="at most", higher=False)
    yield Figure("longest freeze", result["longest_freeze_s"], "s", higher=False)
    for which, rate in result["viewer_kbit_per_second"].items():
        yield Figure(f"a viewer gets, {which}", rate, "kbit/s")
    yield Figure("the busiest generator", 100 * result["generator_cpu"], "% of a core",
                 higher=False)  # fmt: skip
    if result["media_worker_cpu"] is not None:
        cost = 100 * result["media_worker_cpu"]
        yield Figure("media workers", cost, "% of a core", higher=False)


def media_soak(result: Result) -> Iterator[Figure]:
    """Tell of freezes: none on a clean line, none that is long on a bad one."""
    for scene in result["scenes"]:
        where = f"{scene['scene']}, {scene['weather']}"
        for kind in ("Chromium", "aiortc"):
            seen = [pair for pair in scene["pairs"] if pair["with"] == kind]
            if not seen:
                continue
            freezes = [seconds for pair in seen for seconds in pair["freezes"]]
            least = min(pair["frames"] for pair in seen) / result["seconds"]
            clean = scene["weather"] == "clean"
            yield Figure(f"{where}: freezes at {kind}", len(freezes), "",
                         target=0 if clean else None, sense="at most", higher=False)  # fmt: skip
            yield Figure(f"{where}: longest freeze at {kind}", max(freezes, default=0.0), "s",
                         target=0.5, sense="at most", higher=False)  # fmt: skip
            yield Figure(f"{where}: least frames decoded at {kind}", least, "/s")
    moves = result["moves"]
    if moves:
        yield Figure("a picture again after moving, worst", max(moves["seconds"]), "s",
                     target=0.5, sense="at most", higher=False)  # fmt: skip
        yield Figure("moves that kept the peer connections", float(moves["kept"]), "", target=1)
        yield Figure("mic and camera as before", float(moves["restored"]), "", target=1)


def media_crash(result: Result) -> Iterator[Figure]:
    """Tell how soon a picture is back, and what the engine felt of it."""
    for name in sorted({blow["blow"] for blow in result["blows"]}):
        worst = max(each["picture_back_seconds"] for each in result["blows"]
                    if each["blow"] == name)  # fmt: skip
        yield Figure(f"picture back after {name}, worst", worst, "s", target=2.0, sense="at most",
                     higher=False)  # fmt: skip
    pings = result["ping_meanwhile"]
    yield Figure("engine ping meanwhile, p50", pings["p50_ms"], "ms", higher=False)
    yield Figure("engine ping meanwhile, p99", pings["p99_ms"], "ms", target=10.0, sense="at most",
                 higher=False)  # fmt: skip
    yield Figure("engine ping meanwhile, worst", pings["max_ms"], "ms", higher=False)
    yield Figure("engine ping otherwise, p99", result["ping_quiet"]["p99_ms"], "ms", higher=False)
    yield Figure("sessions that noticed", result["snapshots_again"], "", target=0, sense="at most",
                 higher=False)  # fmt: skip
