"""What ended in a cycle does not stay in memory, however seldom the thresholds would collect."""

import gc
import weakref

import trio

from transport.collector import TIDY_SECONDS, tidy


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
