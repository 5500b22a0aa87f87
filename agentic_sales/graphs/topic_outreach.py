"""Go from a topic to drafts. The stream of this long run tells each person that is found, kept, dropped or written to.

`START → find → read_employers → judge_fit → screen → draft → END`

Papers, repositories, channels and posts name people and companies. The people fit a vertical or are dropped with the
reason. A suppressed person gets no draft. Nothing is sent, and nothing is kept to go on from: it begins anew.
"""

import asyncio
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.people.topic_people import offer_in_words, screened
from agentic_sales.campaigns.people.topic_search import found_by
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.progress import beating, tell_event, tell_progress
from agentic_sales.rules import topics as rules
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.verticals import vertical_of, verticals
from agentic_sales.runs.subruns import SubRun, run_assistant, run_each
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.home_pages import read_homes

AT_ONCE = 4


class Input(rules.TopicForm):
    """Input of a run."""

    @field_validator("vertical")
    @classmethod
    def _is_vertical(cls, slug: str) -> str:
        return vertical_of(slug, with_additions("verticals", verticals, settings().rules_dir)).slug


class Output(rules.TopicReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the texts of the employers' home pages."""

    homes: dict[str, str] = Field(default_factory=dict)


EXAMPLE: dict[str, Any] = {
    "topic": "retrieval",
    "vertical": "ingestible",
    "sources": ["papers", "channels"],
    "max_people": 3,
    "sender_name": "Ada Example",
    "dry_run": True,
}


async def find(state: State) -> dict[str, Any]:
    """Ask all sources side by side. A source that fails stops none of the others."""
    async with beating("find"):
        answers = await asyncio.gather(*(found_by(source, state) for source in dict.fromkeys(state.sources)))
    people = rules.joined(person for found, _ in answers for person in found)
    errors = [error for _, failed in answers for error in failed]
    told = {"found": len(people), "by_source": rules.first_sources(people), "errors": errors}
    return {"people": dumped(people), **told}


async def read_employers(state: State) -> dict[str, Any]:
    """Read the home page of each employer."""
    domains = list(dict.fromkeys(person.company_domain for person in state.people if person.company_domain))
    async with beating("read_employers"):
        homes = await read_homes(settings(), domains)
    return {"homes": {domain: home.text[:20_000] for domain, home in homes.items() if home}}


async def judge_fit(state: State) -> dict[str, Any]:
    """Judge each person by the vertical. A person who does not fit is dropped with the reason."""
    asked = [
        rules.fit_question(each, state.vertical, state.homes.get(each.company_domain, "")) for each in state.people
    ]
    async with beating("judge_fit"):
        answers = await run_each("contact_vertical_fit", asked, at_once=AT_ONCE)
    kept, dropped = list[rules.TopicPerson](), [*state.dropped]
    for person, answer in zip(state.people, answers, strict=True):
        why = rules.why_no_fit(answer.output) if isinstance(answer, SubRun) else f"not judged: {answer}"
        if why:
            dropped.append(_dropped(person, why))
        else:
            kept.append(rules.fitted(person, answer.output if isinstance(answer, SubRun) else {}))
    ordered = sorted(kept, key=lambda person: (-person.score, person.name))
    return {"people": dumped(ordered), "dropped": dumped(dropped), "homes": {}}


def _dropped(person: rules.TopicPerson, why: str) -> rules.DroppedPerson:
    tell_event("dropped", who=person.who, why=why)
    return rules.DroppedPerson(who=person.who, why=why)


async def screen(state: State) -> dict[str, Any]:
    """Drop suppressed people, and those above the limit."""
    kept, dropped = list[rules.TopicPerson](), [*state.dropped]
    for found, why in [await screened(person) for person in state.people]:
        reason = why or (f"only {state.max_people} people get a draft" if len(kept) == state.max_people else "")
        if reason:
            dropped.append(_dropped(found, reason))
        else:
            tell_event("kept", who=found.who, score=found.score, reasons=found.reasons)
            kept.append(found)
    return {"people": dumped(kept), "kept": len(kept), "dropped": dumped(dropped)}


async def draft(state: State) -> dict[str, Any]:
    """Write to each person that is left."""
    offer = await offer_in_words(state.product_id)

    async def one(person: rules.TopicPerson) -> rules.TopicDraft | str:
        try:
            run = await run_assistant("email_compose", rules.mail_question(person, state, offer))
        except AgenticSalesError as exc:
            return f"{person.who}: {exc}"
        written = rules.draft_of(person, run.output)
        tell_event("drafted", who=person.who, subject=written.subject)
        return written

    async with beating("draft"):
        answers = await ask_each(state.people, one, at_once=AT_ONCE)
    tell_progress("draft", len(answers), len(state.people))
    drafts = [each for each in answers if isinstance(each, rules.TopicDraft)]
    return {"drafts": dumped(drafts), "errors": [*state.errors, *(each for each in answers if isinstance(each, str))]}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([find, read_employers, judge_fit, screen, draft])
    builder.add_edge(START, "find")
    builder.add_edge("draft", END)
    return builder.compile(checkpointer=checkpointer, name="topic_outreach")


graph = build_graph()
