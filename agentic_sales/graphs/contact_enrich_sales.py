"""Tell somebody's role: `START → load_contact → classify_seniority → inherit_icp → synthesize → END`.

The rules read the title, and a model is asked only for a title that they do not know. The authority is that of the
seniority. LinkedIn's words come in as text: nothing is fetched. A person of the book gets the role as facts.
"""

from datetime import UTC, datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known_people import KnownPerson, known_person
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import sales_roles as roles
from agentic_sales.rules.titles import (
    LONGEST_TITLE_CHARS,
    Department,
    Seniority,
    TitleReading,
    authority_of,
    read_title,
    title_words,
)
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
PROMPT = PROMPTS["classify_seniority"]
MODEL_CONFIDENCE = 0.7


class Input(roles.RoleForm):
    """Input of a run: a person of the book, or a title."""

    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    seniority: Seniority | None = Field(default=None, description="Null: nothing tells it.")
    department: Department | None = Field(default=None, description="Null: nothing tells it.")
    is_decision_maker: bool = Field(default=False, description="Whether the person may sign a deal.")
    authority_score: float = Field(default=0.0, description="0 IC, .3 Manager, .6 Director, .8 VP, 1 C-level.")
    dm_reasons: list[str] = Field(default_factory=list, description="At most three reasons.")
    classify_source: roles.ClassifySource = Field(
        default="", description="Origin of the role. Empty: none could tell it."
    )
    linkedin_profile: dict[str, Any] = Field(default_factory=dict, description="Headline and bio, as given or known.")
    linkedin_scrape_source: str = Field(default="", description="`existing` if the book had the profile, else empty.")
    icp_bucket: roles.IcpBucket = Field(default="", description="Employer: high from .7, medium from .4; else low.")
    icp_company_score: float | None = Field(default=None, description="Score of the employer. Null: none is known.")
    enriched_at: str = Field(default="", description="When, ISO 8601.")


class State(Input, Output):
    """Input, output and the person of the book."""

    known: KnownPerson | None = Field(default=None, description="The person in the book.")
    confidence: float = Field(default=0.0, description="Probability that the role is right.")


EXAMPLE: dict[str, Any] = {"name": "Ada Example", "title": "VP of Sales & Marketing", "company_score": 0.55}


class TitleRole(BaseModel):
    """The meaning of a title."""

    seniority: Seniority = Field(description="IC, Manager, Director, VP or C-level.")
    department: Department = Field(description="Other if none of the others fits.")


async def load_contact(state: State) -> dict[str, Any]:
    """Read the person and the employer in the book. A value of the input is kept."""
    given = {name: text for name, text in (("headline", state.headline), ("bio", state.bio)) if text}
    if not state.has_id:
        return {"linkedin_profile": given, "linkedin_scrape_source": ""}
    known = await known_person(person_id=state.person_id, contact_id=state.contact_id)
    kept = known.facts.get("linkedin_profile")
    kept = kept if isinstance(kept, dict) else {}
    return {
        "known": known.model_dump(),
        "name": state.name or known.name,
        "title": state.title or known.position,
        "company_name": state.company_name or (known.company.name if known.company else ""),
        "linkedin_profile": {**kept, **given},
        "linkedin_scrape_source": "existing" if kept and not given else "",
    }


async def classify_seniority(state: State) -> dict[str, Any]:
    """Read the title by rules. Ask a model for the parts that the rules leave open."""
    title = (state.title or str(state.linkedin_profile.get("headline") or "")).strip()[:LONGEST_TITLE_CHARS]
    known = roles.existing_role(state.known.facts, state.known.quotes, title) if state.known else None
    if known is not None:
        return {**known.model_dump(), "title": title, "classify_source": "existing"}
    if not title:
        return {}
    judged = read_title(title, with_additions("titles", title_words, settings().rules_dir))
    reading, sure = judged.reading, judged.confidence
    by_rules = TitleRole(seniority=reading.seniority, department=reading.department)
    answer = Answer.by_rules(PROMPT, by_rules)
    if not judged.is_certain:
        person = fenced(f"Title: {title}\nHeadline: {state.headline}\nEmployer: {state.company_name}")
        answer = await ask(PROMPT, TitleRole, fallback=lambda: by_rules, temperature=0.0, person=person)
    if answer.source == "llm":
        reading, sure = authority_of(answer.value.seniority, answer.value.department, said=title), MODEL_CONFIDENCE
    told = reading.model_dump() | {"title": title, "confidence": sure, "classify_source": answer.source}
    return told | answer.report


async def inherit_icp(state: State) -> dict[str, Any]:
    """Take over the bucket of the employer's score."""
    company, score = state.known.company if state.known else None, state.company_score
    score = roles.score_of_company(company.facts) if score is None and company else score
    return {"icp_company_score": score, "icp_bucket": roles.bucket_of(score)}


async def synthesize(state: State) -> dict[str, Any]:
    """Write the role into the book. A role that a person, a file or an earlier run told stays."""
    if state.known and not state.dry_run and state.classify_source not in {"", "existing"}:
        reading = TitleReading.model_validate(state.model_dump(include=set(roles.ROLE_FIELDS)))
        finding = roles.RoleFinding(state.title, state.source, state.confidence, state.known.sources)
        async with writing_book("contact_enrich_sales") as book:
            if (subject := await book.person(state.known)) is not None:
                book.note(subject, roles.facts_of_role(reading, state.icp_bucket, finding))
    return {"enriched_at": datetime.now(UTC).isoformat()}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_contact, classify_seniority, inherit_icp, synthesize])
    builder.add_edge(START, "load_contact")
    builder.add_edge("synthesize", END)
    return builder.compile(checkpointer=checkpointer, name="contact_enrich_sales")


graph = build_graph()
