"""The README does what it says: its commands, answers and edits are carried out here, the demo in `test_demo.py`."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentic_sales.campaigns.visits.clock import ClockFile
from tests.acceptance.readme import README, blocks
from tests.support.fleet import ONLY_CORE, PROJECT, TOKEN, WEB, Fleet, fleet_of
from tests.support.services import MACHINE_ENVIRONMENT, redis_server

SUNDAY = datetime(2026, 11, 29, 11, tzinfo=UTC)
DEFAULT_URL = "http://127.0.0.1:8002"
BIN = Path(sys.executable).parent


def section(title: str) -> str:
    """Return the text of a section."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def in_shell(command: str, *, cwd: Path = PROJECT, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed; fail with all of it when it fails."""
    env = {**MACHINE_ENVIRONMENT, "PATH": f"{BIN}:{MACHINE_ENVIRONMENT['PATH']}", **(environment or {})}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


class TestTheTwoCommands:
    def test_are_targets_of_the_makefile_and_so_is_every_other_that_is_named(self) -> None:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
        assert {"demo", "up", "test", "bench", "gen"} <= named
        for target in sorted(named):
            in_shell(f"make --dry-run {target}")


class TestARun:
    def test_the_curl_line_answers_what_the_readme_shows(self, fleet: Fleet) -> None:
        command = next(block for block in blocks("sh") if block.startswith("curl")).replace(DEFAULT_URL, fleet.url)
        answer = json.loads(in_shell(f"{command.rstrip()} -H 'authorization: Bearer {TOKEN}'"))
        [shown] = blocks("json")
        assert {name: answer[name] for name in json.loads(shown)} == json.loads(shown)

    def test_the_command_lines_work(self, fleet: Fleet) -> None:
        commands = next(block for block in blocks("sh") if "agentic-sales run" in block).splitlines()
        environment = {"LANGGRAPH_URL": fleet.url, "LANGGRAPH_AUTH_TOKEN": TOKEN}
        printed = [in_shell(c.removeprefix(".venv/bin/"), environment=environment) for c in commands]
        assert '"DE"' in printed[0]
        assert "pipeline" in printed[1]


@pytest.fixture
def fleet_of_a_sunday(tmp_path: Path) -> Iterator[Fleet]:
    """A small fleet whose campaigns live on a Sunday."""
    clock = ClockFile(tmp_path / "clock")
    clock.forward_to(SUNDAY)
    environment = {**ONLY_CORE, "AGENTIC_SALES_VIRTUAL_CLOCK": str(clock.path)}
    with redis_server(tmp_path) as redis, fleet_of(tmp_path, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def test_the_campaign_is_made_rehearsed_started_shown_and_forgets_its_person(fleet: Fleet) -> None:
    assert "jo@example.com" in walked(fleet), "who is next"


def test_the_campaign_can_be_made_on_a_sunday_and_its_first_message_goes_on_monday(fleet_of_a_sunday: Fleet) -> None:
    assert re.search(r"jo@example\.com .*2026-11-30", walked(fleet_of_a_sunday)), "who is next, and when"


def walked(fleet: Fleet) -> str:
    """Type the README's campaign, word for word. Return what is printed after its start."""
    block = next(block for block in blocks("sh") if "campaigns" in block)
    commands = block.replace(".venv/bin/", "").replace("alias campaigns=", "shopt -s expand_aliases\nalias campaigns=")
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url, "COLUMNS": "160"}
    printed = in_shell(f"bash -ec {shlex.quote(commands)} 2>&1", environment=environment)
    rehearsed, started, followed = printed.partition("campaign `spring` is running")
    assert rehearsed.count("jo@example.com") == 2, "the rehearsed messages"
    assert started
    assert "contacts: 1 erased" in printed
    return followed


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the README's three edits made, and its labelled cases."""
    copy = tmp_path_factory.mktemp("edited") / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".venv", ".git", ".*cache*", "node_modules"))
    edits = section("Add a workflow in three edits")
    row, route, graph = re.findall(r"^```python\n(.*?)^```$", edits, re.DOTALL | re.MULTILINE)
    [prompts] = blocks("markdown")
    package = copy / "agentic_sales"
    table = "GRAPHS: tuple[GraphSpec, ...] = (\n"
    _edit(package / "registry.py", table, f"{table}{row}")
    _edit(package / "routing.py", route.partition("\n")[0] + "\n", route)
    (package / "graphs" / "subject_line.py").write_text(graph, encoding="utf-8")
    (package / "graphs" / "subject_line.md").write_text(prompts, encoding="utf-8")
    [cases], [measures] = blocks("jsonl"), blocks("toml")
    (copy / "evals" / "subject_line.jsonl").write_text(cases, encoding="utf-8")
    with (copy / "evals" / "measures.toml").open("a", encoding="utf-8") as table_of_measures:
        table_of_measures.write(f"\n{measures}")
    in_shell("agentic-sales gen", cwd=copy, environment={"PYTHONPATH": str(copy)})
    return copy


class TestTheThreeEdits:
    def test_leave_nothing_to_complain_about(self, edited: Path) -> None:
        in_shell("agentic-sales check", cwd=edited, environment={"PYTHONPATH": str(edited)})
        in_shell("ruff check agentic_sales && ruff format --check agentic_sales/graphs", cwd=edited)

    def test_are_picked_up_by_the_structure_tests_without_a_test_edit(self, edited: Path) -> None:
        printed = in_shell(
            "python -m pytest -q -p no:cacheprovider tests/structure -k subject_line",
            cwd=edited,
            environment={"PYTHONPATH": str(edited)},
        )
        assert re.search(r"\d+ passed", printed), printed

    def test_give_a_workflow_that_runs_on_the_pool_that_the_route_names(self, edited: Path) -> None:
        program = (
            "import asyncio, json; from agentic_sales.control import control_plane; "
            "from agentic_sales.workers.loader import load_graph; c = control_plane(); "
            "g = load_graph(c.row('subject_line')); "
            "o = asyncio.run(g.graph.ainvoke(g.module.EXAMPLE)); "
            "print(json.dumps([c.decide('subject_line').queue, o['subject'], o['source']]))"
        )
        printed = in_shell(f"python -c {shlex.quote(program)}", cwd=edited, environment={"PYTHONPATH": str(edited)})
        queue, subject, source = json.loads(printed.splitlines()[-1])
        assert (queue, source) == ("email", "rules")
        assert subject


def test_every_path_that_the_readme_names_exists() -> None:
    table = section("Where things are")
    for path in re.findall(r"`([\w./-]+\.(?:py|md|example)|Procfile|[\w/]+/)`", table):
        candidates = (PROJECT / path, PROJECT / "agentic_sales" / path, PROJECT / "tests" / path)
        assert any(candidate.exists() for candidate in candidates), path


def _edit(path: Path, old: str | re.Pattern[str], new: str) -> None:
    text = path.read_text(encoding="utf-8")
    edited = text.replace(old, new) if isinstance(old, str) else old.sub(new, text)
    assert edited != text, f"{path.name} has no {old!r}"
    path.write_text(edited, encoding="utf-8")
