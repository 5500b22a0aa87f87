"""Find companies' job boards by web search. The vendors list no boards themselves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from agentic_sales.errors import AgenticSalesError
from agentic_sales.rules.board_names import company_of_board
from agentic_sales.rules.company_identity import name_key, site_of
from agentic_sales.settings import Settings
from agentic_sales.sources.job_board_vendors import Vendor
from agentic_sales.sources.job_boards import BOARD_HOSTS, Board, board_of
from agentic_sales.sources.search import WebSearch, search_each
from agentic_sales.sources.search_engines import SearchHit
from agentic_sales.sources.service import Unavailable

MOST_OWNERS = 30
"""Boards of one call with a search for their companies' sites."""
_HITS_OF_OWNER = 5


@dataclass(frozen=True, slots=True)
class FoundBoard:
    """A board that a search found."""

    board: Board
    """The board."""
    name: str
    """The company's name as the hit has it."""
    hit: SearchHit
    """The first hit of it."""


@dataclass(slots=True)
class BoardHits:
    """The results of searches for boards."""

    boards: dict[str, FoundBoard] = field(default_factory=dict)
    """Each board once, by its address."""
    results_seen: int = 0
    """Hits that were looked at."""


def board_queries(words: Iterable[str], vendors: Iterable[Vendor]) -> list[str]:
    """Return a search of each vendor's host for each wish. Without any wish, one search of each host."""
    wishes = list(dict.fromkeys(" ".join(wish.split()) for wish in words)) or [""]
    return [f"site:{BOARD_HOSTS[vendor]} {wish}".strip() for wish in wishes for vendor in vendors]


async def find_boards(
    configuration: Settings,
    queries: Sequence[str],
    gone: Unavailable,
    *,
    most: int,
    searched: Callable[[str], None] = lambda _: None,
) -> BoardHits:
    """Search for boards. A search that fails stops none of the others, and its earlier results are kept.

    Args:
        configuration: Engines and their keys.
        queries: Searches, see `board_queries`.
        gone: Is told the engines that did not serve.
        most: Most hits of a search.
        searched: Is told each search when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found = BoardHits()
    async with WebSearch(configuration) as web:
        for query in queries:
            try:
                async for hit in web.hits(query, most=most):
                    found.results_seen += 1
                    if board := board_of(hit.url):
                        name = company_of_board(hit.title, board.token)
                        found.boards.setdefault(board.url, FoundBoard(board, name, hit))
            except AgenticSalesError as exc:
                gone.note("web search", exc)
            searched(query)
    return found


async def search_owners(
    configuration: Settings,
    queries: Sequence[str],
    gone: Unavailable,
    *,
    searched: Callable[[str], None] = lambda _: None,
) -> list[SearchHit]:
    """Find boards, then the sites of their companies. Return the hits of sites that bear the name of a company.

    Args:
        configuration: Engines and their keys.
        queries: Searches for boards, see `board_queries`.
        gone: Is told the engines that did not serve.
        searched: Is told each search for boards when it is done.

    Raises:
        RateLimited: See `find_boards`.
    """
    boards = await find_boards(configuration, queries, gone, most=MOST_OWNERS, searched=searched)
    names = list(dict.fromkeys(board.name for board in boards.boards.values()))[:MOST_OWNERS]
    hits = await search_each(configuration, names, gone, count=_HITS_OF_OWNER)
    wanted = {name_key(name).replace(" ", "") for name in names} - {""}
    return [hit for hit in hits if _label(hit.url) in wanted]


def _label(url: str) -> str:
    """Return the name in a site's domain, without hyphens."""
    return (site_of(url) or "").partition(".")[0].replace("-", "")
