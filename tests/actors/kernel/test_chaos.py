"""A thousand actors under exceptions, hangs, kills, stops and full mailboxes, for a minute.

Held throughout: every ask is answered, every message is handled or reported, no actor runs twice,
and what one sender sends arrives in its order. Set ``GREENROOM_CHAOS_SEED`` to repeat a run.
"""

import logging
import math
import os
import random
from collections import Counter

import pytest
import trio

from actors.kernel import (
    Actor,
    ActorDeadError,
    ActorSystem,
    Backoff,
    Child,
    Directive,
    HandlerTimeoutError,
    Intensity,
    MailboxFullError,
    Strategy,
    Supervisor,
)

ACTORS = 1_000
SENDERS = 20
SECONDS = 60.0


class Tally:
    """What happened to every message, by its number."""

    def __init__(self):
        self.sent = 0
        self.handled = Counter()
        self.reported = Counter()
        self.refused = set()
        self.asked = 0
        self.answered = 0
        self.newest = Counter()
        self.busy = set()
        self.last = {}
        self.wrong = []


class Victim(Actor):
    handler_deadline = 3.0
    stop_grace = 1.0
    mailbox_limit = 4

    def __init__(self, key, tally, seed):
        self.key, self.tally = key, tally
        self.random = random.Random(seed)

        self.tally.newest[key] += 1
        self.generation = self.tally.newest[key]

    def on_start(self):
        # Not in the beginning: there the whole system would rightly refuse to start.
        if self.tally.sent and self.random.random() < 0.02:
            raise RuntimeError("does not start")

    async def on_receive(self, message):
        number, sender, order, deed, seconds = message
        self.tally.handled[number] += 1
        before = self.tally.last.get((sender, self.key), -1)
        if order <= before:
            self.tally.wrong.append(f"{self.key} got {order} of {sender} after {before}")
        self.tally.last[sender, self.key] = order
        if self.tally.newest[self.key] != self.generation:
            self.tally.wrong.append(f"{self.key}: an instance outlived its successor's start")
        if self.key in self.tally.busy:
            self.tally.wrong.append(f"{self.key} runs twice")
        self.tally.busy.add(self.key)
        try:
            match deed:
                case "raise":
                    raise ValueError(number)
                case "hang":
                    await trio.sleep(math.inf)
                case "cancel":
                    with trio.move_on_after(seconds):
                        await trio.sleep(math.inf)
                case "stop":
                    self.stop()
                case "work":
                    await trio.sleep(seconds)
        finally:
            self.tally.busy.discard(self.key)
        return number


class Dropping(Victim):
    overflow = "drop_oldest"


def judge(error, asked):
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 1
    return (Directive.RESUME, Directive.RESTART)[number % 2] if not asked else Directive.RESTART


def crew(strategy, keys, tally, seed):
    class Crew(Supervisor):
        intensity = Intensity(restarts=4, seconds=20.0)
        backoff = Backoff(initial=0.1, maximum=2.0)
        child_decider = staticmethod(judge)

        def children(self):
            return [
                Child(
                    Dropping if key % 3 == 0 else Victim,
                    f"victim-{key}",
                    (key, tally, seed + key),
                    restart=("permanent", "transient")[key % 2],
                )
                for key in keys
            ]

    Crew.strategy = strategy
    return Crew


class Boss(Supervisor):
    intensity = Intensity(restarts=100_000, seconds=1.0)
    backoff = Backoff(initial=0.1, maximum=1.0)

    def __init__(self, tally, seed):
        self.tally, self.seed = tally, seed

    def children(self):
        strategies = (Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)
        return [
            Child(
                crew(strategies[group % 3], range(group * 10, group * 10 + 10), self.tally,
                     self.seed),
                f"crew-{group}",
            )
            for group in range(ACTORS // 10)
        ]  # fmt: skip


class Run:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed = seed
        self.tally = Tally()

    def victim(self, system):
        key = self.random.randrange(ACTORS)
        crew_cell = system._root.supervision.children[f"crew-{key // 10}"]
        return crew_cell.supervision.children.get(f"victim-{key}")

    def message(self, sender):
        self.tally.sent += 1
        deed = self.random.choices(("work", "raise", "hang", "cancel", "stop"), (80, 10, 3, 5, 2))[
            0
        ]
        number = self.tally.sent
        return number, sender, number, deed, self.random.random() * 0.5

    async def send(self, system, sender, nursery):
        end = trio.current_time() + SECONDS
        while trio.current_time() < end:
            cell = self.victim(system)
            if cell is None:
                await trio.sleep(0.01)
                continue
            match self.random.randrange(12):
                case 0:
                    cell.ref.kill()
                case 1 | 2 | 3 | 4:
                    self.tally.asked += 1
                    message = self.message(sender)
                    nursery.start_soon(self.ask, cell.ref.ask(message), message[0])
                case _:
                    message = self.message(sender)
                    try:
                        cell.ref.tell(message)
                    except (ActorDeadError, MailboxFullError):
                        self.tally.refused.add(message[0])
            await trio.sleep(self.random.random() * 0.1)

    async def ask(self, future, number):
        try:
            assert await future == number
        except (ActorDeadError, MailboxFullError, HandlerTimeoutError, ValueError):
            self.tally.refused.add(number)
        self.tally.answered += 1

    async def go(self):
        with trio.fail_after(SECONDS * 10):
            async with (
                trio.open_nursery() as nursery,
                ActorSystem(lambda: Boss(self.tally, self.seed), seed=self.seed) as system,
            ):
                system.dead_letters.subscribe(
                    lambda letter: self.tally.reported.update([letter.message[0]])
                )
                async with trio.open_nursery() as senders:
                    for sender in range(SENDERS):
                        senders.start_soon(self.send, system, sender, nursery)
        return system


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_chaos(autojump_clock, caplog):
    logging.getLogger("actors.kernel").setLevel(logging.CRITICAL)
    seed = int(os.environ.get("GREENROOM_CHAOS_SEED") or random.SystemRandom().randrange(2**31))
    print(f"GREENROOM_CHAOS_SEED={seed}")
    run = Run(seed)
    try:
        system = await run.go()
    finally:
        logging.getLogger("actors.kernel").setLevel(logging.NOTSET)
    tally = run.tally
    assert tally.wrong == []
    assert tally.answered == tally.asked > 2_500
    lost = [
        number
        for number in range(1, tally.sent + 1)
        if not (tally.handled[number] or tally.reported[number] or number in tally.refused)
    ]
    assert lost == []
    assert [number for number, times in tally.handled.items() if times > 1] == []
    assert system.counters.restarts > 100
    assert system.counters.failures > 100
    assert system.statistics().actors == 0
    assert system.statistics().timers == 0
