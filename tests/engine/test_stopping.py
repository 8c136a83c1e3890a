"""Ctrl-C ends what runs in the foreground in order, wherever it happens to be."""

import os
import signal

import pytest
import trio

from engine.stopping import run_stoppable


@pytest.fixture
def interruptible():
    """Let this process be interrupted, and see that afterwards it is as it was."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    now = signal.signal(signal.SIGINT, before)
    assert now is signal.default_int_handler


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


async def double(number):
    await trio.lowlevel.checkpoint()
    return 2 * number


@pytest.mark.usefixtures("interruptible")
def test_what_ends_by_itself_returns_or_raises_what_it_did():
    assert run_stoppable(double, 21) == 42
    with pytest.raises(TypeError, match="unsupported operand"):
        run_stoppable(double, None)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_cancels_the_work_which_cleans_up():
    done = []

    async def work():
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                press_ctrl_c()
                done.append("went on")  # nothing is raised just here
                await trio.sleep_forever()
        finally:
            done.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work)
    assert done == ["went on", "cleaned up"]


@pytest.mark.usefixtures("interruptible")
def test_what_breaks_because_of_ctrl_c_is_not_told():
    async def work():
        press_ctrl_c()
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("it was not ready to end")

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work)


def test_where_ctrl_c_is_ignored_it_stays_so():
    async def work():
        press_ctrl_c()
        return await double(4)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_stoppable(work) == 8
    finally:
        signal.signal(signal.SIGINT, before)
