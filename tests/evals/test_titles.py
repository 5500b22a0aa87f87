"""The labelled titles: how often the rules tell seniority and department, per language."""

import pytest

from agentic_sales.rules.sales_roles import RankedPerson, ranked
from agentic_sales.rules.titles import read_title
from tests.evals.tally import Tally, cases

SET = "contact_enrich_sales"
GOALS = {"seniority": 0.93, "department": 0.88}


@pytest.mark.parametrize("field", GOALS)
def test_the_rules_read_titles_of_many_languages(field: str) -> None:
    tally = Tally(f"{SET}: {field}")
    for case in cases(SET):
        title, wanted = case["input"]["title"], case["expected"][field]
        found = getattr(read_title(title).reading, field)
        tally.count(case["tags"][0], title, [] if found == wanted else [f"{found}, not {wanted}"])
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOALS[field]
    assert {
        kind: tally.ratio(kind) for kind in {case["tags"][0] for case in cases(SET)} if tally.ratio(kind) < 0.8
    } == {}


def test_the_rules_find_who_decides_in_a_company() -> None:
    tally = Tally("find_decision_maker")
    for case in cases("find_decision_maker"):
        people = [
            RankedPerson(name=p["name"], **read_title(p["title"]).reading.model_dump()) for p in case["input"]["people"]
        ]
        first = ranked(people)[0]
        found = {"top_decision_maker": first.name if first.is_decision_maker else None, "first": first.name}
        tally.count(case["tags"][0], case["id"], [] if found == case["expected"] else [found])
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= 0.9
