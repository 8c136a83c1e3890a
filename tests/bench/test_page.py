"""What a page's heap is said to do: grow, or look different from one moment to the next."""

from random import Random

import pytest

from bench.page import FULL, Look, memory


def looks(an_hour, *, noise=0.02, caught=(), every=5.0, count=20):
    """Looks at a heap that grows by so many MB an hour; ``caught`` ones found it at something."""
    random = Random(1)
    return [
        Look(
            every * number,
            3.4 + an_hour * every * number / 3600 + random.uniform(-noise, noise)
            + (0.8 if number in caught else 0.0),
            300,
            FULL + 100 * (number % 2),
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("an_hour", [0.0, 30.0])
def test_growth_of_a_full_page_is_told_whatever_single_looks_found(an_hour):
    found = memory(looks(an_hour, caught=(3, 17)))["heap_mb_an_hour"]
    assert found == pytest.approx(an_hour, abs=3.0)


def test_a_page_that_fills_up_does_not_grow_by_that():
    filling = [Look(5.0 * number, 2.0 + number, 300, 100 * number) for number in range(20)]
    after = [Look(100.0 + look.at, look.heap_mb, look.nodes, look.held) for look in looks(0.0)]
    assert memory([*filling, *after])["heap_mb_an_hour"] == pytest.approx(0.0, abs=3.0)


def test_too_few_looks_say_nothing_of_growth():
    assert memory(looks(0.0, count=3))["heap_mb_an_hour"] is None
    assert memory(looks(0.0, every=1.0))["heap_mb_an_hour"] is None
