"""The examples do what they show: the team's workflow is checked and served, and its question is answered."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import ONLY_CORE, PROJECT, TOKEN, WEB, Fleet, fleet_of
from tests.support.javascript import installed
from tests.support.services import MACHINE_ENVIRONMENT, redis_server

EXAMPLES = PROJECT / "examples"
TEAM = {"AGENTIC_SALES_EXTRA_REGISTRIES": "acme.registry"}
PACKAGES = ("@langchain/langgraph-sdk@2.0.0", "@langchain/core@1.2.13", "typescript@5.9.3", "@types/node@20.19.0")
TSC = ("--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--types", "node")


def agentic_sales(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in the team's project."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("agentic-sales")), *arguments],
        cwd=EXAMPLES / "team",
        env={**MACHINE_ENVIRONMENT, **TEAM, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def team_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("team")
    environment = {**ONLY_CORE, **TEAM, "PYTHONPATH": os.pathsep.join((str(EXAMPLES / "team"), str(PROJECT)))}
    names = (WEB, "worker-core")
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        yield fleet


@pytest.fixture(scope="module")
def script(request: pytest.FixtureRequest) -> Path:
    """The TypeScript caller, checked and translated by the compiler of TypeScript."""
    folder = installed(request.config, "examples", *PACKAGES)
    (folder / "approve.ts").write_text((EXAMPLES / "approve.ts").read_text("utf-8"), "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    command = [str(folder / "node_modules" / ".bin" / "tsc"), *TSC, "approve.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    return folder / "approve.js"


def approve(script: Path, fleet: Fleet, percent: int, word: str) -> Any:
    environment = {**MACHINE_ENVIRONMENT, "LANGGRAPH_URL": fleet.url, "LANGGRAPH_AUTH_TOKEN": TOKEN}
    command = ["node", str(script), str(percent), word]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_teams_registry_has_nothing_to_mend_and_its_schemas_are_those_of_its_graph() -> None:
    check = agentic_sales("check", "--registry", "acme.registry")
    assert (check.returncode, check.stderr) == (0, "nothing to mend\n")


def test_the_teams_workflow_runs_on_core() -> None:
    [row] = [line for line in agentic_sales("routes").stdout.splitlines() if "acme_discount" in line]
    assert row.split()[:3] == ["acme_discount", "core", "pure"]


@pytest.mark.parametrize(
    ("asked", "question", "outcome"),
    [
        ((5, "no"), None, "offered"),
        ((25, "yes"), "May Globex have 25 percent?", "offered"),
        ((25, "no"), "May Globex have 25 percent?", "refused"),
    ],
)
def test_the_typescript_caller_answers_the_question_of_a_large_discount(
    team_fleet: Fleet, script: Path, asked: tuple[int, str], question: str | None, outcome: str
) -> None:
    told = approve(script, team_fleet, *asked)
    assert (told["question"] or {}).get("question") == question
    assert told["outcome"] == outcome
    assert bool(told["offer"]) == (outcome == "offered")


def test_every_file_that_the_page_names_is_there() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+(?:/|\.py|\.ts))`", page.replace("tests/acceptance", "../tests/acceptance"))
    assert {"team/", "approve.ts"} <= set(named)
    assert [name for name in named if not (EXAMPLES / name).exists()] == []
