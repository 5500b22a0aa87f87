"""Every pinned package of the product has a wheel for each Python and platform: nothing is compiled at installation."""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import requires
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.structure.test_pins import pins
from tests.support.wheel import pip

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


class Platform(NamedTuple):
    """A kind of machine, as markers and as the names of wheels tell it."""

    system: str
    machine: str
    wheels: tuple[str, ...]


def _manylinux(machine: str) -> tuple[str, ...]:
    """Return what a Linux of 2018 or later takes."""
    return tuple(f"{name}_{machine}" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"))


PLATFORMS = {
    "linux-x86-64": Platform("linux", "x86_64", _manylinux("x86_64")),
    "linux-arm64": Platform("linux", "aarch64", _manylinux("aarch64")),
    "macos-arm64": Platform("darwin", "arm64", ("macosx_14_0_arm64",)),
    "macos-x86-64": Platform("darwin", "x86_64", ("macosx_14_0_x86_64",)),
}
EXTRAS = ("", "postgres", "imap")


def needed(python: str, platform: Platform) -> set[str]:
    """Return the packages that the product and the extras need there, by the metadata of what is installed here."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform.system,
        "platform_system": platform.system.capitalize(),
        "platform_machine": platform.machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    found: set[tuple[str, str]] = set()
    waiting = [("agentic-sales", extra) for extra in EXTRAS]
    while waiting:
        if (asked := waiting.pop()) in found:
            continue
        found.add(asked)
        waiting += _asked_by(*asked, environment)
    return {name for name, _ in found} - {"agentic-sales"}


def _asked_by(name: str, extra: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for requirement in map(Requirement, requires(name) or ()):
        if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra}):
            for further in ("", *requirement.extras):
                yield canonicalize_name(requirement.name), further


def without_a_wheel(names: Iterable[str], python: str, platform: Platform, folder: Path) -> str:
    """Ask pip for the wheel of each pin; return what it says is missing."""
    versions = {canonicalize_name(name): version for name, version in pins("constraints.txt").items()}
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(f"{name}=={versions[canonicalize_name(name)]}" for name in sorted(names)))
    where = [option for name in platform.wheels for option in ("--platform", name)]
    options = ("--dry-run", "--quiet", "--no-deps", "--only-binary", ":all:", "--report", str(folder / "report.json"))
    into = ("--target", str(folder / "target"), "--python-version", python)
    asked = pip("install", *options, *into, *where, "--requirement", str(wanted))
    if asked.returncode == 0:
        told = json.loads((folder / "report.json").read_text())["install"]
        assert {canonicalize_name(entry["metadata"]["name"]) for entry in told} == set(names)
        return ""
    return "\n".join(line for line in asked.stderr.splitlines() if line.startswith("ERROR"))


@pytest.fixture(scope="module")
def _index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no package index can be reached."""
    folder = tmp_path_factory.mktemp("index")
    name = "structlog"
    told = without_a_wheel([name], PYTHONS[0], PLATFORMS["linux-x86-64"], folder)
    if told:
        pytest.skip(f"no package index was reached: {told}")


@pytest.mark.long
@pytest.mark.usefixtures("_index")
@pytest.mark.parametrize(("python", "platform"), list(product(PYTHONS, PLATFORMS)))
def test_every_pin_has_a_wheel(python: str, platform: str, tmp_path: Path) -> None:
    there = PLATFORMS[platform]
    assert without_a_wheel(needed(python, there), python, there, tmp_path) == ""
