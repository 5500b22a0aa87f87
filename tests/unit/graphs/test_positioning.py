"""`positioning` places a product among its competitors; checks and a critic send a model's statement back."""

from typing import Any

from agentic_sales.rules.plan_facts import MOST_ROUNDS
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.products import save_product
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer
from tests.unit.rules.test_positioning import PRODUCT, RIVAL, SOUND

GIVEN = {"product": PRODUCT, "competitors": [RIVAL]}
QUOTE = "It drafts each decision in minutes."
LIE = {"text": "It has 40,000 customers.", "quote": QUOTE}
ANSWERS: dict[str, dict[str, Any]] = {
    "CategoryReading": {
        "category": {"text": "dental robot", "quote": QUOTE},
        "category_conventions": [{"text": "All are hosted.", "quote": "We are all hosted."}],
    },
    "WhiteSpaceReading": {
        "white_space": [LIE],
        "differentiators": [
            {"text": "It drafts decisions.", "quote": QUOTE},
            {"text": "It runs in your own cellar.", "quote": "Runs on-premises."},
            {"text": "It cuts leakage by 12%.", "quote": "It cuts leakage by 12%."},
            LIE,
        ],
        "positioning_axes": ["depth against 77 templates", "speed against depth"],
    },
    "CriticReading": {"passes": True, "objections": []},
}


def saying(*statements: str, critic: bool = True) -> Any:
    """Answer with these statements, one after the other, the last one again and again."""
    left = [*statements]

    def script(request: ModelRequest) -> Reply:
        title = request.schema["title"]
        if title == "StatementReading":
            told = left.pop(0) if len(left) > 1 else left[0]
            return answer({"positioning_statement": told, "narrative_hooks": [LIE]})
        if title == "CriticReading" and not critic:
            return answer({"passes": False, "objections": ["Oxbridge could say it, too."]})
        return answer(ANSWERS[title])

    return script


def asked(book: BookRuns, title: str) -> list[str]:
    """Return the prompts of the last run for one type of answer."""
    return [one.prompt for one in book.requests if one.schema["title"] == title]


async def test_the_rules_place_a_product_by_its_own_words(book: BookRuns) -> None:
    final = await book.run("positioning", GIVEN)
    told = final["positioning"]
    assert (told["category"], told["unmet_checks"], final["source"]) == ("claims software", [], "rules")
    assert told["white_space"] == ["No known competitor says that it offers self-hosting."]
    assert {proof["claim"] for proof in told["proofs"]} >= {*told["white_space"], *told["differentiators"]}


async def test_too_little_known_is_an_empty_statement_that_says_so(book: BookRuns) -> None:
    told = (await book.run("positioning", {"product": {"name": "Vantrel", "description": "Software."}}))["positioning"]
    assert (told["positioning_statement"], told["category"], told["differentiators"]) == ("", "", [])
    assert told["unmet_checks"][0].startswith("there is no statement")


async def test_the_inventions_of_a_model_are_dropped(book: BookRuns) -> None:
    final = await book.run("positioning", GIVEN, model=saying(SOUND))
    told = final["positioning"]
    assert (final["source"], told["positioning_statement"]) == ("llm", SOUND)
    assert (told["category"], told["category_conventions"], told["white_space"]) == ("claims software", [], [])
    assert (len(told["differentiators"]), told["positioning_axes"]) == (3, ["speed against depth"])
    assert told["narrative_hooks"] == []


async def test_a_statement_that_fails_a_check_goes_back_before_a_critic_reads_it(book: BookRuns) -> None:
    final = await book.run("positioning", GIVEN, model=saying(SOUND.replace("Oxbridge", "manual checks"), SOUND))
    assert ["fights a straw man" in prompt for prompt in asked(book, "StatementReading")] == [False, True]
    assert len(asked(book, "CriticReading")) == 1
    assert (final["positioning"]["critic_rounds"], final["dropped"]) == (1, [])


async def test_the_critic_has_a_bound_and_the_checks_have_the_last_word(book: BookRuns) -> None:
    final = await book.run("positioning", GIVEN, model=saying(SOUND, critic=False))
    assert len(asked(book, "StatementReading")) == 1 + MOST_ROUNDS
    assert "Oxbridge could say it, too." in asked(book, "StatementReading")[1]
    assert (final["positioning"]["positioning_statement"], final["source"]) == (SOUND, "llm")


async def test_a_statement_that_stays_faulty_gives_way_to_that_of_the_rules(book: BookRuns) -> None:
    final = await book.run("positioning", GIVEN, model=saying("We are the best."))
    assert "Unlike Oxbridge" in final["positioning"]["positioning_statement"]
    assert (final["source"], final["positioning"]["critic_rounds"]) == ("rules", MOST_ROUNDS)
    assert final["dropped"]


async def test_the_document_of_a_product_of_the_book_is_kept_once(book: BookRuns) -> None:
    async with book.database.writing() as connection:
        product_id = await save_product(connection, "Tallowmere", PRODUCT, now=book.now)
    given = {"product_id": product_id, "competitors": [RIVAL]}
    await book.run("positioning", {**given, "dry_run": True})
    assert await book.rows(AnalysisRow) == []
    final = await book.run("positioning", given)
    await book.run("positioning", given)
    [kept] = await book.rows(AnalysisRow)
    assert (kept.kind, kept.analysis_id) == ("positioning", final["analysis_id"])
    assert kept.content["positioning_statement"] == final["positioning"]["positioning_statement"]
