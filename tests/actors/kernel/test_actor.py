"""Messages, replies, timers, stashes, watches: one actor at a time."""

import gc
import warnings
import weakref
from itertools import pairwise

import pytest
import trio
import trio.testing

from actors.kernel import (
    Actor,
    ActorDeadError,
    ActorSystem,
    AskCycleError,
    AskTimeoutError,
    Backoff,
    Directive,
    Envelope,
    FutureNotReadyError,
    HandlerTimeoutError,
    Intensity,
    MailboxFullError,
    NameTakenError,
    Root,
    Terminated,
    current_system,
    let_it_crash,
)


@pytest.fixture
async def system():
    async with ActorSystem(seed=1) as running:
        yield running


class Echo(Actor):
    def __init__(self, log=None):
        self.log = [] if log is None else log

    async def on_receive(self, message):
        if isinstance(message, Exception):
            raise message
        if isinstance(message, float):
            await trio.sleep(message)
        self.log.append(message)
        return message


async def test_a_reply_is_what_the_handler_returns(autojump_clock, system):
    assert await system.spawn(Echo).ask("hello") == "hello"


class RefusalError(Exception):
    """Unlike a built-in one it can be referred to weakly."""


def refuse(envelope):
    raise RefusalError(envelope.message)


class Refuser(Actor):
    batch_limit = 8

    async def on_receive_batch(self, batch):
        for envelope in batch:
            try:
                refuse(envelope)
            except RefusalError as error:
                envelope.fail(error)


@pytest.mark.parametrize("seconds", [None, 5])
async def test_a_refusal_is_gone_once_it_was_told(autojump_clock, system, seconds):
    ref = system.spawn(Refuser)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(RefusalError, match="no") as caught:
            await ref.ask("no", timeout=seconds)
        told = weakref.ref(caught.value)
        del caught
        await trio.testing.wait_all_tasks_blocked()
        assert told() is None
    finally:
        gc.enable()


async def test_messages_of_one_sender_keep_their_order(autojump_clock, system):
    log = []
    ref = system.spawn(Echo, log)
    for number in range(500):
        ref.tell(number)
    await ref.ask("end")
    assert log == [*range(500), "end"]


async def test_an_exception_goes_to_the_asker_and_the_actor_lives(autojump_clock, system):
    ref = system.spawn(Echo)
    with pytest.raises(KeyError):
        await ref.ask(KeyError("x"))
    assert await ref.ask(1) == 1
    assert system.tree().children[0].restarts == 0


async def test_a_crash_keeps_urn_mailbox_and_what_was_queued(autojump_clock, system):
    built = []

    class Counting(Echo):
        def on_start(self):
            built.append(self)

    ref = system.spawn(Counting)
    urn, mailbox = ref.actor_urn, ref.actor_inbox
    ref.tell(ValueError("boom"))
    assert await ref.ask("behind") == "behind"
    assert len(built) == 2
    assert (ref.actor_urn, ref.actor_inbox) == (urn, mailbox)
    assert built[1].log == ["behind"]
    assert system.dead_letters.counts == {"crashed": 1}


async def test_with_let_it_crash_the_asker_is_told_and_the_instance_replaced(
    autojump_clock, system
):
    class Strict(Echo):
        decider = staticmethod(let_it_crash)

    ref = system.spawn(Strict)
    with pytest.raises(ValueError, match="boom"):
        await ref.ask(ValueError("boom"))
    await ref.ask(1)
    assert system.tree().children[0].restarts == 1


@pytest.mark.parametrize(
    ("directive", "alive", "restarts"),
    [(Directive.RESUME, True, 0), (Directive.RESTART, True, 1), (Directive.STOP, False, 0)],
)
async def test_the_decider_resumes_restarts_or_stops(
    autojump_clock, system, directive, alive, restarts
):
    class Judged(Echo):
        decider = staticmethod(lambda _error, _asked: directive)

    ref = system.spawn(Judged, name="judged")
    ref.tell(ValueError("boom"))
    await trio.testing.wait_all_tasks_blocked()
    assert ref.is_alive() is alive
    if alive:
        assert system.tree().children[0].restarts == restarts


async def test_on_failure_sees_the_exception_before_the_restart(autojump_clock, system):
    seen = []

    class Failing(Echo):
        def on_failure(self, kind, value, traceback):
            seen.append((kind, str(value), traceback is not None))

    ref = system.spawn(Failing)
    ref.tell(ValueError("boom"))
    await ref.ask(1)
    assert seen == [(ValueError, "boom", True)]


async def test_stop_handles_what_came_before_and_refuses_what_comes_after(autojump_clock, system):
    log = []
    ref = system.spawn(Echo, log)
    ref.tell(1)
    stopping = ref.stop()
    after = ref.ask(2)
    assert await stopping is True
    with pytest.raises(ActorDeadError):
        await after
    assert log == [1]
    assert await ref.stop() is False
    with pytest.raises(ActorDeadError):
        ref.tell(3)
    assert system.dead_letters.counts["dead"] == 2


async def test_stop_gives_grace_and_then_cancels(autojump_clock, system):
    class Slow(Echo):
        stop_grace = 2.0

    ref = system.spawn(Slow)
    busy = ref.ask(60.0)
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    assert await ref.stop() is True
    assert trio.current_time() - began == pytest.approx(2.0)
    with pytest.raises(ActorDeadError):
        await busy


async def test_a_killed_actor_answers_and_is_restarted(autojump_clock, system):
    ref = system.spawn(Echo)
    busy = ref.ask(60.0)
    await trio.testing.wait_all_tasks_blocked()
    ref.kill()
    with pytest.raises(ActorDeadError):
        await busy
    assert await ref.ask("again") == "again"


class Gatherer(Actor):
    batch_limit = 5
    batch_pause = 1.0
    batch_crowd = 3

    def __init__(self, log):
        self.log = log

    async def on_receive_batch(self, batch):
        self.log.append((round(trio.current_time() - self.log[0], 3), len(batch)))


async def test_after_a_crowded_batch_messages_wait_for_one_another_unless_it_is_full(
    autojump_clock, system
):
    log = [trio.current_time()]
    ref = system.spawn(Gatherer, log)
    for wait, count in ((0, 3), (0.2, 1), (0.3, 1), (2, 4), (0.1, 5), (0, 1), (3, 1), (0.1, 1)):
        await trio.sleep(wait)
        for _ in range(count):
            ref.tell("x")
    await trio.sleep(5)
    assert log[1:] == [(0, 3), (1.0, 2), (2.5, 4), (2.6, 5), (3.6, 1), (5.6, 1), (5.7, 1)]


async def test_a_handler_past_its_deadline_is_cancelled(autojump_clock, system):
    class Bounded(Echo):
        handler_deadline = 1.0

    ref = system.spawn(Bounded)
    began = trio.current_time()
    with pytest.raises(HandlerTimeoutError):
        await ref.ask(30.0)
    assert trio.current_time() - began == pytest.approx(1.0)
    assert await ref.ask(0.5) == 0.5


async def test_an_ask_without_reply_times_out(autojump_clock, system):
    ref, began = system.spawn(Echo), trio.current_time()
    with pytest.raises(AskTimeoutError):
        await ref.ask(10.0, timeout=1)
    assert trio.current_time() - began == pytest.approx(1.0)
    assert await ref.ask("next", timeout=20) == "next"  # what came too late went to nobody


async def test_an_ask_that_is_answered_or_cancelled_leaves_no_timer(autojump_clock, system):
    ref = system.spawn(Echo)
    assert await ref.ask("soon", timeout=1) == "soon"
    with trio.move_on_after(0.5):
        await ref.ask(10.0, timeout=60)
    assert len(system.timers) == 0


async def test_get_on_an_unresolved_future_raises_in_the_loop(autojump_clock, system):
    future = system.spawn(Echo).ask(1)
    with pytest.raises(FutureNotReadyError):
        future.get()
    await future
    assert future.get() == 1


class Asker(Actor):
    async def on_receive(self, message):
        peers = message
        return await peers[0].ask(peers[1:]) if peers else "end"


async def test_an_ask_cycle_is_refused_at_once(autojump_clock, system):
    a, b, c = (system.spawn(Asker) for _ in range(3))
    began = trio.current_time()
    with pytest.raises(AskCycleError):
        await a.ask([b, c, a])
    with pytest.raises(AskCycleError):
        await a.ask([a])
    assert trio.current_time() == began
    assert await a.ask([b, c]) == "end"


async def test_two_that_ask_each_other_at_the_same_time_do_not_hang(autojump_clock, system):
    a, b = system.spawn(Asker), system.spawn(Asker)
    one, two = a.ask([b]), b.ask([a])
    results = []
    for future in (one, two):
        try:
            results.append(await future)
        except AskCycleError:
            results.append("refused")
    assert "refused" in results


async def test_a_callback_nobody_awaits_is_no_cycle(autojump_clock, system):
    heard = []

    class Parent(Actor):
        async def on_receive(self, message):
            if isinstance(message, str):
                heard.append(message)
                return None
            return await message.ask(self.actor_ref)

    class Helper(Actor):
        def on_receive(self, message):
            self.pending = message.ask("done")

    parent, helper = system.spawn(Parent), system.spawn(Helper)
    await parent.ask(helper)
    await parent.ask("last")
    assert heard == ["done", "last"]


# Mailboxes


async def test_reject_tells_the_sender(autojump_clock, system):
    class Small(Echo):
        mailbox_limit = 2

    ref = system.spawn(Small)
    ref.tell(1)
    ref.tell(2)
    with pytest.raises(MailboxFullError):
        ref.tell(3)
    with pytest.raises(MailboxFullError):
        await ref.ask(4)
    assert system.dead_letters.counts["mailbox_full"] == 2


async def test_drop_oldest_keeps_the_newest_and_answers_the_dropped(autojump_clock, system):
    log = []

    class Latest(Echo):
        mailbox_limit = 2
        overflow = "drop_oldest"

    ref = system.spawn(Latest, log)
    first = ref.ask(1)
    for number in (2, 3):
        ref.tell(number)
    with pytest.raises(MailboxFullError):
        await first
    await trio.testing.wait_all_tasks_blocked()
    assert log == [2, 3]
    assert system.dead_letters.counts == {"dropped_oldest": 1}


async def test_coalesce_keeps_one_message_a_key_at_the_newest_place(autojump_clock, system):
    log = []

    class Coalescing(Echo):
        mailbox_limit = 3
        overflow = "coalesce"

        @classmethod
        def coalesce_key(cls, message):
            return message[0] if isinstance(message, tuple) else None

    ref = system.spawn(Coalescing, log)
    for number in range(50):
        ref.tell(("a", number))
    ref.tell("plain")
    ref.tell(("a", 50))
    ref.tell(("b", 1))
    with pytest.raises(MailboxFullError):
        ref.tell("one too many")
    await trio.testing.wait_all_tasks_blocked()
    assert log == ["plain", ("a", 50), ("b", 1)]
    assert system.dead_letters.counts == {"coalesced": 50, "mailbox_full": 1}
    ref.tell(("a", 51))
    await ref.ask("sync")
    assert log[-2:] == [("a", 51), "sync"]


async def test_dead_letters_reach_their_topic(autojump_clock, system):
    heard = []
    unsubscribe = system.dead_letters.subscribe(heard.append)
    ref = system.spawn(Echo, name="gone")
    await ref.stop()
    with pytest.raises(ActorDeadError):
        ref.tell("lost")
    assert [(letter.message, letter.recipient, letter.reason) for letter in heard] == [
        ("lost", "root/gone", "dead")
    ]
    unsubscribe()
    with pytest.raises(ActorDeadError):
        ref.tell("lost")
    assert len(heard) == 1


# Batches


async def test_a_batch_is_handled_at_once_and_answered_one_by_one(autojump_clock, system):
    sizes = []

    class Batching(Actor):
        batch_limit = 10

        async def on_receive_batch(self, batch):
            sizes.append(len(batch))
            for envelope in batch:
                if envelope.message == "bad":
                    envelope.fail(ValueError("bad"))
                elif envelope.message != "silent":
                    envelope.reply(envelope.message * 2)

    ref = system.spawn(Batching)
    futures = [ref.ask(number) for number in range(25)]
    assert [await future for future in futures] == [number * 2 for number in range(25)]
    assert sizes == [10, 10, 5]
    with pytest.raises(ValueError, match="bad"):
        await ref.ask("bad")
    assert await ref.ask("silent") is None


async def test_a_batch_that_crashes_fails_its_unanswered_messages(autojump_clock, system):
    class Crashing(Actor):
        batch_limit = 3

        async def on_receive_batch(self, batch):
            batch[0].reply("fine")
            if "boom" in [envelope.message for envelope in batch]:
                raise ValueError("boom")

    ref = system.spawn(Crashing)
    futures = [ref.ask(message) for message in ("a", "boom", "b", "c")]
    assert await futures[0] == "fine"
    for future in futures[1:3]:
        with pytest.raises(ValueError, match="boom"):
            await future
    assert await futures[3] == "fine"


async def test_an_envelope_can_be_forwarded_and_readdressed(autojump_clock, system):
    class Front(Actor):
        batch_limit = 4

        def __init__(self, back):
            self.back = back

        async def on_receive_batch(self, batch):
            for envelope in batch:
                if envelope.message == "own":
                    other = envelope.readdress("mine")
                    assert isinstance(other, Envelope)
                    other.reply(other.message)
                else:
                    envelope.forward(self.back, ("from front", envelope.message))

    ref = system.spawn(Front, system.spawn(Echo))
    assert await ref.ask("own") == "mine"
    assert await ref.ask("x") == ("from front", "x")


async def test_a_readdressed_envelope_is_answered_when_its_batch_fails(autojump_clock, system):
    class Front(Actor):
        batch_limit = 4
        decider = staticmethod(let_it_crash)

        async def on_receive_batch(self, batch):
            own = [envelope.readdress("mine") for envelope in batch]
            if len(own) > 1:
                raise ValueError("boom")

    ref = system.spawn(Front)
    futures = [ref.ask("own"), ref.ask("too")]
    for future in futures:
        with trio.fail_after(1), pytest.raises(ValueError, match="boom"):
            await future
    with trio.fail_after(1):
        assert await ref.ask("alone") is None


# Timers, stash, watch


async def test_after_and_every_fire_on_time_and_die_with_the_instance(autojump_clock, system):
    log = []

    class Timed(Actor):
        def on_start(self):
            self.after(5, "once")
            self.every(2, "beat")

        def on_receive(self, message):
            if message == "boom":
                raise ValueError(message)
            log.append((trio.current_time() - began, message))

    began = trio.current_time()
    ref = system.spawn(Timed)
    await trio.sleep(5.5)
    assert log == [(2, "beat"), (4, "beat"), (5, "once")]
    ref.tell("boom")
    await trio.sleep(3)
    assert [when for when, _ in log[3:]] == [7.5]
    await ref.stop()
    assert system.statistics().timers == 0


async def test_a_cancelled_timer_does_not_fire(autojump_clock, system):
    log = []

    class Timed(Echo):
        def on_start(self):
            self.after(5, "never").cancel()
            with pytest.raises(ValueError, match="period"):
                self.every(0, "x")

    system.spawn(Timed, log)
    await trio.sleep(10)
    assert log == []


async def test_stashed_messages_come_back_first_and_in_order(autojump_clock, system):
    log = []

    class Gate(Actor):
        opened = False

        def on_receive(self, message):
            if message == "open":
                self.opened = True
                self.unstash_all()
            elif not self.opened:
                self.stash()
            else:
                log.append(message)
                return message
            return None

    ref = system.spawn(Gate)
    one, two = ref.ask(1), ref.ask(2)
    ref.tell("open")
    three = ref.ask(3)
    assert [await one, await two, await three] == [1, 2, 3]
    assert log == [1, 2, 3]


async def test_what_is_stashed_at_the_end_is_answered(autojump_clock, system):
    class Hoarder(Actor):
        def on_receive(self, message):
            self.stash()

    ref = system.spawn(Hoarder)
    waiting = ref.ask(1)
    await trio.testing.wait_all_tasks_blocked()
    ref.tell("x")
    await trio.testing.wait_all_tasks_blocked()
    await system.root.stop()
    with pytest.raises(ActorDeadError):
        await waiting


class Watcher(Actor):
    def __init__(self, ref, log):
        self.ref, self.log = ref, log

    def on_start(self):
        self.watch(self.ref)

    def on_receive(self, message):
        self.log.append(message)


async def test_watch_tells_of_the_end_but_not_of_a_restart(autojump_clock, system):
    log = []
    ref = system.spawn(Echo)
    system.spawn(Watcher, ref, log)
    await trio.testing.wait_all_tasks_blocked()
    ref.tell(ValueError("restart"))
    await ref.ask(1)
    assert log == []
    await ref.stop()
    await trio.testing.wait_all_tasks_blocked()
    assert [(type(note), note.ref, note.exit.kind) for note in log] == [
        (Terminated, ref, "stopped")
    ]


async def test_watching_the_dead_tells_at_once(autojump_clock, system):
    log = []
    ref = system.spawn(Echo)
    await ref.stop()
    system.spawn(Watcher, ref, log)
    await trio.testing.wait_all_tasks_blocked()
    assert len(log) == 1
    assert (await ref.stopped()).kind == "stopped"


# Passivation and virtual identity


async def test_one_activation_per_key_and_redelivery_while_passivating(autojump_clock, system):
    lives = []

    class Entity(Actor):
        passivate_after = 10.0

        def __init__(self, key):
            self.key = key

        async def on_start(self):
            lives.append(("up", self.key))

        async def on_stop(self):
            await trio.sleep(1)
            lives.append(("down", self.key))

        def on_receive(self, message):
            return (self.key, message)

    system.register("thing", lambda key: (Entity, (key,)))
    ref = system.get("thing", "a")
    assert system.get("thing", "a") == ref
    assert await ref.ask(1) == ("a", 1)
    await trio.sleep(10.5)  # on_stop is running
    assert system.tree().children[0].state == "passivating"
    assert await ref.ask(2) == ("a", 2)
    assert lives == [("up", "a"), ("down", "a"), ("up", "a")]
    await trio.sleep(30)
    assert system.tree().children == ()
    assert await ref.ask(3) == ("a", 3)
    assert ref == system.get("thing", "a")
    assert len(system.tree().children) == 1


async def test_an_actor_with_a_timer_or_an_objection_is_not_passivated(autojump_clock, system):
    class Busy(Echo):
        passivate_after = 5.0
        willing = False

        def may_passivate(self):
            return self.willing

        def on_receive(self, message):
            if message == "timer":
                self.after(60, "late")
            Busy.willing = True

    ref = system.spawn(Busy, name="busy")
    await trio.sleep(20)
    assert system.tree().children[0].state == "running"
    await ref.ask("timer")
    await trio.sleep(50)
    assert system.tree().children[0].state == "running"
    await trio.sleep(30)
    assert system.tree().children[0].state == "passive"
    ref.tell("wake")
    await trio.testing.wait_all_tasks_blocked()
    assert system.tree().children[0].state == "running"


async def test_a_cancelled_timer_keeps_no_actor_in_memory(autojump_clock, system):
    class Undecided(Echo):
        passivate_after = 5.0

        def on_receive(self, message):
            self.after(1000, "late").cancel()

    ref = system.spawn(Undecided, name="undecided")
    await ref.ask("now")
    await trio.sleep(20)
    assert system.tree().children[0].state == "passive"


# The system


async def test_a_name_is_taken_once(autojump_clock, system):
    system.spawn(Echo, name="x")
    with pytest.raises(NameTakenError):
        system.spawn(Echo, name="x")


async def test_a_constructor_that_raises_tells_the_one_who_spawns(autojump_clock, system):
    class Broken(Actor):
        def __init__(self):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        system.spawn(Broken)
    assert system.tree().children == ()


async def test_leaving_the_block_stops_everybody_after_their_messages(autojump_clock):
    log = []
    async with ActorSystem() as system:
        ref = system.spawn(Echo, log)
        ref.tell(1)
        waiting = ref.ask(2)
    assert log == [1, 2]
    assert waiting.get() == 2
    assert not ref.is_alive()


async def test_the_blocks_own_exception_comes_out_bare(autojump_clock):
    with pytest.raises(KeyError):
        async with ActorSystem() as system:
            system.spawn(Echo)
            raise KeyError("mine")


async def test_cancelling_the_block_answers_everybody(autojump_clock):
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with ActorSystem() as system:
                pending = system.spawn(Echo).ask(100.0)
                nursery.start_soon(trio.sleep, 0)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                await trio.sleep(1)
    with pytest.raises(ActorDeadError):
        pending.get()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_system_that_was_left_leaves_memory(autojump_clock, cancelled):
    systems: list[weakref.ref[ActorSystem]] = []
    for _ in range(3):
        with trio.CancelScope() as scope:
            async with ActorSystem() as system:
                systems.append(weakref.ref(system))
                assert current_system() is system
                system.spawn(Echo).tell(100.0)
                if cancelled:
                    scope.cancel()
                await trio.lowlevel.checkpoint()
    del system
    gc.collect()
    assert [one() for one in systems] == [None] * 3
    with pytest.raises(RuntimeError, match="no actor system"):
        current_system()


async def test_backoff_delays_grow_and_messages_wait(autojump_clock):
    times = []

    class Pool(Root):
        backoff = Backoff(initial=1, factor=2, maximum=3, jitter=0, reset_after=100)
        intensity = Intensity(restarts=10, seconds=100, per_child=True)

    class Fragile(Echo):
        def on_start(self):
            times.append(trio.current_time())

    async with ActorSystem(Pool) as system:
        ref = system.spawn(Fragile)
        for _ in range(4):
            ref.tell(ValueError("boom"))
        assert await ref.ask("late") == "late"
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([1, 2, 3, 3])


async def test_no_coroutine_is_left_unawaited(autojump_clock, system):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ref = system.spawn(Echo)
        for message in (ValueError("x"), 0.1, KeyError("y")):
            ref.tell(message)
        await ref.stop()
        gc.collect()
