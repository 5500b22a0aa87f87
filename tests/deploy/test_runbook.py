"""The runbook does not lie: its commands, names, files, links and tables exist."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from agentic_sales.cli.main import app
from tests.bench.scale import TABLES
from tests.deploy.files import DEPLOY, KNOWN_NAMES, document
from tests.support.fleet import PROJECT

README = (DEPLOY / "README.md").read_text("utf-8")
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
QUOTED = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE))
CODE = "\n".join((SHELL, *QUOTED))
SERVICES = document(DEPLOY / "compose.yml")["services"]


def commands() -> Iterator[str]:
    """Yield every command of ours that the runbook names, with its sub-command."""
    for words in re.findall(r"(?<!namespace )\bagentic-sales((?: [a-z]+)+)", CODE):
        yield words.strip()


@pytest.mark.parametrize("words", sorted(set(commands())))
def test_every_command_of_ours_exists(words: str) -> None:
    command: Any = typer.main.get_command(app)
    for word in words.split():
        if not hasattr(command, "commands"):
            break  # the rest are its arguments
        assert word in command.commands, f"`agentic-sales {words}`"
        command = command.commands[word]


def test_every_service_that_is_started_or_stopped_exists() -> None:
    verbs = r"compose (?:up --detach|stop|restart|logs|ps|build|exec|run --rm)"
    named = {name for names in re.findall(rf"{verbs}((?: [a-z][a-z-]*)+)", CODE) for name in names.split()[:1]}
    assert named
    assert named - {"agentic-sales"} <= set(SERVICES)


def test_every_shell_block_is_shell() -> None:
    subprocess.run(["/bin/sh", "-n"], input=SHELL.replace("export ", ""), text=True, check=True, timeout=10)


def test_every_variable_is_one_that_something_reads() -> None:
    named = set(re.findall(r"\b(?:AGENTIC_SALES|LANGGRAPH|OTEL|LANGSMITH|CELERY|EMAIL|CORE)_[A-Z_]*[A-Z]\b", CODE))
    assert named - KNOWN_NAMES == set()


def test_every_file_exists() -> None:
    for path in re.findall(r"[\w./-]+(?:\.(?:yml|yaml|py|acl)|env\.example)\b", "\n".join(QUOTED)):
        if "*" not in path and "secrets/" not in path:
            assert any((folder / path).exists() for folder in (DEPLOY, PROJECT)), path


def test_every_link_leads_to_a_heading() -> None:
    written = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in written}
    links = re.findall(r"\]\(#([^)]+)\)", README)
    assert links
    assert set(links) <= headings


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_simulation_prints(name: str) -> None:
    shown = README.split(f"<!-- {name} -->\n", 1)[1].split("\n\n", 1)[0]
    assert shown == TABLES[name](), "`python -m tests.bench.scale` prints it"


def test_every_failure_mode_has_a_symptom_a_cause_a_check_and_a_fix() -> None:
    rows = README.split("| symptom |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    assert len(rows) >= 10
    assert all(len(re.split(r"(?<!\\) \| ", row.strip("| "))) == 4 for row in rows)
