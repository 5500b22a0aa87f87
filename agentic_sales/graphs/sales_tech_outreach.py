"""Draft mails to the decision makers of companies with sales technology, by asking the other workflows.

`START → select_companies → discover_contacts → enrich_dms → filter_dms → draft_emails → summarize → END`

A contact gets a draft only if all of this is true: not suppressed, no open or sent mail, no draft that waits. A draft
is kept with its person for somebody to read. Nothing is sent.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.known import KnownCompany
from agentic_sales.campaigns.people import sales_outreach as outreach
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import sales_outreach as rules
from agentic_sales.rules.forms import dumped
from agentic_sales.runs.subruns import SubRun, run_each

AT_ONCE = 4


class Input(rules.SalesOutreachForm):
    """Input of a run."""


class Output(BaseModel):
    """Output of a run."""

    summary: dict[str, Any] = Field(default_factory=dict, description="Counts of the run, as callers know them.")
    decision_makers: list[rules.DecisionMaker] = Field(default_factory=list, description="With enough authority.")
    drafts_created: list[rules.OutreachDraft] = Field(default_factory=list, description="Drafts. None is sent.")
    skipped_by_reason: dict[str, int] = Field(default_factory=dict, description="People without a draft, and why.")
    errors: list[str] = Field(default_factory=list, description="Sub-runs that failed, and sources that did not serve.")


class State(Input, Output):
    """Input, output, the companies and their people."""

    companies: list[KnownCompany] = Field(default_factory=list)
    people: list[rules.DecisionMaker] = Field(default_factory=list)
    addresses: dict[str, str] = Field(default_factory=dict)


EXAMPLE: dict[str, Any] = {"limit": 3, "sender_name": "Ada Example", "dry_run": True}


async def select_companies(state: State) -> dict[str, Any]:
    """Choose the companies."""
    chosen = await outreach.chosen_companies(state)
    return {"companies": dumped(chosen), "company_ids": [company.company_id for company in chosen]}


async def discover_contacts(state: State) -> dict[str, Any]:
    """Find the people of each company. A company that fails stops none of the others."""
    asked = [{"company_id": company.company_id, "dry_run": state.dry_run} for company in state.companies]
    answers = await run_each("contact_discovery", asked, at_once=AT_ONCE)
    tell_progress("discover_contacts", len(asked), len(asked))
    errors = [
        f"{company.name}: {problem}"
        for company, answer in zip(state.companies, answers, strict=True)
        for problem in (answer.output["unavailable_sources"] if isinstance(answer, SubRun) else [str(answer)])
    ]
    people = [person for company in state.companies for person in await outreach.people_of(company)]
    return {"people": dumped(people), "errors": errors}


async def enrich_dms(state: State) -> dict[str, Any]:
    """Tell the authority of each person by the title."""
    told = [person for person in state.people if person.position]
    asked = [_role_of(person) | {"dry_run": state.dry_run} for person in told]
    answers = await run_each("contact_enrich_sales", asked, at_once=AT_ONCE)
    tell_progress("enrich_dms", len(asked), len(asked))
    scored = [
        person.model_copy(update={"authority_score": answer.output["authority_score"]})
        for person, answer in zip(told, answers, strict=True)
        if isinstance(answer, SubRun)
    ]
    failed = [str(answer) for answer in answers if not isinstance(answer, SubRun)]
    return {
        "people": dumped([*scored, *(person for person in state.people if not person.position)]),
        "errors": [*state.errors, *failed],
    }


def _role_of(person: rules.DecisionMaker) -> dict[str, Any]:
    known = {"person_id": person.person_id} if person.person_id else {"contact_id": person.contact_id}
    return {**known, "title": person.position}


async def filter_dms(state: State) -> dict[str, Any]:
    """Keep the decision makers, and give the reason for each one without a draft."""
    people, addresses = [], {}
    for person in state.people:
        reason: rules.NoDraftReason | None = "low_authority"
        if person.authority_score >= state.authority_threshold:
            reason, addresses[person.contact_id] = await outreach.why_no_draft(person)
        people.append(person.model_copy(update={"skip_reason": reason}))
    return {"people": dumped(people), "addresses": addresses}


async def draft_emails(state: State) -> dict[str, Any]:
    """Write the drafts."""
    ready = [person for person in state.people if person.skip_reason is None]
    asked = [rules.mail_for(person, state.addresses[person.contact_id], state) for person in ready]
    answers = await run_each("email_outreach", asked, at_once=AT_ONCE)
    tell_progress("draft_emails", len(asked), len(asked))
    written = rules.drafts_of(ready, [answer.output if isinstance(answer, SubRun) else {} for answer in answers])
    failed = [str(answer) for answer in answers if not isinstance(answer, SubRun)]
    got = {draft.contact_id for draft in written}
    people = [rules.with_outcome(person, has_draft=person.contact_id in got) for person in state.people]
    return {"drafts_created": dumped(written), "people": dumped(people), "errors": [*state.errors, *failed]}


async def summarize(state: State) -> dict[str, Any]:
    """Keep the drafts, and count."""
    if state.drafts_created and not state.dry_run:
        await outreach.save_drafts(state.drafts_created)
    makers = [person for person in state.people if person.skip_reason != "low_authority"]
    reasons = rules.skipped(state.people)
    summary = {
        "companies_processed": len(state.companies),
        "contacts_classified": len(state.people),
        "decision_makers": len(makers),
        "drafts_created": len(state.drafts_created),
        "skipped_by_reason": reasons,
        "errors": len(state.errors),
    }
    told = {"summary": summary, "decision_makers": dumped(makers), "skipped_by_reason": reasons}
    return {**told, "addresses": {}}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([select_companies, discover_contacts, enrich_dms, filter_dms, draft_emails, summarize])
    builder.add_edge(START, "select_companies")
    builder.add_edge("summarize", END)
    return builder.compile(checkpointer=checkpointer, name="sales_tech_outreach")


graph = build_graph()
