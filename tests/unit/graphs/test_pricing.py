"""`pricing` plans prices by known ones, sends a faulty plan of a model back, and takes none that stays faulty."""

from typing import Any

from agentic_sales.contracts import Subject
from agentic_sales.rules.plan_facts import MOST_ROUNDS
from agentic_sales.store.analyses import Analysis, AnalysisRow, save_analysis
from agentic_sales.store.products import save_product
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer

PRODUCT = {
    "name": "Harrowgate",
    "description": "A CRM for recruiters. It cuts searching by half.",
    "highlights": ["Team: $29 per seat a month.", "Agency: $59 per seat a month."],
}
RIVAL = {
    "name": "Placewell",
    "url": "https://placewell.example/",
    "prices": [{"name": "Pro", "amount": 45, "currency": "USD", "quote": "Pro: $45 per user a month"}],
}
GIVEN = {"product": PRODUCT, "competitors": [RIVAL]}
QUOTE = "Team: $29 per seat a month."
METRIC = {
    "value_metric": "seat",
    "value_metric_reasoning": "It counts seats.",
    "model_type": "subscription",
    "model_type_reasoning": "By the month.",
    "quote": QUOTE,
}
RATIONALE = {
    "value_basis": {"text": "Recruiters search less.", "quote": "It cuts searching by half"},
    "risks": [{"text": "It has lost 400 customers.", "quote": QUOTE}],
    "recommendation": "Raise it to 999 at once.",
}


def plan_at(price: float) -> dict[str, Any]:
    """Return the plan of a model with one tier."""
    return {"free_offer": "", "tiers": [{"name": "Team", "price_monthly_usd": price, "billing_unit": "per_seat"}]}


def saying(*plans: dict[str, Any]) -> Any:
    """Answer with these plans, one after the other, the last one again and again."""
    left = [*plans]

    def script(request: ModelRequest) -> Reply:
        title = request.schema["title"]
        if title == "TierPlans":
            return answer(left.pop(0) if len(left) > 1 else left[0])
        return answer(METRIC if title == "ValueMetric" else RATIONALE)

    return script


async def test_own_prices_are_the_tiers_and_are_compared_with_those_of_competitors(book: BookRuns) -> None:
    final = await book.run("pricing", GIVEN)
    tiers = [(one["name"], one["price_monthly_usd"]) for one in final["model"]["tiers"]]
    assert tiers == [("Team", 29), ("Agency", 59)]
    anchors = final["rationale"]["price_anchors"]
    assert [(one["competitor"], one["monthly_price_usd"], one["relation"]) for one in anchors] == [
        ("Placewell", 45, "undercut"),
        ("Placewell", 45, "premium"),
    ]
    assert (final["source"], final["value_metric"], final["dropped"]) == ("rules", "seat", [])
    assert final["pricing"] == {"model": final["model"], "rationale": final["rationale"]}


async def test_nothing_known_is_nothing_proposed(book: BookRuns) -> None:
    final = await book.run("pricing", {"product": {"name": "Vantrel", "description": "Software."}})
    assert (final["model"]["tiers"], final["value_metric"], final["model"]["model_type"]) == ([], "", "")
    rationale = final["rationale"]
    assert {name: value for name, value in rationale.items() if value} == {}


async def test_a_faulty_plan_goes_back_with_its_faults_until_it_is_sound(book: BookRuns) -> None:
    final = await book.run("pricing", GIVEN, model=saying(plan_at(5_000), plan_at(40)))
    asked = [one.prompt for one in book.requests if one.schema["title"] == "TierPlans"]
    assert ["no known price is near 5000 USD" in prompt for prompt in asked] == [False, True]
    assert (final["critic_rounds"], final["dropped"], final["source"]) == (1, [], "llm")
    assert [one["price_monthly_usd"] for one in final["model"]["tiers"]] == [40]


async def test_a_plan_that_stays_faulty_gives_way_to_that_of_the_rules(book: BookRuns) -> None:
    final = await book.run("pricing", GIVEN, model=saying(plan_at(5_000)))
    asked = [one for one in book.requests if one.schema["title"] == "TierPlans"]
    assert (len(asked), final["critic_rounds"]) == (1 + MOST_ROUNDS, MOST_ROUNDS)
    assert [one["price_monthly_usd"] for one in final["model"]["tiers"]] == [29, 59]
    assert (final["source"], len(final["dropped"])) == ("rules", 1)


async def test_what_no_text_backs_is_dropped_from_the_rationale(book: BookRuns) -> None:
    rationale = (await book.run("pricing", GIVEN, model=saying(plan_at(40))))["rationale"]
    assert (rationale["value_basis"], rationale["risks"]) == ("Recruiters search less.", [])
    assert "999" not in rationale["recommendation"]
    assert [(one["claim"], one["quote"]) for one in rationale["proofs"]] == [
        ("Recruiters search less.", "It cuts searching by half")
    ]


async def test_the_plan_of_a_product_of_the_book_rests_on_its_analyses_and_is_kept_once(book: BookRuns) -> None:
    rival = await book.company("Placewell", "placewell.example")
    async with book.database.writing() as connection:
        product_id = await save_product(connection, "Harrowgate", PRODUCT, now=book.now)
    await _keep(book, rival, "competitor_dossier", {"pricing": {"items": RIVAL["prices"]}})
    told = {name: value for name, value in RIVAL.items() if name != "prices"}
    await _keep(book, Subject("product", str(product_id)), "competitors", {"competitors": [told]})
    before = await book.everything()
    dry = await book.run("pricing", {"product_id": product_id, "dry_run": True})
    assert await book.everything() == before
    final = await book.run("pricing", {"product_id": product_id})
    await book.run("pricing", {"product_id": product_id})
    [kept] = [row for row in await book.rows(AnalysisRow) if row.kind == "pricing"]
    assert [one["competitor"] for one in final["competitor_pricing"]] == ["Placewell"]
    assert (kept.content["model"], kept.analysis_id) == (final["model"], final["analysis_id"])
    assert dry["pricing"] == final["pricing"]


async def _keep(book: BookRuns, subject: Subject, kind: str, content: dict[str, Any]) -> None:
    async with book.database.writing() as connection:
        await save_analysis(connection, Analysis(subject, kind, content, "test"), now=book.now)
