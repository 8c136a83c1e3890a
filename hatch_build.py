"""Builds the fan-out in C where there is a compiler; without one the package is pure Python."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("transport/media/fan_out.c")
FLAGS = ("-O2", "-shared", "-fPIC")


class FanOut(BuildHookInterface[Any]):
    """Compiles one file into the tree, from where wheels and editable installs take it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's
        """Build it before the wheel is put together; never fail."""
        source = Path(self.root) / SOURCE
        library = source.with_suffix(".so")
        library.unlink(missing_ok=True)
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            self.app.display_warning("fan-out: no C compiler; Python does it")
            return
        command = [compiler, *FLAGS, str(source), "-o", str(library)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the compiler
        if built.returncode:
            self.app.display_warning(f"fan-out: not built, Python does it: {built.stderr}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"
        build_data["artifacts"].append(str(SOURCE.with_suffix(".so")))


def _platform() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
