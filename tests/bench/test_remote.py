"""Load on a deployment: wrong addresses are told in a line, and so is a server that dies."""

import asyncio
import signal
import socket
import threading
import urllib.request

import pytest
import trio
from websockets.exceptions import ConnectionClosedError

from bench import breakout, fanout, media_remote, slow_remote
from bench.book_race import Caller, RaceFailed, limited
from bench.figures import read
from bench.load import lookout
from bench.load.dialects import GREENROOM
from bench.load.latency import Latencies
from bench.load.lookout import Sight, watch_over
from bench.load.marks import MARK, MarkedWire, merged
from bench.load.swarm import Swarm, _plans
from bench.load.target import Target, described, knock
from bench.load.wire import LoadFailed, Wire, masked
from bench.script import command, last_word, reason
from engine.tokens import Key

KEY = Key("k", "s" * 32)


@pytest.fixture(params=["404 Not Found"])
def mute(request):
    """A port on which somebody listens and says nothing of use."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    wire.recv(4096)
                    wire.sendall(f"HTTP/1.1 {request.param}\r\n\r\n".encode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_an_address_where_nobody_speaks_websocket_is_told(mute):
    with pytest.raises(LoadFailed, match="404 Not Found; is that the path"):
        knock(f"ws://127.0.0.1:{mute}/v1/ws")
    with pytest.raises(LoadFailed, match="does not speak TLS"):
        knock(f"wss://127.0.0.1:{mute}/v1/ws")
    with pytest.raises(LoadFailed, match="cannot be reached"):
        knock("ws://127.0.0.1:1/v1/ws")
    with pytest.raises(LoadFailed, match="Port out of range"):
        knock("ws://127.0.0.1:99999/v1/ws")


async def test_who_waits_for_a_deployment_that_is_gone_is_told_what_was_measured(
    autojump_clock, monkeypatch
):
    answers = iter([True] * 3 + [False] * 2 + [True] + [False] * 99)

    def look(_):
        if not next(answers):
            raise LoadFailed("refused")

    monkeypatch.setattr(Sight, "look", look)
    latencies = Latencies()
    latencies.record(0.002)
    with pytest.raises(LoadFailed) as told:
        await watch_over(Target("ws://h/", KEY, "e"), latencies.so_far)
    assert "1 were answered, p50 2.0 ms" in str(told.value)
    assert trio.current_time() > 6 * lookout.LOOK_EVERY + lookout.GONE_SECONDS


def test_a_deployment_that_is_gone_ends_whatever_loads_it(monkeypatch):
    def look(_):
        raise LoadFailed("refused")

    monkeypatch.setattr(Sight, "look", look)
    monkeypatch.setattr(lookout, "LOOK_EVERY", 0)
    monkeypatch.setattr(lookout, "GONE_SECONDS", -lookout.LAST_WORD_SECONDS)
    with lookout.Lookout("ws://h/") as looking:
        looking._thread.join(5)
        assert looking.gone == "refused"


def test_whoever_answers_is_there_also_if_no_connection_is_kept(mute):
    sight = Sight(f"ws://127.0.0.1:{mute}/v1/ws")
    for _ in range(3):
        sight.look()
    with pytest.raises(LoadFailed, match="does not answer"):
        Sight(f"wss://127.0.0.1:{mute}/v1/ws").look()
    with pytest.raises(LoadFailed, match="Port out of range"):
        Sight("ws://127.0.0.1:99999/v1/ws")


@pytest.mark.parametrize("mute", ["502 Bad Gateway"], indirect=True)
def test_a_proxy_with_nobody_behind_it_is_no_deployment(mute):
    with pytest.raises(LoadFailed, match="it answers 502 Bad Gateway"):
        Sight(f"ws://127.0.0.1:{mute}/v1/ws").look()


def test_when_one_racer_fails_the_others_are_given_up_at_once():
    given_up = []

    async def race(number):
        if number == 2:
            raise ConnectionClosedError(None, None)
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append(number)

    with pytest.raises(ConnectionClosedError):
        asyncio.run(limited(race, range(3)))
    assert sorted(given_up) == [0, 1]


def test_a_question_fails_with_its_connection():
    class Ending:
        async def send(self, _):
            self.asked.set()

        def __aiter__(self):
            return self

        async def __anext__(self):
            await self.asked.wait()
            raise ConnectionClosedError(None, None)

    async def ask():
        socket = Ending()
        socket.asked = asyncio.Event()
        someone = Caller(socket)
        listening = asyncio.create_task(someone.listen())
        with pytest.raises(ConnectionClosedError):
            await someone.ask("ping")
        await listening

    asyncio.run(ask())


def test_a_traceback_ends_in_its_last_word():
    assert last_word("  | trio.TooSlowError: late\n  +-----\n") == "late"
    assert last_word("") == "no word"


def test_why_a_bench_failed_is_one_line_and_mistakes_of_its_own_are_none():
    inner = ExceptionGroup("a", [ValueError("x"), LoadFailed("the server\nis gone")])
    assert reason(ExceptionGroup("b", [inner])) == "the server is gone"
    assert reason(RaceFailed("twice")) == "twice"
    assert reason(TimeoutError()) == "TimeoutError"
    assert reason(KeyError("p99_ms")) is None


def test_a_marked_message_is_heard_once_by_each_wherever_the_reads_cut_it():
    heard = {}
    text = b'{"type":"chat.posted","data":{"text":"1000-1000001 xxx"}}'
    for cut in range(len(text)):
        wire = MarkedWire(socket.socket(), GREENROOM, heard=heard)
        with wire.sock:
            wire._search(text[:cut])
            wire._search(text[cut:])
    assert MARK.search(text)
    assert heard["1000-1000001"][2] == len(text)
    one = {"heard": {"m": [2.0, 3.0, 1]}, "meant": {"m": 1.0}}
    other = {"heard": {"m": [1.5, 2.0, 2]}, "meant": {}}
    assert merged([one, other]) == ({"m": [1.5, 3.0, 3]}, {"m": 1.0})


def test_who_looks_whether_a_deployment_is_there_leaves_nothing_in_its_figures(deployment):
    sight = Sight(f"ws://127.0.0.1:{deployment.port}/v1/ws")
    for _ in range(5):
        sight.look()
    metrics = f"http://127.0.0.1:{deployment.port}/metrics"
    with urllib.request.urlopen(metrics) as answer:
        told = answer.read().decode()
    assert 'connections_accepted_total{kind="http"} 2.0' in told  # all looks, and this question
    assert "num_server_disconnects_total{" not in told
    assert "connections_rejected_total{" not in told
    deployment.kill()
    with pytest.raises(LoadFailed, match="Connection refused"):
        sight.look()


@pytest.mark.slow
def test_fan_out_of_a_deployment_is_measured_until_it_dies(deployment, monkeypatch):
    monkeypatch.setattr("bench.fanout_remote.SECONDS", 2.0)
    url = f"ws://127.0.0.1:{deployment.port}/v1/ws"
    given = {"url": url, "token_key": f"{deployment.key.id}:{deployment.key.secret}"}
    result = fanout.run([10], [400], **given)
    figures = {figure.name: figure for figure in read("fanout", result)}
    assert figures["10 subscribers, 400 bytes: delivered"].met
    assert figures["10 subscribers, 400 bytes: the last has it, p99"].value > 0
    monkeypatch.setattr("bench.fanout_remote.SECONDS", 30.0)
    ready = Swarm.ready

    def ready_and_doomed(swarm):
        ready(swarm)
        threading.Timer(2.5, deployment.process.send_signal, [signal.SIGKILL]).start()

    monkeypatch.setattr(Swarm, "ready", ready_and_doomed)
    with pytest.raises(LoadFailed, match=r"hung up on everybody; until then \d+ were answered"):
        fanout.run([10], [400], **given)
    with pytest.raises(LoadFailed, match="cannot be reached"):
        breakout.run(10, 2, **given)


@pytest.mark.parametrize("given", [["--url", "ws://h/"], ["--url=ws://h/"]])
def test_a_bench_alone_loads_no_deployment_and_says_what_does(monkeypatch, capsys, given):
    monkeypatch.setattr("sys.argv", ["join", *given])
    with pytest.raises(SystemExit) as ended:
        command(lambda: pytest.fail("it began"))
    assert ended.value.code == 2
    assert "greenroom bench NAME --url" in capsys.readouterr().err


def test_who_never_reads_and_is_hung_up_on_finds_the_end(deployment, monkeypatch):
    monkeypatch.setattr(slow_remote, "STILL_SECONDS", 0.3)
    url = f"ws://127.0.0.1:{deployment.port}/v1/ws"
    target = Target(url, deployment.key, "fair")
    target.load(described("fair", ["fair-s"]))
    stands, ended = (slow_remote.Mute.enter(target, "fair-s") for _ in range(2))
    stands.drain()
    assert not stands.closed
    deployment.kill()
    ended.drain()
    assert ended.closed
    stands.close()
    ended.close()


def test_the_close_frame_of_a_slow_consumer_is_its_end_too(monkeypatch):
    monkeypatch.setattr(slow_remote, "STILL_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        mute = slow_remote.Mute(Wire(ours, GREENROOM))
        theirs.send(b"rest" + masked(b"x") + b"\x88\x0f" + slow_remote.GOODBYE[:3])
        mute.drain()
        assert not mute.closed
        theirs.send(b"more" + slow_remote.GOODBYE)
        mute.drain()
        assert mute.closed
        assert mute.kept > 8


@pytest.mark.parametrize("generators", [1, 3, 8, 63])
def test_as_many_listen_as_were_asked_for_whatever_the_number_of_generators(generators):
    target = Target("ws://h/v1/ws", KEY, "fair")
    plans = _plans([target.url], slow_remote._load(target, "s", 100, 160.0, 5.0, generators))
    assert len(plans) == generators
    assert sum(len(plan.people) - plan.senders for plan in plans) == 100
    assert sum(plan.rate for plan in plans) == pytest.approx(160.0)
    assert all(0 < plan.rate / plan.senders < 10.0 for plan in plans)


@pytest.mark.slow
def test_a_client_that_never_reads_is_measured_from_two_processes():
    result = slow_remote.run(clients=7, seconds=2.0, rounds=1, generators=2)
    assert result["missed"] == 0
    assert result["load"]["events"] >= 7 * result["load"]["sent"]


def test_rounds_beside_a_client_that_never_reads_are_judged():
    alone = [{"p50_ms": 1.0, "p99_ms": p99, "messages": 9, "missed": 0} for p99 in (4.0, 5.0, 90.0)]
    beside = [{"p50_ms": 1.0, "p99_ms": p99, "messages": 9, "missed": 1} for p99 in (5.0, 4.0, 6.0)]
    with socket.socket() as sock:
        wire = Wire(sock, GREENROOM)
        silent = [slow_remote.Mute(wire, closed=closed) for closed in (True, False)]
        result = slow_remote._result(50, {False: alone, True: beside}, silent)
    assert result["p99_ratio"] == 1.0
    assert (result["slow_consumers"], result["missed"]) == (1, 3)
    assert result["broken"][0].startswith("1 of 2 that never read were not closed")
    figures = {one.name: one for one in read("slow", {**result, "memory_grown_kb": None})}
    assert not figures["closed as slow, of those that never read"].met
    assert slow_remote._grown([5.0, 1024.0, 2048.0, 1024.0]) is None
    assert slow_remote._grown([5.0, 1024.0, 1.0, 9.0, 2048.0, 3072.0]) == 2
    assert slow_remote._grown([0.0] * 6) is None


@pytest.mark.slow
def test_people_on_stock_aiortc_watch_each_other_at_a_deployment():
    result = media_remote.run(publishers=1, viewers=2, seconds=2.0)
    assert result["viewers"] == len(result["per_viewer"]) == 2
    assert result["without_picture"] == 0
    assert all(viewer["packets"] and viewer["frames"] for viewer in result["per_viewer"])
    assert result["sent_packets"] > 0
    assert {"packets received, of all viewers", "freezes"} <= {
        figure.name for figure in read("media", result)
    }


def test_what_a_media_load_met_first_is_its_limit():
    found = [{"cpu": 0.2}, {"cpu": 0.95}]
    assert media_remote._limit(found, 1.0, 1.0) == "generator"
    assert media_remote._limit(found[:1], 1.0, 1.0) == "server"
    assert media_remote._limit(found[:1], 1.0, None) == "machine"
    assert media_remote._limit(found[:1], 0.5, 0.5) == "nothing"
