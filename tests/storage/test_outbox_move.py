"""What waits once two outboxes are put together: what neither has told."""

from hypothesis import given
from hypothesis import strategies as st

from storage.outbox_move import Held, joined

KEY = ("https://example.org/hook", "session/ux")


def outbox(count, told):
    """Return an outbox that has entered so many messages, and told some."""
    waiting = {seq for seq in range(1, count + 1) if seq not in told}
    return Held({KEY: count} if count else {}, {KEY: waiting} if waiting else {})


def waits(held):
    return held.waiting.get(KEY, set())


ENDS = st.tuples(st.integers(0, 8), st.frozensets(st.integers(1, 8)))


@given(ENDS, ENDS)
def test_what_neither_end_has_told_waits_and_nothing_else(one, other):
    ends = [outbox(*one), outbox(*other)]
    both = joined(*ends)
    entered = max(one[0], other[0])
    told = {seq for count, some in (one, other) for seq in some if seq <= count}
    assert both.counts.get(KEY, 0) == entered
    assert waits(both) == set(range(1, entered + 1)) - told
    # Either way round, and however often.
    assert waits(joined(*reversed(ends))) == waits(both)
    assert waits(joined(ends[0], both)) == waits(both)
