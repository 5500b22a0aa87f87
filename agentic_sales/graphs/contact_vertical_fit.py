"""Tell whether a person and the employer fit a vertical: `START → load → judge → END`.

The vertical is data of `rules/verticals.py`. Its signs are looked for in the employer's words and the person's. The
person's role counts beside them. The rules decide alone. Every reason is words that were given or that the book has.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known_contacts import contact_knowledge
from agentic_sales.rules.contact_fit import ContactFit, contact_signs, judge_contact_fit
from agentic_sales.rules.contact_forms import ContactForm, ContactKnowledge, PersonByValue
from agentic_sales.rules.titles import read_title, title_words
from agentic_sales.rules.verticals import Vertical, vertical_of, verticals
from agentic_sales.settings import settings


class Input(ContactForm):
    """Input of a run: a person of the book or by value, the employer, and the vertical."""

    person: PersonByValue | None = Field(default=None, description="The person by value; needed without an id.")
    vertical: str = Field(
        min_length=1, max_length=64, description="compliance_audit, ingestible, onboarding_tutor, or one of your own."
    )

    @field_validator("vertical")
    @classmethod
    def _is_vertical(cls, slug: str) -> str:
        return _vertical(slug).slug


class Output(ContactFit):
    """Output of a run."""

    name: str = Field(default="", description="The person.")
    company_name: str = Field(default="", description="The employer.")


class State(Input, Output):
    """Input, output, the person and the employer."""

    known: ContactKnowledge = Field(default=ContactKnowledge(), description="Known facts of both.")


EXAMPLE: dict[str, Any] = {
    "vertical": "ingestible",
    "person": {"name": "Ada Example", "title": "VP Engineering"},
    "company": {
        "name": "Harbor Archives",
        "description": "We answer questions from contracts and manuals with retrieval over millions of pages.",
    },
}


def _vertical(slug: str) -> Vertical:
    return vertical_of(slug, with_additions("verticals", verticals, settings().rules_dir))


async def load(state: State) -> dict[str, Any]:
    """Read the person and the employer in the book. A value of the input is kept."""
    known = await contact_knowledge(state, workflow="contact_vertical_fit")
    return {"known": known.model_dump(), "name": known.name, "company_name": known.company_name}


async def judge(state: State) -> dict[str, Any]:
    """Weigh the signs of the vertical and the role."""
    folder = settings().rules_dir
    title = read_title(state.known.title, with_additions("titles", title_words, folder))
    signs = with_additions("contact_signs", contact_signs, folder)
    return judge_contact_fit(state.known, _vertical(state.vertical), title, signs).model_dump()


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → load → judge → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, judge])
    builder.add_edge(START, "load")
    builder.add_edge("judge", END)
    return builder.compile(checkpointer=checkpointer, name="contact_vertical_fit")


graph = build_graph()
