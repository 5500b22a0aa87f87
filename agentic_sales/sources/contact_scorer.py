"""Ask a scoring service of the deployment for the tier of a contact, such as a model that the team has trained.

It takes `POST /score` with the profile as JSON and answers `{"tier", "score", "reasons"}`. It gets the title, the words
about the person and the employer, and the ways to reach the person. It gets no name and no address.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.rules.contact_forms import ContactKnowledge
from agentic_sales.rules.contact_scores import MOST_REASONS, ContactTier
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, members, read
from agentic_sales.sources.service import Place, Source

_SCORES = Bucket("scores", (Limit(120, 60.0),), at_once=8)
MOST_LETTERS = 8_000
"""Letters of all words about a person or an employer that are sent."""


class ScorerAnswer(Record):
    """The service's rating of a contact."""

    tier: ContactTier
    score: float = Field(ge=0, le=1)
    reasons: list[str] = Field(default_factory=list, max_length=MOST_REASONS)


class ContactScorer(Source):
    """A client of the scoring service."""

    name: ClassVar[str] = "contact_scorer"
    credential: ClassVar[str] = "AGENTIC_SALES_CONTACT_SCORER_URL"
    fresh_s: ClassVar[float] = 3_600.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self.is_there = configuration.contact_scorer_url is not None
        url = configuration.contact_scorer_url or "http://contact-scorer.invalid"
        super().__init__(configuration, url, secret=configuration.contact_scorer_key, place=place)

    async def score(self, known: ContactKnowledge) -> ScorerAnswer:
        """Return the service's tier of a contact.

        Raises:
            RateLimited: The service takes 120 questions a minute.
            AgenticSalesError: See `Api.ask`.
        """
        reply = await self.ask("/score", bucket=_SCORES, json={"profile": _profile_of(known)})
        return read(ScorerAnswer, members(reply.json(), reply), reply)


def _profile_of(known: ContactKnowledge) -> Mapping[str, Any]:
    return {
        "title": known.title,
        "about": _cut(known.words.values()),
        "company": _cut(known.pages.values()),
        "company_score": known.company_score,
        "reach": known.reach,
    }


def _cut(texts: Iterable[str]) -> str:
    return "\n".join(texts)[:MOST_LETTERS]
