"""The labelled contact files: who is taken in with what, and that nobody is whom a file says not to write to."""

import pytest

from agentic_sales.campaigns.people import import_contacts
from agentic_sales.rules.headings import Headings, load_headings
from agentic_sales.rules.tables import table
from agentic_sales.rules.wishes import Wishes, load_wishes
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from tests.evals.contact_file_cases import judge
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.95


SETS = ("csv_import", "csv_import.own")


async def run(name: str, configuration: Settings) -> tuple[Tally, list[str]]:
    """Import every file of a set; return how many went right, and who was taken in against a wish."""
    tally, wronged = Tally(name), list[str]()
    async with open_database(configuration) as database:
        for case in cases(name):
            verdict = await judge(database, case)
            tally.count("contact files", f"{case['id']} {case['what']}", [*verdict.faults, *verdict.wronged])
            wronged += verdict.wronged
    return tally, wronged


@pytest.mark.parametrize("name", SETS)
async def test_contact_files_are_read_as_people_would_and_nobody_is_taken_in_against_a_wish(
    name: str, migrated: Settings
) -> None:
    tally, wronged = await run(name, migrated)
    print(tally)  # noqa: T201 - the table of the run
    assert wronged == []
    assert tally.ratio() >= GOAL_RATIO


def without_wishes() -> tuple[Headings, Wishes]:
    """The rules as they are, without a table of opt-outs."""
    found: dict[str, dict[str, list[str]]] = {name: {"none": []} for name in table("wishes")}
    headings = load_headings()
    return headings, Wishes(found, headings)


def in_english_alone() -> tuple[Headings, Wishes]:
    """The rules as they are, without the headings of other languages and tools."""
    found = table("headings")
    headings = Headings({name: {"english": groups.get("english", [])} for name, groups in found.items()})
    return headings, load_wishes(headings)


async def test_the_set_notices_rules_that_read_no_wishes(migrated: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_contacts, "file_rules", without_wishes)
    _, wronged = await run("csv_import", migrated)
    assert len(wronged) >= 3


async def test_the_set_notices_rules_of_english_alone(migrated: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_contacts, "file_rules", in_english_alone)
    tally, _ = await run("csv_import", migrated)
    assert tally.ratio() < GOAL_RATIO
