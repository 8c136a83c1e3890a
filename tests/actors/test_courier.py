"""What one entity sends another arrives in order, and again until it is taken."""

from contextlib import asynccontextmanager
from random import Random

import trio

from actors.answers import BYTES_KEPT, KEYS_KEPT, Answers
from actors.courier import ATTEMPTS, LINE, Courier
from actors.errors import Refused
from actors.kernel import ActorSystem, Future
from actors.rules.agenda.commands import Mine
from actors.services import Counters
from tests.actors.world import ANA, Add


class Receiver:
    """Answers as told: an exception for each attempt that shall fail, then takes everything."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.taken = []
        self.asked = 0

    def ask(self, message):
        self.asked += 1
        future = Future()
        if self.failures:
            future.set_exception(self.failures.pop(0))
        else:
            self.taken.append(message)
            future.set({})
        return future


@asynccontextmanager
async def courier(receiver):
    async with ActorSystem() as system:
        yield Courier(lambda _: receiver, system.timers.call_after, Counters())


async def test_nothing_overtakes_what_has_to_be_sent_again(autojump_clock):
    receiver = Receiver(RuntimeError("crash"), Refused("storage_unavailable", "No disk."))
    async with courier(receiver) as sender:
        for number in range(5):
            sender.send("room/ux.1", number)
        assert receiver.taken == []
        assert not sender.idle
        await trio.sleep(1)
        assert receiver.taken == [0, 1, 2, 3, 4]
        assert sender.idle
        assert sender.counters.effects == 5


async def test_the_oldest_event_with_something_not_taken_is_known(autojump_clock):
    receiver = Receiver(RuntimeError("crash"))
    async with courier(receiver) as sender:
        sender.send("room/ux.1", "first", 3)
        sender.send("room/ux.2", "second", 3)
        sender.send("room/ux.2", "third", 7)
        assert sender.oldest == 3
        await trio.sleep(1)
        assert sender.oldest is None
        receiver.failures = [RuntimeError("crash")]
        sender.send("room/ux.1", "fourth", 9)
        assert sender.oldest == 9
        sender.close()
        assert sender.oldest is None


async def test_what_is_refused_for_good_is_dropped_and_counted(autojump_clock):
    receiver = Receiver(Refused("not_found", "Nobody."))
    async with courier(receiver) as sender:
        sender.send("room/ux.1", "first")
        sender.send("room/ux.1", "second")
        assert receiver.taken == ["second"]
        assert sender.counters.effects_refused == 1


async def test_a_receiver_that_never_takes_it_is_given_up(autojump_clock):
    receiver = Receiver(*[RuntimeError("poison") for _ in range(ATTEMPTS)])
    async with courier(receiver) as sender:
        sender.send("room/ux.1", "poison")
        sender.send("room/ux.1", "next")
        await trio.sleep(1000)
        assert receiver.taken == ["next"]
        assert receiver.asked == ATTEMPTS + 1
        assert sender.counters.effects_lost == 1


async def test_a_line_is_bounded_and_a_closed_one_sends_nothing_more(autojump_clock):
    receiver = Receiver(*[RuntimeError("down") for _ in range(3)])
    async with courier(receiver) as sender:
        for number in range(LINE + 2):
            sender.send("room/ux.1", number)
        assert sender.counters.effects_lost == 2
        sender.close()
        await trio.sleep(1000)
        assert receiver.taken == []
        assert receiver.asked == 1


def sent(key):
    return Add(by=ANA, number=1, key=key, sender="counter/two")


def test_what_was_taken_before_is_known_also_if_it_led_to_nothing():
    answers = Answers()
    assert answers.note(sent("4.0"), {}, changed=False) == {}
    assert answers.find(sent("4.0")) == answers.find(sent("3.7")) == {}
    assert answers.find(sent("4.1")) is None
    said = answers.note(sent("9.0"), {}, changed=True)
    again = Answers()
    again.replay({"by": "ana", **said})
    assert again.find(sent("8.3")) == {}
    kept = Answers()
    kept.restore(again.plain())
    assert kept.find(sent("9.0")) == {}


def test_rule_36_a_query_s_answer_is_not_kept_and_a_key_is_its_person_s_own():
    answers, mine = Answers(), Add(by=ANA, number=1, key="k")
    answers.note(mine, {"total": 1}, changed=False)
    assert answers.find(mine) is None
    answers.note(mine, {"total": 1}, changed=True)
    assert answers.find(mine) == {"total": 1}
    assert answers.find(Add(by=ANA, number=1)) is None
    assert answers.find(Mine(by=ANA, key="k")) is None  # another method
    assert answers.find(Add(by=ANA, number=1, key=f"{mine.method} k")) is None


def test_rule_36_the_newest_answers_are_kept_as_many_as_fit():
    def mine(number):
        return Add(by=ANA, number=1, key=str(number))

    def noise(size):  # so that it cannot be made smaller
        return Random(size).randbytes(size)

    many, large = Answers(), Answers()
    for number in range(KEYS_KEPT + 1):
        many.note(mine(number), {"total": number}, changed=True)
    assert many.find(mine(0)) is None
    assert many.find(mine(1)) == {"total": 1}
    for number in range(3):
        large.note(mine(number), {"slots": noise(BYTES_KEPT // 2), "at": number}, changed=True)
    large.restore(large.plain())
    assert [large.find(mine(number)) is not None for number in range(3)] == [False, False, True]
    large.note(mine(3), {"slots": noise(BYTES_KEPT)}, changed=True)
    assert large.find(mine(2)) is None
    assert large.find(mine(3)) == {"slots": noise(BYTES_KEPT)}
    large.clear()
    for number in range(KEYS_KEPT):
        large.note(mine(number), {}, changed=True)
    assert large.find(mine(0)) == {}


def test_rule_36_a_large_answer_is_kept_small_and_given_as_it_was():
    answers, mine = Answers(), Add(by=ANA, number=1, key="k")
    told = {"slots": [{"start": f"2026-12-01T09:{minute:02}Z"} for minute in range(60)] * 20}
    answers.note(mine, told, changed=True)
    assert answers.find(mine) == told
    ((_, kept),) = answers.plain()["answers"]
    assert len(kept) < 10_000
    again = Answers()
    again.restore(answers.plain())
    assert again.find(mine) == told


def test_answers_of_an_older_snapshot_that_are_not_packed_are_known():
    answers, mine = Answers(), Add(by=ANA, number=1, key="k")
    answers.restore({"answers": [["ana k", {"total": 1}]], "taken": []})
    assert answers.find(mine) == {"total": 1}
    assert Answers().plain() == {"answers": [], "taken": []}
    again = Answers()
    again.restore(answers.plain())
    assert again.find(mine) == {"total": 1}


def test_rule_36_the_journal_keeps_an_answer_packed_and_older_journals_are_read():
    told, mine = {"message": {"id": "1"}}, Add(by=ANA, number=1, key="k")
    said = Answers().note(mine, told, changed=True)
    assert isinstance(said["done"]["answer"], bytes)
    for answer in (said["done"]["answer"], told):
        again = Answers()
        again.replay({"by": "ana", "done": {"key": "ana k", "answer": answer}})
        assert again.find(mine) == told


def test_what_cannot_be_packed_is_left_for_the_journal_to_refuse():
    answers, mine = Answers(), Add(by=ANA, number=1, key="k")
    said = answers.note(mine, {"at": object()}, changed=True)
    assert not isinstance(said["done"]["answer"], bytes)
    assert answers.find(mine) is None
