"""What counts as having heard everything, in the bench that breaks nodes."""

from typing import Any, cast

from bench.cluster_member import Member
from transport.client_model import Event


def hearing(*events: tuple[str, int]) -> Member:
    member = Member(0, cast("Any", None), "")
    for type_name, number in events:
        member.hear(Event("session/talk", type_name, "", {"text": f"m{number}"}, number))
    return member


def chat(*numbers: int) -> list[tuple[str, int]]:
    return [("chat.posted", number) for number in numbers]


def test_events_that_follow_each_other_leave_no_gap():
    member = hearing(("snapshot", 4), *chat(5, 6, 7))
    assert not member.gaps
    assert not member.skipped
    assert member.unheard(["m5", "m6", "m7", "m8"], {"m8": 8}) == {"m8"}


def test_a_number_left_out_repeated_or_late_is_a_gap():
    assert hearing(("snapshot", 4), *chat(6)).gaps == ["chat.posted 6 after 4"]
    assert len(hearing(("snapshot", 4), *chat(5, 5)).gaps) == 2
    assert len(hearing(("snapshot", 4), *chat(6, 5)).gaps) == 2


def test_a_snapshot_tells_what_was_before_it_and_nothing_after():
    member = hearing(("snapshot", 4), *chat(5), ("snapshot", 8), *chat(10))
    assert member.gaps == ["chat.posted 10 after 8"]
    numbers = {f"m{number}": number for number in range(5, 11)}
    assert member.unheard(numbers, numbers) == {"m9"}


def test_a_snapshot_never_goes_back():
    assert hearing(("snapshot", 4), *chat(5), ("snapshot", 3)).gaps
