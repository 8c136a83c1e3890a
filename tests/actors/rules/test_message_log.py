"""A chat's messages in memory: the newest as they are, the older ones packed (rule 21)."""

from datetime import UTC, datetime, timedelta

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.packing import Reader, Writer
from actors.rules import records
from actors.rules.message_log import KEPT, PAGE, Message, MessageLog

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def said(number):
    at = START + timedelta(milliseconds=number)
    return Message(str(number), "ana", "Ana", "participant", f"No. {number}", at, reply_to="1")


def log_of(*numbers):
    log = MessageLog()
    for number in numbers:
        log.append(said(number))
    return log


def packed(log):
    writer = Writer()
    log.write(writer)
    return writer.packed()


def numbers(messages):
    return [int(message.id) for message in messages]


def test_rule_21_old_and_new_messages_are_read_alike():
    log = log_of(*range(1, 3 * PAGE + 1))
    assert list(log) == [said(number) for number in range(1, 3 * PAGE + 1)]
    for number in (1, 2 * PAGE, 2 * PAGE + 1, 3 * PAGE):
        assert log.get(str(number)) == said(number)
    assert numbers(log.between(2 * PAGE - 1, 2 * PAGE + 3)) == list(range(99, 103))
    assert numbers(log.between(-5, 3)) == [1, 2]
    assert numbers(log.between(3 * PAGE, 900)) == [3 * PAGE]


def test_rule_21_old_and_new_messages_are_searched_alike():
    log = log_of(*range(1, 2 * PAGE + 1))
    assert numbers(log.saying("no. 9")) == [*range(99, 89, -1), 9]
    assert not list(log.saying("no. x"))


@pytest.mark.parametrize("id_", ["", "0", "01", "151", "-1", "x", "²", "9" * 400])
def test_rule_21_what_is_no_id_of_a_message_finds_none(id_):
    assert log_of(*range(1, 151)).get(id_) is None


def test_rule_21_the_oldest_go_when_there_are_enough():
    log = log_of(*range(1, KEPT + 11))
    assert len(log) == KEPT
    assert log.get("10") is None
    assert log.get("11") == said(11)
    assert log.get(str(KEPT + 10)) == said(KEPT + 10)


@pytest.mark.parametrize("number", [1, 60, 61])
def test_rule_21_a_change_counts_once_it_was_put(number):
    log = log_of(*range(1, 2 * PAGE + 1))
    message = log.get(str(number))
    message.reactions = {"👍": {"ben", "ana"}}
    log.put(message)
    assert log.get(str(number)).reactions == {"👍": {"ana", "ben"}}
    assert numbers(log) == list(range(1, 2 * PAGE + 1))


@pytest.mark.parametrize("number", [1, 4])
def test_a_message_that_is_not_in_memory_cannot_be_changed(number):
    log = log_of(2, 3)
    with pytest.raises(ValueError, match="not in memory"):
        log.put(said(number))
    assert list(log) == [said(2), said(3)]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_message_out_of_turn_is_refused(number):
    log = log_of(2, 3)
    with pytest.raises(ValueError, match="not the next one"):
        log.append(said(number))
    assert numbers(log) == [2, 3]


@given(
    count=st.integers(0, KEPT + 3 * PAGE), start=st.integers(-9, 2300), length=st.integers(0, 130)
)
@settings(max_examples=40)
def test_rule_21_any_stretch_of_any_chat_is_what_was_said(count, start, length):
    log = log_of(*range(1, count + 1))
    held = list(range(max(1, count - KEPT + 1), count + 1))
    assert len(log) == len(held)
    assert numbers(log) == held
    wanted = [number for number in range(start, start + length) if number in held]
    assert numbers(log.between(start, start + length)) == wanted
    assert all(said(number) == log.get(str(number)) for number in wanted[:3])
    assert MessageLog.read(Reader(packed(log))) == log


@pytest.mark.parametrize("number", [PAGE // 2, PAGE // 2 + 1, KEPT])
def test_rule_21_a_change_counts_where_the_oldest_page_is_kept_in_part(number):
    log = log_of(*range(1, KEPT + PAGE // 2 + 1))
    message = said(number)
    message.text = "changed"
    if number == PAGE // 2:  # which is the newest that went
        with pytest.raises(ValueError, match="not in memory"):
            log.put(message)
        assert not list(log.saying("changed"))
        return
    log.put(message)
    assert numbers(log.saying("changed")) == [number]
    assert numbers(log) == list(range(PAGE // 2 + 1, KEPT + PAGE // 2 + 1))
    assert MessageLog.read(Reader(packed(log))) == log


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 3 * PAGE])
def test_it_is_read_as_it_was_written_and_goes_on(count):
    log = log_of(*range(7, 7 + count))
    read = MessageLog.read(Reader(packed(log)))
    assert read == log
    for one in (log, read):
        one.append(said(7 + count))
    assert read == log


def test_it_is_written_as_the_map_of_ids_and_messages_that_older_snapshots_hold():
    log = log_of(*range(1, 2 * PAGE))
    before = {str(one): records.keeping.unstructure(said(one)) for one in range(1, 2 * PAGE)}
    assert msgpack.unpackb(packed(log)) == before
    assert MessageLog.read(Reader(msgpack.packb(before))) == log


def test_as_plain_data_it_is_the_map_of_ids_and_messages_and_back():
    log = log_of(*range(1, 2 * PAGE))
    plain = records.plain(log)
    assert plain == {str(one): records.plain(said(one)) for one in range(1, 2 * PAGE)}
    assert records.build(plain, MessageLog) == log
