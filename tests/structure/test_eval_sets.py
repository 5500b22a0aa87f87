"""Every row of the registry has labelled cases with thresholds, or is named here with the reason why it has none."""

import pytest

from agentic_sales.cli.views.evals import folders
from agentic_sales.evaluation.sets import EvalSet, read_set, set_files
from agentic_sales.registry import GraphSpec
from agentic_sales.routing import DEFAULT_CLASSIFY_WORKER_ASSISTANTS
from tests.structure.rows import ROWS

EXEMPT = {
    "campaign": "it sends; what it decides are functions of `campaigns/`, which have tests of their own",
    "lead_flow": "its steps are rows with sets; what it decides itself are functions of `campaigns/`",
    "pipeline": "each stage is a row with a set; what it decides itself is `rules/pipeline_stages.py`, which has tests",
    "sales_tech_outreach": "it writes to people of the book; what it asks for has the set `mails_to_decision_makers`",
    "classify_recruitment_bulk": "it is `classify_recruitment` over the book, which has a set",
    "country_classify_bulk": "it is `country_classify` over the book, which has a set",
    "enrich_sales_tech": "it is `sales_tech_feature_graph` over the book, which has a set",
}
LEAST_CASES, LEAST_CASES_OF_A_CLASSIFIER = 8, 20
CLASSIFIERS = set(DEFAULT_CLASSIFY_WORKER_ASSISTANTS.split(",")) - EXEMPT.keys()
EVALUATED = [row for row in ROWS if row.assistant_id not in EXEMPT]
each_evaluated = pytest.mark.parametrize("row", EVALUATED, ids=lambda row: row.assistant_id)


def sets_of(row: GraphSpec) -> list[EvalSet]:
    return [read_set(row.assistant_id, file) for file in set_files(row.assistant_id, folders())]


@each_evaluated
def test_a_row_has_labelled_cases(row: GraphSpec) -> None:
    """Add `evals/<assistant_id>.jsonl`: lines of input, expected and tags."""
    cases = sum(len(one.cases) for one in sets_of(row))
    assert cases >= (LEAST_CASES_OF_A_CLASSIFIER if row.assistant_id in CLASSIFIERS else LEAST_CASES)


@each_evaluated
def test_a_set_has_a_threshold(row: GraphSpec) -> None:
    """Add the row to `evals/measures.toml`."""
    found = sets_of(row)
    assert [one.name for one in found if not any(measure.least for measure in one.measures)] == []


@each_evaluated
def test_the_cases_of_a_row_have_ids_of_their_own(row: GraphSpec) -> None:
    for one in sets_of(row):
        ids = [case.case_id for case in one.cases]
        assert len(ids) == len(set(ids))


def test_a_row_that_is_exempt_has_no_set() -> None:
    assert [row.assistant_id for row in ROWS if row.assistant_id in EXEMPT and sets_of(row)] == []
