"""The demo of the installed product, whole: a fleet from nothing, a company and two flows through it, nothing left."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from tests.acceptance.readme import blocks, without_numbers
from tests.support.wheel import Installed

DEADLINE_S = 240


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demo makes its own."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def started_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, in which the demo is started."""
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def told(installed: Installed, place: Path, started_in: Path) -> str:
    """Run the demo once; return what it prints."""
    where = {"TMPDIR": str(place)}
    ended = installed.run("agentic-sales", "demo", cwd=started_in, environment=where, timeout_s=DEADLINE_S)
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


def test_two_flows_find_people_and_nothing_is_sent_without_a_word(told: str) -> None:
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in told.splitlines() if line[:1] == "│"]
    ends = {(row[0], row[3].partition(";")[0]) for row in rows if len(row) == 4 and row[0] in {"hiring", "open_source"}}
    assert {("hiring", "written to"), ("open_source", "written to")} <= ends
    [approved] = re.findall(r"Ann approved each of (\d+) messages", told)
    assert f"{approved} messages, {approved} tries, {approved} mails in the maildir: none was sent twice." in told


def test_one_person_answers_and_is_answered_in_the_place_of_a_follow_up(told: str) -> None:
    [email] = re.findall(r"^(\S+@\S+) \(.+\) answered:$", told, re.MULTILINE)
    mails = Counter(re.findall(r"│ (\S+@\S+) ", told))
    assert mails.pop(email) == 2
    assert set(mails.values()) == {2}
    assert "The answer was read as interested" in told
    assert told.count("has learnt: ") == 2


def test_a_process_is_killed_at_work_on_a_person_and_another_one_goes_on(told: str) -> None:
    assert re.search(r"Process \d+ of core was killed at work. Another one went on with its visit.", told)


def test_the_tree_shows_what_ran_where_in_the_trace_of_the_first_act(told: str) -> None:
    [of_act] = [line.removeprefix("trace ") for line in told.splitlines() if re.fullmatch("trace [0-9a-f]{32}", line)]
    assert f"What ran where, in one trace ({of_act}):" in told
    for told_of in ("lead_flow (hiring): ", "ashby_discovery: 1 run on discovery", "gh_lead_research: ", "on email, "):
        assert told_of in told


def test_nothing_is_wider_than_80_columns(told: str) -> None:
    assert [line for line in told.splitlines() if len(line) > 80] == []


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


def test_no_process_and_no_file_is_left(told: str, place: Path, started_in: Path) -> None:
    assert "trace" in told
    assert not [process.cmdline() for process in psutil.process_iter() if _lives_in(process, place)]
    assert not [*place.iterdir(), *started_in.iterdir()]


def _lives_in(process: Any, folder: Path) -> bool:
    try:
        names = ("AGENTIC_SALES_STATE_DIR", "TMPDIR")
        return any(str(folder) in str(value) for value in (*map(process.environ().get, names), process.cwd()))
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
