"""People race for slots from several processes, and each slot has one winner."""

import pytest

from bench import book
from bench.book_race import Race, RaceFailed
from bench.load.team import Team
from bench.load.wire import LoadFailed


def race(**part):
    return Race("ws://h/", str, "e", "acme", people=11, employees=3, slots=6, **part)


class Doomed(Team):
    """A team whose server dies when it is told to go."""

    def __init__(self, module, target, shares):
        super().__init__(module, target, shares)
        self.daemon = target.daemon

    def ask(self, order):
        if order.startswith("go "):
            assert len(self) == 1
            self.daemon.kill()
        return super().ask(order)


def test_each_part_of_a_race_has_its_own_employees_and_whoever_asks_them():
    parts = [race(part=number, parts=2) for number in range(2)]
    assert [part.hosts() for part in parts] == [["desk-0", "desk-2"], ["desk-1"]]
    assert [part._racers() for part in parts] == [[0, 2, 3, 5, 6, 8, 9], [1, 4, 7, 10]]
    assert race()._racers() == list(range(11))


@pytest.mark.slow
def test_a_race_out_of_two_processes_gives_each_slot_one_winner():
    found = book.run(people=12, employees=2, slots=6, generators=2)
    assert found["outcomes"] == {"confirmed": 6, "slot_taken": 6}
    assert (found["people"], found["generators"]) == (12, 2)
    assert found["picks_per_second"] == 12 / found["seconds"] > 0
    assert 0 < found["asking_and_picking"]["generator"] < 1


@pytest.mark.slow
def test_a_race_has_no_more_processes_than_employees_and_tells_whose_server_dies(monkeypatch):
    monkeypatch.setattr(book, "Team", Doomed)
    with pytest.raises(LoadFailed, match="the server hung up; until then 0 picks were answered"):
        book.run(people=4, employees=1, slots=2, generators=3)


def test_what_the_lists_show_is_what_was_told():
    with pytest.raises(RaceFailed, match="not what the winners were told"):
        book._check([], [{"id": "m"}])
