"""What may break, each as a function that breaks it and mends it again."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress

import attrs
import trio

from bench.cluster_servers import NatsServer, NodeProcess, ServerFailed
from bench.outage_stage import Setting, Stage
from storage import jetstream_api as api
from transport.cluster.lease import Timing
from transport.cluster.nats import Nats, NatsError

AWAY_SECONDS = 20.0
"""How long a node is stopped."""

CUT_SECONDS = 12.0
"""How long a node is cut off from NATS."""

SKEW_SECONDS = 5.0
"""How far a node's clock is set off."""

AFTER_SECONDS = 5.0
"""How long the crowd goes on after a fault."""

LEASE_SECONDS = Timing().lease
"""How long a silent node is waited for."""

in_thread = trio.to_thread.run_sync


async def owner_killed(stage: Stage) -> None:
    """Kill the owner; start it again when others have taken over."""
    owner = await stage.owner()
    await in_thread(owner.kill)
    stage.people.reroute(owner.url, stage.others(owner))
    await trio.sleep(AFTER_SECONDS * stage.scale)
    await in_thread(owner.start)


async def owner_stopped(stage: Stage) -> None:
    """Stop the owner, let it go on when it is nobody any more."""
    owner = await stage.owner()
    before = len(owner.log)
    owner.signal(signal.SIGSTOP)
    stage.desert(owner)
    await trio.sleep(AWAY_SECONDS * stage.scale)
    owner.signal(signal.SIGCONT)
    await stage.anew(owner, before)


async def owner_cut_off(stage: Stage) -> None:
    """Let nothing pass between the owner and NATS, without closing the connection."""
    owner = await stage.owner()
    before, relay = len(owner.log), stage.relays[stage.nodes.index(owner)]
    relay.cut()
    stage.people.reroute(owner.url, stage.others(owner))
    await trio.sleep(CUT_SECONDS * stage.scale)
    relay.mend()
    await stage.anew(owner, before)


async def nats_restarted(stage: Stage) -> None:
    """Kill NATS, and start it again after a second."""
    (server,) = stage.servers
    await in_thread(server.kill)
    await trio.sleep(1)
    await in_thread(server.start)


async def clock_skewed(stage: Stage) -> None:
    """Set the owner's wall clock fast, then slow; its clients come back to it each time."""
    owner = await stage.owner()
    for seconds in (SKEW_SECONDS, -SKEW_SECONDS, 0.0):
        owner.set_clock(seconds)
        for client in stage.people.at(owner.url):
            client.interrupt()
        await trio.sleep(AFTER_SECONDS * stage.scale / 2)


async def nodes_restarted(stage: Stage) -> None:
    """Restart one node after the other, as a rolling upgrade does."""
    for node in stage.nodes:
        with trio.CancelScope() as over:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_follow, stage, node)
                if code := await in_thread(node.stop):
                    raise ServerFailed(f"a node ended with {code}: {node.log[-20:]}")
                await in_thread(node.start)
                over.cancel()
        await stage.observer.settled(len(stage.nodes))


async def _follow(stage: Stage, node: NodeProcess) -> None:
    while True:
        stage.people.reroute(node.url, stage.others(node))
        await trio.sleep(0.2)


STREAMS = ("GREENROOM_main_JOURNAL", "KV_GREENROOM_main_LEASES", "KV_GREENROOM_main_OWNERS")
"""What has to have a leader before commands are answered."""


async def follower_killed(stage: Stage) -> None:
    """Kill one of three NATS servers that does not lead the journal, nor more than another."""
    async with _probe(stage) as connection:
        await _kill(stage, connection, await _follower(stage, connection))


async def follower_stopped(stage: Stage) -> None:
    """Stop one of three NATS servers, as if its machine had lost its power, and let it go on."""
    async with _probe(stage) as connection:
        server = await _follower(stage, connection)
        server.signal(signal.SIGSTOP)
        await trio.sleep(AWAY_SECONDS * stage.scale)
        server.signal(signal.SIGCONT)


async def leader_killed(stage: Stage) -> None:
    """Kill the one of three NATS servers that leads the journal; start it again later."""
    async with _probe(stage) as connection:
        await _kill(stage, connection, await _leader(stage, connection, STREAMS[0]))


async def _kill(stage: Stage, connection: Nats, server: NatsServer) -> None:
    await in_thread(server.kill)
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for name in STREAMS:
            nursery.start_soon(_led, connection, name, begun, stage.facts)
    stage.facts["election"] = max(stage.facts.values())
    await trio.sleep(AFTER_SECONDS * stage.scale)
    await in_thread(server.start)


def _probe(stage: Stage) -> AbstractAsyncContextManager[Nats]:
    return Nats.open([server.url for server in stage.servers], "probe")


async def _leader(stage: Stage, connection: Nats, stream: str) -> NatsServer:
    found = await api.call(connection, f"STREAM.INFO.{stream}")
    return stage.servers[int(found["cluster"]["leader"].removeprefix("n"))]


async def _follower(stage: Stage, connection: Nats) -> NatsServer:
    """Return a server that does not lead the journal, and of the others what leads least."""
    leaders = [await _leader(stage, connection, name) for name in STREAMS]
    followers = (server for server in stage.servers if server is not leaders[0])
    return min(followers, key=leaders.count)


async def _led(connection: Nats, stream: str, begun: float, found: dict[str, float]) -> None:
    """Note how long it takes until a stream has a leader that answers."""
    while True:
        with suppress(NatsError):
            await connection.request(f"$JS.API.STREAM.MSG.GET.{stream}", b'{"seq":1}', within=0.1)
            found[stream] = round(trio.current_time() - begun, 2)
            return
        await trio.sleep(0.02)


@attrs.frozen
class Fault:
    """Something that breaks while people are at it.

    :param name: as it is chosen by.
    :param limit: seconds within which those at other nodes must have been answered.
    """

    name: str
    about: str
    strike: Callable[[Stage], Awaitable[None]]
    setting: Setting = Setting()
    limit: float = 5.0


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("owner-killed", "owner killed", owner_killed),
        Fault("owner-stopped", "owner stopped, continued", owner_stopped),
        Fault("nats-restarted", "NATS killed, started again after 1 s", nats_restarted),
        Fault("clock-skewed", "owner's clock 5 s fast, then slow", clock_skewed),
        Fault("nodes-restarted", "all three nodes restarted in turn", nodes_restarted),
        Fault("owner-cut-off", "owner cut off from NATS", owner_cut_off,
              Setting(relays=True), limit=LEASE_SECONDS + 5.0),
        Fault("follower-killed", "one of three NATS servers killed, not the leader",
              follower_killed, Setting(servers=3)),
        Fault("follower-stopped", "one of three NATS servers stopped, continued",
              follower_stopped, Setting(servers=3)),
        Fault("leader-killed", "the one of three NATS servers killed that leads the journal",
              leader_killed, Setting(servers=3)),
    )
}  # fmt: skip
"""In this order; those of one setting share their nodes."""
