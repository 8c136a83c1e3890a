"""Links keep order and lose nothing, whatever the network does to datagrams."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.cluster import link as links
from transport.cluster.link import DATA, Datagram, Link


class Pair:
    """Two ends over a network that loses, doubles and reorders."""

    def __init__(self, seed: int, loss: float, size: int = 60) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.now = 0.0
        self.wire: list[tuple[int, bytes]] = []
        self.got: list[list[object]] = [[], []]
        self.ends = [
            Link("a" * 8, size, lambda data: self.wire.append((1, data))),
            Link("b" * 8, size, lambda data: self.wire.append((0, data))),
        ]

    def step(self) -> None:
        self.now += 0.2
        for end in self.ends:
            end.flush(self.now)
            end.tick(self.now)
        wire, self.wire = self.wire, []
        for to, data in wire:
            if self.random.random() < self.loss:
                continue
            for _ in range(2 if self.random.random() < self.loss else 1):
                got = self.ends[to].receive(Datagram.unpack(data), self.now)
                self.got[to].extend(got)


@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.lists(st.tuples(st.integers(0, 1), st.text(max_size=200)), max_size=40),
)
def test_every_item_arrives_once_and_in_order(seed, loss, items):
    pair = Pair(seed, loss)
    for number, (end, text) in enumerate(items):
        pair.ends[end].put([number, text])
        if number % 3 == 0:
            pair.step()
    for _ in range(400):
        pair.step()
    for end in (0, 1):
        sent = [[number, text] for number, (by, text) in enumerate(items) if by == end]
        assert pair.got[1 - end] == sent


def test_nothing_more_is_sent_once_everything_is_acknowledged():
    pair = Pair(1, 0.0)
    pair.ends[0].put("hello")
    for _ in range(10):
        pair.step()
    assert pair.got[1] == ["hello"]
    assert pair.wire == []
    assert pair.ends[0].resent == 0


def test_a_link_whose_other_end_does_not_read_breaks(monkeypatch):
    monkeypatch.setattr(links, "WINDOW_BYTES", 1000)
    pair = Pair(1, 1.0)
    for _ in range(30):
        pair.ends[0].put("x" * 50)
        pair.step()
    assert pair.ends[0].broken


def test_what_is_no_datagram_is_an_error():
    with pytest.raises(ValueError, match="too short"):
        Datagram.unpack(b"short")
    sent = Datagram(DATA, "abcdefgh", 2**40, 7, b"body")
    assert Datagram.unpack(sent.pack()) == sent
