"""The operations of the server API: each is one command, addressed by path."""

from collections.abc import Mapping

import attrs


@attrs.frozen
class Operation:
    """One thing a server may ask for.

    :param verb: HTTP's method.
    :param path: with the path's parameters in braces.
    :param command: the command's method on the wire.
    :param names: which of the command's members each path parameter fills; ``@event`` stands for
        the event it is asked in.
    :param fixed: members filled in from the path's parameters, as format strings.
    """

    verb: str
    path: str
    command: str
    names: Mapping[str, str] = attrs.field(factory=dict)
    fixed: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing: its params then come from the query."""
        return self.verb == "GET"

    @property
    def filled(self) -> frozenset[str]:
        """The command's members that the path fills."""
        return frozenset((*self.names.values(), *self.fixed))


_EVENT = {"event": "@event"}
_SESSION = {"session": "session"}
_MEETING = {"meeting": "id"}

OPERATIONS = (
    Operation("PUT", "/events/{event}", "event.create", {"event": "id"}),
    Operation("PATCH", "/events/{event}", "event.change", {"event": "id"}),
    Operation("GET", "/events/{event}", "event.get", _EVENT),
    Operation("GET", "/events/{event}/program", "event.program", _EVENT),
    Operation("GET", "/events/{event}/companies", "company.list", _EVENT),
    Operation("GET", "/events/{event}/bans", "event.bans", _EVENT),
    Operation("PUT", "/events/{event}/bans/{person}", "event.ban", {**_EVENT, "person": "person"}),
    Operation(
        "DELETE", "/events/{event}/bans/{person}", "event.unban", {**_EVENT, "person": "person"}
    ),
    Operation(
        "PUT",
        "/events/{event}/revocations/{person}",
        "event.revoke",
        {**_EVENT, "person": "person"},
    ),
    Operation("PUT", "/companies/{company}", "company.create", {"company": "id"}),
    Operation("PATCH", "/companies/{company}", "company.change", {"company": "company"}),
    Operation("PATCH", "/companies/{company}/page", "company.update", {"company": "company"}),
    Operation("GET", "/companies/{company}", "company.get", {"company": "company"}),
    Operation("PUT", "/sessions/{session}", "session.create", _SESSION),
    Operation("PATCH", "/sessions/{session}", "session.change", _SESSION),
    Operation("GET", "/sessions/{session}", "session.get", _SESSION),
    Operation("POST", "/sessions/{session}/end", "session.end", _SESSION),
    Operation("POST", "/sessions/{session}/cancel", "session.cancel", _SESSION),
    Operation(
        "POST",
        "/sessions/{session}/messages",
        "chat.send",
        fixed={"topic": "session/{session}"},
    ),
    Operation("GET", "/sessions/{session}/people", "people.list", _SESSION),
    Operation(
        "PUT", "/sessions/{session}/bans/{person}", "people.ban", {**_SESSION, "person": "person"}
    ),
    Operation(
        "DELETE",
        "/sessions/{session}/bans/{person}",
        "people.unban",
        {**_SESSION, "person": "person"},
    ),
    Operation("GET", "/events/{event}/employees", "agenda.list", _EVENT),
    Operation("GET", "/events/{event}/meetings", "meeting.bookings", _EVENT),
    Operation(
        "GET",
        "/events/{event}/agendas/{employee}",
        "agenda.get",
        {**_EVENT, "employee": "employee"},
    ),
    Operation("GET", "/meetings/{meeting}", "meeting.get", _MEETING),
    Operation("POST", "/meetings/{meeting}/move", "meeting.move", _MEETING),
    Operation("POST", "/meetings/{meeting}/reassign", "meeting.reassign", _MEETING),
    Operation("POST", "/meetings/{meeting}/cancel", "meeting.cancel", _MEETING),
)
