"""Which webhooks are next: the marks that name them, and the queries that find them."""

from random import Random

import pytest
from sqlite_utils import Database

from storage.outbox import HEADS, MESSAGE, NEXT_ENDPOINT
from storage.schema import journal as journal_migrations


def waiting(*rows):
    """Return a database with messages: endpoint, entity, number, when due."""
    db = Database(memory=True)
    journal_migrations.apply(db)
    for row in rows:
        insert(db, *row)
    return db


def insert(db, endpoint, entity, seq, due_at="2026-12-01T10:00:00Z"):
    db.execute(
        "INSERT INTO webhooks (endpoint, entity, seq, type, body, created_at, due_at, attempts,"
        " state) VALUES (?, ?, ?, 't', '{}', ?, ?, 0, 'waiting')",
        (endpoint, entity, seq, due_at, due_at),
    )


def heads(db):
    """Return which messages are marked, and which no older one holds back."""
    marked = db.execute("SELECT id FROM webhooks WHERE state = 'waiting' AND head = 1 ORDER BY id")
    free = db.execute(
        "SELECT id FROM webhooks w WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM webhooks o"
        " WHERE o.state = 'waiting' AND o.endpoint = w.endpoint AND o.entity = w.entity"
        " AND o.seq < w.seq) ORDER BY id"
    )
    return [row[0] for row in marked], [row[0] for row in free]


@pytest.mark.parametrize("seed", range(20))
def test_the_message_that_is_next_is_marked_whatever_happens_to_the_others(seed):
    random, db = Random(seed), waiting()
    places = [(f"http://{a}/", f"session/{b}", n) for a in "ab" for b in "xy" for n in range(4)]
    random.shuffle(places)
    for place in places:
        insert(db, *place)
        what = random.choice(("delivered", "given_up", "waiting", None, ""))
        chosen = random.randint(1, 16)
        if what is None:
            db.execute("DELETE FROM webhooks WHERE id = ?", (chosen,))
        elif what:
            db.execute("UPDATE webhooks SET state = ? WHERE id = ?", (what, chosen))
        marked, free = heads(db)
        assert marked == free


def test_a_file_of_an_older_version_has_the_next_messages_marked():
    db = Database(memory=True)
    journal_migrations.apply(db, stop_before="m004_webhook_heads")
    for place in (("http://a/", "session/x", 2), ("http://a/", "session/x", 3)):
        insert(db, *place)
    insert(db, "http://b/", "session/x", 1)
    db.execute("UPDATE webhooks SET state = 'delivered' WHERE id = 1")
    journal_migrations.apply(db)
    assert heads(db) == ([2, 3], [2, 3])


def test_what_is_due_is_found_in_an_index_however_much_waits():
    db = waiting(("http://a/", "session/x", 1))
    parameters = ("http://a/", "2027", 100)
    for query, given in ((HEADS, parameters), (NEXT_ENDPOINT, ("",)), (MESSAGE, (1,))):
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", given)]
        assert len(plan) == 1, plan
        assert plan[0].startswith("SEARCH webhooks USING "), plan
        assert "webhooks_heads" in plan[0] or "PRIMARY KEY" in plan[0], plan
