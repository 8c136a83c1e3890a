"""What breaks, and what it costs: a crowd chats, votes and books over three nodes meanwhile.

    python -m bench.outage [--people 300] [--pause 20] [--only FAULT] [--json]

NATS servers, nodes and what cuts them off are real processes on loopback. After each fault
everything acknowledged is compared with what is kept and with what everybody heard: nothing may be
lost or there twice, no slot booked twice, and everybody resumed by number.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import trio

from bench.cluster_crowd import Crowd, crowd, event_file
from bench.cluster_servers import (
    NatsServer,
    NodeProcess,
    Observer,
    RelayProcess,
    ServerFailed,
    observing,
    start_nodes,
    three_servers,
)
from engine.logs import configure_logs
from storage import jetstream_api as api
from transport.cluster.nats import Nats, NatsError

AWAY_SECONDS = 20.0
"""How long a node is stopped."""

CUT_SECONDS = 12.0
"""How long a node is cut off from NATS."""

SKEW_SECONDS = 5.0
"""How far a node's clock is set off."""

AFTER_SECONDS = 5.0
"""How long the crowd goes on after a fault."""

ANEW_SECONDS = 30.0
"""How long a node that was away may take to notice it."""

in_thread = trio.to_thread.run_sync


@attrs.frozen(kw_only=True)
class Stage:
    """Three nodes, their NATS, and the crowd.

    :param relays: between each node and NATS; none if they are connected directly.
    :param scale: of the times nodes are away; below 1 for a quick look.
    """

    nodes: Sequence[NodeProcess]
    servers: Sequence[NatsServer]
    relays: Sequence[RelayProcess]
    observer: Observer
    people: Crowd
    scale: float = 1.0
    facts: dict[str, float] = attrs.field(factory=dict)

    @property
    def urls(self) -> list[str]:
        """Of all nodes."""
        return [node.url for node in self.nodes]

    async def owner(self) -> NodeProcess:
        """Return the node that owns the session."""
        return await self.observer.owner(self.nodes, f"session/{self.people.session}")

    def others(self, node: NodeProcess) -> list[str]:
        """Return the addresses of the other nodes."""
        return [one.url for one in self.nodes if one is not node]

    def desert(self, node: NodeProcess) -> None:
        """Lead a node's clients elsewhere, as a balancer does that cannot reach it any more."""
        clients = self.people.at(node.url)
        self.people.reroute(node.url, self.others(node))
        for client in clients:
            client.interrupt()

    async def anew(self, node: NodeProcess, before: int) -> None:
        """Wait until a node has noticed that it was away, and has joined anew.

        :param before: how long its log was before it was away.
        """
        with trio.move_on_after(ANEW_SECONDS):
            while not any("joined" in line for line in node.log[before:]):  # noqa: ASYNC110  a log has no event
                await trio.sleep(0.1)
            return
        raise ServerFailed(f"the node did not start anew: {node.log[before:]}")


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


async def leader_killed(stage: Stage) -> None:
    """Kill the one of three NATS servers that leads the journal; start it again later."""
    stream = "GREENROOM_main_JOURNAL"
    async with Nats.open([server.url for server in stage.servers], "probe") as connection:
        found = await api.call(connection, f"STREAM.INFO.{stream}")
        leader = stage.servers[int(found["cluster"]["leader"].removeprefix("n"))]
        begun = trio.current_time()
        await in_thread(leader.kill)
        for name in (stream, "KV_GREENROOM_main_LEASES", "KV_GREENROOM_main_OWNERS"):
            await _led(connection, name)
        stage.facts["election"] = round(trio.current_time() - begun, 2)
    await trio.sleep(AFTER_SECONDS)
    await in_thread(leader.start)


async def _led(connection: Nats, stream: str) -> None:
    """Wait until a stream has a leader that answers."""
    while True:
        with suppress(NatsError):
            await connection.request(f"$JS.API.STREAM.MSG.GET.{stream}", b'{"seq":1}', within=0.25)
            return
        await trio.sleep(0.02)


Fault = Callable[[Stage], Awaitable[None]]


@attrs.frozen
class Setting:
    """What a fault needs.

    :param relays: whether there is something between the nodes and NATS.
    :param servers: how many NATS servers there are.
    """

    relays: bool = False
    servers: int = 1


FAULTS: Mapping[Setting, Mapping[str, Fault]] = {
    Setting(): {
        "owner killed": owner_killed,
        "owner stopped, continued": owner_stopped,
        "NATS killed, started again after 1 s": nats_restarted,
        "owner's clock 5 s fast, then slow": clock_skewed,
        "all three nodes restarted in turn": nodes_restarted,
    },
    Setting(relays=True): {"owner cut off from NATS": owner_cut_off},
    Setting(servers=3): {"one of three NATS servers killed": leader_killed},
}


@attrs.frozen
class Outcome:
    """What a fault cost.

    :param elsewhere: the longest wait for an answer of those who were at other nodes than the
        session's owner, in seconds.
    :param longest: of everybody.
    :param commands: answered while the fault lasted.
    :param repeated: of them, how often one was refused for the moment and asked again.
    :param reloaded: people who so far could not be given what they had missed, and got a snapshot.
    :param election: seconds JetStream was without a leader, if it had to elect one.
    """

    fault: str
    elsewhere: float
    longest: float
    commands: int
    repeated: int
    reloaded: int = 0
    election: float | None = None


async def suffer(stage: Stage, name: str, fault: Fault) -> Outcome:
    """Let the crowd go through a fault, and check all that was acknowledged.

    :raises Broken: something is lost, or there twice.
    """
    people, stage_facts = stage.people, stage.facts
    stage_facts.clear()
    await stage.observer.settled(len(stage.nodes))
    owner = (await stage.owner()).url
    begun, waits = trio.current_time(), len(people.waits)
    repeated = people.repeated.total()
    await fault(stage)
    await trio.sleep(AFTER_SECONDS * stage.scale)
    await people.check()
    return Outcome(
        name,
        round(people.longest(begun, without=owner), 2),
        round(people.longest(begun), 2),
        len(people.waits) - waits,
        people.repeated.total() - repeated,
        len(people.reloaded()),
        stage_facts.get("election"),
    )


@asynccontextmanager
async def staged(
    folder: Path, setting: Setting, people: int, pause: float, *, scale: float = 1.0
) -> AsyncIterator[Stage]:
    """Start NATS, three nodes and the crowd; end them at the block's end."""
    async with AsyncExitStack() as stack:
        several = setting.servers > 1
        servers = three_servers(folder) if several else [NatsServer(folder).start()]
        for server in servers:
            stack.callback(server.kill)
        nats = [",".join(server.url for server in servers)] * 3
        relays = [RelayProcess(servers[0].port) for _ in range(3)] if setting.relays else []
        for relay in relays:
            stack.callback(relay.kill)
        if relays:
            nats = [relay.url for relay in relays]
        settings = {"GREENROOM_CLUSTER_REPLICAS": str(setting.servers)}
        nodes = [NodeProcess(folder, url, n, settings, skewed=True) for n, url in enumerate(nats)]
        for node in nodes:
            stack.callback(node.kill)
        event = folder / "event.toml"
        event.write_text(event_file(["talk"]))
        await _elected(servers)
        await start_nodes(nodes, event)
        observer = await stack.enter_async_context(observing(nats_urls(servers)))
        await observer.settled(len(nodes))
        urls = [node.url for node in nodes]
        made = await stack.enter_async_context(crowd(urls, "talk", people, pause=pause))
        yield Stage(
            nodes=nodes, servers=servers, relays=relays, observer=observer, people=made, scale=scale
        )


def nats_urls(servers: Sequence[NatsServer]) -> str:
    """Return the servers' addresses as one text."""
    return ",".join(server.url for server in servers)


async def _elected(servers: Sequence[NatsServer]) -> None:
    """Wait until JetStream answers."""
    with trio.fail_after(30):
        async with Nats.open([server.url for server in servers], "probe") as connection:
            while True:
                with suppress(NatsError, api.StreamRefused):
                    await api.call(connection, "INFO")
                    return
                await trio.sleep(0.1)


async def measure(
    people: int, pause: float, only: str, told: Callable[[Outcome], None], scale: float = 1.0
) -> list[Outcome]:
    """Go through all faults whose names contain a text.

    :param told: is shown each outcome as it comes.
    """
    found = []
    for setting, faults in FAULTS.items():
        chosen = {name: fault for name, fault in faults.items() if only in name}
        if not chosen:
            continue
        with tempfile.TemporaryDirectory(prefix="greenroom-faults-") as folder:
            async with staged(Path(folder), setting, people, pause, scale=scale) as stage:
                for name, fault in chosen.items():
                    outcome = await suffer(stage, name, fault)
                    found.append(outcome)
                    told(outcome)
                    stage.people.spread(stage.urls)
    return found


def run(
    people: int = 300, pause: float = 20.0, only: str = "", scale: float = 1.0
) -> dict[str, Any]:
    """Go through the faults and return what each cost.

    :param pause: seconds between two actions of one person, on average.
    :param only: part of the names of those to go through.
    """
    configure_logs("error")
    found = trio.run(measure, people, pause, only, lambda _: None, scale)
    return {"people": people, "pause": pause, "faults": [attrs.asdict(one) for one in found]}


def main() -> None:
    """Go through the faults and print what each cost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--pause", type=float, default=20.0)
    parser.add_argument("--only", default="", help="part of a fault's name")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logs("error")
    if not options.json:
        print(
            f"{'fault':<40}{'elsewhere':>10}{'longest':>9}{'commands':>10}{'again':>7}{'reloaded':>10}{'election':>10}"
        )
    found = trio.run(
        measure, options.people, options.pause, options.only,
        (lambda _: None) if options.json else _print,
    )  # fmt: skip
    if options.json:
        json.dump([attrs.asdict(one) for one in found], sys.stdout, indent=2)


def _print(one: Outcome) -> None:
    election = f"{one.election:>8.1f} s" if one.election else ""
    print(
        f"{one.fault:<40}{one.elsewhere:>8.1f} s{one.longest:>7.1f} s"
        f"{one.commands:>10,}{one.repeated:>7,}{one.reloaded:>10,}{election:>10}",
        flush=True,
    )


if __name__ == "__main__":
    main()
