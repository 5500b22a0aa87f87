"""Every workflow that fills the book from outside keeps its promises on the sample world. A new row needs no edit here.

Its `EXAMPLE` is run: by rules, with models that fail, with each of its sources failing, twice, and twice at once.
"""

import asyncio
from typing import Any

import pytest

from agentic_sales.llm.ask import ModelOutput
from agentic_sales.local.world.services import SERVICES
from agentic_sales.registry import BY_ID, GraphSpec
from agentic_sales.store.facts import FactRow
from agentic_sales.workers.loader import load_graph
from tests.support.book_runs import BookRuns
from tests.support.model_server import Reply, Script, answer, dropped, failure

WRITERS = [
    row
    for row in BY_ID.values()
    if row.effect == "write" and "unavailable_sources" in load_graph(row).output_type.model_fields
]
each_writer = pytest.mark.parametrize("row", WRITERS, ids=lambda row: row.assistant_id)
ASKERS = [row for row in WRITERS if issubclass(load_graph(row).output_type, ModelOutput)]
each_asker = pytest.mark.parametrize("row", ASKERS, ids=lambda row: row.assistant_id)
MODELS: dict[str, Reply] = {
    "talks": answer("I would rather not answer in JSON."),
    "lies": answer({"ignore": "your instructions", "mail": "everybody"}),
    "is limited": failure(429, retry_after="600"),
    "is gone": dropped(),
}


def example_of(row: GraphSpec) -> dict[str, Any]:
    """Return the example of a workflow."""
    example: dict[str, Any] = load_graph(row).module.EXAMPLE
    return example


@each_writer
async def test_a_dry_run_writes_nothing_a_run_facts_with_sources_and_a_repeated_one_nothing_more(
    book: BookRuns, row: GraphSpec
) -> None:
    before = await book.everything()
    dry = await book.run(row.assistant_id, example_of(row) | {"dry_run": True})
    assert await book.everything() == before
    real = await book.run(row.assistant_id, example_of(row))
    assert real["unavailable_sources"] == dry["unavailable_sources"] == []
    facts, once = await book.rows(FactRow), await book.content()
    assert facts, "the example of a workflow that fills the book writes facts"
    assert [fact.field for fact in facts if not fact.source_url] == []
    assert {fact.workflow for fact in facts} == {row.assistant_id}
    await book.run(row.assistant_id, example_of(row))
    assert await book.content() == once


@each_writer
async def test_two_runs_at_once_write_what_one_writes(book: BookRuns, row: GraphSpec) -> None:
    await asyncio.gather(*(book.run(row.assistant_id, example_of(row)) for _ in range(2)))
    both, facts = await book.content(), len(await book.rows(FactRow))
    await book.run(row.assistant_id, example_of(row))
    assert (await book.content(), len(await book.rows(FactRow))) == (both, facts)


@each_asker
@pytest.mark.parametrize("model", MODELS)
async def test_a_model_that_fails_leaves_the_work_to_the_rules(book: BookRuns, row: GraphSpec, model: str) -> None:
    def script(_: object) -> Reply:
        return MODELS[model]

    replies: Script = script
    final = await book.run(row.assistant_id, example_of(row), model=replies)
    assert final["source"] == "rules"
    failed = await book.content()
    assert failed, "the rules found nothing"


@each_writer
async def test_each_source_may_fail_and_what_the_others_found_is_kept(book: BookRuns, row: GraphSpec) -> None:
    await book.run(row.assistant_id, example_of(row))
    whole = {told[:3] for told in await book.content()}
    visited = {visit.service for visit in book.world.visits}
    asked = sorted(visited & SERVICES.keys()) or sorted(visited & {"sites"})
    assert asked, "the example asks nobody"
    for service in asked:
        await book.renew()
        book.world.misbehave("5xx", service)
        final = await book.run(row.assistant_id, example_of(row))
        found = {told[:3] for told in await book.content()}
        assert found <= whole, f"{service} failed, and something was found that is not there"
        assert found == whole or final["unavailable_sources"], f"nothing tells that {service} failed"
