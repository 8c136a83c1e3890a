"""What every journal promises, whichever it is."""

from datetime import UTC, datetime, timedelta

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.ports import Entry, Snapshot, Standing, Write, WrongSequence
from actors.rules.base import AT_ONCE
from storage import SqliteJournal, codec
from storage.jetstream import JetStreamJournal

START = datetime(2026, 12, 1, 10, tzinfo=UTC)


def entries(first: int, last: int, **data) -> list[Entry]:
    return [
        Entry(
            seq=seq,
            type="chat.posted",
            at=START + timedelta(microseconds=seq),
            data={"text": f"message {seq}", "n": seq, **data},
            meta={"by": "ana"},
        )
        for seq in range(first, last + 1)
    ]


async def test_what_is_appended_is_read_in_order(journal):
    await journal.append(Write("session/ux", 0, entries(1, 3)))
    await journal.append(Write("session/ux", 3, entries(4, 5)))
    assert await journal.read("session/ux") == entries(1, 5)


async def test_reading_begins_after_a_number_and_ends_at_a_limit(journal):
    await journal.append(Write("session/ux", 0, entries(1, 9)))
    assert await journal.read("session/ux", after=2, limit=3) == entries(3, 5)
    assert await journal.read("session/ux", after=9) == []
    assert await journal.read("session/none") == []


async def test_values_come_back_as_they_went(journal):
    data = {"none": None, "yes": True, "n": 2**53, "x": 0.1, "list": [1, ["ö", {}]], "emoji": "✌️"}
    entry = Entry(1, "any.thing", START, data, {"by": "ana", "answer": {"id": "1"}})
    await journal.append(Write("session/ux", 0, [entry]))
    assert await journal.read("session/ux") == [entry]


async def test_an_append_with_another_number_than_the_last_is_refused(journal):
    await journal.append(Write("session/ux", 0, entries(1, 2)))
    for expected in (0, 1, 3):
        with pytest.raises(WrongSequence):
            await journal.append(Write("session/ux", expected, entries(expected + 1, expected + 1)))
    assert await journal.read("session/ux") == entries(1, 2)


async def test_several_entities_are_written_together_or_not_at_all(journal):
    await journal.append(Write("agenda/a", 0, entries(1, 1)), Write("agenda/b", 0, entries(1, 1)))
    with pytest.raises(WrongSequence):
        await journal.append(
            Write("agenda/a", 1, entries(2, 2)), Write("agenda/b", 0, entries(1, 1))
        )
    assert await journal.read("agenda/a") == entries(1, 1)
    assert await journal.read("agenda/b") == entries(1, 1)
    await journal.append(Write("agenda/a", 1, entries(2, 2)), Write("agenda/b", 1, entries(2, 2)))


async def test_one_entity_may_be_written_twice_in_one_append(journal):
    await journal.append(
        Write("session/ux", 0, entries(1, 2)), Write("session/ux", 2, entries(3, 3))
    )
    assert await journal.read("session/ux") == entries(1, 3)


async def test_entries_whose_numbers_do_not_follow_are_an_error_of_the_caller(journal):
    with pytest.raises(ValueError, match="entry 3 where 1 must follow"):
        await journal.append(Write("session/ux", 0, entries(3, 3)))


async def test_what_is_not_plain_data_is_refused_before_anything_is_written(journal):
    bad = Entry(2, "x", START, {"at": START})
    with pytest.raises(TypeError):
        await journal.append(Write("session/ux", 0, [*entries(1, 1), bad]))
    assert await journal.read("session/ux") == []


async def test_of_many_writers_with_one_expectation_one_wins(journal):
    outcomes: list[str] = []

    async def attempt(n: int) -> None:
        try:
            await journal.append(Write("session/ux", 0, entries(1, 1, writer=n)))
            outcomes.append("won")
        except WrongSequence:
            outcomes.append("lost")

    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(attempt, n)
    assert sorted(outcomes) == ["lost"] * 19 + ["won"]
    assert len(await journal.read("session/ux")) == 1


async def test_concurrent_writers_of_different_entities_all_succeed(journal):
    async def write(entity: str) -> None:
        for seq in range(10):
            await journal.append(Write(entity, seq, entries(seq + 1, seq + 1)))

    async with trio.open_nursery() as nursery:
        for n in range(30):
            nursery.start_soon(write, f"session/{n}")
    for n in range(30):
        assert await journal.read(f"session/{n}") == entries(1, 10)


async def test_a_refused_append_does_not_fail_its_neighbours(journal):
    failed: list[str] = []

    async def write(entity: str, expected: int) -> None:
        try:
            await journal.append(Write(entity, expected, entries(expected + 1, expected + 1)))
        except WrongSequence:
            failed.append(entity)

    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(write, f"session/{n}", n % 2)
    assert sorted(failed) == [f"session/{n}" for n in range(1, 10, 2)]
    assert await journal.entities("session") == [f"session/{n}" for n in range(0, 10, 2)]


async def test_the_newest_snapshot_is_kept(journal):
    assert await journal.load_snapshot("session/ux") is None
    await journal.append(Write("session/ux", 0, entries(1, 9)))
    await journal.save_snapshot("session/ux", Snapshot(5, b"five"))
    await journal.save_snapshot("session/ux", Snapshot(9, b"nine"))
    await journal.save_snapshot("session/ux", Snapshot(7, b"seven, come late"))
    assert await journal.load_snapshot("session/ux") == Snapshot(9, b"nine")


async def test_an_entity_is_loaded_from_its_newest_snapshot_on(journal):
    assert await journal.load("session/ux") == (None, [])
    await journal.append(Write("session/ux", 0, entries(1, 9)))
    assert await journal.load("session/ux", limit=3) == (None, entries(1, 3))
    await journal.save_snapshot("session/ux", Snapshot(5, b"five"))
    assert await journal.load("session/ux") == (Snapshot(5, b"five"), entries(6, 9))
    assert await journal.load("session/ux", limit=2) == (Snapshot(5, b"five"), entries(6, 7))


async def test_a_snapshot_goes_along_with_a_write(journal):
    await journal.append(Write("session/ux", 0, entries(1, 9)))
    await journal.append(Write("session/ux", 9, entries(10, 12), Snapshot(9, b"nine")))
    assert await journal.load_snapshot("session/ux") == Snapshot(9, b"nine")
    await journal.append(Write("session/ux", 12, entries(13, 13), Snapshot(7, b"seven, late")))
    assert await journal.read("session/ux", after=9) == entries(10, 13)


async def test_entities_are_listed_by_kind_and_name(journal):
    for name in ("session/b", "session/a", "sessions/x", "chat/1"):
        await journal.append(Write(name, 0, entries(1, 1)))
    assert await journal.entities("session") == ["session/a", "session/b"]
    assert await journal.entities("room") == []


async def test_where_entities_stand_is_told_as_the_last_write_or_a_later_note_says(journal):
    later = START + timedelta(days=1, microseconds=1)
    await journal.append(Write("agenda/a", 0, entries(1, 2), wake=later))
    await journal.append(Write("agenda/b", 0, entries(1, 1), wake=None))
    await journal.append(Write("agenda/c", 0, entries(1, 1)))
    journal.rest(Standing("agenda/c", 1, later))
    journal.rest(Standing("agenda/b", 0, later))  # it is at another number
    await journal.append(Write("agenda/d", 0, entries(1, 1), wake=later))
    journal.rest(Standing("agenda/d", 1, None))
    await journal.append(Write("agenda/d", 1, entries(2, 2), wake=later))
    found = await journal.standings("agenda")
    if isinstance(journal, JetStreamJournal):  # which keeps no note of it
        assert found == [Standing(f"agenda/{name}", 0, AT_ONCE) for name in "abcd"]
        return
    assert found == [
        Standing("agenda/a", 2, later),
        Standing("agenda/b", 1, None),
        Standing("agenda/c", 1, later),
        Standing("agenda/d", 2, later),
    ]
    assert await journal.standings("chat") == []


async def test_what_is_noted_last_is_on_disk_when_the_journal_has_been_closed(tmp_path):
    async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
        await journal.append(Write("agenda/a", 0, entries(1, 1)))
        journal.rest(Standing("agenda/a", 1, None))
    async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
        assert await journal.standings("agenda") == [Standing("agenda/a", 1, None)]


async def test_of_what_was_written_without_a_note_nothing_is_known(tmp_path):
    async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
        await journal.transact(
            lambda db: (
                db.conn.execute(
                    "INSERT INTO entities (entity, kind, seq) VALUES ('agenda/a', 'agenda', 3)"
                ).rowcount
            )
        )
        assert await journal.standings("agenda") == [Standing("agenda/a", 3, AT_ONCE)]


async def test_a_cancelled_append_is_written_whole_or_not_at_all(journal):
    await journal.append(Write("session/ux", 0, entries(1, 1)))
    with trio.CancelScope() as scope:
        scope.cancel()
        await journal.append(Write("session/ux", 1, entries(2, 3)))
    assert scope.cancelled_caught
    assert await journal.read("session/ux") == entries(1, 1)
    await journal.append(Write("session/ux", 1, entries(2, 2)))


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_survive_to_the_microsecond(at):
    assert codec.instant(codec.microseconds(at)) == at
