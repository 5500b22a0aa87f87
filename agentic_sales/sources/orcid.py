"""Read ORCID's public records: a researcher's identity and employers."""

from collections.abc import AsyncIterator
from typing import ClassVar

from pydantic import AliasPath, Field, field_validator

from agentic_sales.outbound.api import Params
from agentic_sales.outbound.limits import Bucket, Limit, Quota
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, members, read, read_all, segment
from agentic_sales.sources.service import Place, Source

_BUCKET = Bucket("all", (Limit(11, 1.0),), Quota(10_000))
_LARGEST_PAGE, _DEEPEST = 1000, 10_000


class ResearcherHit(Record):
    """A researcher that a search found."""

    orcid: Text = Field(validation_alias="orcid-id")
    given_names: TextOrNone = Field(None, validation_alias="given-names")
    family_names: TextOrNone = Field(None, validation_alias="family-names")
    emails: tuple[Text, ...] = Field((), validation_alias="email")
    institutions: tuple[Text, ...] = Field((), validation_alias="institution-name")

    @field_validator("emails", "institutions", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value


class Employment(Record):
    """A post."""

    title: TextOrNone = Field(None, validation_alias="role-title")
    organization: TextOrNone = Field(None, validation_alias=AliasPath("organization", "name"))
    city: TextOrNone = Field(None, validation_alias=AliasPath("organization", "address", "city"))
    country: TextOrNone = Field(None, validation_alias=AliasPath("organization", "address", "country"))
    started_year: int | None = Field(None, validation_alias=AliasPath("start-date", "year", "value"))
    ended_year: int | None = Field(None, validation_alias=AliasPath("end-date", "year", "value"))
    """None: it goes on."""


class _Summary(Record):
    employment: Employment = Field(validation_alias="employment-summary")


class _Group(Record):
    summaries: tuple[_Summary, ...] = ()


class _Email(Record):
    email: TextOrNone = None


class _Page(Record):
    url: TextOrNone = Field(None, validation_alias=AliasPath("url", "value"))


class _PublicRecord(Record):
    given_names: TextOrNone = Field(None, validation_alias=AliasPath("person", "name", "given-names", "value"))
    family_name: TextOrNone = Field(None, validation_alias=AliasPath("person", "name", "family-name", "value"))
    emails: tuple[_Email, ...] = Field((), validation_alias=AliasPath("person", "emails", "email"))
    pages: tuple[_Page, ...] = Field((), validation_alias=AliasPath("person", "researcher-urls", "researcher-url"))
    groups: tuple[_Group, ...] = Field(
        (), validation_alias=AliasPath("activities-summary", "employments", "affiliation-group")
    )


class Researcher(Record):
    """A researcher's public record."""

    orcid: Text
    given_names: TextOrNone = None
    family_name: TextOrNone = None
    emails: tuple[Text, ...] = ()
    """Those that the researcher made public. Mostly none."""
    urls: tuple[Text, ...] = ()
    """Pages that the researcher names."""
    employments: tuple[Employment, ...] = ()
    """The latest first, as the record has them."""


class _Count(Record):
    found: int = Field(0, validation_alias="num-found")


class Orcid(Source):
    """A client of ORCID's public API."""

    name: ClassVar[str] = "orcid"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.orcid_url, place=place)

    async def search(
        self, *, family_name: str, given_names: str = "", organization: str = "", most: int = 100, page_size: int = 100
    ) -> AsyncIterator[ResearcherHit]:
        """Yield the researchers of a name, and of an organisation if one is given."""
        terms = {"family-name": family_name, "given-names": given_names, "affiliation-org-name": organization}
        query = " AND ".join(f'{name}:"{_quoted(value)}"' for name, value in terms.items() if value)
        start, end = 0, min(most, _DEEPEST)
        while start < end:
            params: Params = {"q": query, "start": start, "rows": min(page_size, _LARGEST_PAGE, end - start)}
            reply = await self.ask("/v3.0/expanded-search/", bucket=_BUCKET, params=params)
            data = members(reply.json(), reply)
            hits = read_all(ResearcherHit, data.get("expanded-result") or [], reply, "expanded-result")
            for hit in hits:
                yield hit
            start += len(hits)
            if not hits or start >= read(_Count, data, reply).found:
                return

    async def researcher(self, orcid: str) -> Researcher:
        """Return a public record.

        Raises:
            NotFound: There is none of this iD.
        """
        reply = await self.ask(f"/v3.0/{segment(orcid)}/record", bucket=_BUCKET)
        members(members(reply.json(), reply).get("person"), reply)
        record = read(_PublicRecord, reply.json(), reply)
        return Researcher(
            orcid=orcid,
            given_names=record.given_names,
            family_name=record.family_name,
            emails=tuple(entry.email for entry in record.emails if entry.email),
            urls=tuple(page.url for page in record.pages if page.url),
            employments=tuple(summary.employment for group in record.groups for summary in group.summaries),
        )


def _quoted(text: str) -> str:
    return text.replace("\\", " ").replace('"', " ").strip()
