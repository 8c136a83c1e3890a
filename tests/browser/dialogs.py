"""Which dialogs and pages the client has, read from its source, so that none is forgotten."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visitor

APP = Path(__file__).parents[2] / "transport" / "web" / "app"
OPENED = re.compile(r"\bopenDialog\((\w+)(?:, \{(?:[^{}]*?\btitle: t\((?P<title>[^)]*)\))?)?")
DRAWN = re.compile(r"\bh\(\s*(?:Dialog|AskText|Confirm),\s*\{\s*title: t\(([^)]*)\)")
DECLARED = re.compile(r"^(?:export )?(?:class|function) (\w+)", re.MULTILINE)
KEY = re.compile(r'"([\w.-]+)"')
TEXT = re.compile(r'"([\w.-]+)": "((?:[^"\\]|\\.)*)"')

Dialog = tuple[str, str]
"""The view that is opened, and the key of its title."""


def _sources() -> list[str]:
    defined = APP / "actions.js"
    return [path.read_text() for path in sorted(APP.rglob("*.js")) if path != defined]


def _titled(source: str) -> set[Dialog]:
    """Return the views of a module that name their title themselves."""
    found = set()
    for drawn in DRAWN.finditer(source):
        before = list(DECLARED.finditer(source, 0, drawn.start()))
        found |= {(before[-1][1], key) for key in KEY.findall(drawn[1])}
    return found


def all_dialogs() -> set[Dialog]:
    """Return every dialog that a view opens."""
    titled = {each for source in _sources() for each in _titled(source)}
    found: set[Dialog] = set()
    for source in _sources():
        for opened in OPENED.finditer(source):
            view = opened[1]
            own = {(view, key) for key in KEY.findall(opened["title"] or "")}
            own = own or {each for each in titled if each[0] == view}
            assert own, f"what the dialog {view} is called is not found in its source"
            found |= own
    return found


def all_pages() -> set[str]:
    """Return the name of every page that the client can show."""
    source = (APP / "views" / "app.js").read_text()
    tables = re.findall(r"^const (?:PAGES|ROOMS) = \{(.*?)\};", source, re.MULTILINE | re.DOTALL)
    return {name for table in tables for name in re.findall(r'"?([\w-]+)"?:', table)}


def shown(visitor: Visitor) -> Dialog:
    """Return the dialog that is open, once it is drawn: the state is ahead of the page by a frame.

    :raises AssertionError: if no title that the opened view can have appears.
    """
    view: str = visitor.page.evaluate(
        "async () => (await import('/app/store.js')).getState().ui.dialog.view.name"
    )
    texts = dict(TEXT.findall((APP / "i18n" / "en.js").read_text()))
    known = {key: _pattern(texts[key]) for dialog, key in all_dialogs() if dialog == view}
    heading = visitor.page.locator("dialog h2").first
    expect(heading).to_have_text(re.compile(f"^(?:{'|'.join(known.values())})$"))
    title = heading.inner_text()
    named = [key for key, pattern in known.items() if re.fullmatch(pattern, title)]
    assert len(named) == 1, (view, title, named)
    return view, named[0]


def _pattern(text: str) -> str:
    return re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))
