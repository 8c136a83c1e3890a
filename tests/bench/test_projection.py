from contextlib import closing

from bench import figures, projection
from storage import bulk, readmodel


def test_every_message_is_projected_and_found(tmp_path):
    with closing(projection.filled(tmp_path / "g.db", 200)) as db:
        projection.projected(db)
        assert readmodel.lag(db) == 0
        (text,) = db.execute("SELECT text FROM chat_messages WHERE number = 200").fetchone()
        found = db.execute(
            "SELECT rowid FROM chat_messages_fts WHERE chat_messages_fts MATCH ?",
            (f'"{text}"',),
        )
        assert [row[0] for row in found] == [200]


def test_both_ways_are_told_beside_each_other(tmp_path):
    most = bulk.MOST
    result = projection.run(200, tmp_path)
    assert most == bulk.MOST
    assert list(tmp_path.iterdir()) == []
    told = list(figures.read("projection", result))
    assert [figure.peer for figure in told] == ["a statement a row"] * 2
    assert all(figure.value > 0 for figure in told)
