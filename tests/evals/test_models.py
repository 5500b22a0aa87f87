"""Models on the sets: a competent one passes those of the writers, and of a lying one no invention stands.

The competent model replays answers that a person wrote for each case, in `replayed.json` and `replayed_products.json`.
The lying one fills every answer type with words that nobody said and numbers that nobody gave.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.cli.views.evals import folders
from agentic_sales.evaluation.evaluate import evaluate
from agentic_sales.evaluation.report import faults
from agentic_sales.evaluation.sets import read_set, set_files
from agentic_sales.registry import BY_ID
from agentic_sales.workers.loader import load_graph
from tests.evals.product_answers import HELD_BACK, PRODUCT_ROWS, answers_for
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer

REPLAYED: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads(
    Path(__file__).with_name("replayed.json").read_text("utf-8")
)
LIE, NUMBER = "Zorblax", 4711
GIVEN: Mapping[str, Mapping[str, Any]] = {"company_enrichment": {"url": "https://emberloom.example/"}}
"""Inputs of rows whose `EXAMPLE` is about another site."""
UNCHECKED = {
    "graph_meta",  # How the answer was made.
    "queries",  # Searches that were made.
    "dropped",  # What the check has dropped, by name.
    "differentiation",  # Differences before the check, as callers know them; `competitors` has the checked ones.
    "threat_levels",  # The same.
    "classification",  # A judgement. What words back of it is in `evidence`, and that alone reaches the book.
}
"""Keys of answers that do not say what stands."""
MAIL_ROWS = ["email_compose", "email_opportunity", "email_outreach", "email_reply"]
EVIDENCE_ROWS = [
    "analyze_product_v2",
    "company_problems",
    "company_enrichment",
    "competitors_team",
    "contact_discovery",
    "deep_competitor",
    "deep_icp",
    "gtm",
    "icp_team",
    "positioning",
    "pricing",
    "product_intel",
    "gh_ai_repos",
    "gh_lead_research",
    "sales_tech_feature_graph",
    "youtube_discovery",
]


def competent(told: Mapping[str, Any]) -> Any:
    """Answer each question of one case as the person did. A question of a sub-run without an answer is left open."""

    def script(request: ModelRequest) -> Reply:
        fields = request.schema["properties"]
        if not set(request.schema.get("required", fields)) <= told.keys() | {"sentiment"}:
            return answer("I cannot say.")
        return answer(
            {"sentiment": "neutral", **told}
            if "sentiment" in fields
            else {name: told[name] for name in fields if name in told}
        )

    return script


@pytest.mark.parametrize("name", REPLAYED)
async def test_the_answers_of_a_competent_model_pass_the_sets_of_the_writers(book: BookRuns, name: str) -> None:
    given = read_set(name, set_files(name, folders())[0])
    cases: Iterator[str] = iter(case.case_id for case in given.cases)

    async def ask(assistant_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return await book.run(assistant_id, values, model=competent(REPLAYED[name].get(next(cases), {})))

    result = await evaluate(given, ask)
    assert [*faults([result])] == []
    assert result.sources["llm"] == len(REPLAYED[name])


@pytest.mark.parametrize("name", PRODUCT_ROWS)
async def test_the_answers_of_a_competent_model_pass_the_sets_of_the_product_writers(book: BookRuns, name: str) -> None:
    given = read_set(name, set_files(name, folders())[0])
    cases = iter(given.cases)

    async def ask(assistant_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        told = answers_for(name, next(cases).case_id, values)
        final = await book.run(assistant_id, values, model=competent(told))
        if "report" in final:
            assert {key: final["report"][key] for key in ("tldr", "key_risks", "quick_wins")}.items() <= told.items()
        return final

    result = await evaluate(given, ask)
    assert [*faults([result])] == []
    assert result.sources["llm"] == len(given.cases) - HELD_BACK.get(name, 0)


def lie_for(schema: Mapping[str, Any], name: str, root: Mapping[str, Any]) -> Any:
    """Return a value of a JSON Schema that is a lie wherever it can be one."""
    if "$ref" in schema:
        return lie_for(root["$defs"][schema["$ref"].rpartition("/")[2]], name, root)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "anyOf" in schema:
        return lie_for(next(one for one in schema["anyOf"] if one.get("type") != "null"), name, root)
    return _lie_of_type(schema, name, root)


def _lie_of_type(schema: Mapping[str, Any], name: str, root: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {key: lie_for(one, key, root) for key, one in schema.get("properties", {}).items()}
        case "array":
            count = max(schema.get("minItems", 1), 1)
            return [lie_for(schema["items"], name, root) for _ in range(count)]
        case "integer" | "number":
            return min(NUMBER, schema.get("maximum", NUMBER))
        case "boolean":
            return True
        case _:
            text = f"{LIE} saved us {NUMBER} euros a day, said nobody."
            is_long = "quote" in name or schema.get("minLength", 0) > len(f"{LIE} {NUMBER}")
            return (text if is_long else f"{LIE} {NUMBER}")[: schema.get("maxLength", 200)]


def lying(request: ModelRequest) -> Reply:
    """Answer with lies alone."""
    return answer(lie_for(request.schema, "", request.schema))


@pytest.mark.parametrize("name", MAIL_ROWS)
async def test_no_number_of_a_lying_model_reaches_a_mail(book: BookRuns, name: str) -> None:
    final = await book.run(name, load_graph(BY_ID[name]).module.EXAMPLE, model=lying)
    assert book.requests, "the model was not asked"
    told = json.dumps({key: final[key] for key in load_graph(BY_ID[name]).output_type.model_fields if key in final})
    assert str(NUMBER) not in told
    assert (final["source"], final.get("refine_status", "fallback")) == ("rules", "fallback")


@pytest.mark.parametrize("name", EVIDENCE_ROWS)
async def test_no_invention_of_a_lying_model_stands(book: BookRuns, name: str) -> None:
    example = GIVEN.get(name) or load_graph(BY_ID[name]).module.EXAMPLE
    final = await book.run(name, example, model=lying)
    assert book.requests, "the model was not asked"
    output = load_graph(BY_ID[name]).output_type.model_fields.keys() - UNCHECKED
    told = json.dumps({key: final[key] for key in sorted(output)}, ensure_ascii=False)
    assert LIE not in told, told[max(0, told.index(LIE) - 300) : told.index(LIE) + 200]
    assert str(NUMBER) not in told
    facts = [(fact[2], fact[3]) for fact in await book.content() if len(fact) > 3 and LIE in "".join(fact)]
    assert facts == []
