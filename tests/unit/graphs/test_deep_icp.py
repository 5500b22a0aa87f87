"""`deep_icp` and `icp_team` tell the ideal customers of a product, and nothing that its words do not back."""

from typing import Any

import pytest

from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.icp import CRITERIA, MOST_MODEL_CHANGE, WEIGHTS, WEIGHTS_HASH
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.products import save_product
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer

TEXT = "Claims software for regional insurers. Claims handlers lose hours on manual checks; it drafts each decision."
HIGHLIGHTS = ["Not built for brokers.", "Requires a core system with an API.", "Book a demo."]
PRODUCT = {"name": "Tallowmere", "description": TEXT, "highlights": HIGHLIGHTS}
WORDS = "\n".join([TEXT, *HIGHLIGHTS])
each_row = pytest.mark.parametrize("row", ["deep_icp", "icp_team"])


async def product_in(book: BookRuns, content: dict[str, Any] = PRODUCT) -> int:
    """Write a product and return its number."""
    async with book.database.writing() as connection:
        return await save_product(connection, content["name"], content, now=book.now)


def lying(request: ModelRequest) -> Reply:
    """Answer with inventions: numbers, quotes and buyers that the texts do not have."""
    true = "Claims software for regional insurers."
    score = {"score": 1.0, "confidence": 1.0, "justification": "40,000 insurers use it.", "evidence": [true]}
    told: dict[str, Any] = {
        "MarketReading": {
            "segments": [
                {"name": "Dentists", "fit": 1, "quote": true},
                {"name": "Top 500 insurers", "fit": 1, "quote": true},
                {"name": "insurers", "fit": 1, "quote": "Loved by insurers in Spain."},
            ]
        },
        "PeopleReading": {"personas": [{"title": "Chief Lie Officer", "quote": "The chief buys it."}]},
        "RefusalReading": {
            "anti_icp": [{"text": "Not for firms below 900 people.", "quote": "Not built for brokers."}],
            "deal_breakers": [{"name": "No licence", "severity": "high", "quote": "A licence of the state is needed."}],
        },
        "CriteriaReading": {"criteria_scores": dict.fromkeys(CRITERIA, score)},
    }
    return answer(told[request.schema["title"]])


@each_row
async def test_each_line_stands_in_the_words_of_the_product(book: BookRuns, row: str) -> None:
    final = await book.run(row, {"product": PRODUCT})
    assert [one["name"] for one in final["segments"]] == ["regional insurers"]
    assert final["anti_icp"] == ["Not built for brokers."]
    assert [one["severity"] for one in final["deal_breakers"]] == ["high"]
    quotes = [one["quote"] for part in ("segments", "personas", "deal_breakers", "proofs") for one in final[part]]
    quotes += [quote for one in final["criteria_scores"].values() for quote in one["evidence"]]
    assert quotes
    assert [quote for quote in quotes if not find_quote(quote, WORDS)] == []
    assert (final["source"], final["analysis_id"]) == ("rules", "")


@each_row
async def test_the_total_is_the_weighted_sum_and_the_weights_are_stamped(book: BookRuns, row: str) -> None:
    final = await book.run(row, {"product": PRODUCT})
    total = sum(WEIGHTS[name] * one["score"] for name, one in final["criteria_scores"].items())
    assert final["criteria_scores"].keys() == WEIGHTS.keys()
    assert final["weighted_total"] == pytest.approx(total, abs=0.001)
    assert (final["meta"]["weights_hash"], final["meta"]["team"]) == (WEIGHTS_HASH, row == "icp_team")


@each_row
async def test_a_product_of_which_nothing_is_known_gets_an_empty_profile(book: BookRuns, row: str) -> None:
    final = await book.run(row, {"product": {"name": "Vantrel", "description": "Software."}})
    assert [final[part] for part in ("segments", "personas", "anti_icp", "deal_breakers")] == [[], [], [], []]
    assert final["weighted_total"] == 0.0
    assert {one["evidence"] == [] for one in final["criteria_scores"].values()} == {True}


@each_row
async def test_the_profile_of_a_product_of_the_book_is_an_analysis_of_it_once(book: BookRuns, row: str) -> None:
    product_id = await product_in(book)
    dry = await book.run(row, {"product_id": product_id, "dry_run": True})
    assert await book.rows(AnalysisRow) == []
    final = await book.run(row, {"product_id": product_id})
    await book.run(row, {"product_id": product_id})
    [kept] = await book.rows(AnalysisRow)
    assert (kept.subject_kind, kept.subject_id, kept.kind, kept.workflow) == ("product", str(product_id), "icp", row)
    assert (kept.analysis_id, kept.content["segments"]) == (final["analysis_id"], final["segments"])
    assert dry["segments"] == final["segments"]
    assert set(kept.prompts) == {"market_researcher", "persona_builder", "anti_icp_analyst", "criteria_scorer"}


@each_row
async def test_the_inventions_of_a_model_are_dropped(book: BookRuns, row: str) -> None:
    by_rules = await book.run(row, {"product": PRODUCT})
    final = await book.run(row, {"product": PRODUCT}, model=lying)
    assert final["source"] == "llm"
    assert [final[part] for part in ("segments", "personas", "anti_icp", "deal_breakers")] == [[], [], [], []]
    assert final["criteria_scores"] == by_rules["criteria_scores"]


async def test_a_model_scores_within_a_bound_and_only_with_words_of_the_texts(book: BookRuns) -> None:
    score = {"score": 1.0, "confidence": 0.9, "justification": "It says so.", "evidence": ["Not built for brokers."]}

    def script(request: ModelRequest) -> Reply:
        if request.schema["title"] == "CriteriaReading":
            return answer({"criteria_scores": {"segment_clarity": score}})
        return answer({"segments": [], "personas": [], "anti_icp": [], "deal_breakers": []})

    by_rules = (await book.run("deep_icp", {"product": PRODUCT}))["criteria_scores"]
    scores = (await book.run("deep_icp", {"product": PRODUCT}, model=script))["criteria_scores"]
    own = by_rules["segment_clarity"]["score"]
    assert scores["segment_clarity"]["score"] == pytest.approx(min(1.0, own + MOST_MODEL_CHANGE))
    assert {name: scores[name] for name in CRITERIA[1:]} == {name: by_rules[name] for name in CRITERIA[1:]}


async def test_one_agent_sees_what_it_found_before_and_a_team_does_not(book: BookRuns) -> None:
    segment = {"name": "regional insurers", "fit": 0.9, "quote": "Claims software for regional insurers."}
    empty: dict[str, Any] = {"personas": [], "anti_icp": [], "deal_breakers": [], "criteria_scores": {}}

    def script(_: ModelRequest) -> Reply:
        return answer({**empty, "segments": [segment]})

    seen = {}
    for row in ("deep_icp", "icp_team"):
        await book.run(row, {"product": PRODUCT}, model=script)
        asked = next(one for one in book.requests if one.schema["title"] == "PeopleReading")
        seen[row] = "regional insurers: Claims software" in asked.prompt
    assert seen == {"deep_icp": True, "icp_team": False}


async def test_personas_of_the_book_come_first(book: BookRuns) -> None:
    personas = [{"title": "VP of Claims", "pain": "Claims wait for weeks."}]
    product_id = await product_in(book, {**PRODUCT, "personas": personas})
    final = await book.run("deep_icp", {"product_id": product_id})
    assert [final["personas"][0][part] for part in ("title", "seniority", "pain")] == [
        "VP of Claims",
        "VP",
        "Claims wait for weeks.",
    ]


async def test_an_input_names_a_product_that_is_there(book: BookRuns) -> None:
    with pytest.raises(ValueError, match="give `product_id`, or a `product`"):
        await book.run("deep_icp", {"product": {"url": "https://a.example/"}})
    with pytest.raises(UnknownRecord):
        await book.run("deep_icp", {"product_id": 404})
