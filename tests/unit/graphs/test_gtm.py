"""`gtm` plans by signs of the product's words, and takes no invention of a model."""

from typing import Any

from agentic_sales.rules.plan_facts import MOST_ROUNDS
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.products import save_product
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer
from tests.unit.rules.test_gtm_plan import EMPTY, MESSAGE, PRODUCT, RIVAL

GIVEN = {"product": PRODUCT, "competitors": [RIVAL]}
CHANNEL = {"name": "cold_email", "why": "Engineers buy it.", "tactics": ["Write."], "effort": "low"}
QUOTE = "Monitoring for site reliability engineers."
ANSWERS: dict[str, dict[str, Any]] = {
    "ChannelsReading": {
        "channels": [
            {**CHANNEL, "quote": QUOTE},
            {**CHANNEL, "name": "tv", "quote": "As seen on television."},
            {**CHANNEL, "name": "radio", "why": "800,000 engineers listen.", "quote": QUOTE},
        ]
    },
    "PillarsReading": {
        "messaging_pillars": [
            {"theme": "Sleep again.", "proof_points": ["It cuts alert fatigue by 60%.", "Everybody sleeps."]},
            {"theme": "Loved by all.", "proof_points": ["We love it so much."]},
        ]
    },
    "PlaybookReading": EMPTY,
    "StepsReading": {"first_90_days": ["Days 1 to 30: write.", "Hire 400 people."]},
}


def saying(*bodies: str) -> Any:
    """Answer with messages of these bodies, one after the other, the last one again and again."""
    left = [*bodies]

    def script(request: ModelRequest) -> Reply:
        if request.schema["title"] == "MessagesReading":
            body = left.pop(0) if len(left) > 1 else left[0]
            return answer({"outreach_templates": [{**MESSAGE, "body": body}]})
        return answer(ANSWERS[request.schema["title"]])

    return script


async def test_the_rules_plan_by_signs_and_say_the_same_under_both_names(book: BookRuns) -> None:
    final = await book.run("gtm", GIVEN)
    gtm = final["gtm"]
    assert [one["name"] for one in final["channels"]] == ["cold_email", "community"]
    assert (gtm["channels"], gtm["messaging_pillars"]) == (final["channels"], final["pillars"])
    assert (gtm["outreach_templates"], gtm["sales_playbook"]) == (final["templates"], final["playbook"])
    assert (final["source"], len(gtm["first_90_days"])) == ("rules", 6)
    assert {one["theme"] for one in gtm["messaging_pillars"]} <= {proof["claim"] for proof in gtm["proofs"]}


async def test_nothing_known_is_nothing_planned(book: BookRuns) -> None:
    gtm = (await book.run("gtm", {"product": {"name": "Vantrel", "description": "Software."}}))["gtm"]
    assert {name for name, value in gtm.items() if value} == {"sales_playbook"}
    assert not any(gtm["sales_playbook"].values())


async def test_the_inventions_of_a_model_are_dropped(book: BookRuns) -> None:
    gtm = (await book.run("gtm", GIVEN, model=saying("It cuts alert fatigue by 60%.")))["gtm"]
    assert [one["name"] for one in gtm["channels"]] == ["cold_email"]
    assert [(one["theme"], len(one["proof_points"])) for one in gtm["messaging_pillars"]] == [("Sleep again.", 1)]
    assert gtm["first_90_days"] == ["Days 1 to 30: write."]


async def test_a_faulty_message_goes_back_with_its_faults(book: BookRuns) -> None:
    final = await book.run("gtm", GIVEN, model=saying("It saves 900 hours.", "It cuts alert fatigue."))
    asked = [one.prompt for one in book.requests if one.schema["title"] == "MessagesReading"]
    assert ["a number or a quote that no text has" in prompt for prompt in asked] == [False, True]
    assert (final["critic_rounds"], final["dropped"], final["source"]) == (1, [], "llm")
    assert [one["body"] for one in final["templates"]] == ["It cuts alert fatigue."]


async def test_messages_that_stay_faulty_give_way_to_those_of_the_rules(book: BookRuns) -> None:
    final = await book.run("gtm", GIVEN, model=saying("It saves 900 hours."))
    assert (final["critic_rounds"], final["source"], len(final["dropped"])) == (MOST_ROUNDS, "rules", 1)
    assert final["templates"]
    assert "900" not in str(final["templates"])


async def test_the_plan_of_a_product_of_the_book_is_kept_once(book: BookRuns) -> None:
    async with book.database.writing() as connection:
        product_id = await save_product(connection, "Gridwarden", PRODUCT, now=book.now)
    await book.run("gtm", {"product_id": product_id, "dry_run": True})
    assert await book.rows(AnalysisRow) == []
    final = await book.run("gtm", {"product_id": product_id})
    await book.run("gtm", {"product_id": product_id})
    [kept] = await book.rows(AnalysisRow)
    assert (kept.kind, kept.analysis_id, kept.content["channels"]) == ("gtm", final["analysis_id"], final["channels"])
