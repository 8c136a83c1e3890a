"""What a worker counts, as plain data."""

from collections.abc import Mapping
from typing import Any

from transport.media.room import Room
from transport.media.subscription import Subscription
from transport.media.switchboard import RIGHT, Switchboard
from transport.media.track import Track

Rooms = Mapping[str, list[Room]]
"""The rooms of each person."""


def statistics(board: Switchboard) -> dict[str, Any]:
    """Count everything."""
    rooms: dict[str, list[Room]] = {}
    for room in board.rooms.values():
        for person in room.people:
            rooms.setdefault(person, []).append(room)
    return {
        "counters": dict(board.counters),
        "rooms": {
            room.name: {
                "people": len(room.people),
                "publishers": len(room.publish),
                "viewers": len(room.viewers),
            }
            for room in board.rooms.values()
        },
        "publications": len(board.publications),
        "subscriptions": len(board.subscriptions),
        "tracks": [
            _track_statistics(track, publication.place, rooms)
            for publication in board.publications.values()
            for track in publication.tracks.values()
        ],
        "viewers": [
            _viewer_statistics(subscription, rooms) for subscription in board.subscriptions.values()
        ],
        "pressure": board.pressure,
    }


def _track_statistics(track: Track, place: str, rooms: Rooms) -> dict[str, Any]:
    return {
        "person": track.person,
        "rooms": [
            room.name
            for room in rooms.get(track.person, ())
            if room.place == place and RIGHT[track.source] in room.publish.get(track.person, ())
        ],
        "source": track.source,
        "layers": [
            {
                "rid": layer.rid,
                "codec": layer.codec.name if layer.codec else None,
                "height": layer.height,
                "bitrate": round(layer.bitrate),
                "packets": layer.packets,
                "lost": layer.missing.expected - layer.missing.received,
                "nacks": layer.asked_again,
                "plis": layer.key_frames_asked,
                "viewers": len(layer.active),
            }
            for layer in track.layers
        ],
    }


def _viewer_statistics(subscription: Subscription, rooms: Rooms) -> dict[str, Any]:
    outputs = list(subscription.outputs())
    return {
        "person": subscription.person,
        "rooms": [
            room.name
            for room in rooms.get(subscription.person, ())
            if room.place == subscription.place and subscription.person in room.viewers
        ],
        "estimate": round(subscription.estimate.bitrate),
        "bitrate": round(subscription.estimate.send_rate),
        "loss": subscription.loss,
        "rtt": subscription.round_trip,
        "packets": sum(output.packets for output in outputs),
        "resent": sum(output.resent for output in outputs),
        "layers": [output.layer.rid or "-" for output in outputs if output.layer is not None],
    }
