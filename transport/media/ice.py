"""STUN and TURN servers as clients are told of them, with credentials that lapse.

TURN credentials follow draft-uberti-behave-turn-rest-00, which coturn knows as
``use-auth-secret``: the user name holds the expiry, the password is its HMAC.
"""

import base64
import hashlib
import hmac
import time
from typing import Any

import attrs

DEFAULT_LIFE = 12 * 3600.0
"""Seconds for which a TURN credential is good."""


@attrs.frozen(kw_only=True)
class IceServers:
    """What a deployment runs beside the engine.

    :param stun: ``stun:`` addresses.
    :param turn: ``turn:`` and ``turns:`` addresses.
    :param secret: shared with the TURN server.
    :param life: seconds for which credentials are good.
    """

    stun: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()
    secret: str = attrs.field(default="", repr=False)
    life: float = DEFAULT_LIFE

    def for_person(self, person: str, now: float | None = None) -> list[dict[str, Any]]:
        """Return the ``iceServers`` of an RTCPeerConnection.

        :param now: Unix seconds; the present when None.
        """
        found: list[dict[str, Any]] = []
        if self.stun:
            found.append({"urls": list(self.stun)})
        if self.turn:
            expiry = int((time.time() if now is None else now) + self.life)
            name = f"{expiry}:{person}"
            digest = hmac.digest(self.secret.encode(), name.encode(), hashlib.sha1)
            credential = base64.b64encode(digest).decode()
            found.append({"urls": list(self.turn), "username": name, "credential": credential})
        return found
