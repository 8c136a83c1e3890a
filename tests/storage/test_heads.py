"""Last numbers are held for those who are written to, and forgotten for those who are not."""

from storage.heads import SECONDS, Heads


class Watch:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_what_is_asked_for_is_held_for_ever_and_what_is_not_for_two_generations():
    watch = Watch()
    heads = Heads(clock=watch)
    heads.update({"session/ux": 1, "room/ux.1": 7})
    for number in range(2, 6):
        watch.now += SECONDS
        assert heads.get("session/ux") == number - 1
        heads.update({"session/ux": number})
    assert heads.get("room/ux.1") is None
    assert len(heads) == 1


def test_the_newest_number_counts_across_generations():
    watch = Watch()
    heads = Heads(clock=watch)
    heads.update({"session/ux": 1})
    watch.now += SECONDS
    heads.update({"session/ux": 2})
    assert heads.get("session/ux") == 2
    watch.now += SECONDS
    heads.update({"other": 1})
    assert heads.get("session/ux") == 2


def test_however_many_are_written_to_two_generations_are_held():
    heads = Heads(limit=10, clock=Watch())
    for number in range(1_000):
        heads.update({f"room/ux.{number}": 1})
    assert len(heads) <= 20
    assert heads.get("room/ux.999") == 1


def test_nothing_is_held_that_may_not_have_been_written():
    heads = Heads()
    heads.update({"session/ux": 1})
    heads.clear()
    assert heads.get("session/ux") is None
