"""The labelled people: each mail of `sales_tech_outreach` is asked for with its own person's name, role and company."""

from typing import Any

import pytest

from agentic_sales.rules.sales_outreach import DecisionMaker, SalesOutreachForm, mail_for
from tests.evals.tally import cases


@pytest.mark.parametrize("case", cases("mails_to_decision_makers"), ids=lambda case: case["id"])
def test_a_mail_is_asked_for_with_what_is_known_of_its_own_reader(case: dict[str, Any]) -> None:
    given = case["input"]
    person, form = DecisionMaker(**given["person"]), SalesOutreachForm(**given["form"])
    assert mail_for(person, given["email"], form).items() >= case["expected"].items()
