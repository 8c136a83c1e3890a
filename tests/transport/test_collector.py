"""What ended in a cycle does not stay in memory, however seldom the thresholds would collect."""

import gc
import weakref

import trio

from transport import collector
from transport.collector import GIVE_BACK_SECONDS, TIDY_PART, TIDY_SECONDS, tidy


class Knot:
    def __init__(self):
        self.itself = self


async def test_cycles_are_gone_after_a_while(autojump_clock):
    gc.disable()
    try:
        knot = weakref.ref(Knot())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tidy)
            await trio.sleep(TIDY_SECONDS / 2)
            assert knot() is not None
            await trio.sleep(TIDY_SECONDS)
            assert knot() is None
            nursery.cancel_scope.cancel()
    finally:
        gc.enable()


async def test_it_waits_for_as_long_as_its_own_work_is_worth(autojump_clock, monkeypatch):
    rounds, spent = [], 0.0

    def collect():
        nonlocal spent
        spent += (0.0 if len(rounds) < 2 else 2 * TIDY_SECONDS) * TIDY_PART
        rounds.append(round(trio.current_time()))

    # The processor's time, not the wall's: a machine that is busy with others costs no round.
    monkeypatch.setattr(collector, "thread_time", lambda: spent)
    monkeypatch.setattr(gc, "collect", collect)
    begun = trio.current_time()
    with trio.move_on_after(6.5 * TIDY_SECONDS):
        await tidy()
    assert [(at - begun) / TIDY_SECONDS for at in rounds] == [1, 2, 3, 5]


async def test_free_memory_is_given_back_more_often(autojump_clock):
    given = []
    with trio.move_on_after(TIDY_SECONDS + 1):
        await tidy(lambda: given.append(trio.current_time()))
    assert len(given) == TIDY_SECONDS // GIVE_BACK_SECONDS
