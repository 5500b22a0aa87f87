"""`topic_outreach` tells each person's way, drafts only to those who fit and may be written to, and sends nothing."""

import asyncio
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, ValidationError

from agentic_sales.contracts import CompanyId
from agentic_sales.effects import acting_as
from agentic_sales.graphs.topic_outreach import Input, graph
from agentic_sales.llm.progress import beating
from agentic_sales.registry import BY_ID
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.rules import topics
from agentic_sales.store.companies import CompanyRow, block_company
from agentic_sales.store.people import PersonRow
from agentic_sales.store.touches import TouchRow
from tests.support.book_runs import BookRuns

ROW = "topic_outreach"
GIVEN = {"topic": "retrieval", "vertical": "ingestible", "sources": ["papers"], "sender_name": "Ada Example"}


async def told(given: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run and return the custom events and the final state."""
    events, final = list[dict[str, Any]](), dict[str, Any]()
    with acting_as(BY_ID[ROW]), sub_runs_in_process():
        part: Any
        async for part in graph.astream(Input(**given), stream_mode=["custom", "values"]):
            mode, data = part
            if mode == "custom":
                events.append(data)
            else:
                final = data
    return events, final


@pytest.mark.usefixtures("book")
async def test_the_stream_tells_the_way_of_each_person() -> None:
    events, final = await told(GIVEN | {"max_people": 2, "dry_run": True})
    by_name: dict[str, list[str]] = {}
    for event in events:
        if "who" in event:
            by_name.setdefault(event["event"], []).append(event["who"])
    assert len(by_name["found"]) == final["found"] > 2
    assert by_name["kept"] == [topics.TopicPerson.model_validate(person).who for person in final["people"]]
    assert sorted(by_name["drafted"]) == sorted(draft["who"] for draft in final["drafts"])
    assert sorted(by_name["dropped"]) == sorted(each["who"] for each in final["dropped"])
    assert final["found"] == final["kept"] + len(final["dropped"])
    assert all(event["why"] for event in events if event.get("event") == "dropped")
    assert final["kept"] == len(final["drafts"]) == 2


async def test_a_draft_rests_on_the_work_of_the_person_and_nothing_is_sent(book: BookRuns) -> None:
    final = await book.run(ROW, GIVEN | {"max_people": 1})
    [draft] = final["drafts"]
    [person] = final["people"]
    assert person["words"].splitlines()[0] in draft["body"]
    assert "Ada Example" in draft["body"]
    assert draft["person_id"] in {row.person_id for row in await book.rows(PersonRow)}
    assert await book.rows(TouchRow) == []


async def test_a_dry_run_writes_nothing(book: BookRuns) -> None:
    before = await book.everything()
    final = await book.run(ROW, GIVEN | {"max_people": 1, "dry_run": True})
    assert len(final["drafts"]) == 1
    assert await book.everything() == before


async def test_nobody_of_a_blocked_company_reaches_a_draft(book: BookRuns) -> None:
    first = await book.run(ROW, GIVEN)
    blocked = {person["company_domain"] for person in first["people"]}
    assert blocked
    async with book.database.writing() as connection:
        for row in await book.rows(CompanyRow):
            if row.domain in blocked:
                await block_company(connection, CompanyId(row.company_id), by="ada", why="they asked", now=book.now)
    again = await book.run(ROW, GIVEN)
    assert (again["drafts"], again["kept"]) == ([], 0)
    assert sum("blocked" in each["why"] for each in again["dropped"]) == len(first["people"])


async def test_a_source_that_fails_is_told_and_stops_none_of_the_others(book: BookRuns) -> None:
    book.world.misbehave("5xx", "openalex")
    final = await book.run(ROW, GIVEN | {"sources": ["papers", "channels"], "dry_run": True})
    assert final["by_source"].keys() == {"channels"}
    assert any("openalex" in error for error in final["errors"])


def test_a_vertical_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match="ingestible"):
        Input(topic="retrieval", vertical="gardening")


class Nothing(BaseModel):
    """A state without a field that is written."""

    told: str = ""


def person(name: str, source: topics.TopicSource, **told: Any) -> topics.TopicPerson:
    """Return somebody of Isar."""
    return topics.TopicPerson(name=name, company_domain="isar.example", sources=[source], **told)


def test_somebody_whom_two_sources_name_is_one_person_and_comes_first() -> None:
    found = topics.joined(
        [
            person("Ben Other", "papers", words="a"),
            person("Ada Example", "papers", words="paper"),
            person("ada example", "channels", title="Host", words="channel"),
        ]
    )
    assert [(each.name, each.sources, each.title) for each in found] == [
        ("Ada Example", ["papers", "channels"], "Host"),
        ("Ben Other", ["papers"], ""),
    ]
    assert found[0].words == "paper\nchannel"


def test_a_namesake_of_another_company_is_another_person() -> None:
    other = topics.TopicPerson(name="Ada Example", company_domain="spree.example", sources=["posts"])
    assert len(topics.joined([person("Ada Example", "papers"), other])) == 2


async def test_a_heartbeat_comes_for_as_long_as_the_work_takes() -> None:
    async def wait(state: Nothing) -> dict[str, Any]:
        del state
        async with beating("wait", every_s=0.02):
            await asyncio.sleep(0.1)
        return {}

    builder = StateGraph(Nothing)
    builder.add_node("wait", wait)
    builder.add_edge(START, "wait")
    builder.add_edge("wait", END)
    events = [event async for event in builder.compile().astream(Nothing(), stream_mode="custom")]
    assert len(events) >= 2
    assert {(event["event"], event["stage"]) for event in events} == {("heartbeat", "wait")}
