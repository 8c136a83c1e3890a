import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.clock import TrioClock
from actors.durable import REPLAYED_EFFECTS, SNAPSHOT_EVERY
from actors.entity import EntityActor, Resume
from actors.errors import Refused
from actors.ports import StorageUnavailable
from actors.snapshot import pack_snapshot
from storage.memory import MemoryJournal
from tests.actors.world import (
    ANA,
    BEN,
    START,
    Add,
    Break,
    Copy,
    Expel,
    Join,
    SetBell,
    World,
    counters,
)


async def total(world: World, entity: str = "counter/one") -> int:
    return (await world.ask(Add(by=ANA, number=0, to=entity)))["total"]


async def ask_together(world: World, *commands: Add) -> list[object]:
    """Ask all at once, so that they meet in one batch; return answers and refusals."""
    results: list[object] = [None] * len(commands)

    async def ask(index: int, command: Add) -> None:
        try:
            results[index] = await world.ask(command)
        except Refused as refused:
            results[index] = refused.reason

    async with trio.open_nursery() as nursery:
        for index, command in enumerate(commands):
            nursery.start_soon(ask, index, command)
    return results


async def test_a_command_is_committed_published_and_answered(autojump_clock):
    async with counters() as world:
        assert await world.ask(Add(by=ANA, number=3)) == {"total": 3}
        entries = await world.journal.read("counter/one")
        assert [(e.seq, e.type, e.data["number"]) for e in entries] == [(1, "test.added", 3)]
        assert world.publisher.published() == [("test.added", {"number": 3, "copy": False}, 1)]


async def test_a_secret_field_is_journalled_but_not_published(autojump_clock):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=3))
        assert (await world.journal.read("counter/one"))[0].data["who"] == "ana"
        assert "who" not in world.publisher.published()[0][1]


async def test_commands_that_wait_are_committed_together_in_order(autojump_clock):
    async with counters() as world:
        await total(world)
        before = world.journal.appends
        answers = await ask_together(world, *(Add(by=ANA, number=n) for n in range(1, 41)))
        assert world.journal.appends - before <= 2
        totals = {answer["total"] for answer in answers}
        assert len(totals) == 40
        assert max(totals) == sum(range(1, 41))
        assert [row[2] for row in world.publisher.published()] == list(range(1, 42))


async def test_a_refusal_harms_only_its_asker(autojump_clock):
    async with counters() as world:
        answers = await ask_together(
            world,
            Add(by=ANA, number=1),
            Add(by=ANA, number=-1),
            Break(by=ANA, number=0),
            Add(by=ANA, number=1),
        )
        assert answers[1:3] == ["invalid_params", "internal"]
        assert await total(world) == 2


async def test_nothing_uncommitted_is_seen_when_the_disk_fails(autojump_clock):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=5))
        world.journal.fail_next()
        with pytest.raises(Refused) as failed:
            await world.ask(Add(by=ANA, number=7))
        assert failed.value.reason == "storage_unavailable"
        assert len(world.publisher.published()) == 1
        assert await total(world) == 5


async def test_a_repeated_key_gets_the_first_answer(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        first = await world.ask(Add(by=ANA, number=5, key="k"))
        await world.ask(Add(by=ANA, number=1))
        assert await world.ask(Add(by=ANA, number=5, key="k")) == first
        assert await world.ask(Add(by=BEN, number=5, key="k")) == {"total": 11}
    async with counters(journal) as world:
        assert await world.ask(Add(by=ANA, number=5, key="k")) == first


async def test_a_new_system_continues_where_the_journal_ends(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        for number in range(5):
            await world.ask(Add(by=ANA, number=number))
    async with counters(journal) as world:
        assert await world.ask(Add(by=ANA, number=0)) == {"total": 10}
        assert world.publisher.published()[-1][2] == 6


async def test_a_snapshot_stands_for_what_came_before_it(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        for _ in range(SNAPSHOT_EVERY + 10):
            await world.ask(Add(by=ANA, number=1))
    snapshot = await journal.load_snapshot("counter/one")
    assert snapshot is not None
    assert SNAPSHOT_EVERY <= snapshot.seq <= SNAPSHOT_EVERY + 10
    async with counters(journal) as world:
        assert await total(world) == SNAPSHOT_EVERY + 10
        assert world.publisher.published()[-1][2] == SNAPSHOT_EVERY + 11


async def test_whoever_is_answered_hears_of_it_before_a_snapshot_holds_the_loop(
    autojump_clock, monkeypatch
):
    monkeypatch.setattr("actors.durable.SNAPSHOT_EVERY", 30)
    happened = []

    def kept(state, beside):
        happened.append("kept")
        return pack_snapshot(state, beside)

    async def one() -> None:
        await world.ask(Add(by=ANA, number=1))
        happened.append("answered")

    async with counters() as world:
        monkeypatch.setattr("actors.durable.pack_snapshot", kept)
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(one)
        await total(world)
    assert happened == ["answered"] * 30 + ["kept"]


async def test_a_snapshot_goes_to_the_disk_with_the_next_write_that_does(
    autojump_clock, monkeypatch
):
    monkeypatch.setattr("actors.durable.SNAPSHOT_EVERY", 10)
    async with counters() as world:
        for _ in range(10):
            await world.ask(Add(by=ANA, number=1))
        appends = world.journal.appends
        assert await world.journal.load_snapshot("counter/one") is None
        world.journal.fail_next()
        with pytest.raises(Refused, match="saved"):
            await world.ask(Add(by=ANA, number=1))
        assert await world.journal.load_snapshot("counter/one") is None
        await world.ask(Add(by=ANA, number=1))
        snapshot = await world.journal.load_snapshot("counter/one")
        assert snapshot is not None
        assert snapshot.seq == 10
        assert world.journal.appends == appends + 1
        for _ in range(8):
            await world.ask(Add(by=ANA, number=1))
        assert await world.journal.load_snapshot("counter/one") is snapshot


@pytest.mark.parametrize("limit", [15, 5_000])
async def test_a_large_state_is_kept_less_often(autojump_clock, monkeypatch, limit):
    monkeypatch.setattr("actors.durable.SNAPSHOT_EVERY", 10)
    monkeypatch.setattr("actors.durable.SNAPSHOT_WORTH", 1)
    monkeypatch.setattr("actors.durable.SNAPSHOT_LIMIT", limit)
    async with counters() as world:
        for _ in range(11):
            await world.ask(Add(by=ANA, number=1))
        snapshot = await world.journal.load_snapshot("counter/one")
        assert snapshot is not None
        assert snapshot.seq == 10
        wanted = min(limit, len(snapshot.state))
        assert wanted > 10
        for _ in range(wanted - 1):
            await world.ask(Add(by=ANA, number=1))
        assert await world.journal.load_snapshot("counter/one") is snapshot
        await world.ask(Add(by=ANA, number=1))
        later = await world.journal.load_snapshot("counter/one")
        assert later is not None
        assert later.seq == 10 + wanted


async def test_an_effect_reaches_the_other_entity_once_also_after_a_crash(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        await world.ask(Copy(by=ANA, number=4))
        await wait_all_tasks_blocked()
        assert await total(world, "counter/two") == 4
    async with counters(journal) as world:
        await total(world)
        await wait_all_tasks_blocked()
        assert await total(world, "counter/two") == 4


async def test_an_effect_lost_in_a_crash_is_sent_again(autojump_clock):
    journal = MemoryJournal()
    journal.interfere = lambda writes: (
        RuntimeError("crash") if writes[0].entity == "counter/two" else None
    )
    async with counters(journal) as world:
        world.services.address("counter/two").tell(Add(by=ANA, number=0, to="counter/two"))
    journal.interfere = lambda writes: None
    async with counters(journal) as world:
        world.system.get("counter", "two")
        await world.ask(Copy(by=ANA, number=4))
    async with counters(journal) as world:
        await total(world)
        await wait_all_tasks_blocked()
        assert await total(world, "counter/two") == 4


async def test_an_effect_that_was_taken_is_not_sent_again_after_a_crash(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        for _ in range(5):
            await world.ask(Copy(by=ANA, number=1))
            await wait_all_tasks_blocked()
    marks = [entry.meta.get("taken") for entry in await journal.read("counter/one")]
    assert marks == [None, 1, 2, 3, 4]
    async with counters(journal) as world:
        assert await total(world) == 5
        await wait_all_tasks_blocked()
        assert world.services.counters.effects == 1, "nothing in the journal tells of the last"
        assert await total(world, "counter/two") == 5


async def test_whatever_was_not_taken_is_sent_again_however_much_it_is(autojump_clock, monkeypatch):
    monkeypatch.setattr("actors.durable.PAGE", 30)
    journal, many = MemoryJournal(), REPLAYED_EFFECTS + 50
    async with counters(journal) as world:
        await world.ask(Copy(by=ANA, number=1))
        await wait_all_tasks_blocked()
        await world.ask(Copy(by=ANA, number=1))
        await wait_all_tasks_blocked()
        refusing = StorageUnavailable("no disk")
        journal.interfere = lambda writes: refusing if "two" in writes[0].entity else None
        for _ in range(many):
            await world.ask(Copy(by=ANA, number=1))
    journal.interfere = None
    async with counters(journal) as world:
        assert await total(world) == 2 + many
        await trio.sleep(30)
        assert world.services.counters.effects == many
        assert await total(world, "counter/two") == 2 + many


async def test_a_snapshot_keeps_what_was_taken(autojump_clock, monkeypatch):
    monkeypatch.setattr("actors.durable.SNAPSHOT_EVERY", 10)
    journal = MemoryJournal()
    async with counters(journal) as world:
        for _ in range(9):
            await world.ask(Copy(by=ANA, number=1))
            await wait_all_tasks_blocked()
        refusing = StorageUnavailable("no disk")
        journal.interfere = lambda writes: refusing if "two" in writes[0].entity else None
        await world.ask(Copy(by=ANA, number=1))
        await world.ask(Add(by=ANA, number=1))
    journal.interfere = None
    assert await journal.load_snapshot("counter/one") is not None
    assert "taken" not in (await journal.read("counter/one", after=10))[0].meta
    async with counters(journal) as world:
        assert await total(world) == 11
        await trio.sleep(30)
        assert world.services.counters.effects == 1
        assert await total(world, "counter/two") == 10


async def test_a_deadline_rings_once_also_when_it_passed_while_down(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with counters(journal, clock) as world:
        await world.ask(SetBell(by=ANA, seconds=100))
        await trio.sleep(101)
        assert world.publisher.published()[-1][0] == "test.rang"
        await world.ask(SetBell(by=ANA, seconds=100))
    await trio.sleep(1000)
    async with counters(journal, clock) as world:
        await total(world)
        await wait_all_tasks_blocked()
        types = [entry.type for entry in await journal.read("counter/one")]
        assert types.count("test.rang") == 2


async def test_a_subscriber_gets_a_snapshot_that_stands_after_its_own_command(autojump_clock):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=2))
        await world.ask(Join(by=ANA, connection="c1"))
        row = next(row for row in world.publisher.log if row[0] == "subscribe")
        assert row == ("subscribe", "c1", "counter/one", 1, {"total": 2, "here": ["ana"]})


async def test_a_resume_sends_what_was_missed_from_the_journal(autojump_clock):
    journal = MemoryJournal()
    async with counters(journal) as world:
        for number in (1, 2, 3):
            await world.ask(Add(by=ANA, number=number))
            await world.ask(Join(by=BEN))
    async with counters(journal) as world:
        ref = world.services.address("counter/one")
        assert await ref.ask(Resume(ANA, "c2", 1), timeout=5) == {"recovered": True}
        sent = [row[1:] for row in world.publisher.log if row[0] == "send"]
        assert sent == [
            ("c2", "test.added", {"number": 2, "copy": False}, 2),
            ("c2", "test.added", {"number": 3, "copy": False}, 3),
        ]


@pytest.mark.parametrize("seq", [-1, 99])
async def test_a_resume_from_an_unknown_number_gets_a_snapshot(autojump_clock, seq):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=2))
        ref = world.services.address("counter/one")
        assert await ref.ask(Resume(ANA, "c2", seq), timeout=5) == {"recovered": False}
        assert world.publisher.log[-1] == (
            "subscribe",
            "c2",
            "counter/one",
            1,
            {"total": 2, "here": []},
        )


async def test_rule_34_who_was_led_here_before_the_resume_is_not_sent_the_same_twice(
    autojump_clock,
):
    async with counters() as world:
        for number in (1, 2, 3):
            await world.ask(Add(by=ANA, number=number))
        await world.ask(Join(by=BEN, connection="c2"))
        ref = world.services.address("counter/one")
        assert await ref.ask(Resume(BEN, "c2", 1), timeout=5) == {"recovered": False}
        assert [row for row in world.publisher.log if row[0] == "send"] == []
        last = world.publisher.log[-1]
        assert last[:3] == ("subscribe", "c2", "counter/one")
        assert last[4] is not None


async def test_who_departs_hears_no_more(autojump_clock):
    async with counters() as world:
        await world.ask(Join(by=ANA, connection="c1"))
        await world.ask(Expel(by=BEN, person="ana"))
        assert ("unsubscribe", "c1", "counter/one") in world.publisher.log
        assert not world.services.presence.connections("counter/one", "ana")


async def test_who_is_connected_is_present_after_a_reload(autojump_clock):
    async with counters() as world:
        await world.ask(Join(by=ANA, connection="c1"))
        world.journal.fail_next()
        with pytest.raises(Refused):
            await world.ask(Add(by=ANA, number=1))
        await world.ask(Join(by=BEN, connection="c2"))
        assert world.publisher.log[-1][4]["here"] == ["ana", "ben"]


async def test_broken_rules_restart_the_entity_from_the_journal(autojump_clock):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=5))
        with pytest.raises(Exception, match=r".*"):
            await world.ask(Break(by=ANA, number=1))
        assert await total(world) == 5
        assert len(await world.journal.read("counter/one")) == 2


async def test_an_idle_entity_leaves_memory_and_comes_back_with_everything(autojump_clock):
    async with counters() as world:
        await world.ask(Add(by=ANA, number=5))
        awake = world.system.statistics().actors
        await trio.sleep(EntityActor.passivate_after * 2)
        assert world.system.statistics().actors == awake - 1
        assert await total(world) == 5


async def test_an_entity_that_is_followed_or_has_a_deadline_stays(autojump_clock):
    async with counters() as world:
        await world.ask(Join(by=ANA, connection="c1"))
        await world.ask(SetBell(by=ANA, to="counter/two", seconds=10_000))
        awake = world.system.statistics().actors
        await trio.sleep(EntityActor.passivate_after * 3)
        assert world.system.statistics().actors == awake


async def test_a_failed_commit_does_not_make_a_distant_deadline_be_looked_at_all_the_time(
    autojump_clock,
):
    async with counters() as world:
        await world.ask(SetBell(by=ANA, seconds=10_000))
        world.journal.fail_next()
        with pytest.raises(Refused):
            await world.ask(Add(by=ANA, number=1))
        await trio.sleep(5)
        before = world.services.counters.commands
        await trio.sleep(9_000)
        assert world.services.counters.commands == before
        await trio.sleep(1_000)
        assert world.publisher.published()[-1][0] == "test.rang"


async def test_an_entity_whose_deadline_was_moved_and_met_leaves_memory(autojump_clock):
    async with counters() as world:
        await total(world)
        await trio.sleep(EntityActor.passivate_after * 2)
        asleep = world.system.statistics().actors
        for seconds in (100, 50, 20):
            await world.ask(SetBell(by=ANA, seconds=seconds))
        await trio.sleep(EntityActor.passivate_after * 3)
        assert world.system.statistics().actors == asleep


async def test_an_entity_that_left_memory_in_order_sends_nothing_again(autojump_clock):
    async with counters() as world:
        await world.ask(Copy(by=ANA, number=5))
        await wait_all_tasks_blocked()
        await trio.sleep(EntityActor.passivate_after * 2)
        before = world.services.counters.effects
        assert await total(world) == 5
        await wait_all_tasks_blocked()
        assert world.services.counters.effects == before
        assert await total(world, "counter/two") == 5
