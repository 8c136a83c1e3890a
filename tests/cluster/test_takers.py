"""Whoever was there while a lease lapsed takes the shards, and nobody waits for a newcomer."""

import pytest

from transport.cluster import membership as module
from transport.cluster.membership import Membership, Peer
from transport.cluster.owners import Table
from transport.cluster.placement import SHARDS, preferred

NOW = 100.0
OLD, NEW = NOW - 60.0, NOW - 0.7
"""When a node was first heard of; the newcomer has been there for less than a lease."""


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    class Clock:
        @staticmethod
        def monotonic():
            return NOW

    monkeypatch.setattr(module, "time", Clock)


def member(me, joined, **peers):
    """Return what a node knows: when it joined, and since when it has heard of others."""
    made = Membership(None, "main", me, {})
    made._joined_at = joined
    made.peers = {name: Peer(NOW, since) for name, since in peers.items()}
    made.gone = {"killed"}
    return made


def taken(owner, *members):
    """Return who takes each of an owner's shards, by what each member decides alone."""
    table = Table(shards=(owner,) * SHARDS)
    views = [one._with_orphans(table).shards for one in members]
    return [{view[shard] for view in views} - {owner} for shard in range(SHARDS)]


def test_a_killed_nodes_shards_do_not_wait_for_one_that_was_started_meanwhile():
    ana = member("ana", OLD, ben=OLD, new=NEW)
    ben = member("ben", OLD, ana=OLD, new=NEW)
    new = member("new", NEW, ana=NEW, ben=NEW)
    new.gone = set()  # it has never heard of the killed one
    assert {preferred(shard, ["ana", "ben", "new"]) for shard in range(SHARDS)} >= {"new"}
    takers = taken("killed", ana, ben, new)
    assert all(len(one) == 1 for one in takers)
    assert set.union(*takers) == {"ana", "ben"}


def test_where_all_are_new_each_takes_its_part():
    ana, ben = member("ana", NEW, ben=NEW), member("ben", NEW, ana=NEW)
    takers = taken("", ana, ben)
    assert all(len(one) == 1 for one in takers)
    assert set.union(*takers) == {"ana", "ben"}


def test_whoever_leaves_takes_nothing_even_if_all_others_are_new():
    ana, new = member("ana", OLD, new=NEW), member("new", NEW, ana=NEW)
    ana._lease.draining = new.peers["ana"].draining = True
    assert taken("", ana, new) == [{"new"}] * SHARDS
