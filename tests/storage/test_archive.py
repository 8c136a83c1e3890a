import json
from datetime import UTC, datetime, timedelta

import attrs

from actors.ports import Entry, Write
from actors.rules.records import iso
from actors.rules.session.events import Left
from storage import Endpoint, Store
from storage.maintenance import rebuild
from storage.outbox import FIRST_RETRY, GIVE_UP

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
NOW = START + timedelta(seconds=1)


def said(seq, text, person="ana"):
    data = {"id": str(seq), "person": person, "name": "Ana", "role": "host", "text": text}
    return Entry(seq, "chat.posted", START, data, {"by": person})


def reacted(seq, message, person, on):
    data = {"id": message, "person": person, "emoji": "👍", "on": on, "count": 1}
    return Entry(seq, "chat.reacted", START, data, {"by": person})


async def test_history_comes_in_pages_newest_first(tmp_path):
    async with Store.open(tmp_path / "g.db") as store:
        words = [said(seq, f"m{seq}") for seq in range(1, 12)]
        await store.journal.append(Write("session/ux", 0, words))
        await store.journal.append(Write("room/ux.1", 0, [said(1, "elsewhere")]))
        page = await store.archive.chat_history("session/ux", None, 4)
        assert [each["id"] for each in page] == ["11", "10", "9", "8"]
        page = await store.archive.chat_history("session/ux", "3", 4)
        assert [each["text"] for each in page] == ["m2", "m1"]
        assert page[0] == {
            "id": "2", "person": "ana", "name": "Ana", "role": "host", "text": "m2",
            "at": "2026-12-01T10:00:00.000Z", "reply_to": None, "deleted": False, "reactions": {},
        }  # fmt: skip


async def test_a_deleted_message_is_a_tombstone_and_not_found(tmp_path):
    async with Store.open(tmp_path / "g.db") as store:
        gone = Entry(4, "chat.deleted", START, {"id": "1", "by": "hana"}, {"by": "hana"})
        await store.journal.append(
            Write("session/ux", 0, [
                said(1, "secret plan"),
                reacted(2, "1", "ben", on=True),
                Entry(3, "chat.posted", START, said(2, "plan b").data),
                gone,
            ])
        )  # fmt: skip
        page = await store.archive.chat_history("session/ux", None, 4)
        assert [(each["id"], each["text"], each["deleted"]) for each in page] == [
            ("2", "plan b", False),
            ("1", "", True),
        ]
        assert page[1]["reactions"] == {}
        found = await store.archive.chat_search("session/ux", "plan", 10)
        assert [each["id"] for each in found] == ["2"]
        assert await store.archive.chat_search("session/ux", "secret", 10) == []


async def test_reactions_name_who_reacted(tmp_path):
    async with Store.open(tmp_path / "g.db") as store:
        facts = [said(1, "hi")]
        for person, on in (("zoe", True), ("ben", True), ("zoe", False), ("ana", True)):
            facts.append(reacted(len(facts) + 1, "1", person, on))
        await store.journal.append(Write("session/ux", 0, facts))
        (message,) = await store.archive.chat_history("session/ux", None, 1)
        assert message["reactions"] == {"👍": ["ana", "ben"]}


async def test_search_minds_neither_case_nor_accents_and_no_character_is_special(tmp_path):
    async with Store.open(tmp_path / "g.db") as store:
        texts = ["Grüße aus Köln", 'say "hello" (now)', "nothing", "KOLN and more"]
        words = [said(seq, text) for seq, text in enumerate(texts, 1)]
        await store.journal.append(Write("session/ux", 0, words))

        async def search(query):
            found = await store.archive.chat_search("session/ux", query, 10)
            return sorted(each["id"] for each in found)

        assert await search("koln") == ["1", "4"]
        assert await search("gruss") == []
        assert await search("grus kol") == []
        assert await search("gru kö") == ["1"]
        for query in ('"hello"', "hello AND (now", "hello* NOT", "text:hello", "-hello"):
            assert await search(query) in (["2"], []), query
        assert await search('"hel') == ["2"]
        assert await search("  *** ") == []


def started(seq, entity_type="session.started"):
    return Entry(seq, entity_type, START, {"by": "hana", "event_id": "fair"}, {"by": "hana"})


async def test_webhooks_are_due_in_order_for_each_entity(tmp_path):
    async with Store.open(tmp_path / "g.db", endpoints=[Endpoint("http://a/")]) as store:
        await store.journal.append(Write("session/x", 0, [started(1), started(2, "session.ended")]))
        await store.journal.append(Write("session/y", 0, [started(1)]))
        assert await store.archive.catch_up()
        first = await store.outbox.due(NOW)
        assert [(each.entity, each.seq, each.type) for each in first] == [
            ("session/x", 1, "session.started"),
            ("session/y", 1, "session.started"),
        ]
        await store.outbox.delivered(first[0], NOW)
        due = [(each.entity, each.seq) for each in await store.outbox.due(NOW)]
        assert due == [("session/x", 2), ("session/y", 1)]


async def test_an_endpoint_to_which_much_is_due_leaves_room_for_another(tmp_path):
    endpoints = [Endpoint("http://a/"), Endpoint("http://b/", frozenset({"session.ended"}))]
    async with Store.open(tmp_path / "g.db", endpoints=endpoints) as store:
        for name in "vwxy":
            await store.journal.append(Write(f"session/{name}", 0, [started(1)]))
        await store.journal.append(Write("session/z", 0, [started(1, "session.ended")]))
        assert await store.archive.catch_up()
        due = [(each.endpoint, each.entity) for each in await store.outbox.due(NOW, limit=2)]
        assert due == [("http://a/", "session/v"), ("http://b/", "session/z")]


async def test_a_failed_webhook_holds_back_what_follows_and_waits_longer_each_time(tmp_path):
    async with Store.open(tmp_path / "g.db", endpoints=[Endpoint("http://a/")]) as store:
        await store.journal.append(Write("session/x", 0, [started(1), started(2, "session.ended")]))
        assert await store.archive.catch_up()
        (message,) = await store.outbox.due(NOW)
        again = await store.outbox.failed(message, NOW, "refused")
        assert again == NOW + FIRST_RETRY
        assert await store.outbox.due(NOW) == []
        assert await store.outbox.next_due() == again
        (message,) = await store.outbox.due(again)
        assert (message.seq, message.attempts) == (1, 1)
        assert await store.outbox.failed(message, again, "refused") == again + 2 * FIRST_RETRY
        late = message.created_at + GIVE_UP + timedelta(seconds=1)
        assert await store.outbox.failed(message, late, "refused") is None
        assert await store.outbox.counts() == {"waiting": 1, "delivered": 0, "given_up": 1}
        assert [each.seq for each in await store.outbox.due(late)] == [2]


async def test_webhooks_wait_through_a_restart_and_a_rebuild_enters_none_again(tmp_path):
    endpoints = [Endpoint("http://a/"), Endpoint("http://b/", frozenset({"session.ended"}))]
    path = tmp_path / "g.db"
    async with Store.open(path, endpoints=endpoints) as store:
        await store.journal.append(Write("session/x", 0, [started(1), started(2, "session.ended")]))
        assert await store.archive.catch_up()
    rebuild(path)
    async with Store.open(path, endpoints=endpoints) as store:
        assert await store.archive.catch_up()
        assert (await store.outbox.counts())["waiting"] == 3


async def test_an_endpoint_that_comes_later_is_not_told_the_past(tmp_path):
    path = tmp_path / "g.db"
    async with Store.open(path) as store:
        await store.journal.append(Write("session/x", 0, [started(1)]))
        assert await store.archive.catch_up()
    async with Store.open(path, endpoints=[Endpoint("http://a/")]) as store:
        await store.journal.append(Write("session/x", 1, [started(2, "session.ended")]))
        assert await store.archive.catch_up()
        assert [each.type for each in await store.outbox.due(NOW)] == ["session.ended"]


async def test_a_webhook_leaves_out_what_subscribers_are_not_told(tmp_path):
    secret = {field.name for field in attrs.fields(Left) if field.metadata.get("secret")}
    assert "at" in secret
    data = {"person": "ana", "at": iso(NOW)}
    async with Store.open(tmp_path / "g.db", endpoints=[Endpoint("http://a/")]) as store:
        await store.journal.append(Write("session/x", 0, [Entry(1, Left.type, START, data)]))
        assert await store.archive.catch_up()
        (message,) = await store.outbox.due(NOW)
        assert json.loads(message.body)["data"] == {"person": "ana"}
