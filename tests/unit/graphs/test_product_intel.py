"""`product_intel` puts the parts together: kept ones while they hold, failed ones by their names."""

from typing import Any

import pytest

from agentic_sales.effects import acting_as
from agentic_sales.registry import BY_ID
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.rules.product_report import gate_of, still_holds
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.products import save_product
from agentic_sales.workers.loader import load_graph
from tests.support.book_runs import BookRuns
from tests.support.model_server import ModelRequest, Reply, answer

ROW = "product_intel"
PARTS = {"icp", "competitors", "pricing", "gtm", "positioning"}
PRODUCT = {
    "name": "Quillmark",
    "url": "https://quillmark.example/",
    "description": "Sales engagement software for sales leaders: call notes and forecasts. It saves reps hours.",
}
VALUE = {"product": {**PRODUCT, "url": ""}, "competitors": [{"name": "Pennygale", "description": "Sales engagement."}]}
NOTHING = {"text": "", "quote": ""}
LISTS = (
    *("segments", "personas", "anti_icp", "deal_breakers", "channels", "messaging_pillars", "outreach_templates"),
    *("discovery_questions", "objections", "first_90_days", "tiers", "core_jobs", "key_features", "visible_pricing"),
    *("tech_signals", "risks", "white_space", "differentiators", "positioning_axes", "narrative_hooks"),
    *("category_conventions", "key_risks", "quick_wins"),
)
TEXTS = (
    *("value_metric", "value_metric_reasoning", "model_type", "quote", "free_offer", "positioning_statement"),
    "recommendation",
)
ANYTHING: dict[str, Any] = {
    **{name: [] for name in LISTS},
    **dict.fromkeys(TEXTS, ""),
    **dict.fromkeys(("one_liner", "stated_audience", "value_basis", "category"), NOTHING),
    "criteria_scores": {},
    "battlecards": {},
    "passes": True,
    "tldr": "It is used by 40,000 teams.",
    "top_3_priorities": ["Hire 300 people.", "Name the buyers."],
}
"""An answer of a model that fits every question, and says nothing that is known."""


async def product_in(book: BookRuns, **changed: str) -> int:
    """Write the product and return its number."""
    async with book.database.writing() as connection:
        return await save_product(connection, "Quillmark", {**PRODUCT, **changed}, now=book.now)


async def kinds(book: BookRuns) -> list[str]:
    """Return the kinds of the documents about products."""
    return sorted(row.kind for row in await book.rows(AnalysisRow) if row.subject_kind == "product")


async def test_a_product_by_value_gets_every_part_and_the_book_stays_as_it_is(book: BookRuns) -> None:
    before = await book.everything()
    final = await book.run(ROW, VALUE)
    assert await book.everything() == before
    assert (final["partial_failures"], final["cached_parts"], final["db_writes"]) == ({}, [], [])
    assert all(final[part] for part in ("icp", "competitive", "pricing", "gtm", "positioning"))
    assert (final["source"], final["report"]["positioning"]) == ("rules", final["positioning"])
    assert final["report"]["tldr"].startswith("Sales engagement software for sales leaders")


async def test_parts_that_hold_are_taken_from_the_book_until_their_inputs_change(book: BookRuns) -> None:
    product_id = await product_in(book)
    first = await book.run(ROW, {"product_id": product_id, "deep_competitors": 1})
    written = await kinds(book)
    assert first["partial_failures"] == {}
    assert {*first["db_writes"]} == {"icp", "pricing", "gtm", "positioning", "intel_report"}
    assert len(first["competitor_deep"]) == 1
    second = await book.run(ROW, {"product_id": product_id, "deep_competitors": 1})
    assert ({*second["cached_parts"]}, await kinds(book)) == (PARTS, written)
    assert (second["is_fresh"], second["report"]) == (True, first["report"])
    await product_in(book, description="Call notes for sales leaders. It saves reps whole days.")
    changed = await book.run(ROW, {"product_id": product_id, "deep_competitors": 0})
    assert {*changed["cached_parts"]} == {"competitors"}


async def test_a_site_that_has_surely_changed_and_a_wish_have_every_part_made_anew(book: BookRuns) -> None:
    given = {"product_id": await product_in(book), "competitors": VALUE["competitors"]}
    await book.run(ROW, given)
    wished = await book.run(ROW, {**given, "force_refresh": True})
    pages = [page.model_dump() for page in book.world.companies.by_file["quillmark"].pages]
    pages[0]["text"] += "\n\nWe also write contracts for legal teams now."
    book.retell("quillmark", pages=pages)
    book.renew_sources()
    changed = await book.run(ROW, given)
    assert (wished["cached_parts"], changed["cached_parts"]) == ([], [])
    assert (changed["freshness"]["stale"], changed["is_fresh"]) == (True, False)


async def test_a_part_that_fails_is_named_and_the_others_stand(book: BookRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(request: ModelRequest) -> Reply:
        is_gtm = request.schema["title"] == "ChannelsReading"
        return answer("I would rather not.") if is_gtm else answer(ANYTHING)

    monkeypatch.setenv("AGENTIC_SALES_MODEL_FALLBACK", "fail")
    final = await book.run(ROW, VALUE, model=script)
    assert set(final["partial_failures"]) == {"gtm"}
    assert "gtm.pick_channels" in final["partial_failures"]["gtm"]
    assert (final["gtm"], final["subgraph_errors"]) == ({}, final["partial_failures"])
    assert final["positioning"]
    assert final["report"]["graph_meta"]["partial_failures"] == ["gtm"]


async def test_the_inventions_of_a_model_are_dropped_from_the_report(book: BookRuns) -> None:
    def script(_: ModelRequest) -> Reply:
        return answer(ANYTHING)

    report = (await book.run(ROW, VALUE, model=script))["report"]
    assert "40,000" not in report["tldr"]
    assert report["top_3_priorities"] == ["Name the buyers."]


async def test_a_dry_run_of_a_product_of_the_book_writes_nothing(book: BookRuns) -> None:
    product_id = await product_in(book)
    before = await book.everything()
    final = await book.run(ROW, {"product_id": product_id, "dry_run": True, "deep_competitors": 1})
    assert await book.everything() == before
    assert (final["db_writes"], final["partial_failures"]) == ([], {})


@pytest.mark.usefixtures("book")
async def test_each_stage_tells_that_it_is_done() -> None:
    loaded = load_graph(BY_ID[ROW])
    with acting_as(loaded.row), sub_runs_in_process():
        given = loaded.input_type(**VALUE).model_dump()
        told = [event async for event in loaded.graph.astream(given, stream_mode="custom")]
    stages = [event["stage"] for event in told]
    assert stages[:3] == ["load_and_profile", "ensure_icp", "ensure_competitors"]
    assert {*stages[3:6]} == {"run_pricing", "run_gtm", "run_positioning"}
    assert stages[6] == "synthesize_report"


def test_both_ids_run_one_graph() -> None:
    assert load_graph(BY_ID[ROW]).module is load_graph(BY_ID["analyze_product_v2"]).module


@pytest.mark.parametrize(
    ("freshness", "is_forced", "is_refreshed", "is_fresh"),
    [
        ({"stale": False, "confidence": 1.0}, False, False, True),
        ({"stale": False, "confidence": 1.0}, True, True, True),
        ({"stale": True, "confidence": 0.8}, False, True, False),
        ({"stale": True, "confidence": 0.5}, False, False, False),
        ({"stale": False, "confidence": 0.2}, False, False, False),
        ({}, False, False, False),
    ],
)
def test_the_gate_refreshes_for_a_sure_change_or_a_wish(
    freshness: dict[str, Any], *, is_forced: bool, is_refreshed: bool, is_fresh: bool
) -> None:
    gate = gate_of(freshness, is_forced=is_forced)
    assert (gate["is_refreshed"], gate["is_fresh"]) == (is_refreshed, is_fresh)


def test_a_kept_part_holds_for_the_same_inputs_alone() -> None:
    assert still_holds({"inputs_hash": "a"}, "a", is_refreshed=False)
    assert not still_holds({"inputs_hash": "a"}, "b", is_refreshed=False)
    assert not still_holds({"inputs_hash": "a"}, "a", is_refreshed=True)
    assert not still_holds({}, "", is_refreshed=False)
