"""The image holds what it needs and no more, and a container becomes the process that it is told."""

import fnmatch
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY
from tests.support.fleet import PROCFILE, PROJECT
from tests.support.services import missing

DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
IGNORED = [line for line in (PROJECT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        missing("hadolint is not among this platform's packages")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_does_not_run_as_root_and_its_user_is_a_number() -> None:
    users = [line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("USER ")]
    assert users == ["10001:10001"]


def test_what_is_copied_is_there_and_is_let_into_the_build() -> None:
    copied = [
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    let_in = [line[1:] for line in IGNORED if line.startswith("!")]
    assert sorted(copied) == sorted(let_in)
    assert IGNORED[0] == "*"
    assert all((PROJECT / name).exists() for name in copied)


def test_no_secret_and_no_test_is_let_into_the_build() -> None:
    for name in ("deploy/secrets/web.env", "deploy/fleet.env", "tests/conftest.py", ".git/config", ".venv/bin/python"):
        assert not any(fnmatch.fnmatch(name, f"{line[1:]}*") for line in IGNORED if line.startswith("!")), name


@pytest.fixture
def entry_point(tmp_path: Path) -> Path:
    """The image's entry point beside a Procfile of two lines that tell what they became."""
    shutil.copy(DEPLOY / "process", tmp_path)
    (tmp_path / "Procfile").write_text("web: echo serving --port ${PORT:-1}\nworker-web: sh -c 'echo \"$PPID\"'\n")
    return tmp_path / "process"


def told(*command: str | Path, **environment: str) -> str:
    """Run a command; return what it prints."""
    path = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env={**path, **environment}, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def test_a_container_becomes_the_line_that_its_command_names(entry_point: Path) -> None:
    assert told(entry_point, "web") == "serving --port 1"
    assert told(entry_point, "web", PORT="9") == "serving --port 9"


def test_a_container_runs_any_other_command_as_it_is(entry_point: Path) -> None:
    assert told(entry_point, "echo", "web", "a  b") == "web a  b"


@pytest.mark.parametrize("name", PROCFILE)
def test_the_entry_point_finds_every_line_of_the_procfile(tmp_path: Path, name: str) -> None:
    shutil.copy(DEPLOY / "process", tmp_path)
    (tmp_path / "Procfile").write_text((PROJECT / "Procfile").read_text("utf-8"))
    program = tmp_path / PROCFILE[name].split()[0]
    program.write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
    program.chmod(0o755)
    line = told(tmp_path / "process", name, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert line == told("/bin/sh", "-c", f"echo {PROCFILE[name]}")
