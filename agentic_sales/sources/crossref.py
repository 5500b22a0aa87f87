"""Read Crossref: the publishers' records of a paper.

A contact address in the User-Agent (`AGENTIC_SALES_CONTACT_EMAIL`) leads into the polite pool, which answers faster.
"""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, ClassVar

from pydantic import Field, field_validator

from agentic_sales.outbound.api import Params
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, members, read, read_all
from agentic_sales.sources.service import Place, Source

_LARGEST_PAGE = 1000
_POLITE = (Bucket("one", (Limit(10, 1.0),), at_once=3), Bucket("list", (Limit(3, 1.0),), at_once=3))
_PUBLIC = (Bucket("one", (Limit(5, 1.0),), at_once=1), Bucket("list", (Limit(1, 1.0),), at_once=1))


class CrossrefAuthor(Record):
    """An author as the publisher names one. A group has a `name` alone."""

    given: TextOrNone = None
    family: TextOrNone = None
    name: TextOrNone = None
    orcid: TextOrNone = Field(None, validation_alias="ORCID")
    affiliations: tuple[Text, ...] = Field((), validation_alias="affiliation")

    @field_validator("orcid", mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return value.rpartition("/")[2] if isinstance(value, str) else value

    @field_validator("affiliations", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return [entry["name"] for entry in value if isinstance(entry, dict) and entry.get("name")]


class CrossrefWork(Record):
    """A paper."""

    doi: Text = Field(validation_alias="DOI")
    title: TextOrNone = None
    type: TextOrNone = None
    year: int | None = Field(None, validation_alias="issued")
    authors: tuple[CrossrefAuthor, ...] = Field((), validation_alias="author")
    cited_by: int = Field(0, validation_alias="is-referenced-by-count")

    @field_validator("title", mode="before")
    @classmethod
    def _first(cls, value: object) -> object:
        return (value[0] if value else None) if isinstance(value, list) else value

    @field_validator("year", mode="before")
    @classmethod
    def _year(cls, value: Any) -> object:
        """Return the year of a date that may have no more than it, or nothing at all."""
        try:
            return value["date-parts"][0][0]
        except (KeyError, IndexError, TypeError):
            return None


class Crossref(Source):
    """A client of Crossref."""

    name: ClassVar[str] = "crossref"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.crossref_url, place=place)
        self._one, self._list = _POLITE if configuration.contact_email else _PUBLIC

    async def work(self, doi: str) -> CrossrefWork:
        """Return a paper.

        Raises:
            NotFound: There is none of this DOI.
        """
        reply = await self.ask(f"/works/{doi}", bucket=self._one)
        return read(CrossrefWork, members(reply.json(), reply).get("message"), reply)

    def works_of_author(
        self, name: str, *, affiliation: str = "", since: date | None = None, most: int = 100
    ) -> AsyncIterator[CrossrefWork]:
        """Yield the papers of a name. Any word of it counts as found, so the authors are to be compared again."""
        params = {"query.author": name, **({"query.affiliation": affiliation} if affiliation else {})}
        filters = {"filter": f"from-pub-date:{since.isoformat()}"} if since else {}
        return self._listed({**params, **filters}, most)

    def works_of_orcid(self, orcid: str, *, most: int = 100) -> AsyncIterator[CrossrefWork]:
        """Yield the papers with this ORCID iD in the publisher's record."""
        return self._listed({"filter": f"orcid:{orcid}"}, most)

    def search_works(self, text: str, *, most: int = 100) -> AsyncIterator[CrossrefWork]:
        """Yield the papers with a title, authors or a journal that fit a text."""
        return self._listed({"query.bibliographic": text}, most)

    async def _listed(self, params: Params, most: int) -> AsyncIterator[CrossrefWork]:
        left, cursor = most, "*"
        while left > 0:
            rows = min(left, _LARGEST_PAGE)
            reply = await self.ask("/works", bucket=self._list, params={**params, "rows": rows, "cursor": cursor})
            message = members(members(reply.json(), reply).get("message"), reply)
            works = read_all(CrossrefWork, message.get("items"), reply, "message.items")
            for work in works:
                left -= 1
                yield work
            cursor = str(message.get("next-cursor") or "")
            if len(works) < rows or not cursor:  # The cursor goes on behind the end.
                return
