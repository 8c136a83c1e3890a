"""The scripted workshop: everything a Session is, in its order, over the wire."""

import json
from datetime import datetime

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.scripts.transcript import Line, Transcript
from engine.scripts.workshop import ACTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def transcript():
    """Play it by the command, which prints it for machines."""
    result = CliRunner().invoke(main, ["demo", "--script", "workshop", "--json"])
    assert result.exit_code == 0, result.output
    lines = [
        Line(**{**line, "at": datetime.fromisoformat(line["at"])})
        for line in json.loads(result.stdout)
    ]
    return Transcript(None, datetime.now, "UTC", lines)


def chapter(transcript, index):
    return transcript.said(ACTS[index][0])


def test_the_script_comes_to_its_end_act_by_act(transcript):
    titles = list(dict.fromkeys(line.chapter for line in transcript.lines))
    assert titles == ["", *(title for title, _ in ACTS)]
    instants = [line.at for line in transcript.lines]
    assert instants == sorted(instants)


def test_rules_2_to_5_ways_in_and_entering(transcript):
    before, entering = chapter(transcript, 0), chapter(transcript, 1)
    assert "Tea Clausen is refused: Every seat is taken." in before
    assert any("it goes to Tea Clausen" in line for line in before)
    assert "Ana Adler comes too soon: The doors are not open yet." in entering
    assert "Hana starts the session; all 60 see it." in entering


def test_rules_9_to_18_the_stage(transcript):
    asked, shown = " ".join(chapter(transcript, 2)), " ".join(chapter(transcript, 3))
    for words in ("withdraws", "declines Cem", "The request was accepted by Hana", "cancels"):
        assert words in asked
    for words in ("Somebody else is sharing a screen", "own switch stays hers", "without asking"):
        assert words in shown


def test_rules_25_to_33_breakout_rooms(transcript):
    said = " ".join(chapter(transcript, 8))
    for words in (
        "10 rooms of 6",
        "only the 5 others",
        "another room: You can enter",
        "Hugo comes",
    ):
        assert words in said
    assert said.endswith("At zero all 60 are back in the main call.")
