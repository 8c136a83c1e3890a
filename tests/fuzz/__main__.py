"""Fuzz one target with atheris: ``python -m tests.fuzz head -max_total_time=60``.

What libFuzzer finds is kept beside the corpus by hand, and replayed by the tests from then on.
The tests run each target for a moment, too.
"""

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["transport", "engine.tokens"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[1] / "transport" / "corpus"


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in {*TARGETS, "all"}:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)}|all [libFuzzer options]")
    name = sys.argv.pop(1)
    if name != "all":
        fuzz(name)
        return
    # One after the other, each in a process of its own: what they share is instrumented once.
    for each in TARGETS:
        child = os.fork()
        if not child:
            fuzz(each)
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"{each}: {'well' if code == 0 else code}", flush=True)
        if code:
            sys.exit(code if code > 0 else 1)


def fuzz(name: str) -> None:
    # New inputs go to the first folder; the corpus is only read.
    found = Path("fuzz-found") / name
    found.mkdir(parents=True, exist_ok=True)
    atheris.Setup([*sys.argv, str(found), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


main()
