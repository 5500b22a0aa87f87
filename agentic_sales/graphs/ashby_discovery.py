"""Find companies' job boards by web search: `START → search → compare → persist → END`.

The boards of Ashby, Greenhouse and Lever are recognised by their addresses. A new board is written into the book as a
fact of its company, by the name that the board's title has. The openings themselves are read by `ashby_ingest`.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.known import known_boards
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.settings import settings
from agentic_sales.sources.board_search import board_queries, find_boards
from agentic_sales.sources.job_board_vendors import Vendor
from agentic_sales.sources.service import Unavailable

NAME_CONFIDENCE = 0.8
"""How sure it is that a board belongs to the company that its title names."""


class ListedBoard(BaseModel):
    """A job board that was found."""

    vendor: Vendor = Field(description="Its host.")
    token: str = Field(description="The company's name at the vendor.")
    url: str = Field(description="Its address, which `ashby_ingest` takes as `slug`.")
    name: str = Field(description="Company, as the title of the board names it.")
    title: str = Field(default="", description="Title of the page that was found.")
    found_at: str = Field(default="", description="The page that was found.")
    company_id: str | None = Field(default=None, description="The company in the book; null in a dry run.")
    is_new: bool = Field(default=True, description="Whether the book did not have the board.")


class Input(Form):
    """Input of a run."""

    keywords: list[str] = Field(default_factory=list, max_length=20, description="Words of the openings. Empty: any.")
    vendors: list[Vendor] = Field(
        default=["ashby", "greenhouse", "lever"], min_length=1, description="Vendors of the boards to look for."
    )
    count: int = Field(default=20, ge=1, le=50, description="Hits on a page of a search.")
    max_pages: int = Field(default=5, ge=1, le=10, description="Most pages of a search.")
    skip_known: bool = Field(default=True, description="Leave boards that the book has out of `boards` and `slugs`.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(BaseModel):
    """Output of a run."""

    boards: list[ListedBoard] = Field(default_factory=list, description="Boards that were found.")
    slugs: list[str] = Field(default_factory=list, description="Names of those at Ashby.")
    new_slugs: list[str] = Field(default_factory=list, description="Names of those at Ashby that are new in the book.")
    queries_run: int = Field(default=0, description="Searches that were made.")
    results_seen: int = Field(default=0, description="Hits that were looked at.")
    known_boards: int = Field(default=0, description="Boards that were found and that the book has already.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input and output."""


EXAMPLE: dict[str, Any] = {"keywords": ["machine learning engineer"], "count": 20, "max_pages": 2}


async def search(state: State) -> dict[str, Any]:
    """Search the hosts of the vendors. A search that fails does not stop the others."""
    queries, gone, done = board_queries(state.keywords, state.vendors), Unavailable(), count(1)
    found = await find_boards(
        settings(),
        queries,
        gone,
        most=state.count * state.max_pages,
        searched=lambda query: tell_progress("search", next(done), len(queries), query),
    )
    boards = [
        ListedBoard(
            vendor=each.board.vendor,
            token=each.board.token,
            url=url,
            name=each.name,
            title=each.hit.title,
            found_at=each.hit.url,
        )
        for url, each in found.boards.items()
    ]
    return {
        "boards": [board.model_dump() for board in boards],
        "queries_run": len(queries),
        "results_seen": found.results_seen,
        "unavailable_sources": list(gone.told),
    }


async def compare(state: State) -> dict[str, Any]:
    """Tell the boards that the book has from new ones."""
    known = await known_boards()
    boards = [b.model_copy(update={"company_id": known.get(b.url), "is_new": b.url not in known}) for b in state.boards]
    shown = [board for board in boards if board.is_new or not state.skip_known]
    ashby = [board for board in shown if board.vendor == "ashby"]
    return {
        "boards": [board.model_dump() for board in shown],
        "slugs": [board.token for board in ashby],
        "new_slugs": [board.token for board in ashby if board.is_new],
        "known_boards": sum(not board.is_new for board in boards),
    }


async def persist(state: State) -> dict[str, Any]:
    """Write each new board as a fact of its company."""
    new = {Firm(board.name): board for board in state.boards if board.is_new}
    if state.dry_run or not new:
        return {}
    async with writing_book("ashby_discovery") as book:
        ids = await book.companies(new)
        for firm, board in new.items():
            told = {"value": board.url, "source_url": board.found_at, "quote": board.title}
            fact = FoundFact(field=f"job_board.{board.vendor}", method="rules", confidence=NAME_CONFIDENCE, **told)
            book.note(Subject("company", ids[firm]), [fact])
    found = {board.url: ids[firm] for firm, board in new.items()}
    return {"boards": [b.model_dump() | {"company_id": found.get(b.url, b.company_id)} for b in state.boards]}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([search, compare, persist])
    builder.add_edge(START, "search")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="ashby_discovery")


graph = build_graph()
