"""The one door for datagrams: tells STUN, DTLS and media apart and finds whose they are.

Nothing a stranger sends gets further than this: media and DTLS count only from an address that has
answered for a peer connection's ICE credentials (RFC 7983 for telling them apart).
"""

from collections import Counter

from transport.media import dtls, stun
from transport.media.peer import Address, Peer, Socket
from transport.media.rtp import MAXIMUM_DATAGRAM, Malformed
from transport.media.srtp import Buffer

_STUN_LAST = 3
_MEDIA_FIRST, _MEDIA_LAST = 128, 191
_SHORTEST_MEDIA = 12 + 10


class Entrance:
    """Finds the peer of each datagram.

    :param counters: the worker's; every drop is counted by its reason.
    """

    def __init__(self, counters: Counter[str]) -> None:
        self.buffer = Buffer()
        self._counters = counters
        self._by_fragment: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}

    def admit(self, peer: Peer) -> None:
        """Let a peer's current credentials in."""
        self._by_fragment = {
            fragment: known for fragment, known in self._by_fragment.items() if known is not peer
        }
        self._by_fragment[peer.credentials.fragment] = peer

    def forget(self, peer: Peer) -> None:
        """Drop a peer and its addresses."""
        self._by_fragment.pop(peer.credentials.fragment, None)
        self._by_address = {
            address: known for address, known in self._by_address.items() if known is not peer
        }

    def datagram(self, length: int, address: Address, socket: Socket, now: float) -> None:
        """Handle the datagram at the start of :attr:`buffer`. Never raises.

        :param socket: where it came in, and where answers go out.
        :param now: seconds on a steady clock.
        """
        if not 0 < length <= MAXIMUM_DATAGRAM:
            self._counters["dropped_length"] += 1
            return
        first = self.buffer.data[0]
        if _MEDIA_FIRST <= first <= _MEDIA_LAST:
            peer = self._by_address.get(address)
            if peer is None or length < _SHORTEST_MEDIA:
                self._counters["dropped_unknown"] += 1
                return
            peer.media(self.buffer, length, now)
        elif first <= _STUN_LAST:
            self._stun(bytes(self.buffer.view[:length]), address, socket, now)
        elif first in dtls.FIRST_BYTES and address in self._by_address:
            self._by_address[address].handshake(bytes(self.buffer.view[:length]), now)
        else:
            self._counters["dropped_unknown"] += 1

    def _stun(self, data: bytes, address: Address, socket: Socket, now: float) -> None:
        try:
            request = stun.parse(data)
        except Malformed:
            self._counters["dropped_stun"] += 1
            return
        if request is None:
            return
        peer = self._by_fragment.get(request.fragment)
        if peer is None or not peer.stun(request, address, socket, now):
            self._counters["dropped_stun"] += 1
            return
        self._by_address[address] = peer
        if peer.dropped is not None and self._by_address.get(peer.dropped) is peer:
            del self._by_address[peer.dropped]
            peer.dropped = None
