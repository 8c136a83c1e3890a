"""A node's own lease: an entry in a key-value bucket whose entries lapse.

The node counts it from when it *sent* the renewal that the bucket took, others count from when they
*heard* it; both by clocks that only run forward. So a node stops before another takes over, and
what the wall clock says matters to nobody.

A lease that has lapsed does not come back by itself: others may have taken over meanwhile.
:meth:`Lease.regain` is called once all of them have said that they did not.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs
import trio

from actors.errors import GreenroomError
from actors.ports import StorageUnavailable
from transport.cluster.nats import Nats

ELECTION_SECONDS = 9.0
"""The longest that JetStream takes to elect a leader when one of its servers has died."""

REPLY_SECONDS = 2.0
"""How long JetStream may take to answer, once it has a leader."""


class LeaseLapsed(GreenroomError):  # noqa: N818  said of the lease
    """A node could not renew its lease in time: others own what it owned."""


@attrs.frozen
class Timing:
    """How soon a node is missed, in seconds.

    :param lease: how long a lease lasts after it was renewed.
    """

    lease: float = 3.0

    @property
    def renew(self) -> float:
        """Between two renewals."""
        return self.lease / 5

    @property
    def regain(self) -> float:
        """Between two renewals once it has lapsed: whoever waits for JetStream waits for this."""
        return self.lease / 20

    @property
    def grace(self) -> float:
        """How much longer than a lease others wait, for what is on its way."""
        return min(0.4, self.lease / 5)


class Lease:
    """A node's lease.

    :param bucket: of the leases.
    :param facts: what others may know about the node.
    """

    def __init__(
        self, nats: Nats, bucket: str, me: str, facts: Mapping[str, Any], timing: Timing
    ) -> None:
        self.draining = self.resigned = False
        self.suspended = False
        self._nats = nats
        self._subject = f"$KV.{bucket}.{me}"
        self._facts = facts
        self._timing = timing
        self._valid_until: float | None = None
        self._renewed_until = self._echoed_at = 0.0

    def valid(self) -> bool:
        """Whether it holds."""
        if self._valid_until is None or self.suspended:
            return False
        self.suspended = time.monotonic() >= self._valid_until
        return not self.suspended

    def fresh(self) -> bool:
        """Whether it would hold, had it not lapsed in between."""
        return time.monotonic() < self._renewed_until

    def lost(self) -> bool:
        """Whether it has lapsed for good.

        While NATS still carries messages it is JetStream alone that does not answer: it is
        electing a leader, which passes. Nobody else can take over meanwhile.
        """
        if self.valid() or self._valid_until is None:
            return False
        now = time.monotonic()
        cut_off = now - self._echoed_at > self._timing.lease
        return cut_off or now - self._valid_until > ELECTION_SECONDS

    def heard(self) -> None:
        """Note that NATS has brought this node its own renewal."""
        self._echoed_at = time.monotonic()

    def regain(self) -> None:
        """Let it hold again: nobody has taken over."""
        self._valid_until, self.suspended = self._renewed_until, False

    async def renew(self) -> None:
        """Renew it.

        :raises StorageUnavailable: NATS does not answer.
        """
        if self.resigned:
            return
        sent = time.monotonic()
        body = json.dumps({"draining": self.draining, **self._facts}).encode()
        answer = await self._nats.request(self._subject, body, within=self._timing.lease)
        if "error" in json.loads(answer.data) or self.resigned:
            return
        self._renewed_until = max(self._renewed_until, sent + self._timing.lease)
        if self._valid_until is None or self.valid():
            self._valid_until = self._renewed_until

    async def keep(self) -> None:
        """Renew it until cancelled; an answer that is late counts too."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._renew)
                await trio.sleep(self._timing.renew if self.valid() else self._timing.regain)

    async def _renew(self) -> None:
        with suppress(StorageUnavailable):
            await self.renew()

    async def resign(self) -> None:
        """Give it back, so that nobody waits for it to lapse."""
        self.draining = self.resigned = self.suspended = True
        with suppress(StorageUnavailable):
            await self._nats.request(self._subject, b"", {"KV-Operation": "DEL"}, within=1)
