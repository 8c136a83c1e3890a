"""The live tree, as data and as a picture."""

import json

import trio
import trio.testing
from rich.console import Console

from actors.kernel import Actor, ActorSystem, Child, Root, Supervisor
from engine.top import Top, render, watch


class Worker(Actor):
    def on_receive(self, message):
        if isinstance(message, Exception):
            raise message
        return message


class Rooms(Supervisor):
    def children(self):
        return [Child(Worker, "room-1"), Child(Worker, "room-2")]


async def test_a_sample_is_json_with_rates_restarts_and_errors(autojump_clock):
    async with ActorSystem() as system:
        system.spawn(Rooms, name="rooms")
        worker = system.spawn(Worker, name="worker")
        await trio.testing.wait_all_tasks_blocked()
        top = Top(system, clock=trio.current_time)
        assert top.sample()["tree"]["rate"] is None
        for number in range(20):
            await worker.ask(number)
        worker.tell(ValueError("boom"))
        await trio.sleep(2)
        sample = json.loads(json.dumps(top.sample()))
        rooms, shown = sample["tree"]["children"]
        assert shown["rate"] == 10.5
        assert (shown["restarts"], shown["last_error"]) == (1, "ValueError: boom")
        assert [child["name"] for child in rooms["children"]] == ["room-1", "room-2"]
        assert sample["totals"]["actors"] == 5
        assert sample["totals"]["dead_letters"] == {"crashed": 1}


def drawn(sample, rows=200):
    console = Console(width=140, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123  closed with the test
    with console.file:
        console.print(render(sample, rows))
    return console.export_text()


async def test_the_picture_shows_every_actor_and_what_is_left_out(autojump_clock):
    async with ActorSystem(Root, name="greenroom") as system:
        system.spawn(Rooms, name="rooms")
        for number in range(30):
            system.spawn(Worker, name=f"worker-{number}")
        await trio.testing.wait_all_tasks_blocked()
        top = Top(system)
        text = drawn(top.sample())
        assert "greenroom" in text
        assert "room-2" in text
        assert "worker-29" in text
        assert "one_for_one" in text
        few = drawn(top.sample(children=3))
        assert "worker-29" not in few
        assert "28 more" in few
        assert "and 30 more" in drawn(top.sample(), rows=4)


async def test_watching_ends_after_the_given_samples(autojump_clock, capsys):
    async with ActorSystem() as system:
        top = Top(system)

        async def fetch():
            return top.sample()

        began = trio.current_time()
        await watch(fetch, interval=2.0, count=3)
        assert trio.current_time() - began == 4.0
    assert "root" in capsys.readouterr().out


MEDIA = {
    "worker": 0, "epoch": 2, "deaths": 1, "pid": 7, "publications": 1, "subscriptions": 2,
    "counters": {
        "packets_in": 1200, "packets_out": 2400, "dropped_srtp": 3, "cpu_milliseconds": 1500,
        "resent": 8, "paced": 40,
    },
    "rooms": {"session/ux": {"people": 3, "publishers": 1, "viewers": 2}},
    "tracks": [{"person": "hana", "source": "video", "rooms": ["session/ux"], "layers": [
        {"rid": rid, "codec": "VP8", "height": height, "bitrate": rate, "packets": 700, "lost": 4,
         "nacks": 5, "plis": 6, "viewers": 1}
        for rid, height, rate in (("q", 180, 150_000), ("f", 720, 1_500_000))]}],
    "viewers": [{"person": "ana", "estimate": 2_000_000, "bitrate": 1_540_000, "loss": 0.051,
                 "rtt": 0.0421, "packets": 900, "resent": 8, "layers": ["-", "f"]}],
}  # fmt: skip


async def test_the_picture_shows_each_media_worker_room_track_and_viewer(autojump_clock):
    async with ActorSystem() as system:
        text = drawn(
            Top(system, media=lambda: [MEDIA, {"worker": 1, "epoch": 0, "down": True}]).sample()
        )
    words = [line.split() for line in text.splitlines()]
    assert ["0", "2", "1.5", "1,200", "2,400", "8", "40", "3", "3"] in words
    assert ["1", "down", "0", "0.0", "0", "0", "0", "0", "0", "0"] in words
    assert ["session/ux", "0", "3", "1", "2"] in words
    track = ["hana", "video", "f", "VP8", "720", "1,500", "700", "4", "5", "6", "1", "session/ux"]
    assert track in words
    assert ["ana", "-", "f", "1,540", "2,000", "5.1", "42.1", "900", "8"] in words
