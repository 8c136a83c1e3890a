"""What the server API hands out as files: the read model's tables, and calendars."""

import io
from collections.abc import Sequence
from typing import Literal, cast

import attrs
from sqlite_utils import Database

from actors.errors import Refused
from storage import Store, calendars, export
from transport.http.api import Export

MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "ics": "text/calendar"}


@attrs.frozen
class StoreExporter:
    """Reads files out of the database beside the running engine."""

    store: Store
    formats: Sequence[str] = tuple(MEDIA_TYPES)

    async def export(self, name: str, format_name: str, event: str | None) -> Export:
        """Return a table as ``json`` or ``csv``, or ``program`` as ``ics``.

        :raises Refused: ``not_found`` for an unknown name or format.
        """
        if format_name not in MEDIA_TYPES:
            raise Refused("not_found", f"There is no format {format_name}.")
        await self.store.archive.catch_up()
        if format_name == "ics":
            text = await self._calendar(name, event)
        else:
            text = await self._table(name, cast("Literal['csv', 'json']", format_name), event)
        return Export(text.encode(), MEDIA_TYPES[format_name], f"{name}.{format_name}")

    async def _calendar(self, name: str, event: str | None) -> str:
        if name != "program" or event is None:
            raise Refused("not_found", "As a calendar there is the program of an event.")
        return await self.store.journal.query(lambda db: calendars.program(db, event))

    async def _table(self, name: str, form: Literal["csv", "json"], event: str | None) -> str:
        def read(db: Database) -> str:
            target = io.StringIO(newline="")
            export.write(export.export(db, name, event), target, form)
            return target.getvalue()

        try:
            return await self.store.journal.query(read)
        except export.UnknownTable as error:
            raise Refused("not_found", str(error)) from error
