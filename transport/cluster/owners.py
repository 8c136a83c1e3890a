"""Who owns which shard: one table under one key, changed by compare-and-swap."""

import base64
import json
import time
from collections.abc import Callable, Mapping

import attrs

from actors.ports import StorageUnavailable
from transport.cluster.lease import REPLY_SECONDS
from transport.cluster.nats import Message, Nats
from transport.cluster.placement import SHARDS

REFRESH_SECONDS = 1.0
"""Seconds after which the table is read although nobody told of a change."""

READ_AGAIN = 0.25
"""Seconds after which it is asked once more: what is sent to a leader that has died is lost."""

ATTEMPTS = 50
"""How often a change of the table is tried against others' changes."""

WRONG_LAST = 10071
NOT_FOUND = frozenset({10037, 10059})


@attrs.frozen
class Table:
    """Who owns what.

    :param number: of the table's version; 0 before the first.
    :param shards: the owner's id for each shard; empty for none.
    :param companies: id of a company -> id of its event.
    """

    number: int = 0
    shards: tuple[str, ...] = ("",) * SHARDS
    companies: Mapping[str, str] = attrs.field(factory=dict)


Change = Callable[[Table], Table]


class Owners:
    """The table as this node knows it.

    :param bucket: the key-value bucket it stands in.
    """

    def __init__(self, nats: Nats, bucket: str) -> None:
        self.table = Table()
        self.on_table: Callable[[Table, Table], None] = lambda _old, _new: None
        self._nats = nats
        self._bucket = bucket
        self._read_at = 0.0
        self._stale = True

    def listen(self) -> None:
        """Hear of every change."""
        self._nats.subscribe(f"$KV.{self._bucket}.*", self._hint)

    def _hint(self, _: Message) -> None:
        self._stale = True

    async def look(self) -> None:
        """Read the table if it has changed, or has not been read for long.

        :raises StorageUnavailable: NATS does not answer.
        """
        if self._stale or time.monotonic() - self._read_at > REFRESH_SECONDS:
            await self.refresh()

    async def refresh(self) -> None:
        """Read the table.

        :raises StorageUnavailable: NATS does not answer.
        """
        self._stale = False
        body = json.dumps({"last_by_subj": f"$KV.{self._bucket}.table"}).encode()
        name = f"$JS.API.STREAM.MSG.GET.KV_{self._bucket}"
        reply = await self._nats.request(name, body, within=REPLY_SECONDS, again=READ_AGAIN)
        answer = json.loads(reply.data)
        self._read_at = time.monotonic()
        error = answer.get("error")
        if error and error.get("err_code") in NOT_FOUND:
            return
        if error:
            raise StorageUnavailable(error["description"])
        kept = json.loads(base64.b64decode(answer["message"]["data"]))
        number = answer["message"]["seq"]
        self._adopt(Table(number, tuple(kept["shards"]), kept["companies"]))

    def _adopt(self, table: Table) -> None:
        if table.number > self.table.number:
            before, self.table = self.table, table
            self.on_table(before, table)

    async def change(self, change: Change) -> None:
        """Change the table, again if somebody else was quicker.

        :raises StorageUnavailable: NATS does not answer, or others are always quicker.
        """
        for _ in range(ATTEMPTS):
            before = self.table
            wanted = change(before)
            if wanted == before:
                return
            if await self._swap(before, wanted):
                return
            await self.refresh()
        raise StorageUnavailable("the table of owners cannot be changed")

    async def _swap(self, before: Table, wanted: Table) -> bool:
        body = json.dumps({"shards": wanted.shards, "companies": wanted.companies}).encode()
        headers = {"Nats-Expected-Last-Subject-Sequence": str(before.number)}
        reply = await self._nats.request(
            f"$KV.{self._bucket}.table", body, headers, within=REPLY_SECONDS
        )
        answer = json.loads(reply.data)
        if "error" not in answer:
            self._adopt(attrs.evolve(wanted, number=answer["seq"]))
            return True
        if answer["error"].get("err_code") != WRONG_LAST:
            raise StorageUnavailable(answer["error"].get("description", "refused"))
        return False
