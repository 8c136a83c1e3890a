from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgpack
import pytest

from actors.answers import pack_answer, unpack_answer
from actors.ports import Entry, Snapshot, Write
from storage import Endpoint, InUse, Store, maintenance, retention
from storage.blanking import blank
from storage.maintenance import exclusive

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
SECRET = "Xylophonkonzert"
NAME = "Anastasia Quittenbaum"
KEPT = "Donaudampfschiff"


def entry(seq, type_name, meta=None, at=START, **data):
    return Entry(seq, type_name, at, data, meta or {"by": data.get("person", "")})


def said(seq, person, name, text, **meta):
    words = {"id": str(seq), "person": person, "name": name, "role": "participant", "text": text}
    return entry(seq, "chat.posted", {"by": person, **meta}, **words)


def meeting():
    ana = {"id": "ana", "name": NAME, "company": None}
    hana = {"id": "hana", "name": "Hana", "company": "acme"}
    return {
        "id": "fair.ana.1", "event": "fair", "zone": "UTC", "employee": hana, "participant": ana,
        "initiator": "participant", "state": "requested", "message": f"{SECRET} m",
        "question": "", "answer": f"{SECRET} a", "reason": "", "refer": None, "start": None,
        "end": None, "proposal": None, "offer": None, "missing": [], "sequence": 0, "revision": 1,
        "created_at": "2026-12-01T10:00:00.000Z", "changed_at": "2026-12-01T10:00:00.000Z",
    }  # fmt: skip


async def fill(path):
    """Ana's words in every place that a file has for them, and Ben's beside them."""
    plan = {
        "title": "UX", "kind": "workshop", "company": None, "start": "2026-12-01T10:00:00.000Z",
        "minutes": 60, "capacity": None, "hosts": [],
    }  # fmt: skip
    answer = {"message": {"id": "2", "person": "ana", "name": NAME, "text": f"{SECRET} 2"}}
    booking = {"person": "ana", "name": NAME, "event_id": "fair"}
    asked = {"id": "1", "text": f"{SECRET} q", "anonymous": True, "person": None, "name": None}
    ticket = {
        "id": "1", "person": {"id": "ana", "name": NAME}, "state": "open", "where": "lobby",
        "diagnostics": {"browser": f"{SECRET} b"}, "asked_at": "", "changed_at": "",
        "thread": [{"by": {"id": "ana", "name": NAME}, "staff": False, "at": "",
                    "text": f"{SECRET} t"}],
    }  # fmt: skip
    state = {
        "state": {
            "chat": {"messages": {"2": {"person": "ana", "name": NAME, "text": f"{SECRET} 2"},
                                  "3": {"person": "ben", "name": "Ben", "text": KEPT}}},
            "members": {"ana": {"id": "ana", "name": NAME, "role": "participant"}},
        },
        "topic_seq": 3,
        "done": {
            "answers": [["ana\0chat.send\0k", answer], ["ana q", {"question": asked}]],
            "taken": [],
        },
    }  # fmt: skip
    async with Store.open(path, endpoints=[Endpoint("http://localhost/hook")]) as store:
        append = store.journal.append
        await append(
            Write("session/ux", 0, [
                entry(1, "session.created", facts={"event": "fair"}, plan=plan),
                said(2, "ana", NAME, f"{SECRET} 2", done={"key": "ana k", "answer": answer}),
                said(3, "ben", "Ben", KEPT),
                entry(4, "session.registered", **booking),
                entry(5, "session.joined", **booking, role="participant", host=False),
                entry(6, "qa.asked", {"by": "ana"}, **asked, author="ana", author_name=NAME),
            ]),
            Write("support/fair", 0, [entry(1, "support.asked", {"by": "ana"}, ticket=ticket)]),
            Write("chat/fair.ana.1", 0, [
                entry(1, "meeting.requested", {"by": "ana"}, meeting=meeting()),
                entry(2, "meeting.noted", person="ana", text=f"{SECRET} n"),
            ]),
            Write("person/fair.ana", 0, [
                entry(1, "notification.added", id="1", kind="meeting.requested",
                      data={"meeting": meeting(), "text": f"{SECRET} p"}),
            ]),
        )  # fmt: skip
        await store.journal.save_snapshot("session/ux", Snapshot(6, msgpack.packb(state)))
        assert await store.archive.chat_search("session/ux", SECRET, 10)
        assert await store.outbox.counts() == {"waiting": 2, "delivered": 0, "given_up": 0}


def raw(path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(path.name + "*"))


async def test_a_forgotten_persons_words_are_in_no_byte_of_the_files(tmp_path):
    path = tmp_path / "greenroom.db"
    await fill(path)
    assert SECRET.encode() in raw(path)
    assert NAME.encode() in raw(path)
    with exclusive(path) as db:
        done = retention.forget(db, "ana")
    assert (done.entries, done.snapshots, done.webhooks) == (8, 1, 2)
    for needle in (SECRET, SECRET.lower(), NAME, "quittenbaum"):
        assert needle.encode() not in raw(path), needle
    assert KEPT.encode() in raw(path)


@pytest.mark.parametrize("size", [1, 10_000])
async def test_a_forgotten_persons_words_are_in_no_packed_answer(tmp_path, size):
    path = tmp_path / "greenroom.db"
    message = {"id": "2", "person": "ana", "name": NAME, "text": SECRET + "." * size}
    packed = pack_answer({"message": message, "others": [{"person": "ben", "text": KEPT}]})
    state = {"state": {}, "topic_seq": 1, "done": {"answers": [["ben k", packed]], "taken": []}}
    async with Store.open(path) as store:
        await store.journal.append(
            Write("session/ux", 0, [
                said(1, "ana", NAME, SECRET, done={"key": "ana k", "answer": packed}),
                said(2, "ben", "Ben", KEPT, done={"key": "ben k", "answer": packed}),
            ]),
        )  # fmt: skip
        await store.journal.save_snapshot("session/ux", Snapshot(2, msgpack.packb(state)))
    with exclusive(path) as db:
        assert retention.forget(db, "ana").entries == 2
    async with Store.open(path) as store:
        kept = msgpack.unpackb((await store.journal.load_snapshot("session/ux")).state)
        entries = await store.journal.read("session/ux")
        answers = [each.meta["done"]["answer"] for each in entries]
        for each in (*answers, kept["done"]["answers"][0][1]):
            assert SECRET not in str(unpack_answer(each))
            assert NAME not in str(unpack_answer(each))
        assert KEPT in str(unpack_answer(answers[1]))


async def test_what_others_wrote_and_what_counts_stays(tmp_path):
    path = tmp_path / "greenroom.db"
    await fill(path)
    with exclusive(path) as db:
        retention.forget(db, "ana")
    async with Store.open(path) as store:
        history = await store.archive.chat_history("session/ux", None, 10)
        assert [(each["person"], each["name"], each["text"]) for each in history] == [
            ("ben", "Ben", KEPT),
            ("ana", "", ""),
        ]
        assert await store.archive.chat_search("session/ux", SECRET, 10) == []
        assert len(await store.archive.chat_search("session/ux", KEPT, 10)) == 1
        snapshot = await store.journal.load_snapshot("session/ux")
        messages = msgpack.unpackb(snapshot.state)["state"]["chat"]["messages"]
        assert messages["3"]["text"] == KEPT
        assert messages["2"] == {"person": "ana", "name": "", "text": ""}
        await store.journal.append(Write("session/ux", 6, [said(7, "ben", "Ben", "more")]))


async def test_somebody_of_the_same_id_in_another_event_is_not_forgotten(tmp_path):
    path = tmp_path / "greenroom.db"
    await fill(path)
    with exclusive(path) as db:
        other = retention.forget(db, "ana", "gala")
        assert (other.entries, other.webhooks) == (0, 0)
    assert SECRET.encode() in raw(path)
    with exclusive(path) as db:
        own = retention.forget(db, "ana", "fair")
        assert (own.entries, own.webhooks) == (8, 2)
    assert SECRET.encode() not in raw(path)


def test_an_id_that_is_also_a_companys_or_an_events_leaves_its_name():
    data = {"company": {"id": "ana", "name": "Ana Ltd"}, "people": [{"id": "ana", "name": "Ana"}]}
    assert blank(data, "ana") == {
        "company": {"id": "ana", "name": "Ana Ltd"},
        "people": [{"id": "ana", "name": ""}],
    }


def test_a_hosts_name_goes_and_the_askers_stays():
    data = {"person": "ben", "name": "Ben", "by": "ana", "by_name": "Ana", "message": "Sorry"}
    assert blank(data, "ana") == {**data, "by_name": "", "message": ""}


async def test_forgetting_is_refused_while_an_engine_runs(tmp_path):
    path = tmp_path / "greenroom.db"
    async with Store.open(path):
        with pytest.raises(InUse), exclusive(path):
            raise AssertionError
    assert maintenance.vacuum(path)[1] > 0


async def test_events_long_past_go_whole_and_the_others_stay(tmp_path):
    path = tmp_path / "greenroom.db"
    await fill(path)
    about = {"name": "Fair", "time_zone": "UTC", "one_to_one": {}}
    past, later = START, START + timedelta(days=40)
    async with Store.open(path) as store:
        await store.journal.append(
            Write("event/fair", 0, [
                entry(1, "event.changed", at=past,
                      event={"id": "fair", "days": ["2026-11-30", "2026-12-01"], **about}),
            ]),
            Write("event/gala", 0, [
                entry(1, "event.changed", at=past,
                      event={"id": "gala", "days": ["2027-12-01"], **about}),
            ]),
        )  # fmt: skip
    with exclusive(path) as db:
        assert retention.drop_before(db, START - timedelta(days=1)).events == ()
        dropped = retention.drop_before(db, later)
        assert dropped.events == ("fair",)
        assert dropped.entities == 5
        left = {row[0] for row in db.execute("SELECT entity FROM entities")}
        assert left == {"event/gala"}
        assert db["sessions"].count == 0
    assert SECRET.encode() not in raw(path)
    assert KEPT.encode() not in raw(path)


async def test_an_event_that_was_touched_lately_is_kept_whole(tmp_path):
    path = tmp_path / "greenroom.db"
    await fill(path)
    about = {"id": "fair", "days": ["2026-12-01"], "name": "F", "time_zone": "U", "one_to_one": {}}
    async with Store.open(path) as store:
        late = entry(1, "event.changed", at=START + timedelta(days=20), event=about)
        await store.journal.append(Write("event/fair", 0, [late]))
    with exclusive(path) as db:
        assert retention.drop_before(db, START + timedelta(days=10)).events == ()


async def test_the_search_index_survives_compaction(tmp_path):
    path = tmp_path / "greenroom.db"
    async with Store.open(path) as store:
        words = [said(seq, "ben", "Ben", f"word{seq}") for seq in range(1, 21)]
        await store.journal.append(Write("session/ux", 0, words))
        assert await store.archive.catch_up()
    with exclusive(path) as db:
        db.execute("DELETE FROM chat_messages WHERE number < 10")
    maintenance.vacuum(path)
    async with Store.open(path) as store:
        found = await store.archive.chat_search("session/ux", "word17", 5)
        assert [each["text"] for each in found] == ["word17"]


def test_closing_leaves_nothing_open(tmp_path):
    with closing(maintenance.connect(tmp_path / "x.db")) as db:
        assert db.execute("PRAGMA secure_delete").fetchone() == (1,)
