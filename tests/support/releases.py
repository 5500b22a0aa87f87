"""Make another release of the product: a copy whose files are edited, from which the processes of a fleet are started.

A deployment is tested as it happens: the processes of one release end, and those of the next find what they left.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.fleet import PROCFILE, PROJECT, Fleet

Edit = tuple[str, str]
"""A text of a file, and what stands there instead."""


@dataclass(frozen=True)
class Release:
    """A copy of the product."""

    folder: Path
    """Where it is."""

    def deploy(self, fleet: Fleet, *names: str) -> None:
        """End processes of a fleet in the orderly way, and start them from this release."""
        for name in names:
            fleet.kill(name, signal_number=15)
        for name in names:
            fleet.services.pop(name).process.wait(30)
            where = {"PYTHONPATH": f"{self.folder}:{PROJECT}"}  # the tests' own workflows are not part of a release
            fleet.start_command(name, f"env -C {self.folder} {PROCFILE[name]}", where)


def release(folder: Path, edits: Mapping[str, Sequence[Edit]]) -> Release:
    """Copy the product into a folder and edit its files, named from the top of the project."""
    shutil.copytree(PROJECT / "agentic_sales", folder / "agentic_sales")  # With the byte code of what stays.
    shutil.copy(PROJECT / "celeryconfig.py", folder)
    for path, changes in edits.items():
        text = (folder / path).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"`{path}` has no `{old}`"
            text = text.replace(old, new)
        (folder / path).write_text(text, encoding="utf-8")
    return Release(folder)
