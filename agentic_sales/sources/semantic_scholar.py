"""Read Semantic Scholar: papers with their abstracts, and authors with their counts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, TypeVar

from pydantic import AliasPath, Field

from agentic_sales.errors import AgenticSalesError, CredentialRefused
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, in_groups, members, read, read_all, segment
from agentic_sales.sources.service import Place, Source

# One a second over all endpoints of a key. The tenth keeps apart what the network brings together.
_BUCKET = Bucket("all", (Limit(1, 1.1),), at_once=1)
_PAPER_FIELDS = "title,abstract,year,publicationDate,citationCount,externalIds,authors"
_AUTHOR_FIELDS = "name,affiliations,homepage,paperCount,citationCount,hIndex"
_LARGEST_PAGE, _LARGEST_BATCH, _DEEPEST = 100, 1000, 1000


class PaperAuthor(Record):
    """An author as a paper names one."""

    id: TextOrNone = Field(None, validation_alias="authorId")
    name: Text


class Paper(Record):
    """A paper."""

    id: Text = Field(validation_alias="paperId")
    title: TextOrNone = None
    abstract: TextOrNone = None
    year: int | None = None
    published_on: date | None = Field(None, validation_alias="publicationDate")
    cited_by: int | None = Field(None, validation_alias="citationCount")
    doi: TextOrNone = Field(None, validation_alias=AliasPath("externalIds", "DOI"))
    arxiv: TextOrNone = Field(None, validation_alias=AliasPath("externalIds", "ArXiv"))
    authors: tuple[PaperAuthor, ...] = ()


class ScholarAuthor(Record):
    """An author. One person may have several ids."""

    id: Text = Field(validation_alias="authorId")
    name: Text
    affiliations: tuple[Text, ...] = ()
    homepage: TextOrNone = None
    papers: int | None = Field(None, validation_alias="paperCount")
    cited_by: int | None = Field(None, validation_alias="citationCount")
    h_index: int | None = Field(None, validation_alias="hIndex")


R = TypeVar("R", bound=Record)


class SemanticScholar(Source):
    """A client of Semantic Scholar's graph."""

    name: ClassVar[str] = "semantic_scholar"
    credential: ClassVar[str] = "SEMANTIC_SCHOLAR_API_KEY"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        key = configuration.semantic_scholar_api_key
        super().__init__(configuration, configuration.semantic_scholar_url, secret=key, place=place)

    def key_headers(self) -> Mapping[str, str]:
        """Return the key."""
        return {"x-api-key": self._secret} if self._secret else {}

    async def paper(self, identity: str) -> Paper:
        """Return a paper by its id, or as `DOI:10.…` or `ARXIV:…`.

        Raises:
            NotFound: There is none.
        """
        kind, colon, name = identity.rpartition(":")
        path = f"/graph/v1/paper/{kind}{colon}{segment(name)}"
        reply = await self.ask(path, bucket=_BUCKET, params={"fields": _PAPER_FIELDS})
        return read(Paper, reply.json(), reply)

    def search_papers(self, query: str, *, most: int = 100, page_size: int = _LARGEST_PAGE) -> AsyncIterator[Paper]:
        """Yield the papers that a search finds, up to 1,000."""
        return self._found(Paper, "paper", query, _PAPER_FIELDS, most=most, page_size=page_size)

    def search_authors(
        self, name: str, *, most: int = 25, page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[ScholarAuthor]:
        """Yield the authors of a name."""
        return self._found(ScholarAuthor, "author", name, _AUTHOR_FIELDS, most=most, page_size=page_size)

    async def authors(self, ids: Sequence[str]) -> tuple[ScholarAuthor, ...]:
        """Return the authors of these ids in their order. An id that is not there is left out."""
        found: list[ScholarAuthor] = []
        for group in in_groups(ids, _LARGEST_BATCH):
            path = f"/graph/v1/author/batch?fields={_AUTHOR_FIELDS}"
            reply = await self.ask(path, bucket=_BUCKET, json={"ids": list(group)})
            data: Any = reply.json()
            known = [entry for entry in data if entry is not None] if isinstance(data, list) else data
            found += read_all(ScholarAuthor, known, reply, "the answer")
        return tuple(found)

    async def _found(
        self, kind: type[R], what: str, query: str, fields: str, *, most: int, page_size: int
    ) -> AsyncIterator[R]:
        left, offset = min(most, _DEEPEST), 0
        while left > 0:
            params: Params = {"query": query, "fields": fields, "offset": offset, "limit": min(left, page_size)}
            reply = await self.ask(f"/graph/v1/{what}/search", bucket=_BUCKET, params=params)
            data = members(reply.json(), reply)
            for record in read_all(kind, data.get("data", []), reply, "data"):  # Without hits there is no such member.
                left -= 1
                yield record
            following = data.get("next")
            if not isinstance(following, int) or following <= offset:
                return
            offset = following

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a wrong key, which is a 403."""
        if reply.status == 403 and self._secret:  # noqa: PLR2004 - a status is its own name
            return CredentialRefused(self.name, self.credential)
        return super().judge(reply)
