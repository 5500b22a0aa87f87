"""Copy what stands beside the package in the repository into the wheel; `[tool.setuptools.cmdclass]` names this class.

An installed wheel then starts the same processes with the same configuration as the repository does. An editable
installation finds the files where they are.
"""

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

BESIDE = ("celeryconfig.py", "Procfile", "evals")
"""Files and directories at the top of the repository that a wheel carries, in `agentic_sales/_packaged/`."""


class BuildWheel(build_py):
    """The usual step of setuptools, and the copy."""

    def run(self) -> None:
        """Build anew: what an earlier build has left behind may have been removed from the repository since."""
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "agentic_sales"), ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for source in _beside():
                copy = Path(self.build_lib, "agentic_sales", "_packaged", source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)

    def get_source_files(self) -> list[str]:
        """Name these files too, so that a source distribution has what its wheel is built from."""
        return [*super().get_source_files(), *map(str, _beside()), "deploy/build_wheel.py", "constraints.txt"]


def _beside() -> list[Path]:
    return sorted(file for name in BESIDE for file in [Path(name), *Path(name).rglob("*")] if file.is_file())
