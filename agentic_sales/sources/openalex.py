"""Read OpenAlex: papers, their authors and the institutions of these.

A search takes ten credits, a list one, a record by its id none. So names are resolved to ids first, and lists are
asked by ids.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, ClassVar, TypeVar

from pydantic import AliasPath, Field, field_validator

from agentic_sales.errors import AgenticSalesError, Blocked, QuotaSpent
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit, Quota
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, listed, members, read, read_all, segment
from agentic_sales.sources.service import Place, Source

_LIMITS = (Limit(10, 1.0),)
_WITH_KEY = Bucket("credits", _LIMITS, Quota(10_000))
_WITHOUT_KEY = Bucket("credits", _LIMITS, Quota(1000))
_SEARCH_COST, _LIST_COST, _RECORD_COST = 10, 1, 0
_LARGEST_PAGE = 100


def _short(value: object) -> object:
    """Return the id without the address before it."""
    return value.rpartition("/")[2] if isinstance(value, str) else value


class Institution(Record):
    """An institution, which may be a company."""

    id: Text
    """Such as `I99`."""
    name: Text = Field(validation_alias="display_name")
    country: TextOrNone = Field(None, validation_alias="country_code")
    type: TextOrNone = None
    """`company`, `education`, `facility`, …"""
    homepage: TextOrNone = Field(None, validation_alias="homepage_url")
    ror: TextOrNone = None
    """Address in the Research Organization Registry."""

    _id = field_validator("id", mode="before")(_short)


class Authorship(Record):
    """A person's part in a paper."""

    author_id: TextOrNone = Field(None, validation_alias=AliasPath("author", "id"))
    name: Text = Field(validation_alias=AliasPath("author", "display_name"))
    orcid: TextOrNone = Field(None, validation_alias=AliasPath("author", "orcid"))
    position: TextOrNone = Field(None, validation_alias="author_position")
    is_corresponding: bool | None = None
    institutions: tuple[Institution, ...] = ()
    affiliations: tuple[Text, ...] = Field((), validation_alias="raw_affiliation_strings")
    """As the paper prints them."""

    _ids = field_validator("author_id", "orcid", mode="before")(_short)


class Work(Record):
    """A paper."""

    id: Text
    doi: TextOrNone = None
    """Without `https://doi.org/`."""
    title: TextOrNone = None
    type: TextOrNone = None
    published_on: date | None = Field(None, validation_alias="publication_date")
    cited_by: int = Field(0, validation_alias="cited_by_count")
    authorships: tuple[Authorship, ...] = ()
    """Up to 100."""
    abstract: TextOrNone = Field(None, validation_alias="abstract_inverted_index")

    @property
    def page(self) -> str:
        """Return the address of its page: that of its DOI, else OpenAlex's own."""
        return f"https://doi.org/{self.doi}" if self.doi else f"https://openalex.org/{self.id}"

    _id = field_validator("id", mode="before")(_short)

    @field_validator("doi", mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return value.removeprefix("https://doi.org/") if isinstance(value, str) else value

    @field_validator("abstract", mode="before")
    @classmethod
    def _in_order(cls, value: object) -> object:
        """Put the words of an abstract back into their order."""
        if not isinstance(value, Mapping):
            return value
        if not all(isinstance(place, int) for places in value.values() for place in listed(places) or [None]):
            raise ValueError("should map a word to its places")
        placed = [(position, word) for word, positions in value.items() for position in positions]
        return " ".join(word for _, word in sorted(placed))


class Author(Record):
    """An author."""

    id: Text
    name: Text = Field(validation_alias="display_name")
    orcid: TextOrNone = None
    works: int = Field(0, validation_alias="works_count")
    cited_by: int = Field(0, validation_alias="cited_by_count")
    h_index: int | None = Field(None, validation_alias=AliasPath("summary_stats", "h_index"))
    institutions: tuple[Institution, ...] = Field((), validation_alias="last_known_institutions")
    """Last known ones. Often none."""

    _ids = field_validator("id", "orcid", mode="before")(_short)


R = TypeVar("R", bound=Record)


class OpenAlex(Source):
    """A client of OpenAlex."""

    name: ClassVar[str] = "openalex"
    credential: ClassVar[str] = "OPENALEX_API_KEY"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.openalex_url, secret=configuration.openalex_api_key, place=place)
        self._bucket = _WITH_KEY if self._secret else _WITHOUT_KEY

    def search_works(self, query: str, *, since: date | None = None, most: int = 200) -> AsyncIterator[Work]:
        """Yield the papers that a search finds, ten credits a hundred."""
        filters = {"from_publication_date": since.isoformat()} if since else {}
        return self._listed(Work, "works", {"search": query, **_filter(filters)}, most, _SEARCH_COST)

    def works_of_author(self, author_id: str, *, most: int = 200) -> AsyncIterator[Work]:
        """Yield the papers of an author, one credit a hundred."""
        return self._listed(Work, "works", _filter({"authorships.author.id": author_id}), most, _LIST_COST)

    def works_of_institution(
        self, institution_id: str, *, since: date | None = None, most: int = 200
    ) -> AsyncIterator[Work]:
        """Yield the papers of an institution, one credit a hundred."""
        filters = {"authorships.institutions.id": institution_id}
        filters |= {"from_publication_date": since.isoformat()} if since else {}
        return self._listed(Work, "works", _filter(filters), most, _LIST_COST)

    def search_authors(self, name: str, *, most: int = 25) -> AsyncIterator[Author]:
        """Yield the authors of a name. Several may be one person, and one may be several."""
        return self._listed(Author, "authors", {"search": name}, most, _SEARCH_COST)

    def search_institutions(self, name: str, *, most: int = 25) -> AsyncIterator[Institution]:
        """Yield the institutions of a name."""
        return self._listed(Institution, "institutions", {"search": name}, most, _SEARCH_COST)

    async def work(self, identity: str) -> Work:
        """Return a paper by its id or DOI, for no credits.

        Raises:
            NotFound: There is none.
        """
        path = f"/works/doi:{identity}" if identity.startswith("10.") else f"/works/{segment(identity)}"
        reply = await self.ask(path, bucket=self._bucket, cost=_RECORD_COST)
        return read(Work, reply.json(), reply)

    async def author(self, identity: str) -> Author:
        """Return an author by the id or the ORCID iD, for no credits.

        Raises:
            NotFound: There is none.
        """
        path = f"/authors/{segment(identity)}" if identity.startswith("A") else f"/authors/orcid:{segment(identity)}"
        reply = await self.ask(path, bucket=self._bucket, cost=_RECORD_COST)
        return read(Author, reply.json(), reply)

    async def _listed(self, kind: type[R], what: str, params: Params, most: int, cost: int) -> AsyncIterator[R]:
        left, cursor = most, "*"
        while left > 0 and cursor:
            asked: Params = {**params, "per_page": min(left, _LARGEST_PAGE), "cursor": cursor}
            reply = await self.ask(f"/{what}", bucket=self._bucket, params=asked, cost=cost)
            data = members(reply.json(), reply)
            records = read_all(kind, data.get("results"), reply, "results")
            for record in records[:left]:
                left -= 1
                yield record
            cursor = str(members(data.get("meta"), reply).get("next_cursor") or "") if records else ""

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a day's credits and a plan that is too small from a rate. All of them are 429."""
        if reply.status == 429:  # noqa: PLR2004 - a status is its own name
            told = self._told_of_429(reply)
            if "plan upgrade" in told:
                return Blocked(self.name, f"`{reply.path}`", "this filter or order needs another plan")
            if "insufficient budget" in told or reply.headers.get("x-ratelimit-remaining") == "0":
                return QuotaSpent(self.name, "today", parse_retry_after(reply.headers.get("retry-after", "")))
        return super().judge(reply)

    def _told_of_429(self, reply: Reply) -> str:
        data: Any = reply.json_or_none()
        return f"{data.get('error')} {data.get('message')}".lower() if isinstance(data, dict) else ""


def _filter(filters: Mapping[str, str]) -> dict[str, str]:
    told = ",".join(f"{name}:{value.replace(',', '%2C')}" for name, value in filters.items())
    return {"filter": told} if told else {}
