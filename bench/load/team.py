"""The processes of one load: each has its share of the people, and does what it is told.

``python -m bench.load.team MODULE`` is one of them. It is spoken to by lines, and hands what it is
told to the module's ``part``. To each order there is one answer.
"""

import importlib
import json
import os
import select
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import attrs
import psutil
import trio

from bench.child import Child
from bench.load.target import Target
from bench.load.wire import LoadFailed
from bench.script import last_word, reason

GENERATORS = max(1, (os.cpu_count() or 2) - 1)
"""How many processes of a load this machine is good for beside a server."""

READ = 1 << 16
LOOK_SECONDS = 0.1
LEAD = 0.3
"""Seconds between the order to start and the start."""

Share = Mapping[str, Any]


@attrs.define(eq=False)
class _Member:
    """One process, and what it has answered."""

    child: Child
    answers: deque[Any] = attrs.field(factory=deque)
    _came: bytes = b""

    def fileno(self) -> int:
        """Return what it speaks through."""
        assert self.child.process.stdout is not None  # noqa: S101  asked for at the start
        return self.child.process.stdout.fileno()

    def read(self) -> None:
        """Take in what it has said."""
        came = os.read(self.fileno(), READ)
        if not came:
            raise LoadFailed(f"a generator ended early: {last_word(self.child.last_words())}")
        *lines, self._came = (self._came + came).split(b"\n")
        self.answers.extend(map(json.loads, lines))


class Team:
    """The processes of one load.

    :param module: whose ``part(target, share, orders)`` each carries out.
    :param shares: one for each process; plain data.
    :raises LoadFailed: there is none.
    """

    def __init__(self, module: str, target: Target, shares: Sequence[Share]) -> None:
        if not shares:
            raise LoadFailed("a load takes one generator at least")
        self._module = module
        self._plans = [json.dumps({"target": target.told(), "share": share}) for share in shares]
        self._members: list[_Member] = []

    def __len__(self) -> int:
        return len(self._plans)

    def __enter__(self) -> Self:
        for plan in self._plans:
            command = [sys.executable, "-m", "bench.load.team", self._module]
            self._members.append(_Member(Child.start(command)))
            self._tell(self._members[-1], plan)
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.child.end()

    @staticmethod
    def _tell(member: _Member, line: str) -> None:
        with suppress(BrokenPipeError):  # why it has ended is heard next
            member.child.write(line)

    def tell(self, order: str) -> None:
        """Give all of them an order."""
        for member in self._members:
            self._tell(member, order)

    def look(self, seconds: float = 0.0) -> bool:
        """Take in what is said within so long; return whether all have answered.

        :raises LoadFailed: one of them could not go on.
        """
        waiting = [member for member in self._members if not member.answers]
        ready, _, _ = select.select(waiting, [], [], seconds)
        for member in ready:
            member.read()
        for member in self._members:
            if member.answers and "failed" in member.answers[0]:
                raise LoadFailed(member.answers[0]["failed"] + self._which(member))
        return all(member.answers for member in self._members)

    def _which(self, member: _Member) -> str:
        if len(self) == 1:
            return ""
        return f" (generator {self._members.index(member) + 1} of {len(self)})"

    def hear(self) -> list[Any]:
        """Wait for the answer of each.

        :raises LoadFailed: one of them could not go on.
        """
        while not self.look(LOOK_SECONDS):
            pass
        return [member.answers.popleft()["done"] for member in self._members]

    def ask(self, order: str) -> list[Any]:
        """Give all of them an order, and wait for the answer of each.

        :raises LoadFailed: one of them could not go on.
        """
        self.tell(order)
        return self.hear()

    async def heard(self) -> list[Any]:
        """Wait as :meth:`hear` does, and let others run meanwhile.

        :raises LoadFailed: one of them could not go on.
        """
        while not self.look():  # noqa: ASYNC110  a pipe has no event
            await trio.sleep(LOOK_SECONDS)
        return self.hear()

    def used(self) -> list[float]:
        """Return the seconds of processor that each has used."""
        found = []
        for member in self._members:
            try:
                times = psutil.Process(member.child.process.pid).cpu_times()
                found.append(float(times.user + times.system))
            except psutil.NoSuchProcess:
                found.append(0.0)
        return found


class Orders:
    """What a process of a team is told, and how it answers."""

    def hear(self, *words: str) -> tuple[str, ...]:
        """Wait for an order that begins with one of some words; return it, word by word.

        :raises LoadFailed: another one came, or nobody is there any more.
        """
        order = tuple(sys.stdin.readline().split())
        if not order or order[0] not in words:
            raise LoadFailed(f"told {' '.join(order)!r} in place of {' or '.join(words)}")
        return order

    async def heard(self, *words: str) -> tuple[str, ...]:
        """Wait as :meth:`hear` does, and let others run meanwhile."""
        return await trio.to_thread.run_sync(self.hear, *words, abandon_on_cancel=True)

    def say(self, answer: Any = None) -> None:
        """Answer an order, or say that all is ready for the first."""
        self._say({"done": answer})

    def fail(self, why: str) -> None:
        """Say that it cannot go on."""
        self._say({"failed": why})

    @staticmethod
    def _say(what: Mapping[str, Any]) -> None:
        print(json.dumps(what), flush=True)


def main() -> None:
    """Carry out a share."""
    plan, orders = json.loads(sys.stdin.readline()), Orders()
    try:
        module = importlib.import_module(sys.argv[1])
        module.part(Target.of(plan["target"]), plan["share"], orders)
    except Exception as error:
        why = reason(error)
        if why is None:
            raise
        orders.fail(why)


if __name__ == "__main__":
    main()
