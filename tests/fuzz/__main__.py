"""Fuzz one target with atheris: ``python -m tests.fuzz head -max_total_time=60``.

What libFuzzer finds is kept beside the corpus by hand, and replayed by the tests from then on.
Optional: ``pip install atheris``.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["transport", "engine.tokens"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[1] / "transport" / "corpus"


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer options]")
    name = sys.argv.pop(1)
    # New inputs go to the first folder; the corpus is only read.
    found = Path("fuzz-found") / name
    found.mkdir(parents=True, exist_ok=True)
    atheris.Setup([*sys.argv, str(found), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


main()
