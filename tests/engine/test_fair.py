"""The scripted fair, from the first draft to the last note, over the wire."""

import json

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.scripts.fair import ACTS, run_fair

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def transcript():
    return run_fair(None)


def chapter(transcript, index):
    return transcript.said(ACTS[index][0])


def test_the_script_comes_to_its_end_act_by_act(transcript):
    titles = list(dict.fromkeys(line.chapter for line in transcript.lines))
    assert titles == ["", *(title for title, _ in ACTS)]
    instants = [line.at for line in transcript.lines]
    assert instants == sorted(instants)


def test_rules_38_and_39_availability(transcript):
    said = chapter(transcript, 1)
    assert said[0] == "Hana sees that her company has 28 slots, 0 in use."
    assert sum("confirms the availability" in line for line in said) == 20
    assert "Ana Adler asks Hana already: The availability is not confirmed yet." in said
    assert said[-2] == "Ana Adler finds 20 employees who offer 1-1 chats."
    assert "6 of them are left for you" in said[-1]


def test_rules_40_and_41_requests_and_their_review(transcript):
    asked, reviewed = chapter(transcript, 2), chapter(transcript, 3)
    assert "200 participants have sent a request." in asked
    assert "Hana finds 10 requests in the tab Requested." in asked
    assert sum("approves 7 of" in line for line in reviewed) == 20
    # 20 employees decline three of ten; one request was withdrawn, and one employee's declined.
    assert reviewed[-2].startswith("140 requests are approved; 61 declined")
    assert "My slots will not suffice." in reviewed[-1]


def test_rule_42_everybody_picks_at_once_and_no_slot_goes_twice(transcript):
    said = chapter(transcript, 4)
    # Five employees have ten slots for seven people, fifteen have six for seven.
    assert "125 chats are confirmed, no slot twice; 15 people found no slot left." in said
    assert any("140 participants pick at once" in line for line in said)
    assert any(line.startswith("Hugo cannot approve another request") for line in said)


def test_rule_43_changes_by_both_sides_and_the_organizer(transcript):
    said = " ".join(chapter(transcript, 5))
    for words in ("until Hana agrees the old slot holds", "SEQUENCE 1", "a conflict", "both are"):
        assert words in said
    assert "only then the chat is hers" in said


def test_rules_44_and_47_reminders_and_a_chat_to_its_end(transcript):
    reminded, chat = chapter(transcript, 6), chapter(transcript, 7)
    assert any("in 10 minutes" in line for line in reminded)
    clock = [(f"{line.at:%H:%M}", line.text) for line in transcript.lines]
    assert ("07:55", "sees the button Join, in My Schedule and in the 1-1 Chat tab.") in clock
    assert ("08:25", "The chat ends in 5 min: both are told.") in clock
    assert ("08:29", "The chat ends in 1 min: both are told.") in clock
    assert ("08:32", "Two minutes after its slot the chat ends by itself.") in clock
    assert any("loses the connection" in line for line in chat)


def test_rule_45_outcomes_add_up(transcript):
    said = chapter(transcript, 9)[-1]
    counts = dict(part.split()[::-1] for part in said.removeprefix("In the end: ")[:-1].split(", "))
    outcomes = {name: int(count) for name, count in counts.items()}
    # 200 participants' requests, one of an employee, and one that was made again.
    assert sum(outcomes.values()) == 202
    assert (outcomes["declined"], outcomes["withdrawn"]) == (60, 1)
    # 125 were confirmed, two more after slots were added, one was cancelled.
    held = outcomes["completed"] + outcomes["no_show"] + outcomes["missed"]
    assert held == 126
    assert outcomes["completed"] > 100
    assert outcomes["no_show"] > 0
    assert outcomes["missed"] > 0


def test_an_unknown_script_is_told_which_there_are():
    result = CliRunner().invoke(main, ["demo", "--script", "circus"])
    assert result.exit_code == 2
    assert "there are: fair" in result.output


def test_the_transcript_for_machines(transcript):
    lines = json.loads(json.dumps([line.plain() for line in transcript.lines]))
    assert lines[-1]["chapter"] == ACTS[-1][0]
    assert set(lines[0]) == {"chapter", "at", "who", "text"}
