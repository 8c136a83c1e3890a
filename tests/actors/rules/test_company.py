"""Rule 22: a company's page, and who may write on it."""

import pytest

from actors.errors import Refused
from actors.rules import company
from actors.rules.base import Person
from actors.rules.company import Change, Create, Faq, Get, Job, Link, Update
from actors.rules.quota import QuotaTaken
from tests.actors.rules.workshop import ADMIN, RULES, START, Workshop, ana, hana, olga, refused

ACME = "company/acme"
stranger = Person(id="bea", name="Bea", event="fair", role="employee", company="bolt")
outsider = Person(id="ana", name="Ana", event="other")


@pytest.fixture
def workshop():
    workshop = Workshop()
    workshop.run(Create(by=ADMIN, id="acme", event="fair", name="Acme", info="Robots", slots=40))
    return workshop


def snapshot(workshop, person):
    return RULES["company"].snapshot(workshop.state(ACME), person, START)


def test_rule_22_a_page_has_description_links_faqs_and_jobs(workshop):
    workshop.run(
        Update(
            by=hana,
            company="acme",
            info="More robots",
            links=[Link(title="Site", url="https://acme.example")],
            faqs=[Faq(question="Remote?", answer="Yes")],
            jobs=[Job(title="Engineer")],
        )
    )
    page = snapshot(workshop, ana)["company"]
    assert page["info"] == "More robots"
    assert page["links"] == [{"title": "Site", "url": "https://acme.example"}]
    assert page["faqs"] == [{"question": "Remote?", "answer": "Yes"}]
    assert page["jobs"] == [{"title": "Engineer", "url": None, "description": ""}]


def test_rule_22_changes_are_seen_live_and_keep_the_rest(workshop):
    workshop.run(Update(by=hana, company="acme", faqs=[Faq(question="Remote?", answer="Yes")]))
    told = workshop.told("company.changed", ACME)[-1]["company"]
    assert told["info"] == "Robots"
    assert told["revision"] == 2
    workshop.run(Update(by=hana, company="acme", info="Robots"))
    assert workshop.told("company.changed", ACME)[-1]["company"] == told


@pytest.mark.parametrize("person", [ana, stranger])
def test_rule_22_only_its_employees_and_organizers_edit(workshop, person):
    refused("forbidden", workshop, Update(by=person, company="acme", info="Hello"))
    assert not snapshot(workshop, person)["editable"]
    workshop.run(Update(by=olga, company="acme", info="Hello"))
    assert snapshot(workshop, hana)["editable"]


def test_rule_22_other_events_do_not_see_it(workshop):
    refused("not_found", workshop, Get(by=outsider, company="acme"))
    refused("not_found", workshop, Get(by=ana, company="bolt"))


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"jobs": [Job(title="Engineer", url="javascript:alert(1)")]}, "jobs.url"),
        ({"links": [Link(title="Site", url="ftp://acme.example")]}, "links.url"),
        ({"info": "x" * (company.INFO_LIMIT + 1)}, "info"),
        ({"faqs": [Faq(question="?", answer="!")] * (company.ENTRIES_LIMIT + 1)}, "faqs"),
    ],
)
def test_rule_22_what_does_not_belong_on_a_page_is_refused(params, path):
    with pytest.raises(Refused) as caught:
        Update(by=hana, company="acme", **params)
    assert caught.value.data["path"] == path


def test_rule_38_its_employees_see_the_quota_of_slots(workshop):
    RULES["company"].evolve(workshop.state(ACME), QuotaTaken(at=START, employee="hana", slots=6))
    assert snapshot(workshop, hana)["quota"] == {"limit": 40, "used": 6, "mine": 6}
    assert snapshot(workshop, ana)["quota"] is None
    workshop.run(Change(by=olga, company="acme", slots=10))
    assert snapshot(workshop, hana)["quota"]["limit"] == 10
    refused("forbidden", workshop, Change(by=hana, company="acme", slots=99))


def test_creating_a_company_again_changes_what_differs_and_nothing_else(workshop):
    before = len(workshop.journal[ACME])
    same = Create(by=ADMIN, id="acme", event="fair", name="Acme", info="Robots", slots=40)
    workshop.run(same)
    assert len(workshop.journal[ACME]) == before
    workshop.run(Create(by=ADMIN, id="acme", event="fair", name="Acme AG", info="Robots", slots=40))
    assert len(workshop.journal[ACME]) == before + 1
    assert workshop.state("event/fair").companies == {"acme": "Acme AG"}
    refused("conflict", workshop, Create(by=ADMIN, id="acme", event="other", name="Acme"))
    refused("forbidden", workshop, Create(by=olga, id="acme", event="fair", name="Acme"))


def test_a_company_comes_back_from_its_journal(workshop):
    workshop.run(Update(by=hana, company="acme", jobs=[Job(title="Engineer")]))
    state = workshop.state(ACME)
    assert workshop.replayed(ACME) == state == workshop.kept(ACME)
