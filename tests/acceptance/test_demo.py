"""The demo, whole: a fleet from nothing, one company through it, and nothing left."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from tests.acceptance.readme import blocks, without_numbers
from tests.support.services import MACHINE_ENVIRONMENT

DEADLINE_S = 240


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demo makes its own."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told(place: Path) -> str:
    """Run the demo once, as `make demo` does; return what it prints."""
    path = f"{Path(sys.executable).parent}:{MACHINE_ENVIRONMENT['PATH']}"
    ended = subprocess.run(
        ["/bin/sh", "-c", "agentic-sales demo"],
        env={**MACHINE_ENVIRONMENT, "PATH": path, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize(
    ("assistant_id", "queue"),
    [
        ("deep_scrape", "discovery"),
        ("company_enrichment", "discovery"),
        ("classify_recruitment", "classify"),
        ("country_classify", "classify"),
        ("email_compose", "email"),
    ],
)
def test_every_workflow_ran_on_the_pool_of_its_capability(told: str, assistant_id: str, queue: str) -> None:
    (row,) = [line for line in told.splitlines() if f" {assistant_id} " in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[:2] == [assistant_id, queue]
    assert cells[2].isdigit(), "the worker's pid"


def test_a_campaign_sends_three_messages_to_everyone_but_the_one_who_answers(told: str) -> None:
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in told.splitlines() if line[:1] == "│"]
    steps = [(row[1], row[2]) for row in rows if len(row) == 4 and row[1]]  # a line that goes on below has no name
    assert "Bramwell Pikestaff answered" in told
    assert "2 got every message; 1 was stopped: replied" in told
    assert sorted(steps) == [
        *(("Ailsa Vanterpool", step) for step in "012"),
        *(("Anselm Vexmoor", step) for step in "012"),
        ("Bramwell Pikestaff", "0"),
    ]
    assert "7 mails in the maildir, for 7 messages in 7 tries" in told


def test_a_process_is_killed_during_the_campaign_which_goes_on(told: str) -> None:
    assert re.search(r"process \d+ of core was killed during run [0-9a-f-]{36}; the next one went on", told)


def test_each_pool_has_a_process_of_its_own(told: str) -> None:
    rows = [line.strip("│").split("│") for line in told.splitlines() if line.count("│") == 6]
    pids = {row[1].strip(): row[2].strip() for row in rows if row[2].strip().isdigit()}
    assert len(set(pids.values())) == len({"discovery", "classify", "email"})


def test_the_drafted_mail_and_the_trace_are_shown(told: str) -> None:
    assert "Subject: " in told
    assert [line for line in told.splitlines() if line.startswith("trace ") and len(line) == len("trace ") + 32]


def test_the_readme_shows_what_it_prints(told: str) -> None:
    lines = iter(without_numbers(told))  # Each line is looked for behind the one before it.
    assert [shown for shown in without_numbers(blocks("text")[0]) if shown not in lines] == []


def test_no_process_and_no_file_is_left(told: str, place: Path) -> None:
    assert "trace" in told
    assert not [process.cmdline() for process in psutil.process_iter() if _lives_in(process, place)]
    assert not list(place.iterdir())


def _lives_in(process: Any, folder: Path) -> bool:
    try:
        names = ("AGENTIC_SALES_STATE_DIR", "TMPDIR")
        return any(str(folder) in str(value) for value in (*map(process.environ().get, names), process.cwd()))
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
