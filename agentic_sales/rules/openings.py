"""Turn the openings of a job board into facts, and into a hiring signal of their company."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import BaseModel, Field

from agentic_sales.rules.ai_roles import RoleWords, Workplace, read_role
from agentic_sales.rules.found_facts import FoundFact

SIGNAL_BASE, SIGNAL_STEP, SIGNAL_CEILING = 0.75, 0.08, 0.98
DECAYS_AFTER_DAYS = 30
"""Age in days of the newest role after which a signal says little."""
LONGEST_TEXT_CHARS = 20_000
MOST_TITLES = 10


class ListedOpening(Protocol):
    """An opening as a board lists it."""

    @property
    def id(self) -> str:
        """Its identity at the vendor."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def url(self) -> str:
        """Its page."""

    @property
    def department(self) -> str | None:
        """Department, or None."""

    @property
    def locations(self) -> Sequence[str]:
        """Its places."""

    @property
    def country(self) -> str | None:
        """Country as the board writes it, or None."""

    @property
    def workplace(self) -> Workplace | None:
        """The board's field for the workplace, or None."""

    @property
    def employment(self) -> str | None:
        """Kind of employment, or None."""

    @property
    def published_at(self) -> datetime | None:
        """When it was published, or None."""

    @property
    def text(self) -> str:
        """Description as plain text."""


class Job(BaseModel):
    """An opening with its role."""

    job_id: str = Field(description="Identity at the vendor.")
    title: str = Field(description="Title.")
    url: str = Field(description="Its page.")
    department: str | None = Field(default=None, description="Department. Null: the board does not say.")
    locations: list[str] = Field(default_factory=list, description="Places.")
    country: str | None = Field(default=None, description="Country as the board writes it.")
    workplace: Workplace | None = Field(default=None, description="remote, hybrid or onsite, as the board says.")
    employment: str | None = Field(default=None, description="Kind of employment in the vendor's words.")
    published_at: str | None = Field(default=None, description="When it was published: ISO 8601 in UTC.")
    pay: dict[str, Any] | None = Field(default=None, description="Printed pay: currency, interval, low, high.")
    text: str = Field(default="", description="Description as plain text.")
    is_ai_role: bool = Field(default=False, description="Whether the work is on artificial intelligence.")
    is_remote: bool = Field(
        default=False, description="Whether it can be done from elsewhere, in some region at least."
    )
    matched: str = Field(default="", description="Words that made it a role in artificial intelligence.")
    quote: str = Field(default="", description="These words where they stand.")


def job_of(opening: ListedOpening, pay: dict[str, Any] | None, words: RoleWords | None = None) -> Job:
    """Return an opening with its role."""
    where = {"workplace": opening.workplace, "locations": opening.locations}
    role = read_role(opening.title, opening.text, words=words, **where)  # type: ignore[arg-type]  # two types in one dict
    return Job(
        job_id=opening.id,
        title=opening.title,
        url=opening.url,
        department=opening.department,
        locations=[*opening.locations],
        country=opening.country,
        workplace=opening.workplace,
        employment=opening.employment,
        published_at=opening.published_at.astimezone(UTC).isoformat() if opening.published_at else None,
        pay=pay,
        text=opening.text[:LONGEST_TEXT_CHARS],
        is_ai_role=role.is_ai,
        is_remote=role.is_remote,
        matched=role.matched,
        quote=role.quote,
    )


def facts_of_job(job: Job) -> list[FoundFact]:
    """Return the facts of an opening: the fields of its board, and its role with the words for it."""
    told = {
        "department": job.department,
        "locations": job.locations or None,
        "country": job.country,
        "workplace": job.workplace,
        "employment": job.employment,
        "published_at": job.published_at,
        "pay": job.pay,
        "description": job.text or None,
    }
    listed = [_of_board(field, value, job.url) for field, value in told.items() if value is not None]
    judged = {"is_ai_role": (job.is_ai_role, job.quote), "is_remote": (job.is_remote, "")}
    return [
        *listed,
        *(
            FoundFact(field=field, value=value, method="rules", confidence=0.9, source_url=job.url, quote=quote)
            for field, (value, quote) in judged.items()
        ),
    ]


class Counters(BaseModel):
    """The openings of a board, counted."""

    total: int = Field(default=0, description="Openings.")
    ai: int = Field(default=0, description="Roles in artificial intelligence.")
    remote_ai: int = Field(default=0, description="Those of them that are remote.")


def counted(jobs: Iterable[Job]) -> Counters:
    """Count the openings of a board."""
    listed = list(jobs)
    ai = [job for job in listed if job.is_ai_role]
    return Counters(total=len(listed), ai=len(ai), remote_ai=sum(job.is_remote for job in ai))


def signal_confidence(ai_roles: int) -> float:
    """Return how sure some roles make it that a company invests in artificial intelligence."""
    return round(min(SIGNAL_BASE + SIGNAL_STEP * math.log1p(ai_roles), SIGNAL_CEILING), 4)


def facts_of_board(jobs: Sequence[Job], vendor: str, board_url: str) -> list[FoundFact]:
    """Return the facts of the company of a board: its board, its counters and a hiring signal.

    A board without roles in artificial intelligence gives no signal. One board gives one signal, however often it is
    read.
    """
    counters, ai = counted(jobs), [job for job in jobs if job.is_ai_role]
    facts = [
        _of_board(f"job_board.{vendor}", board_url, board_url),
        _of_board(f"open_roles.{vendor}", counters.model_dump(), board_url),
    ]
    if jobs:
        facts.append(_of_board("has_open_roles", value=True, url=board_url))
    if ai:
        newest = max((job.published_at for job in ai if job.published_at), default=None)
        signal = {
            "ai_roles": counters.ai,
            "remote_ai_roles": counters.remote_ai,
            "titles": sorted({job.title for job in ai})[:MOST_TITLES],
            "newest_at": newest,
            "decays_after_days": DECAYS_AFTER_DAYS,
        }
        facts.append(
            FoundFact(
                field=f"hiring_signal.{vendor}",
                value=signal,
                method="rules",
                confidence=signal_confidence(counters.ai),
                source_url=board_url,
                quote=ai[0].quote,
            )
        )
    return facts


def _of_board(field: str, value: Any, url: str) -> FoundFact:
    return FoundFact(field=field, value=value, method="api", source_url=url)
