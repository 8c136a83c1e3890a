"""What an employee and a participant do on the way to a 1-1 chat, step by step at a real daemon.

The order is that of the help page for employees: configuring the availability, reviewing
requests, accessing a confirmed chat. Chats begin a minute or two from now, so that they are open.
"""

import json
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.engine.daemon import EVENT, token

MINUTES, OTHER_MINUTES = 30, 15


def zone_at_noon():
    """Return a zone in which it is about noon, so that no test runs across midnight."""
    offset = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


ABOUT = {
    "background": "Engineering",
    "experience": "Students",
    "languages": ["English"],
    "topics": ["Internships"],
    "question": "Which city?",
}
ADMIN = {"authorization": f"Bearer {token('service', grants=frozenset({'admin'}))}"}


def http(daemon, verb, path, headers=ADMIN, **body):
    """Ask the server API; return the answer, or the refusal."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.port}/v1/api{path}", data, headers, method=verb
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return {"status": error.code, **json.load(error)}


@pytest.fixture
def fair(daemon):
    with allowed(daemon) as made:
        yield made


@contextmanager
def allowed(daemon):
    """Yield a daemon whose organizer has allowed 1-1 chats."""
    zone = zone_at_noon()
    # Told when the test begins: a run may take longer than the first slot is away.
    now = datetime.now(ZoneInfo(zone)).replace(second=0, microsecond=0)
    days = [f"{now + timedelta(days=n):%Y-%m-%d}" for n in (0, 1)]
    first = now + timedelta(minutes=4)  # a chat is open from five minutes before
    policy = {
        "initiators": "both",
        "durations": [OTHER_MINUTES, MINUTES],
        "hours": [f"{first:%H:%M}", f"{first + timedelta(hours=3):%H:%M}"],
    }
    changed = http(
        daemon, "PATCH", f"/events/{EVENT}", time_zone=zone, days=days, one_to_one=policy
    )
    assert changed["event"]["one_to_one"] == {**policy, "day_hours": {}}
    quota = http(daemon, "PATCH", "/companies/acme", slots=20)
    assert quota["company"]["id"] == "acme"
    with ExitStack() as stack:
        yield Fair(daemon, stack, days, policy)


class Fair:
    def __init__(self, daemon, stack, days, policy):
        self.daemon, self.stack = daemon, stack
        self.days, self.policy = days, policy

    def enter(self, person, **claims):
        return self.stack.enter_context(self.daemon.client(person, **claims))

    def employee(self, person):
        return self.enter(person, role="employee", company="acme")

    def api(self, verb, path, **more):
        return http(self.daemon, verb, path, **more)

    def offer(self, person):
        """Let an employee offer everything on the first day; return the client and the slots."""
        client = self.employee(person)
        client.call("agenda.draft", day=self.days[0], duration=MINUTES, slots="all")
        own = client.call("agenda.publish")
        return client, [slot["start"] for slot in own["days"][0]["slots"]]

    def confirmed(self, participant, employee, desk, start):
        """Bring two people to a confirmed chat; return the participant's client and its id."""
        client = self.enter(participant)
        asked = client.call("meeting.request", to=employee)
        id_ = asked["meeting"]["id"]
        desk.call("meeting.approve", id=id_)
        client.call("meeting.pick", id=id_, slot=start)
        return client, id_


def reason(error):
    return error["data"]["reason"]


def notified(client, kind):
    return client.wait_for("notification.added", kind=kind)["data"]["data"]


def test_rules_38_and_39_configuring_the_availability(fair):
    emma, ana = fair.employee("emma"), fair.enter("ana")
    own = emma.call("agenda.get", employee="emma")
    assert own["quota"] == {"limit": 20, "used": 0, "mine": 0}
    assert own["policy"]["durations"] == [OTHER_MINUTES, MINUTES]
    slots = [slot["start"] for slot in own["bookable"][0]["slots"][str(MINUTES)]]
    assert len(slots) == 6
    # Individual slots, all of them, one duration a day and another on the next.
    drafted = emma.call("agenda.draft", day=fair.days[0], duration=MINUTES, slots=slots[:2])
    assert [slot["start"] for slot in drafted["draft"]["days"][0]["slots"]] == slots[:2]
    emma.call("agenda.draft", day=fair.days[0], duration=MINUTES, slots="all", about=ABOUT)
    own = emma.call("agenda.draft", day=fair.days[1], duration=OTHER_MINUTES, slots="all")
    assert [(day["duration"], len(day["slots"])) for day in own["draft"]["days"]] == [
        (MINUTES, 6),
        (OTHER_MINUTES, 12),
    ]
    assert own["quota"] == {"limit": 20, "used": 18, "mine": 18}
    emil = fair.employee("emil")
    over = emil.error("agenda.draft", day=fair.days[0], duration=MINUTES, slots="all")
    assert (reason(over), over["data"]["left"]) == ("quota_exceeded", 2)
    assert reason(emma.error("agenda.draft", day=fair.days[0], duration=20, slots=[])) == (
        "invalid_params"
    )
    # Only once the availability is confirmed can anybody ask.
    assert ana.call("agenda.list")["employees"] == []
    assert reason(ana.error("meeting.request", to="emma", answer="Berlin")) == "wrong_state"
    emma.call("agenda.publish")
    assert [each["id"] for each in ana.call("agenda.list", company="acme")["employees"]] == ["emma"]
    shown = ana.call("agenda.get", employee="emma")
    assert shown["about"] == ABOUT
    assert "quota" not in shown
    unanswered = ana.error("meeting.request", to="emma")
    assert unanswered["data"] == {
        "reason": "invalid_params",
        "temporary": False,
        "path": "answer",
        "question": "Which city?",
    }
    assert ana.call("meeting.request", to="emma", answer="Berlin")["meeting"]["answer"] == "Berlin"


def test_rules_40_to_43_reviewing_requests_through_every_tab(fair):
    emma, slots = fair.offer("emma")
    people = {name: fair.enter(name) for name in ("ana", "ben", "cem")}
    ids = {
        name: client.call("meeting.request", to="emma", message="Hello")["meeting"]["id"]
        for name, client in people.items()
    }
    assert notified(emma, "meeting.requested")["meeting"]["message"] == "Hello"
    listed = emma.call("meeting.list", tab="requested")
    assert [each["participant"]["id"] for each in listed["meetings"]] == ["ana", "ben", "cem"]
    approved = emma.call("meeting.approve", id=ids["ana"])
    assert [slot["start"] for slot in approved["slots"]] == slots
    emma.call("meeting.approve", id=ids["cem"])
    emma.call("meeting.decline", id=ids["ben"], message="Emil knows more", refer={"session": "ux"})
    told = notified(people["ben"], "meeting.declined")["meeting"]
    assert (told["reason"], told["refer"]["session"]) == ("Emil knows more", "ux")
    assert reason(emma.error("meeting.approve", id=ids["ben"])) == "already_decided"

    picked = people["ana"].call("meeting.pick", id=ids["ana"], slot=slots[1])
    assert picked["meeting"]["state"] == "confirmed"
    assert notified(emma, "meeting.confirmed")["meeting"]["start"] == slots[1]
    late = people["cem"].error("meeting.pick", id=ids["cem"], slot=slots[1])
    assert reason(late) == "slot_taken"
    assert [slot["start"] for slot in late["data"]["slots"]] == [slots[0], *slots[2:]]
    people["cem"].call("meeting.pick", id=ids["cem"], slot=slots[2])

    assert reason(emma.error("meeting.reschedule", id=ids["ana"], slot=slots[2])) == "conflict"
    emma.call("meeting.reschedule", id=ids["ana"], slot=slots[3])
    proposed = notified(people["ana"], "meeting.reschedule_proposed")["meeting"]
    assert (proposed["start"], proposed["proposal"]["start"]) == (slots[1], slots[3])
    moved = people["ana"].call("meeting.agree", id=ids["ana"])["meeting"]
    assert (moved["start"], moved["sequence"]) == (slots[3], 1)
    people["cem"].call("meeting.cancel", id=ids["cem"], message="I am ill")
    assert notified(emma, "meeting.cancelled")["meeting"]["reason"] == "I am ill"
    counts = emma.call("meeting.list", tab="confirmed")["counts"]
    assert counts == {
        "requested": 0, "in_scheduling": 0, "confirmed": 1, "completed": 0, "declined": 2,
    }  # fmt: skip


def test_rule_37_employees_ask_too_unless_the_organizer_says_otherwise(fair):
    emma, slots = fair.offer("emma")
    ana = fair.enter("ana")
    asked = emma.call("meeting.request", to="ana", message="We like your work")
    id_ = asked["meeting"]["id"]
    assert reason(emma.error("meeting.approve", id=id_)) == "forbidden"
    assert len(ana.call("meeting.approve", id=id_)["slots"]) == len(slots)
    assert reason(emma.error("meeting.pick", id=id_, slot=slots[0])) == "forbidden"
    ana.call("meeting.pick", id=id_, slot=slots[0])
    fair.api("PATCH", f"/events/{EVENT}", one_to_one={**fair.policy, "initiators": "participants"})
    assert reason(emma.error("meeting.request", to="ben")) == "forbidden"


def test_rules_44_and_47_accessing_a_confirmed_chat(fair):
    emma, slots = fair.offer("emma")
    ana, id_ = fair.confirmed("ana", "emma", emma, slots[0])
    topic = f"chat/{id_}"
    (item,) = ana.call("schedule.mine")["items"]
    (listed,) = ana.call("meeting.list", tab="confirmed")["meetings"]
    assert item["joinable"]
    assert listed["joinable"]
    file = ana.call("meeting.calendar", id=id_)["calendar"]
    assert "METHOD:REQUEST" in file
    for client in (ana, emma):
        client.call("meeting.join", id=id_)
        snapshot = client.wait_for("snapshot")
        assert (snapshot["topic"], snapshot["data"]["state"]) == (topic, "waiting")
    ana.call("media.set", topic=topic, mic=True, camera=True, screen=True)
    assert emma.wait_for("media.changed", person="ana")["data"]["screen"]
    emma.call("chat.send", topic=topic, text="Welcome")
    assert ana.wait_for("chat.posted")["data"]["text"] == "Welcome"
    ana.call("support.ask", text="I hear nothing", where=topic, diagnostics={"browser": "x"})
    ben = fair.enter("ben")
    for method in ("meeting.join", "meeting.get", "meeting.slots"):
        assert reason(ben.error(method, id=id_)) == "forbidden"
    assert reason(ben.error("chat.history", topic=topic)) in {"forbidden", "not_found"}
    ana.call("meeting.note", id=id_, text="Ask about Lisbon")
    assert emma.call("meeting.get", id=id_)["note"] == ""
    ana.call("meeting.leave", id=id_)
    emma.wait_for("meeting.left", person="ana")
    _, other = fair.confirmed("cem", "emma", emma, slots[3])
    assert reason(emma.error("meeting.join", id=other)) == "wrong_state"


def test_rule_38_an_organizer_sees_moves_cancels_and_reassigns_over_http(fair):
    emma, slots = fair.offer("emma")
    emil, _ = fair.offer("emil")
    ana, first = fair.confirmed("ana", "emma", emma, slots[1])
    ben, second = fair.confirmed("ben", "emma", emma, slots[2])
    every = fair.api("GET", f"/events/{EVENT}/meetings?tab=confirmed&day={fair.days[0]}")
    assert [each["id"] for each in every["meetings"]] == [first, second]
    page = fair.api("GET", f"/events/{EVENT}/meetings?limit=1")
    assert (page["meetings"][0]["id"], page["next"]) == (first, first)
    people = fair.api("GET", f"/events/{EVENT}/employees?company=acme")
    assert [each["id"] for each in people["employees"]] == ["emil", "emma"]
    desk = fair.api("GET", f"/events/{EVENT}/agendas/emma")
    assert [slot["free"] for slot in desk["days"][0]["slots"]] == [True, False, False, *[True] * 3]
    company = fair.api("GET", "/companies/acme")
    assert company["quota"] == {"limit": 20, "used": 12, "employees": {"emma": 6, "emil": 6}}

    moved = fair.api("POST", f"/meetings/{first}/move", start=slots[4])
    assert (moved["meeting"]["start"], moved["meeting"]["sequence"]) == (slots[4], 1)
    for client in (ana, emma):
        assert notified(client, "meeting.moved")["meeting"]["start"] == slots[4]
    clash = fair.api("POST", f"/meetings/{first}/move", start=slots[2])
    assert (clash["status"], clash["error"]["data"]["reason"]) == (409, "conflict")

    offered = fair.api("POST", f"/meetings/{first}/reassign", to="emil")
    assert offered["meeting"]["employee"]["id"] == "emma"
    notified(emil, "meeting.reassign_offered")
    emil.call("meeting.agree", id=first)
    assert notified(ana, "meeting.reassigned")["meeting"]["employee"]["id"] == "emil"
    seen = fair.api("GET", f"/events/{EVENT}/meetings?employee=emil")
    assert [each["id"] for each in seen["meetings"]] == [first]

    gone = fair.api("POST", f"/meetings/{second}/cancel", message="The hall is closed")
    assert gone["meeting"]["state"] == "cancelled"
    assert notified(ben, "meeting.cancelled")["meeting"]["reason"] == "The hall is closed"


def test_ids_of_digits_are_ids_in_a_query_too(shared_daemon):
    answer = http(shared_daemon, "GET", f"/events/{EVENT}/meetings?employee=12345&after=7&limit=5")
    assert answer["meetings"] == []


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("/events/none/meetings", 404, "not_found"),
        (f"/events/{EVENT}/meetings?tab=lost", -32602, "invalid_params"),
        (f"/events/{EVENT}/meetings?limit=100000", -32602, "invalid_params"),
        (f"/events/{EVENT}/meetings?colour=red", -32602, "invalid_params"),
        ("/meetings/none", 404, "not_found"),
    ],
)
def test_bad_questions_of_an_organizer_are_told(shared_daemon, path, status, why):
    answer = http(shared_daemon, "GET", path)
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (status, why)


def test_rule_37_nobody_else_gets_the_bookings(shared_daemon):
    for claims in ({}, {"role": "employee", "company": "acme"}):
        headers = {"authorization": f"Bearer {token('ana', **claims)}"}
        answer = http(shared_daemon, "GET", f"/events/{EVENT}/meetings", headers)
        assert answer["status"] == 403
        with shared_daemon.client("ana", **claims) as ana:
            assert reason(ana.error("meeting.bookings")) == "forbidden"
    with shared_daemon.client("olga", role="organizer") as olga:
        assert olga.call("meeting.bookings")["meetings"] == []
