"""The product as it is installed: its wheel, built from the files of the repository, alone in a virtual environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import Path as ZipPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.fleet import PROJECT
from tests.support.once import made_once
from tests.support.services import MACHINE_ENVIRONMENT, missing

_NO_INDEX = ("Could not find a version", "No matching distribution", "Failed to establish", "Temporary failure in name")


@dataclass(frozen=True)
class Installed:
    """A virtual environment that holds the wheel and what it depends on, without any extra."""

    wheel: Path
    """The wheel."""
    folder: Path
    """The environment."""

    @property
    def bin(self) -> Path:
        """Where its commands are."""
        return self.folder / "bin"

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def environment(self, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a process that finds these commands and nothing of the repository."""
        return {**MACHINE_ENVIRONMENT, "PATH": f"{self.bin}:{MACHINE_ENVIRONMENT['PATH']}", **(overrides or {})}

    def run(
        self, *command: str, cwd: Path, environment: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; what it prints comes back in `stdout`."""
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=cwd,
            env=self.environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's files, for all processes of a run."""
    return made_once(tmp_path_factory, "repository", copy_of_the_repository)


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, for all processes of a run."""
    folder = made_once(tmp_path_factory, "wheel", lambda folder: build_wheel(repository, folder))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, for all processes of a run."""
    return Installed(wheel, made_once(tmp_path_factory, "installed", lambda folder: install(wheel, folder)))


def tracked_files() -> list[str]:
    """Return the files of the repository: tracked ones, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no repository: what belongs to it cannot be told from what was made in it")
    return sorted(name for name in set(listed.stdout.splitlines()) if (PROJECT / name).is_file())


def copy_of_the_repository(folder: Path) -> Path:
    """Copy the repository's files into a folder, so that a build cannot see what else is here."""
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    return folder


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a directory or of a source distribution."""
    command = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    done = pip(*command)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path) -> Installed:
    """Install a wheel with what it depends on, taken from this environment, which has the same pins.

    pip installs the wheel itself and says whether anything that the wheel needs is missing or too old. What pip would
    fetch is the same, which a longer test asks it: 120 packages from an index cost a minute of processor time.
    """
    installed = _environment(wheel, folder)
    metadata = PathDistribution(next(child for child in ZipPath(wheel).iterdir() if child.name.endswith(".dist-info")))
    for found in dependencies(metadata.requires or ()).values():
        _link(found, installed)
    for arguments in (("install", "--quiet", "--no-deps", "--no-index", str(wheel)), ("check",)):
        done = pip("--python", str(installed.bin / "python"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return installed


def install_from_index(wheel: Path, folder: Path) -> Installed:
    """Install a wheel with the pinned versions of what it depends on; skip where there is no package index."""
    installed = _environment(wheel, folder)
    pinned = ("--no-compile", "--constraint", str(PROJECT / "constraints.txt"))
    done = pip("--python", str(installed.bin / "python"), "install", "--quiet", *pinned, str(wheel))
    if done.returncode != 0 and any(sign in done.stderr for sign in _NO_INDEX):
        missing(f"there is no package index to install from: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return installed


def dependencies(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return the distributions of this environment that requirements need on this machine, by canonical name."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    waiting = _needed(requirements, "")
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.setdefault(name, distribution(name))
        for extra in {"", *requirement.extras} - {extra for held, extra in asked if held == name}:
            asked.add((name, extra))
            waiting += _needed(found[name].requires or (), extra)
    return found


def _needed(requirements: Iterable[str], extra: str) -> list[Requirement]:
    read = (Requirement(line) for line in requirements)
    return [one for one in read if one.marker is None or one.marker.evaluate({"extra": extra})]


def _environment(wheel: Path, folder: Path) -> Installed:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return Installed(wheel, folder)


def _link(found: Distribution, installed: Installed) -> None:
    """Give an environment the files and the commands of a distribution of this one."""
    for file in found.files or ():
        source, target = Path(str(file.locate())), installed.site_packages / file
        if ".." not in file.parts and source.is_file():  # a command names its interpreter, and so is made anew
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source, target)
    for command in found.entry_points.select(group="console_scripts"):
        script = installed.bin / command.name
        script.write_text(
            f"#!{installed.bin / 'python'}\nimport sys\nfrom {command.module} import {command.attr}\n"
            f"sys.exit({command.attr}())\n"
        )
        script.chmod(0o755)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def pip(*arguments: str, python: Path = Path(sys.executable)) -> "subprocess.CompletedProcess[str]":
    """Run the pip of an interpreter, with the index that this machine is configured for."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
