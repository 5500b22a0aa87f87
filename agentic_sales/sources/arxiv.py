"""Read arXiv: preprints by author, subject and words.

arXiv allows one request in three seconds over all machines of a deployment. A second page of a search thus always
meets the limit. A batch run is put back and finds the first page in the cache.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import ClassVar

from agentic_sales.errors import AgenticSalesError, BadQuery
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.atom import Element, read_feed
from agentic_sales.sources.records import Record, Text, TextOrNone
from agentic_sales.sources.service import Place, Source

_BUCKET = Bucket("all", (Limit(1, 3.1),), at_once=1)
_LARGEST_PAGE, _DEEPEST = 2000, 30_000


class PreprintAuthor(Record):
    """An author."""

    name: Text
    affiliation: TextOrNone = None
    """Rarely told."""


class Preprint(Record):
    """A preprint."""

    id: Text
    """Such as `2501.00001`, without its version."""
    title: Text
    abstract: Text
    published_at: datetime | None
    authors: tuple[PreprintAuthor, ...]
    category: TextOrNone = None
    """Primary subject, such as `cs.IR`."""
    doi: TextOrNone = None
    pdf_url: TextOrNone = None


class ArXiv(Source):
    """A client of arXiv's API."""

    name: ClassVar[str] = "arxiv"
    accept: ClassVar[str] = "application/atom+xml"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.arxiv_url, place=place)

    async def search(self, query: str, *, most: int = 100, page_size: int = 100) -> AsyncIterator[Preprint]:
        """Yield the preprints that a query finds, the newest first.

        Args:
            query: In arXiv's form, such as `au:"ada example" AND cat:cs.LG`.
            most: Most preprints.
            page_size: Preprints per request, up to 2,000.

        Raises:
            BadQuery: arXiv does not take the query. The message has its reason.
        """
        start, end, size = 0, min(most, _DEEPEST), min(page_size, _LARGEST_PAGE)
        while start < end:
            params: Params = {
                "search_query": query,
                "start": start,
                "max_results": min(size, end - start),
                "sortBy": "submittedDate",
                "sortOrder": "descending",
            }
            feed = await self._feed(params)
            entries = [_preprint(entry) for entry in feed.all("atom:entry")]
            for entry in entries:
                yield entry
            start += len(entries)
            if not entries or start >= feed.number("opensearch:totalResults"):
                return

    async def preprints(self, ids: Sequence[str]) -> tuple[Preprint, ...]:
        """Return the preprints of these ids. One that is not there is left out.

        Raises:
            BadQuery: An id has a form that no preprint has.
        """
        feed = await self._feed({"id_list": ",".join(ids), "max_results": max(1, len(ids))})
        return tuple(_preprint(entry) for entry in feed.all("atom:entry"))

    async def _feed(self, params: Params) -> Element:
        return read_feed(await self.ask("/api/query", bucket=_BUCKET, params=params))

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Find the reason of a 400, which stands in a feed of its own."""
        if reply.status == 400:  # noqa: PLR2004 - a status is its own name
            reasons = [entry.text("atom:summary") for entry in read_feed(reply).all("atom:entry")]
            return BadQuery(self.name, "this query", next((reason for reason in reasons if reason), "400"))
        return super().judge(reply)


def _preprint(entry: Element) -> Preprint:
    identity = entry.needed("atom:id").rpartition("/abs/")[2]
    number, version, _ = identity.rpartition("v")
    return Preprint(
        id=number if version else identity,
        title=entry.needed("atom:title"),
        abstract=entry.text("atom:summary") or "",
        published_at=entry.moment("atom:published"),
        authors=tuple(
            PreprintAuthor(name=author.needed("atom:name"), affiliation=author.text("arxiv:affiliation"))
            for author in entry.all("atom:author")
        ),
        category=entry.attribute("arxiv:primary_category", "term"),
        doi=entry.text("arxiv:doi"),
        pdf_url=entry.attribute("atom:link[@title='pdf']", "href"),
    )
