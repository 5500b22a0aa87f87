"""Rank a company's people: `START → load_company → load_contacts → classify_unclassified → rank → END`.

The people are those of the book, or they come in by value. A person without a known role is classified by
`contact_enrich_sales`, which keeps the role in the book. People of Engineering, AI/ML and Product rank .2 higher.
Nothing is fetched.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.known_people import company_of_name, people_known
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules.forms import GivenForm
from agentic_sales.rules.names import split_name
from agentic_sales.rules.sales_roles import ROLE_FIELDS, RankedPerson, existing_role, ranked, summary_of
from agentic_sales.runs.subruns import SubRun, run_each

MOST_PEOPLE = 50
AT_ONCE = 4
CLASSIFIER = "contact_enrich_sales"


class GivenPerson(BaseModel):
    """A person that comes in by value."""

    name: str = Field(min_length=1, max_length=200, description="Whole name.")
    title: str = Field(default="", max_length=300, description="Job title.")
    email: str | None = Field(default=None, max_length=320, description="Address, if one is known.")


class Input(GivenForm):
    """Input of a run: a company of the book, or people by value."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one is needed."""
        return "company_id", "company_key", "people"

    company_id: str = Field(default="", max_length=64, description="Company of the book.")
    company_key: str = Field(default="", max_length=300, description="Its site or name, instead of the id.")
    company_name: str = Field(default="", max_length=300, description="Name of the company of people by value.")
    people: list[GivenPerson] = Field(default_factory=list, max_length=MOST_PEOPLE, description="People by value.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(BaseModel):
    """Output of a run."""

    company: dict[str, Any] = Field(default_factory=dict, description="company_id, name, domain.")
    contacts: list[RankedPerson] = Field(default_factory=list, description="People that were looked at, 50 at most.")
    ranked: list[RankedPerson] = Field(default_factory=list, description="The same, the highest rank first.")
    decision_makers: list[RankedPerson] = Field(default_factory=list, description="Those that may sign a deal.")
    top_decision_maker: RankedPerson | None = Field(default=None, description="The first of them. Null: there is none.")
    classify_count: int = Field(default=0, description="People with a role that this run told.")
    failed: list[dict[str, str]] = Field(default_factory=list, description="People that failed, with the error.")
    summary: str = Field(default="", description="One sentence that names the decision makers.")


class State(Input, Output):
    """Input and output."""


EXAMPLE: dict[str, Any] = {
    "company_name": "Acme",
    "people": [{"name": "Ada Example", "title": "Head of Sales"}, {"name": "Bo Example", "title": "CTO"}],
}


async def load_company(state: State) -> dict[str, Any]:
    """Find the company in the book."""
    if not (state.company_id or state.company_key):
        return {"company": {"company_id": "", "name": state.company_name, "domain": None}}
    known = await company_of_name(state.company_id or state.company_key)
    return {"company": known.model_dump(include={"company_id", "name", "domain"})}


async def load_contacts(state: State) -> dict[str, Any]:
    """Read the people of the company with the roles that are known. People by value go before."""
    given = [RankedPerson(name=each.name, position=each.title or None, email=each.email) for each in state.people]
    if state.company.get("company_id"):
        for each in await people_known(state.company["company_id"], most=MOST_PEOPLE - len(given)):
            role = existing_role(each.facts, each.quotes, each.position)
            told: dict[str, Any] = {"id": each.person_id, "contact_id": each.contact_id, "name": each.name}
            email = each.facts.get("email")
            told |= {"position": each.position or None, "email": email if isinstance(email, str) else None}
            given.append(RankedPerson.model_validate(told | (role.model_dump() if role else {})))
    return {"contacts": [_named(each).model_dump() for each in given]}


async def classify_unclassified(state: State) -> dict[str, Any]:
    """Ask for the roles that nobody knows. One that fails stops none of the others."""
    unknown = [each for each in state.contacts if each.seniority is None and each.position]
    questions: list[dict[str, Any]] = [
        {"dry_run": state.dry_run, "company_name": state.company.get("name") or ""}
        | ({"person_id": each.id} if each.id else {"name": each.name, "title": each.position})
        for each in unknown
    ]
    tell_progress("classify_unclassified", 0, len(unknown))
    answers = dict(zip(map(id, unknown), await run_each(CLASSIFIER, questions, at_once=AT_ONCE), strict=True))
    tell_progress("classify_unclassified", len(unknown), len(unknown))
    told = {key: answer.output for key, answer in answers.items() if isinstance(answer, SubRun)}
    roles = {key: {name: output[name] for name in ROLE_FIELDS} for key, output in told.items()}
    return {
        "contacts": [each.model_copy(update=roles.get(id(each), {})).model_dump() for each in state.contacts],
        "classify_count": sum(role["seniority"] is not None for role in roles.values()),
        "failed": [{"name": each.name, "error": str(answers[id(each)])} for each in unknown if id(each) not in told],
    }


async def rank(state: State) -> dict[str, Any]:
    """Rank the people and name the decision maker."""
    people = ranked(state.contacts)
    makers = [each.model_dump() for each in people if each.is_decision_maker]
    return {
        "ranked": [each.model_dump() for each in people],
        "decision_makers": makers,
        "top_decision_maker": next(iter(makers), None),
        "summary": summary_of(people, state.company.get("name") or "the company"),
    }


def _named(each: RankedPerson) -> RankedPerson:
    parts = split_name(each.name)
    return each.model_copy(update={"first_name": parts.first, "last_name": parts.last})


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_company, load_contacts, classify_unclassified, rank])
    builder.add_edge(START, "load_company")
    builder.add_edge("rank", END)
    return builder.compile(checkpointer=checkpointer, name="find_decision_maker")


graph = build_graph()
