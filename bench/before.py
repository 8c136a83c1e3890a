"""Measures an older revision with today's benches, for what a change gained.

``python -m bench.before 19aec49 inbound commands`` checks the revision out beside this tree, gives
it today's ``bench`` folder, measures, and keeps the results under ``bench/results/before``, from
where the page takes them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.load.wire import LoadFailed
from bench.results import BEFORE, FOLDER
from bench.script import command

HERE = Path(__file__).resolve().parent
MEASURE = """
import sys
from pathlib import Path
from bench.runner import measure
quick, folder, *names = sys.argv[1:]
for name in names:
    flag = " --quick" if quick == "1" else ""
    record = measure(name, quick=quick == "1", command=f"greenroom bench {name}{flag}")
    record.machine["revision"] = REVISION
    record.save(Path(folder))
"""


def measure_revision(revision: str, names: list[str], folder: Path, *, quick: bool) -> None:
    """Measure some benches at a revision.

    :raises LoadFailed: there is no such revision, or it cannot be measured.
    """
    git = shutil.which("git")
    if git is None:
        raise LoadFailed("an older revision needs git")
    with tempfile.TemporaryDirectory(prefix="greenroom-before-") as name:
        tree = Path(name) / "tree"
        _run([git, "clone", "-q", "--shared", str(HERE.parent), str(tree)])
        _run([git, "-C", str(tree), "checkout", "-q", revision])
        shutil.rmtree(tree / "bench", ignore_errors=True)
        shutil.copytree(HERE, tree / "bench")
        program = MEASURE.replace("REVISION", repr(revision))
        command = [sys.executable, "-c", program, str(int(quick)), str(folder.resolve()), *names]
        _run(command, cwd=tree)


def _run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode:
        raise LoadFailed(done.stderr.strip().splitlines()[-1] if done.stderr else "no word")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    measure_revision(given.revision, given.names, FOLDER / BEFORE, quick=given.quick)


if __name__ == "__main__":
    command(main)
