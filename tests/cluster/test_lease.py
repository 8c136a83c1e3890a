"""A lease that has lapsed holds again only when all others still count its node in."""

import json

import pytest

from actors.ports import StorageUnavailable
from transport.cluster import lease as module
from transport.cluster.lease import ELECTION_SECONDS, Lease, Timing
from transport.cluster.nats import Message


class FakeNats:
    """A bucket that takes renewals, or has no leader."""

    def __init__(self):
        self.leader = True

    async def request(self, subject, data, headers=None, *, within, again=0):
        if not self.leader:
            raise StorageUnavailable("no leader")
        return Message(subject, json.dumps({"seq": 1}).encode())


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def nats():
    return FakeNats()


@pytest.fixture
async def lease(nats, clock):
    made = Lease(nats, "LEASES", "me", {}, Timing(3.0))
    await made.renew()
    made.heard()
    return made


async def test_it_holds_from_when_the_renewal_was_sent(lease, clock):
    clock.now += 2.9
    assert lease.valid()
    clock.now += 0.2
    assert not lease.valid()


async def test_a_renewal_that_comes_late_does_not_bring_it_back(lease, clock):
    clock.now += 3.1
    await lease.renew()
    assert lease.fresh()
    assert not lease.valid()
    lease.regain()
    assert lease.valid()


async def test_a_node_that_still_hears_nats_waits_for_an_election(lease, nats, clock):
    nats.leader = False
    clock.now += 3.1
    lease.heard()
    assert not lease.valid()
    assert not lease.lost()
    clock.now += ELECTION_SECONDS
    lease.heard()
    assert lease.lost()


async def test_a_node_that_is_cut_off_gives_up_with_its_lease(lease, clock):
    clock.now += 3.1
    assert lease.lost()


async def test_what_was_given_back_is_never_held_again(lease):
    await lease.resign()
    await lease.renew()
    assert not lease.valid()
