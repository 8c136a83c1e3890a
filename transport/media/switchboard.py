"""Who sees whom: rooms, rights, and the routes that follow from them.

The engine says who may publish what in which room and who may see it; everything here follows from
that. A track reaches a viewer only while both are in one room, the publisher with the right for
that source and the viewer with the right to see. Every change is carried out before the order that
made it is answered, so no packet that comes later takes a route that is gone.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from actors.errors import Refused
from transport.media import description, negotiation
from transport.media.dtls import Identity
from transport.media.entrance import Entrance
from transport.media.forwarding import Forwarder, TableMaker
from transport.media.negotiation import Transport
from transport.media.peer import Handler, Peer
from transport.media.publication import Publication
from transport.media.room import LOUDEST, Room, placement
from transport.media.srtp import Buffer
from transport.media.subscription import ANSWER_WITHIN, Subscription
from transport.media.track import Track

LAST_VIDEOS = 12
"""Cameras of a room that are forwarded at once: those who spoke last."""

SPEAKING_EVERY = 0.25
TURNS = 20
"""Ticks over which viewers are spread; each has its turn five times a second."""

QUALITY_EVERY = 5.0

PEERS_LIMIT = 4000
"""Peer connections of one worker."""

Fact = Callable[[str, dict[str, Any]], None]
"""Tells the engine something: a kind, and what it is about."""

RIGHT = {"audio": "audio", "video": "video", "screen": "screen", "screen_audio": "screen"}
"""The right each source needs."""


class Switchboard:
    """All rooms and peer connections of a worker.

    :param addresses: host and port clients are told.
    :param fact: takes what the engine is to know.
    :param accelerated: sends to many viewers in Python's place.
    """

    def __init__(
        self,
        addresses: list[tuple[str, int]],
        fact: Fact,
        last_videos: int = LAST_VIDEOS,
        accelerated: TableMaker | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.entrance = Entrance(self.counters)
        self.rooms: dict[str, Room] = {}
        self.publications: dict[str, Publication] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.pressure = 0
        self._addresses = addresses
        self._fact = fact
        self._last_videos = last_videos
        self._identity = Identity()
        self._scratch = Buffer()
        self._forwarder = Forwarder(self.counters, accelerated)
        self._room_of: dict[str, dict[str, None]] = {}
        self._by_person: dict[str, list[Publication]] = {}
        self._homes: dict[str, str] = {}
        self._quality_at = 0.0
        self._turn = 0
        self._probing: set[Subscription] = set()

    # Orders

    def open(self, room: str) -> None:
        """Make a room ready."""
        self.rooms.setdefault(room, Room(room))

    def close(self, room: str, now: float) -> None:
        """End a room and its routes."""
        known = self.rooms.pop(room, None)
        if known is None:
            return
        for person in known.people:
            self._room_of.get(person, {}).pop(room, None)
        self._reroute(known.viewers, now)

    def allow(
        self, room: str, person: str, publish: frozenset[str] | None, view: bool, now: float
    ) -> None:
        """Set what a person may do in a room; ``publish`` None takes the person out."""
        self.open(room)
        known = self.rooms[room]
        before = known.publish.get(person, frozenset()), person in known.viewers
        if publish is None:
            known.people.discard(person)
            known.publish.pop(person, None)
            known.viewers.discard(person)
            self._room_of.get(person, {}).pop(room, None)
            if not self._room_of.get(person):
                self._room_of.pop(person, None)
        else:
            known.people.add(person)
            if publish:
                known.publish[person] = publish
            else:
                known.publish.pop(person, None)
            (known.viewers.add if view else known.viewers.discard)(person)
            self._room_of.setdefault(person, {})[room] = None
        after = known.publish.get(person, frozenset()), person in known.viewers
        if "audio" not in after[0]:
            known.levels.forget(person)
        if before[0] != after[0]:
            self._reroute(known.viewers | {person}, now)
        elif before[1] != after[1]:
            self._reroute({person}, now)

    def _require(self, room: str, person: str) -> None:
        if room not in self._room_of.get(person, {}):
            raise Refused("forbidden", "You are not in this room.")

    def _peer(self, handler: Handler, now: float) -> Peer:
        if len(self.publications) + len(self.subscriptions) >= PEERS_LIMIT:
            raise Refused("overloaded", "The media server is full.", retry_after=5)
        return Peer(self._identity, handler, self.counters, self._scratch, now)

    def _transport(self, peer: Peer) -> Transport:
        return Transport(peer.credentials, self._identity.fingerprint, self._addresses)

    def join(self, room: str, connection: str, person: str, now: float) -> None:
        """Offer a connection what its person may see."""
        self._require(room, person)
        self._homes[connection] = room
        subscription = self.subscriptions.get(connection)
        if subscription is None:
            pacer, place = self._forwarder.pacer(now), placement(room)
            subscription = Subscription(person, connection, self.counters, pacer, now, place)
            subscription.peer = self._peer(subscription, now)
            self.subscriptions[connection] = subscription
            self.entrance.admit(subscription.peer)
        self._route(subscription, now)

    def offer(
        self,
        connection: str,
        person: str,
        room: str,
        sdp: str,
        tracks: Mapping[str, str],
        now: float,
    ) -> str:
        """Take a publish offer and return the answer.

        :raises Refused: ``forbidden``, ``invalid_params``, ``too_large`` or ``overloaded``.
        """
        self._require(room, person)
        remote = description.parse(sdp)
        sources = description.sources(remote, tracks)
        self._homes[connection] = room
        publication = self.publications.get(connection)
        if publication is None:
            publication = Publication(person, connection, self.counters, placement(room))
            publication.peer = self._peer(publication, now)
            publication.on_packet, publication.on_level = self._forwarder.forward, self._level
            self.publications[connection] = publication
            self._by_person.setdefault(person, []).append(publication)
        elif publication.fragment != remote.fragment:
            publication.peer.renew()
        publication.fragment = remote.fragment
        self.entrance.admit(publication.peer)
        publication.peer.describe(remote, client=remote.client is False)
        publication.describe(remote, sources)
        self._reroute(self._audience(person), now)
        return negotiation.answer(remote, self._transport(publication.peer), publication.version)

    def answer(self, connection: str, sdp: str, now: float) -> None:
        """Take the answer to the subscribe offer.

        :raises Refused: ``wrong_state`` when none is awaited.
        """
        subscription = self.subscriptions.get(connection)
        if subscription is None or subscription.offered_at is None:
            raise Refused("wrong_state", "No answer is awaited.")
        remote = description.parse(sdp)
        was = subscription.peer.outbound
        subscription.peer.describe(remote, client=remote.client is False)
        if was is not None and subscription.peer.outbound is None:
            subscription.replaced()
        subscription.accept(remote)
        if subscription.peer.is_connected:
            subscription.connected(now)
        self._route(subscription, now)

    def restart(self, room: str, connection: str, person: str, now: float) -> None:
        """Begin ICE anew for a connection's subscribe side, with a fresh offer."""
        self.join(room, connection, person, now)
        subscription = self.subscriptions[connection]
        subscription.peer.renew()
        subscription.peer.heard_at = now
        self.entrance.admit(subscription.peer)
        self._offer(subscription, now)

    def view(self, connection: str, views: Mapping[str, int]) -> None:
        """Take the heights at which a viewer shows its pictures."""
        subscription = self.subscriptions.get(connection)
        if subscription is not None:
            known = {output.line.mid for output in subscription.outputs()}
            subscription.views.update({mid: views[mid] for mid in views if mid in known})

    def leave(self, connection: str, now: float) -> None:
        """Forget a connection."""
        subscription = self.subscriptions.pop(connection, None)
        if subscription is not None:
            subscription.show(())
            self._forget(subscription.peer)
        self._homes.pop(connection, None)
        self._unpublish(connection, now)

    def _unpublish(self, connection: str, now: float) -> None:
        publication = self.publications.pop(connection, None)
        if publication is None:
            return
        self._forget(publication.peer)
        others = self._by_person[publication.person]
        others.remove(publication)
        if not others:
            del self._by_person[publication.person]
        for room in self._room_of.get(publication.person, {}):
            self.rooms[room].levels.forget(publication.person)
        self._reroute(self._audience(publication.person), now)
        for track in publication.tracks.values():
            for layer in track.layers:
                layer.end()

    def _forget(self, peer: Peer) -> None:
        self.entrance.forget(peer)
        peer.close()

    # Routes

    def _audience(self, person: str) -> set[str]:
        found: set[str] = set()
        for room in self._room_of.get(person, {}):
            found |= self.rooms[room].viewers
        return found

    def _reroute(self, people: set[str], now: float) -> None:
        for subscription in tuple(self.subscriptions.values()):
            if subscription.person in people:
                self._route(subscription, now)

    def _route(self, subscription: Subscription, now: float) -> None:
        subscription.show(self._visible(subscription.person, subscription.place))
        waiting = subscription.offered_at
        if subscription.needs_offer and (waiting is None or now - waiting > ANSWER_WITHIN):
            self._offer(subscription, now)
        elif subscription.changed:
            subscription.changed = False
            self._tell(subscription, "rtc.tracks", {})
        for output in subscription.outputs():
            if output.target is not None and subscription.peer.is_connected:
                output.target.ask_key_frame(now, output.target.track.peer)

    def _offer(self, subscription: Subscription, now: float) -> None:
        sdp = subscription.offer(self._transport(subscription.peer), now)
        self._tell(subscription, "rtc.offer", {"sdp": sdp})

    def _tell(self, subscription: Subscription, kind: str, data: dict[str, Any]) -> None:
        connection = subscription.connection
        self._fact(
            kind,
            {
                "connection": connection,
                "room": self._home(connection, subscription.person),
                "tracks": subscription.tracks(),
                **data,
            },
        )

    def _home(self, connection: str, person: str) -> str:
        rooms = self._room_of.get(person, {})
        home = self._homes.get(connection, "")
        known = [self.rooms[room] for room in rooms if self.rooms[room].place == placement(home)]
        seen = [room.name for room in known if person in room.viewers]
        return home if home in seen or not seen else seen[-1]

    def _visible(self, viewer: str, place: str) -> list[tuple[str, dict[str, Track]]]:
        """Return whom a person sees in a place, who spoke last first, with tracks by source."""
        found: dict[str, dict[str, Track]] = {}
        recency: dict[str, float] = {}
        for name in self._room_of.get(viewer, {}):
            room = self.rooms[name]
            if viewer not in room.viewers or room.place != place:
                continue
            for person, rights in room.publish.items():
                if person == viewer:
                    continue
                tracks = self._tracks(room, person, rights)
                if tracks:
                    found.setdefault(person, {}).update(tracks)
                    recency[person] = room.levels.recency(person)
        order = sorted(found, key=lambda person: recency[person], reverse=True)
        for person in order[self._last_videos :]:
            found[person].pop("video", None)
        return [(person, found[person]) for person in order if found[person]]

    def _tracks(self, room: Room, person: str, rights: frozenset[str]) -> dict[str, Track]:
        found: dict[str, Track] = {}
        for publication in self._by_person.get(person, ()):
            if publication.place != room.place:
                # What is said in a chat stays there.
                continue
            for track in publication.tracks.values():
                if RIGHT[track.source] not in rights:
                    continue
                if track.source == "audio" and person not in room.loudest and room.loudest:
                    continue
                found[track.source] = track
        return found

    # Packets

    def _level(self, track: Track, level: int, now: float) -> None:
        publication = self.publications.get(track.connection)
        if track.source != "audio" or publication is None:
            return
        for name in self._room_of.get(track.person, {}):
            room = self.rooms[name]
            near = room.place == publication.place
            if near and "audio" in room.publish.get(track.person, ()):
                room.levels.heard(track.person, level, now)

    # Time

    def tick(self, now: float) -> None:
        """Do what time asks for; to be called about a hundred times a second."""
        for publication in tuple(self.publications.values()):
            publication.tick(now)
            if not publication.peer.tick(now):
                self._unpublish(publication.connection, now)
                self._fact("gone", {"connection": publication.connection, "side": "publish"})
        self._forwarder.tick(now)
        self._turn = (self._turn + 1) % TURNS
        self._probing = {each for each in self._probing if each.is_probing}
        for subscription in self._probing:
            subscription.tick(now, self.pressure)
        for subscription in tuple(self.subscriptions.values())[self._turn :: TURNS]:
            subscription.tick(now, self.pressure)
            if subscription.is_probing:
                self._probing.add(subscription)
            if not subscription.peer.tick(now) and subscription.offered_at is None:
                subscription.show(())
                self._forget(subscription.peer)
                del self.subscriptions[subscription.connection]
                self._fact("gone", {"connection": subscription.connection, "side": "subscribe"})
        for room in self.rooms.values():
            if now - room.checked_at >= SPEAKING_EVERY:
                room.checked_at = now
                self._listen(room, now)
        if now - self._quality_at >= QUALITY_EVERY:
            self._quality_at = now
            self._tell_quality()

    def _listen(self, room: Room, now: float) -> None:
        speakers = room.levels.speakers(now)
        if [name for name, _ in speakers] != [name for name, _ in room.told]:
            room.told = speakers
            people = [{"person": name, "level": level} for name, level in speakers]
            self._fact("rtc.speaking", {"room": room.name, "people": people})
        loudest = room.levels.forwarded(now)
        if len(room.publish) <= LOUDEST:
            loudest = set()
        if loudest != room.loudest:
            room.loudest = loudest
            self._reroute(room.viewers, now)

    def _tell_quality(self) -> None:
        for connection in {*self.publications, *self.subscriptions}:
            quality: dict[str, dict[str, Any]] = {}
            up, down = self.publications.get(connection), self.subscriptions.get(connection)
            person = ""
            if up is not None and up.peer.is_connected:
                person = up.person
                rate = sum(each.bitrate for track in up.tracks.values() for each in track.layers)
                quality["up"] = {"loss": up.loss, "bitrate": round(rate)}
            if down is not None and down.peer.is_connected:
                person = down.person
                rate = round(down.estimate.send_rate)
                quality["down"] = {"loss": down.loss, "rtt": down.round_trip, "bitrate": rate}
            if quality:
                home = self._home(connection, person)
                self._fact("rtc.quality", {"connection": connection, "room": home, **quality})
