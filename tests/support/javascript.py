"""Run scripts of JavaScript on packages that npm installs once, beside what pytest keeps."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import missing


def installed(config: pytest.Config, name: str, *packages: str) -> Path:
    """Install packages into a kept folder unless it has them; skip where there is no node or no registry.

    The folder is where pytest's cache has its own, also where pytest runs without its cache.
    """
    folder = config.rootpath / ".pytest_cache" / "d" / name
    folder.mkdir(parents=True, exist_ok=True)
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("no node and npm on this machine")
    with (folder / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two of pytest's processes would install at once into one folder
        _install(npm, folder, packages)
    return folder


def _install(npm: str, folder: Path, packages: tuple[str, ...]) -> None:
    marker = folder / "installed.json"
    if not marker.exists() or json.loads(marker.read_text()) != list(packages):
        options = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", str(folder))
        done = subprocess.run([npm, "install", *options, *packages], capture_output=True, text=True, check=False)
        if done.returncode:
            missing(f"npm cannot install {' '.join(packages)}: {done.stderr[-500:]}")
        marker.write_text(json.dumps(packages))


def run_script(script: Path, folder: Path, *arguments: str) -> Any:
    """Run a script beside the installed packages; return the JSON that it prints."""
    command = ["node", shutil.copy(script, folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
