"""Read one job board into the book: `START → fetch → link_company → classify_roles → persist → END`.

Boards of Ashby, Greenhouse and Lever are read into one form. Each opening becomes a subject of the book. The company
gets its counters and one hiring signal, which a repeated run only sees again. Openings that the board no longer lists
are closed. A board that is missing closes nothing, since its company may only have turned the API off.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field, model_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.boards import company_of_the_board, write_board
from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules.ai_roles import role_words
from agentic_sales.rules.forms import Form
from agentic_sales.rules.openings import Job, counted, job_of
from agentic_sales.settings import settings
from agentic_sales.sources.job_board_vendors import Vendor
from agentic_sales.sources.job_boards import Board, JobBoards, board_named
from agentic_sales.sources.service import Unavailable


class Input(Form):
    """Input of a run."""

    slug: str = Field(min_length=1, max_length=300, description="The board's name at its vendor, or its address.")
    vendor: Vendor = Field(default="ashby", description="Its host. An address tells it by itself.")
    company_id: str = Field(default="", max_length=100, description="The company, if it is in the book.")
    company_name: str = Field(default="", max_length=300, description="Its name. Empty: as the board has it.")
    domain: str = Field(default="", max_length=300, description="Domain of its site.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")

    @model_validator(mode="after")
    def _is_board(self) -> "Input":
        board_named(self.slug, self.vendor)
        return self

    @property
    def board(self) -> Board:
        """Return the board."""
        return board_named(self.slug, self.vendor)


class Output(BaseModel):
    """Output of a run."""

    jobs: list[Job] = Field(default_factory=list, description="Openings with their roles.")
    titles: list[str] = Field(default_factory=list, description="Their titles.")
    matched_titles: list[str] = Field(default_factory=list, description="Titles of the roles in AI.")
    ai_role_count: int = Field(default=0, description="Roles in artificial intelligence.")
    remote_ai_role_count: int = Field(default=0, description="Those of them that are remote.")
    board_url: str = Field(default="", description="Address of the board.")
    is_missing: bool = Field(default=False, description="The vendor has no such board, or its company hides it.")
    company_id: str = Field(default="", description="The company. Empty: a dry run, and the book has none.")
    counters_updated: bool = Field(default=False, description="Whether the company's counters were written.")
    inserted: int = Field(default=0, description="Openings that are new in the book.")
    updated: int = Field(default=0, description="Openings that the book had.")
    closed: list[str] = Field(default_factory=list, description="Keys of openings that the board no longer lists.")
    intent_signal_id: str | None = Field(default=None, description="Fact that is the hiring signal. Null: no signal.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and whether the board was read as a whole."""

    is_read: bool = Field(default=False)


EXAMPLE: dict[str, Any] = {"slug": "cinderpath"}


async def fetch(state: State) -> dict[str, Any]:
    """Read the board. An incomplete list raises an error, since openings that are missing would look closed."""
    gone, found, is_read = Unavailable(), Output(board_url=state.board.url), False
    words = with_additions("ai_roles", role_words, settings().rules_dir)
    try:
        async with JobBoards(settings()) as boards:
            async for opening in boards.openings(state.board):
                found.jobs.append(job_of(opening, opening.pay.model_dump() if opening.pay else None, words))
                tell_progress("fetch", len(found.jobs), 0, opening.title)
        is_read = True
    except NotFound:
        found.is_missing = True
    except AgenticSalesError as exc:
        gone.note(state.board.vendor, exc)
    found.jobs = found.jobs if is_read else []
    found.unavailable_sources = list(gone.told)
    return {**found.model_dump(exclude={"company_id"}), "is_read": is_read}


async def link_company(state: State) -> dict[str, Any]:
    """Find the company in the book: by its id, by its board, or by its site."""
    return {"company_id": await company_of_the_board(state.board_url, state.company_id, state.domain)}


async def classify_roles(state: State) -> dict[str, Any]:
    """Count the roles in artificial intelligence."""
    counters = counted(state.jobs)
    return {
        "titles": [job.title for job in state.jobs],
        "matched_titles": [job.title for job in state.jobs if job.is_ai_role],
        "ai_role_count": counters.ai,
        "remote_ai_role_count": counters.remote_ai,
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the openings, the counters and the signal in one transaction."""
    if state.dry_run or not state.is_read:
        return {}
    written = await write_board(
        "ashby_ingest", state.board, state.jobs, company_id=state.company_id, name=state.company_name, site=state.domain
    )
    return {
        "company_id": written.company_id,
        "counters_updated": True,
        "inserted": written.inserted,
        "updated": len(state.jobs) - written.inserted,
        "closed": written.closed,
        "intent_signal_id": written.signal_id,
    }


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([fetch, link_company, classify_roles, persist])
    builder.add_edge(START, "fetch")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="ashby_ingest")


graph = build_graph()
