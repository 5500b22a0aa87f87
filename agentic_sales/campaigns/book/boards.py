"""Write a job board into the book: its openings, and the facts of its company."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agentic_sales.campaigns.book.known import known_boards, known_company, known_sites
from agentic_sales.campaigns.book.writing import BookWriter, writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.board_names import company_of_board
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.openings import Job, facts_of_board, facts_of_job
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import facts_of
from agentic_sales.store.subjects import Thing, close_missing, things

_OWN_GROUPS = ("open_roles", "has_open_roles", "hiring_signal")


class BoardOfCompany(Protocol):
    """A job board."""

    @property
    def vendor(self) -> str:
        """Host of the board."""

    @property
    def token(self) -> str:
        """The company's name at the vendor."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def key_prefix(self) -> str:
        """Beginning of the keys of its openings."""


@dataclass(frozen=True, slots=True)
class WrittenBoard:
    """The receipt for a board."""

    company_id: CompanyId
    """Its company."""
    inserted: int
    """Openings that are new."""
    closed: list[str]
    """Keys of openings that are no longer listed."""
    signal_id: str | None
    """Fact that is the hiring signal, or None."""


async def company_of_the_board(url: str, company_id: str = "", site: str = "") -> str:
    """Return the company of a board: the given one, or the one that the book has for the board or for a site.

    Returns:
        Its id. Empty if there is none.

    Raises:
        UnknownRecord: The book does not have the given company.
    """
    if company_id:
        return (await known_company(company_id)).company_id
    if known := (await known_boards()).get(url):
        return known
    domain = site_of(site) if site else None
    found = await known_sites([domain]) if domain else {}
    return found[domain].company_id if domain in found else ""


async def write_board(
    workflow: str, board: BoardOfCompany, jobs: Sequence[Job], *, company_id: str, name: str, site: str
) -> WrittenBoard:
    """Write all openings of a board, close those that it no longer lists, and renew the facts of its company.

    Args:
        workflow: Name of the workflow.
        board: The board.
        jobs: Every opening that it lists.
        company_id: Its company. Empty: it is resolved by name and site, and written if it is new.
        name: Name of the company. Empty: as the board has it.
        site: Domain of its site. Empty: not known.
    """
    async with writing_book(workflow) as book:
        owner = CompanyId(company_id) if company_id else await _owner(book, board, name, site)
        listed = {Thing("opening", f"{board.key_prefix}{job.job_id}", job.title, job.url, owner): job for job in jobs}
        before = {row.key for row in await things(book.connection, "opening", company_id=owner, limit=None)}
        for thing, subject in (await book.things(listed)).items():
            book.note(subject, facts_of_job(listed[thing]))
        seen = {thing.key for thing in listed}
        closed = await close_missing(
            book.connection, "opening", owner, seen=seen, now=book.now, prefix=board.key_prefix
        )
        await _renew(book, Subject("company", owner), board, jobs)
    return WrittenBoard(owner, len(seen - before), closed, await _signal_id(owner, board.vendor))


async def _owner(book: BookWriter, board: BoardOfCompany, name: str, site: str) -> CompanyId:
    firm = Firm(name or company_of_board("", board.token), site or None)
    return (await book.companies([firm]))[firm]


async def _renew(book: BookWriter, company: Subject, board: BoardOfCompany, jobs: Sequence[Job]) -> None:
    """Write the facts of a board, and take back its former facts that it no longer states."""
    facts = facts_of_board(jobs, board.vendor, board.url)
    for group in _OWN_GROUPS:
        field = group if group == "has_open_roles" else f"{group}.{board.vendor}"
        await book.replace(company, field, [fact for fact in facts if fact.field == field])
    book.note(company, [fact for fact in facts if fact.field.startswith("job_board.")])


async def _signal_id(company_id: CompanyId, vendor: str) -> str | None:
    async with current_database(settings()).reading() as connection:
        rows = await facts_of(connection, Subject("company", company_id), field=f"hiring_signal.{vendor}")
    return next((row.fact_id for row in rows), None)
