"""What happened in a scripted run, as a text to be read: chapters, and who did what when."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
from rich.console import Console
from rich.markup import escape


@attrs.frozen
class Line:
    """One thing that happened.

    :param who: who did it, or noticed it; empty for the event itself.
    """

    chapter: str
    at: datetime
    who: str
    text: str

    def plain(self) -> dict[str, str]:
        """Return it for machines; the time is ISO 8601, UTC."""
        at = self.at.isoformat(timespec="milliseconds")
        return {"chapter": self.chapter, "at": at, "who": self.who, "text": self.text}


@attrs.define
class Transcript:
    """Prints a run as it goes, and keeps it.

    :param console: where it is printed; None to keep it only.
    :param now: tells the time of the run, which may not be the machine's.
    :param zone: IANA name of the zone in which times are shown.
    """

    console: Console | None
    now: Callable[[], datetime]
    zone: str
    lines: list[Line] = attrs.field(factory=list)
    _chapter: str = ""

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter = title
        if self.console is not None:
            self.console.print(f"\n[bold]{escape(title)}[/bold]", soft_wrap=True)

    def tell(self, who: str, text: str) -> None:
        """Say that somebody did something."""
        line = Line(self._chapter, self.now(), who, text)
        self.lines.append(line)
        if self.console is not None:
            clock = line.at.astimezone(ZoneInfo(self.zone)).strftime("%a %H:%M:%S")
            subject = f"[cyan]{escape(who)}[/cyan] " if who else ""
            self.console.print(f"  [dim]{clock}[/dim]  {subject}{escape(text)}", soft_wrap=True)

    def said(self, chapter: str) -> list[str]:
        """Return what a chapter's lines say, each with its subject."""
        return [f"{line.who} {line.text}".strip() for line in self.lines if line.chapter == chapter]
