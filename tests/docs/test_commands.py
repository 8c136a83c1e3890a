"""Every command and every option is in the documentation."""

import re
from pathlib import Path

from engine.cli import main
from engine.config import options

DOCS = Path(__file__).parents[2] / "docs"


def test_the_operators_guide_names_every_command():
    page = (DOCS / "operators.md").read_text("utf-8")
    assert [name for name in main.commands if f"`greenroom {name}" not in page] == []


def test_some_page_names_every_option():
    text = "\n".join(page.read_text("utf-8") for page in DOCS.glob("*.md"))
    names = [option.name for option in options()]
    assert [name for name in names if not re.search(rf"\b{name.split('.')[-1]}\b", text)] == []
