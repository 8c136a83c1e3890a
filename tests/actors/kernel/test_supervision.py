"""Erlang's supervisor checklist: restart types, strategies, intensity, order, escalation."""

import gc
import math
import weakref
from contextlib import contextmanager

import pytest
import trio
import trio.lowlevel
import trio.testing

from actors.kernel import (
    Actor,
    ActorDeadError,
    ActorFailedError,
    ActorSystem,
    Backoff,
    BadChildError,
    Child,
    Directive,
    Exit,
    HandlerTimeoutError,
    Intensity,
    NameTakenError,
    RestartIntensityError,
    StartFailedError,
    StartTimeoutError,
    Strategy,
    Supervisor,
    Terminated,
    let_it_crash,
)

settle = trio.testing.wait_all_tasks_blocked
PATIENT = Intensity(restarts=100, seconds=1.0)


class Worker(Actor):
    """Ends the way it is told, and writes down when it starts and stops."""

    stop_grace = 2.0

    def __init__(self, log, name, broken=None):
        self.log, self.name, self.broken = log, name, broken

    async def on_start(self):
        if self.broken and self.broken():
            raise ValueError(f"{self.name} does not start")
        self.log.append(f"+{self.name}")

    async def on_stop(self):
        self.log.append(f"-{self.name}")

    async def on_receive(self, message):
        match message:
            case "normal":
                self.stop()
            case "shutdown":
                self.exit(Exit("shutdown"))
            case "abnormal":
                raise ValueError("abnormal")
            case "hang":
                await trio.sleep(math.inf)
            case _:
                return message
        return None


def planned(log, *names, **settings):
    """A supervisor's class with these children."""
    restarts = settings.pop("restarts", {})
    broken = settings.pop("broken", {})
    significant = settings.pop("significant", ())

    def children(_self):
        return [
            Child(
                Worker,
                name,
                (log, name, broken.get(name)),
                restart=restarts.get(name, "permanent"),
                significant=name in significant,
            )
            for name in names
        ]

    settings.setdefault("intensity", PATIENT)
    return type("Planned", (Supervisor,), {"children": children, **settings})


def child(system, name):
    return system._root.supervision.children[name].ref


def states(system):
    return {node.name: node.state for node in system.tree().children}


@pytest.mark.parametrize(
    ("restart", "ending", "back"),
    [
        ("permanent", "normal", True),
        ("permanent", "shutdown", True),
        ("permanent", "abnormal", True),
        ("permanent", "kill", True),
        ("transient", "normal", False),
        ("transient", "shutdown", False),
        ("transient", "abnormal", True),
        ("transient", "kill", True),
        ("temporary", "normal", False),
        ("temporary", "shutdown", False),
        ("temporary", "abnormal", False),
        ("temporary", "kill", False),
    ],
)
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL,
                                      Strategy.REST_FOR_ONE])  # fmt: skip
async def test_restart_types(autojump_clock, strategy, restart, ending, back):
    log = []
    root = planned(log, "a", "b", "c", strategy=strategy, restarts={"b": restart})
    async with ActorSystem(root) as system:
        ref = child(system, "b")
        log.clear()
        if ending == "kill":
            ref.kill()
        else:
            ref.tell(ending)
        await settle()
        assert ref.is_alive() is back
        started = [entry for entry in log if entry.startswith("+")]
        if not back:
            assert started == []
        else:
            assert (
                started
                == {
                    Strategy.ONE_FOR_ONE: ["+b"],
                    Strategy.ONE_FOR_ALL: ["+a", "+b", "+c"],
                    Strategy.REST_FOR_ONE: ["+b", "+c"],
                }[strategy]
            )
            assert await ref.ask("hello") == "hello"


async def test_start_left_to_right_stop_in_reverse(autojump_clock):
    log = []
    async with ActorSystem(planned(log, "a", "b", "c")):
        assert log == ["+a", "+b", "+c"]
        log.clear()
    assert log == ["-c", "-b", "-a"]


async def test_one_for_all_stops_in_reverse_and_keeps_mailboxes(autojump_clock):
    log = []
    root = planned(log, "a", "b", "c", strategy=Strategy.ONE_FOR_ALL)
    async with ActorSystem(root) as system:
        log.clear()
        a, b, c = (child(system, name) for name in "abc")
        b.tell("abnormal")
        waiting = [ref.ask(number) for number, ref in enumerate((a, b, c))]
        assert [await future for future in waiting] == [0, 1, 2]
        await settle()
        assert log == ["-c", "-a", "+a", "+b", "+c"]


async def test_rest_for_one_leaves_the_earlier_alone(autojump_clock):
    log = []
    async with ActorSystem(planned(log, *"abcd", strategy=Strategy.REST_FOR_ONE)) as system:
        log.clear()
        child(system, "c").tell("abnormal")
        await settle()
        assert log == ["-d", "+c", "+d"]


async def test_a_temporary_sibling_does_not_survive_a_group_restart(autojump_clock):
    log = []
    root = planned(log, "a", "b", strategy=Strategy.ONE_FOR_ALL, restarts={"a": "temporary"})
    async with ActorSystem(root) as system:
        ref = child(system, "a")
        child(system, "b").tell("abnormal")
        await settle()
        assert log == ["+a", "+b", "-a", "+b"]
        assert not ref.is_alive()


async def test_a_transient_sibling_that_had_ended_returns_with_its_group(autojump_clock):
    log = []
    root = planned(log, "a", "b", strategy=Strategy.ONE_FOR_ALL, restarts={"a": "transient"})
    async with ActorSystem(root) as system:
        ref = child(system, "a")
        ref.tell("normal")
        await settle()
        assert not ref.is_alive()
        child(system, "b").tell("abnormal")
        await settle()
        assert await ref.ask("back") == "back"


async def test_a_child_stopped_on_request_stays_away(autojump_clock):
    log = []
    async with ActorSystem(planned(log, "a", "b", strategy=Strategy.ONE_FOR_ALL)) as system:
        ref = child(system, "a")
        assert await ref.stop() is True
        child(system, "b").tell("abnormal")
        await settle()
        assert not ref.is_alive()
        assert states(system) == {"a": "ended", "b": "running"}


async def test_another_child_failing_during_a_group_restart_is_part_of_it(autojump_clock):
    log = []

    class Twice(Worker):
        async def on_stop(self):
            await trio.lowlevel.checkpoint()
            raise RuntimeError("also fails while stopping")

    class Pair(Supervisor):
        strategy = Strategy.ONE_FOR_ALL
        intensity = Intensity(restarts=1, seconds=10.0)

        def children(self):
            return [Child(Worker, "a", (log, "a")), Child(Twice, "b", (log, "b"))]

    async with ActorSystem(Pair) as system:
        log.clear()
        child(system, "a").tell("abnormal")
        child(system, "b").tell("abnormal")
        await settle()
        assert log == ["+a", "+b"]
        assert states(system) == {"a": "running", "b": "running"}
        assert system.counters.restarts == 1


async def test_a_child_that_hangs_in_a_group_restart_is_cancelled_after_its_grace(autojump_clock):
    log = []
    async with ActorSystem(planned(log, "a", "b", strategy=Strategy.ONE_FOR_ALL)) as system:
        log.clear()
        hanging = child(system, "b").ask("hang")
        await settle()
        began = trio.current_time()
        child(system, "a").tell("abnormal")
        with pytest.raises(ActorDeadError):
            await hanging
        assert trio.current_time() - began == pytest.approx(2.0)
        assert await child(system, "b").ask("well") == "well"
        assert log == ["+a", "+b"]


# Intensity and escalation


async def test_more_restarts_than_the_intensity_end_the_system(autojump_clock):
    log = []
    root = planned(log, "a", "b", intensity=Intensity(restarts=2, seconds=5.0))
    with pytest.raises(ActorFailedError) as failure:
        async with ActorSystem(root) as system:
            for _ in range(3):
                child(system, "a").tell("abnormal")
            await trio.sleep(1)
    assert isinstance(failure.value.__cause__, RestartIntensityError)
    assert isinstance(failure.value.__cause__.__cause__, ValueError)
    assert log == ["+a", "+b", "+a", "+a", "-b"]


async def test_restarts_outside_the_window_do_not_count(autojump_clock):
    log = []
    async with ActorSystem(planned(log, "a", intensity=Intensity(2, 5.0))) as system:
        for _ in range(10):
            child(system, "a").tell("abnormal")
            await trio.sleep(3)
        assert states(system) == {"a": "running"}


async def test_failed_restarts_count_too(autojump_clock):
    log = []
    fails = []
    root = planned(
        log, "a", intensity=Intensity(3, 5.0), broken={"a": lambda: fails and not fails.append(1)}
    )
    with pytest.raises(ActorFailedError):
        async with ActorSystem(root) as system:
            fails.append(1)
            child(system, "a").tell("abnormal")
            await trio.sleep(1)
    assert len(fails) == 4  # the switch itself, and three attempts


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_a_failed_group_restart_is_tried_again(autojump_clock, strategy):
    log = []
    broken = [False, True, True, False, False, False]
    root = planned(log, "a", "b", "c", strategy=strategy, intensity=Intensity(3, 5.0),
                   broken={"b": lambda: broken.pop(0)})  # fmt: skip
    async with ActorSystem(root) as system:
        log.clear()
        child(system, "a").tell("abnormal")
        await settle()
        assert set(states(system).values()) == {"running"}
        assert system.counters.restarts == 3
        expected = {
            Strategy.ONE_FOR_ALL: ["-c", "-b", "+a", "-a", "+a", "-a", "+a", "+b", "+c"],
            Strategy.REST_FOR_ONE: ["-c", "-b", "+a", "+b", "+c"],
        }
        assert log == expected[strategy]


async def test_a_supervisor_that_gives_up_is_restarted_by_the_one_above(autojump_clock):
    log = []
    lower = planned(log, "x", "y", intensity=Intensity(1, 5.0))

    class Upper(Supervisor):
        def children(self):
            return [Child(lower, "lower")]

    async with ActorSystem(Upper) as system:
        below = system._root.supervision.children["lower"].supervision
        ref = below.children["x"].ref
        log.clear()
        ref.tell("abnormal")
        ref.tell("abnormal")
        assert await ref.ask("same ref") == "same ref"
        await settle()
        assert log == ["+x", "-y", "+x", "+y"]
        assert system.tree().children[0].restarts == 1


async def test_escalate_fails_the_supervisor_with_the_exception(autojump_clock):
    log = []
    root = planned(
        log, "a", "b", child_decider=staticmethod(lambda _error, _asked: Directive.ESCALATE)
    )
    with pytest.raises(ActorFailedError) as failure:
        async with ActorSystem(root) as system:
            child(system, "a").tell("abnormal")
            await trio.sleep(1)
    assert isinstance(failure.value.__cause__, ValueError)
    assert log == ["+a", "+b", "-b"]


async def test_per_child_intensity_gives_up_on_that_child_alone(autojump_clock):
    log = []
    root = planned(log, "a", "b", intensity=Intensity(1, 5.0, per_child=True))
    async with ActorSystem(root) as system:
        for _ in range(3):
            child(system, "a").tell("abnormal")
        child(system, "b").tell("abnormal")
        await settle()
        assert states(system) == {"a": "ended", "b": "running"}


# Starting


async def test_a_child_that_does_not_start_fails_the_supervisors_start(autojump_clock):
    log = []
    root = planned(log, "a", "b", "c", broken={"c": lambda: True})
    with pytest.raises(ActorFailedError) as failure:
        async with ActorSystem(root):
            pytest.fail("the body must not run")
    assert isinstance(failure.value.__cause__, StartFailedError)
    assert log == ["+a", "+b", "-b", "-a"]


async def test_start_timeout(autojump_clock):
    class Sleeper(Actor):
        async def on_start(self):
            await trio.sleep(100)

    class Parent(Supervisor):
        def children(self):
            return [Child(Sleeper, "s", start_timeout=3.0)]

    began = trio.current_time()
    with pytest.raises(ActorFailedError) as failure:
        async with ActorSystem(Parent):
            pytest.fail("the body must not run")
    assert isinstance(failure.value.__cause__.__cause__, StartTimeoutError)
    assert trio.current_time() - began == pytest.approx(3.0)


async def test_who_starts_too_slowly_hears_of_it_and_comes_back_with_its_children(autojump_clock):
    log = []

    class Late(Supervisor):
        start_timeout = 3.0

        async def on_start(self):
            await trio.sleep(0 if log else 100)

        def on_failure(self, _kind, error, _traceback):
            log.append(type(error))

    class Patient(Supervisor):
        strategy = Strategy.POOL
        backoff = Backoff(initial=10, jitter=0)

    async with ActorSystem(Patient) as system:
        late = system.spawn(Late, name="late", restart="permanent")
        await trio.sleep(5)
        assert log == [StartTimeoutError]
        child = system.spawn(Worker, log, "w", under=late)
        await trio.sleep(10)
        assert log[1:] == ["+w"]
        assert child.is_alive()


async def test_start_child_waits_and_does_not_keep_a_failure(autojump_clock):
    log = []

    class Dynamic(Supervisor):
        async def on_receive(self, plan):
            return await self.start_child(plan)

    async with ActorSystem(Dynamic) as system:
        ref = await system.root.ask(Child(Worker, "w", (log, "w")))
        assert log == ["+w"]
        assert ref.path == "root/w"
        with pytest.raises(StartFailedError):
            await system.root.ask(Child(Worker, "v", (log, "v", lambda: True)))
        assert states(system) == {"w": "running"}
        with pytest.raises(NameTakenError):
            await system.root.ask(Child(Worker, "w", (log, "w")))


async def test_contradictory_children_are_refused(autojump_clock):
    def supervisor(plan, **settings):
        return type("Bad", (Supervisor,), {"children": lambda _self: [plan], **settings})

    worker = Child(Worker, "a", ([], "a"), restart="transient", significant=True)
    permanent = Child(Worker, "a", ([], "a"), restart="permanent", significant=True)
    plain = Child(Worker, "a", ([], "a"))
    for root in (
        supervisor(worker),
        supervisor(permanent, auto_shutdown="any_significant"),
        supervisor(plain, strategy=Strategy.POOL),
    ):
        with pytest.raises(ActorFailedError) as failure:
            async with ActorSystem(root):
                pytest.fail("the body must not run")
        assert isinstance(failure.value.__cause__, BadChildError)
    with pytest.raises(BadChildError):
        Child(Worker, "a", start_timeout=0)


# Significant children


@pytest.mark.parametrize(
    ("auto", "endings", "over"),
    [
        ("any_significant", ["a"], True),
        ("any_significant", ["c"], False),
        ("all_significant", ["a"], False),
        ("all_significant", ["a", "b"], True),
    ],
)
async def test_auto_shutdown(autojump_clock, auto, endings, over):
    log = []
    lower = planned(
        log, "a", "b", "c", auto_shutdown=auto, significant=("a", "b"),
        restarts={"a": "transient", "b": "temporary", "c": "transient"}, restart="transient",
    )  # fmt: skip
    async with ActorSystem() as system:
        ref = system.spawn(lower, name="lower")
        await settle()
        children = system._root.supervision.children["lower"].supervision.children
        for name in endings:
            children[name].ref.tell("normal")
            await settle()
        assert ref.is_alive() is not over
        if over:
            assert (await ref.stopped()).kind == "shutdown"


async def test_stopping_a_significant_child_on_request_shuts_nothing_down(autojump_clock):
    log = []
    root = planned(log, "a", auto_shutdown="any_significant", significant=("a",),
                   restarts={"a": "transient"})  # fmt: skip
    async with ActorSystem(root) as system:
        await child(system, "a").stop()
        await settle()
        assert system.root.is_alive()


# Stopping, backoff


async def test_a_pools_children_share_one_grace(autojump_clock):
    class Pool(Supervisor):
        strategy = Strategy.POOL

    async with ActorSystem(Pool) as system:
        hanging = [system.spawn(Worker, [], "w").ask("hang") for _ in range(5)]
        await settle()
        began = trio.current_time()
    assert trio.current_time() - began == pytest.approx(2.0)
    for future in hanging:
        with pytest.raises(ActorDeadError):
            future.get()


async def test_stop_while_waiting_for_a_restart(autojump_clock):
    log = []
    async with ActorSystem(planned(log, "a", backoff=Backoff(initial=10))) as system:
        ref = child(system, "a")
        ref.tell("abnormal")
        await settle()
        assert states(system) == {"a": "restarting"}
        waiting = ref.ask("never")
        assert await ref.stop() is True
        with pytest.raises(ActorDeadError):
            await waiting
        await trio.sleep(30)
        assert log == ["+a"]


async def test_leaving_while_a_restart_is_pending_hangs_on_nothing(autojump_clock):
    log = []
    began = trio.current_time()
    async with ActorSystem(planned(log, "a", backoff=Backoff(initial=1000, maximum=1000))) as it:
        ref = child(it, "a")
        ref.tell("abnormal")
        await settle()
        waiting = ref.ask("never")
    with pytest.raises(ActorDeadError):
        waiting.get()
    assert trio.current_time() == began


async def test_staying_up_resets_the_backoff(autojump_clock):
    starts = []

    class Fragile(Worker):
        def on_start(self):
            starts.append(trio.current_time())

    class Parent(Supervisor):
        backoff = Backoff(initial=1, factor=10, jitter=0, maximum=500, reset_after=60)
        intensity = Intensity(100, 1.0)

        def children(self):
            return [Child(Fragile, "a", ([], "a"))]

    async with ActorSystem(Parent) as system:
        ref = child(system, "a")
        ended = []
        for up in (1, 1, 61, 1):
            await trio.sleep(up)
            ended.append(trio.current_time())
            ref.tell("abnormal")
            await ref.ask("up?")
        waits = [start - end for start, end in zip(starts[1:], ended, strict=True)]
        assert waits == pytest.approx([1, 10, 1, 10])


def test_jitter_stays_within_its_share_and_the_maximum():
    import random

    backoff = Backoff(initial=1, factor=2, maximum=10, jitter=0.5)
    rng = random.Random(7)
    for failures in range(1, 2000):
        base = min(10, 2.0 ** min(failures - 1, 64))
        assert base * 0.5 <= backoff.delay(failures, rng) <= min(10, base * 1.5)


async def test_watchers_hear_of_the_whole_subtree(autojump_clock):
    heard = []

    class Observer(Actor):
        def on_receive(self, message):
            if isinstance(message, Terminated):
                heard.append(message.ref.name)
            else:
                self.watch(message)

    log = []
    async with ActorSystem() as system:
        observer = system.spawn(Observer)
        sup = system.spawn(planned(log, "x", "y"), name="sup")
        await settle()
        cells = system._root.supervision.children["sup"].supervision.children
        for ref in (sup, *(cell.ref for cell in cells.values())):
            await observer.ask(ref)
        await sup.stop()
        await settle()
        assert sorted(heard) == ["sup", "x", "y"]


async def test_killing_a_supervisor_cancels_its_children_and_brings_all_back(autojump_clock):
    log = []

    class Upper(Supervisor):
        def children(self):
            return [Child(planned(log, "x"), "lower")]

    async with ActorSystem(Upper) as system:
        lower = system._root.supervision.children["lower"]
        ref = lower.supervision.children["x"].ref
        hanging = ref.ask("hang")
        await settle()
        lower.ref.kill()
        with pytest.raises(ActorDeadError):
            await hanging
        assert await ref.ask("again") == "again"
        assert log == ["+x", "+x"]


async def test_a_supervisor_handles_messages_beside_its_children(autojump_clock):
    class Both(Supervisor):
        def on_receive(self, message):
            if message == "spawn":
                return self.spawn(Worker, [], "w", name="w")
            return self.child("w").path

    async with ActorSystem(Both) as system:
        ref = await system.root.ask("spawn")
        assert await ref.ask(1) == 1
        assert await system.root.ask("path") == "root/w"


# What a crash leaves in memory


@contextmanager
def no_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("batch_limit", [1, 8])
@pytest.mark.parametrize("deed", ["raise", "cause", "late", "cancelled"])
async def test_a_crashed_instance_leaves_memory_without_the_collector(
    autojump_clock, batch_limit, deed
):
    living = weakref.WeakSet()

    class Heavy(Actor):
        handler_deadline = 1.0
        decider = staticmethod(let_it_crash)

        def __init__(self):
            living.add(self)

        async def work(self, state):
            if deed == "cancelled":
                await trio.sleep(math.inf)
            try:
                return {}[deed]
            except KeyError as error:
                if deed == "cause":
                    raise ValueError(deed) from error
                if deed == "late":
                    await trio.sleep(0.1)
                raise

        async def on_receive(self, message):
            await self.work([self])

        async def on_receive_batch(self, batch):
            await self.work([self])

    Heavy.batch_limit = batch_limit
    pool = type("Pool", (Supervisor,), {"strategy": Strategy.POOL, "intensity": PATIENT})
    async with ActorSystem() as system:
        ref = system.spawn(Heavy, under=system.spawn(pool))
        with no_collector():
            for _ in range(10):
                asked = ref.ask("boom")
                ref.tell("boom")
                with pytest.raises((KeyError, ValueError, HandlerTimeoutError)):
                    await asked
                await trio.sleep(5)
            assert len(living) == 1


async def test_an_instance_that_does_not_start_leaves_memory_too(autojump_clock):
    living = weakref.WeakSet()
    starts = []

    class Stubborn(Actor):
        def __init__(self):
            living.add(self)

        async def on_start(self):
            starts.append(trio.current_time())
            await trio.sleep(0.1)
            if 1 < len(starts) < 10:
                raise ValueError("not yet")

        def on_receive(self, message):
            raise ValueError(message)

    pool = type("Pool", (Supervisor,), {"strategy": Strategy.POOL, "intensity": PATIENT})
    async with ActorSystem() as system:
        ref = system.spawn(Stubborn, under=system.spawn(pool))
        await settle()
        with no_collector():
            ref.tell("boom")
            await trio.sleep(5)
            assert len(starts) == 10
            assert len(living) == 1
