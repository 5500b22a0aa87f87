"""Read the public job boards of Ashby, Greenhouse and Lever into one record. They need no key.

The vendors document no limits for reading. Ours are polite ones.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Annotated, ClassVar, Literal

from bs4 import BeautifulSoup
from pydantic import AliasPath, BeforeValidator, Field, field_validator

from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, members, none_is_empty, read_all, segment
from agentic_sales.sources.service import Place, Source

Vendor = Literal["ashby", "greenhouse", "lever"]
Workplace = Literal["remote", "hybrid", "onsite"]

_POLITE = Bucket("boards", (Limit(60, 60.0), Limit(3, 1.0)), at_once=4)
_WORKPLACES: Mapping[str, Workplace] = {
    "remote": "remote",
    "hybrid": "hybrid",
    "onsite": "onsite",
    "on-site": "onsite",
}
_LEVER_PAGE = 100


class Pay(Record):
    """Printed pay of an opening."""

    currency: TextOrNone = None
    """ISO 4217, or None where the board names none."""
    interval: TextOrNone = None
    """In the vendor's words, such as `1 YEAR`."""
    low: float | None = None
    high: float | None = None


class Opening(Record):
    """One job on a board, in one form for all vendors."""

    vendor: Vendor
    board: Text
    """The company's name at the vendor."""
    id: Text
    """Identity at the vendor. It is the same at every reading."""
    title: Text
    url: Text
    department: TextOrNone = None
    locations: tuple[Text, ...] = ()
    country: TextOrNone = None
    """As the board writes it: a code or a name."""
    workplace: Workplace | None = None
    """None: the board does not say."""
    employment: TextOrNone = None
    published_at: datetime | None = None
    text: Text = ""
    """The description as plain text."""
    pay: Pay | None = None


class _Board(Source):
    """The shared parts of the three clients."""

    fresh_s: ClassVar[float] = 900.0

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Name the board that is missing. Its company may have another vendor, or has turned the API off."""
        if reply.status == 404:  # noqa: PLR2004 - a status is its own name
            return NotFound(self.name, f"board at `{reply.path}`")
        return super().judge(reply)


class _AshbyPlace(Record):
    location: TextOrNone = None


class _AshbyComponent(Record):
    kind: TextOrNone = Field(None, validation_alias="compensationType")
    interval: TextOrNone = None
    currency: TextOrNone = Field(None, validation_alias="currencyCode")
    low: float | None = Field(None, validation_alias="minValue")
    high: float | None = Field(None, validation_alias="maxValue")


class _AshbyTier(Record):
    components: Annotated[tuple[_AshbyComponent, ...], BeforeValidator(none_is_empty)] = ()


class _AshbyJob(Record):
    id: Text
    title: Text
    url: Text = Field(validation_alias="jobUrl")
    department: TextOrNone = None
    location: TextOrNone = None
    country: TextOrNone = Field(None, validation_alias=AliasPath("address", "postalAddress", "addressCountry"))
    employment: TextOrNone = Field(None, validation_alias="employmentType")
    is_listed: bool = Field(True, validation_alias="isListed")
    is_remote: bool | None = Field(None, validation_alias="isRemote")
    workplace: TextOrNone = Field(None, validation_alias="workplaceType")
    published_at: datetime | None = Field(None, validation_alias="publishedAt")
    text: TextOrNone = Field(None, validation_alias="descriptionPlain")
    others: Annotated[tuple[_AshbyPlace, ...], BeforeValidator(none_is_empty)] = Field(
        (), validation_alias="secondaryLocations"
    )
    tiers: Annotated[tuple[_AshbyTier, ...], BeforeValidator(none_is_empty)] = Field(
        (), validation_alias=AliasPath("compensation", "compensationTiers")
    )


class Ashby(_Board):
    """A client of Ashby's job boards."""

    name: ClassVar[str] = "ashby"

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.ashby_url, place=place)

    async def openings(self, board: str) -> AsyncIterator[Opening]:
        """Yield the listed openings of a board. Its name keeps its case and its spaces.

        Raises:
            NotFound: There is no such board, or its company has turned the API off.
        """
        path = f"/posting-api/job-board/{segment(board)}"
        reply = await self.ask(path, bucket=_POLITE, params={"includeCompensation": "true"})
        for job in read_all(_AshbyJob, members(reply.json(), reply).get("jobs"), reply, "jobs"):
            if not job.is_listed:
                continue
            remote: Workplace | None = "remote" if job.is_remote else None
            yield Opening(
                vendor="ashby",
                board=board,
                **job.model_dump(include={"id", "title", "url", "department", "country", "employment", "published_at"}),
                locations=_distinct(job.location, *(place.location for place in job.others)),
                workplace=_workplace(job.workplace) or remote,
                text=job.text or "",
                pay=_ashby_pay(job.tiers),
            )


class _GreenhouseJob(Record):
    id: int
    title: Text
    url: Text = Field(validation_alias="absolute_url")
    internal_id: int | None = Field(None, validation_alias="internal_job_id")
    location: TextOrNone = Field(None, validation_alias=AliasPath("location", "name"))
    updated_at: datetime | None = None
    first_published: datetime | None = None
    content: TextOrNone = None
    department: TextOrNone = Field(None, validation_alias=AliasPath("departments", 0, "name"))
    office: TextOrNone = Field(None, validation_alias=AliasPath("offices", 0, "name"))


class Greenhouse(_Board):
    """A client of Greenhouse's job boards, those of the EU included."""

    name: ClassVar[str] = "greenhouse"

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.greenhouse_url, place=place)

    async def openings(self, board: str) -> AsyncIterator[Opening]:
        """Yield the openings of a board. Prospect posts, which are no jobs, are passed over.

        Raises:
            NotFound: There is no such board. A board without openings is no error.
        """
        path = f"/v1/boards/{segment(board)}/jobs"
        reply = await self.ask(path, bucket=_POLITE, params={"content": "true"})
        for job in read_all(_GreenhouseJob, members(reply.json(), reply).get("jobs"), reply, "jobs"):
            if job.internal_id is None:
                continue
            text = plain_text(job.content or "")
            yield Opening(
                vendor="greenhouse",
                board=board,
                id=str(job.id),
                title=job.title,
                url=job.url,
                department=job.department,
                locations=_distinct(job.location, job.office),
                workplace=_workplace_in(job.location or ""),
                published_at=job.first_published or job.updated_at,
                text=text,
            )

    async def pay(self, board: str, opening_id: str) -> Pay | None:
        """Return the printed pay of an opening, which only its own page tells. None: it prints none.

        Raises:
            NotFound: The opening is closed.
        """
        path = f"/v1/boards/{segment(board)}/jobs/{segment(opening_id)}"
        reply = await self.ask(path, bucket=_POLITE, params={"pay_transparency": "true"})
        ranges = members(reply.json(), reply).get("pay_input_ranges")
        if not ranges:
            return None
        first, *_ = read_all(_PayRange, ranges, reply, "pay_input_ranges")
        low, high = (None if cents is None else cents / 100 for cents in (first.min_cents, first.max_cents))
        return Pay(currency=first.currency, low=low, high=high)


class _PayRange(Record):
    min_cents: int | None = None
    max_cents: int | None = None
    currency: TextOrNone = Field(None, validation_alias="currency_type")


class _LeverPart(Record):
    text: TextOrNone = None
    content: TextOrNone = None


class _LeverJob(Record):
    id: Text
    title: Text = Field(validation_alias="text")
    url: Text = Field(validation_alias="hostedUrl")
    location: TextOrNone = Field(None, validation_alias=AliasPath("categories", "location"))
    others: tuple[Text, ...] = Field((), validation_alias=AliasPath("categories", "allLocations"))
    department: TextOrNone = Field(None, validation_alias=AliasPath("categories", "department"))
    team: TextOrNone = Field(None, validation_alias=AliasPath("categories", "team"))
    employment: TextOrNone = Field(None, validation_alias=AliasPath("categories", "commitment"))
    country: TextOrNone = None
    workplace: TextOrNone = Field(None, validation_alias="workplaceType")
    published_at: datetime | None = Field(None, validation_alias="createdAt")
    text: TextOrNone = Field(None, validation_alias="descriptionPlain")
    currency: TextOrNone = Field(None, validation_alias=AliasPath("salaryRange", "currency"))
    interval: TextOrNone = Field(None, validation_alias=AliasPath("salaryRange", "interval"))
    low: float | None = Field(None, validation_alias=AliasPath("salaryRange", "min"))
    high: float | None = Field(None, validation_alias=AliasPath("salaryRange", "max"))
    parts: Annotated[tuple[_LeverPart, ...], BeforeValidator(none_is_empty)] = Field((), validation_alias="lists")

    @field_validator("published_at", mode="before")
    @classmethod
    def _from_milliseconds(cls, value: object) -> object:
        try:
            return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else value
        except (OverflowError, OSError) as exc:
            raise ValueError("is no moment in milliseconds") from exc


class Lever(_Board):
    """A client of Lever's job boards. A board is in the EU or elsewhere, each with a host of its own."""

    name: ClassVar[str] = "lever"

    def __init__(self, configuration: Settings, *, in_eu: bool = False, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.lever_eu_url if in_eu else configuration.lever_url, place=place)

    async def openings(self, board: str, *, page_size: int = _LEVER_PAGE) -> AsyncIterator[Opening]:
        """Yield the openings of a board.

        Raises:
            NotFound: There is no such board.
        """
        seen: set[str] = set()
        while True:
            params: Params = {"mode": "json", "skip": len(seen), "limit": page_size}
            reply = await self.ask(f"/v0/postings/{segment(board)}", bucket=_POLITE, params=params)
            jobs = read_all(_LeverJob, reply.json(), reply, "the answer")
            fresh = [job for job in jobs if job.id not in seen]
            for job in fresh:
                seen.add(job.id)
                yield _of_lever(board, job)
            if len(jobs) < page_size or not fresh:
                return


def _of_lever(board: str, job: _LeverJob) -> Opening:
    parts = [f"{part.text or ''}\n{plain_text(part.content or '')}" for part in job.parts]
    pay = Pay(currency=job.currency, interval=job.interval, low=job.low, high=job.high)
    return Opening(
        vendor="lever",
        board=board,
        **job.model_dump(include={"id", "title", "url", "country", "employment", "published_at"}),
        department=job.department or job.team,
        locations=_distinct(job.location, *job.others),
        workplace=_workplace(job.workplace),
        text="\n\n".join(part.strip() for part in (job.text or "", *parts) if part.strip()),
        pay=pay if job.low is not None or job.high is not None else None,
    )


def _ashby_pay(tiers: Sequence[_AshbyTier]) -> Pay | None:
    """Return the salary of the first tier that has one. Equity has no currency and is none."""
    for part in (part for tier in tiers for part in tier.components):
        if part.kind == "Salary" and part.low is not None:
            return Pay(currency=part.currency, interval=part.interval, low=part.low, high=part.high)
    return None


def plain_text(escaped_html: str) -> str:
    """Return the text of HTML, which Greenhouse escapes as a whole."""
    return BeautifulSoup(unescape(escaped_html), "lxml").get_text("\n", strip=True)


def _distinct(*places: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(place for place in places if place))


def _workplace(told: str | None) -> Workplace | None:
    return _WORKPLACES.get((told or "").lower())


def _workplace_in(location: str) -> Workplace | None:
    """Return the workplace that a location states. Greenhouse has no member for it."""
    text = location.lower()
    return next((workplace for word, workplace in _WORKPLACES.items() if word in text), None)
