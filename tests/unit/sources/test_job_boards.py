"""The job boards of the sample world, read into one record."""

from collections.abc import AsyncIterator

import pytest

from agentic_sales.errors import AgenticSalesError, AnswerChanged, NotFound, ProviderUnavailable, RateLimited
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer
from agentic_sales.sources.job_board_vendors import Lever, Opening, plain_text
from agentic_sales.sources.job_boards import Board, JobBoards, board_in, board_of
from agentic_sales.sources.service import Place
from tests.support.world import configured

BOARDS = [
    Board("ashby", "emberloom"),
    Board("greenhouse", "tidewater-robotics"),
    Board("lever", "quillmark"),
]


@pytest.fixture
async def boards(world: WorldServer, place: Place) -> AsyncIterator[JobBoards]:
    async with JobBoards(configured(world), place=place) as clients:
        yield clients


async def openings_of(boards: JobBoards, board: Board) -> list[Opening]:
    return [opening async for opening in boards.openings(board)]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.vendor)
async def test_every_listed_opening_of_a_board_is_read(world: WorldServer, boards: JobBoards, board: Board) -> None:
    told = next(c.board for c in world.companies.all if c.board and c.board.token == board.token)
    wanted = [opening for opening in told.openings if opening.listed]
    found = await openings_of(boards, board)
    assert [o.title for o in found] == [o.title for o in wanted]
    assert [o.workplace for o in found] == [o.workplace for o in wanted]
    assert all(o.locations and o.published_at and o.url.startswith("https://") for o in found)
    assert all(w.text.split(".")[0] in o.text for o, w in zip(found, wanted, strict=True))
    assert len({o.id for o in found}) == len(found)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.vendor)
async def test_printed_pay_is_read_in_whole_units(world: WorldServer, boards: JobBoards, board: Board) -> None:
    told = next(c.board for c in world.companies.all if c.board and c.board.token == board.token)
    wanted = [(o.pay_min, o.pay_max, o.pay_currency) for o in told.openings if o.listed and o.pay_min]
    pays = [await boards.pay(opening) for opening in await openings_of(boards, board)]
    assert [(pay.low, pay.high, pay.currency) for pay in pays if pay] == wanted
    assert wanted


async def test_a_board_of_lever_is_paged_to_its_end(world: WorldServer, place: Place) -> None:
    async with Lever(configured(world), place=place) as lever:
        found = [opening async for opening in lever.openings("quillmark", page_size=2)]
    assert len(found) == 3
    assert len(world.visits) == 2


@pytest.mark.parametrize("board", [Board("ashby", "no"), Board("greenhouse", "no"), Board("lever", "no")])
async def test_a_board_that_is_not_there_is_missing(boards: JobBoards, board: Board) -> None:
    with pytest.raises(NotFound, match=board.vendor):
        await openings_of(boards, board)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.vendor)
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", RateLimited),
        ("5xx", ProviderUnavailable),
        ("cut-off", ProviderUnavailable),
        ("broken-json", ProviderUnavailable),
        ("changed-field", AnswerChanged),
    ],
)
async def test_a_board_that_fails_is_not_empty(
    world: WorldServer, boards: JobBoards, board: Board, kind: Kind, error: type[AgenticSalesError]
) -> None:
    world.misbehave(kind, board.vendor)
    with pytest.raises(error, match=board.vendor):
        await openings_of(boards, board)


async def test_a_changed_answer_names_the_service_and_the_member(world: WorldServer, boards: JobBoards) -> None:
    world.misbehave("changed-field")
    with pytest.raises(AnswerChanged, match=r"`greenhouse` answered .*`title`: Field required"):
        await openings_of(boards, BOARDS[1])


@pytest.mark.parametrize(
    ("url", "board"),
    [
        ("https://jobs.ashbyhq.com/Acme%20Labs/6f?utm=1", Board("ashby", "Acme Labs")),
        ("https://boards.greenhouse.io/acme/jobs/11", Board("greenhouse", "acme")),
        ("https://job-boards.eu.greenhouse.io/acme", Board("greenhouse", "acme")),
        ("https://boards.greenhouse.io/embed/job_board?for=acme", Board("greenhouse", "acme")),
        ("https://jobs.lever.co/acme/a1", Board("lever", "acme")),
        ("https://jobs.eu.lever.co/acme", Board("lever", "acme", in_eu=True)),
        ("https://jobs.lever.co.evil.example/acme", None),
        ("https://evil.example/?u=https://jobs.lever.co/acme", None),
        ("https://jobs.lever.co/", None),
    ],
)
def test_a_board_is_known_by_the_exact_host(url: str, board: Board | None) -> None:
    assert board_of(url) == board


def test_an_embedded_board_is_found_in_the_page() -> None:
    page = '<script src="https://boards.greenhouse.io/embed/job_board/js?for=acme"></script>'
    assert (board_in(page), board_in("<p>nothing</p>")) == (Board("greenhouse", "acme"), None)


def test_html_that_is_escaped_as_a_whole_becomes_text() -> None:
    assert (
        plain_text("&lt;p&gt;Go &amp;amp; see&lt;/p&gt;&lt;ul&gt;&lt;li&gt;One&lt;/li&gt;&lt;/ul&gt;")
        == "Go & see\nOne"
    )
    assert plain_text("") == ""
