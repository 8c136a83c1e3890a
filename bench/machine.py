"""What a figure was measured on."""

import os
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("trio", "trio-websocket", "pykka", "orjson", "msgpack", "cattrs", "aiortc",
            "websockets", "uvloop", "python-socketio", "aiohttp")  # fmt: skip


def describe() -> dict[str, Any]:
    """Return the machine, the programs and the load it was under when asked."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "revision": revision(Path(__file__).parents[1]),
        "load_before": round(os.getloadavg()[0], 2),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def told(machine: dict[str, Any]) -> str:
    """Return a machine in one line."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, {machine['python']}, SQLite {machine['sqlite']}"
    )


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


_CHANGES = (
    *("status", "--porcelain", "--untracked-files=no", "--", "."),
    *(":(exclude)bench/results", ":(exclude)docs/benchmarks.md"),  # these the benches write
)


def revision(folder: Path) -> str:
    """Return what git calls the tree; of an installed program, or without git, its version.

    :param folder: the top of the tree.
    """
    name = _git(folder, "describe", "--always") or _version("greenroom") or "unknown"
    return f"{name}-dirty" if _git(folder, *_CHANGES) else name


def _git(folder: Path, *words: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(
        [git, *words], capture_output=True, text=True, check=False, cwd=folder
    )  # fmt: skip
    return done.stdout.strip()
