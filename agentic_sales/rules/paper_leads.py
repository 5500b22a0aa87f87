"""Rate the authors of papers as leads: their identity, their subjects, their employer, and their part.

The weights are those that callers know: name .35, topic .30, affiliation .25, signal .10.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact

NAME_WEIGHT, TOPIC_WEIGHT, AFFILIATION_WEIGHT, SIGNAL_WEIGHT = 0.35, 0.30, 0.25, 0.10
LEAST_SCORE = 0.70
AFFILIATION_FIT: Mapping[str, float] = {"company": 1.0, "facility": 0.4, "nonprofit": 0.3, "healthcare": 0.3}
"""How near an institution of a type is to a buyer. Universities and all others are none."""
MOST_QUERIES = 8
QUERY_FORMS = ("{topic}", "{topic} system", "{topic} evaluation", "{topic} in production", "{topic} case study")
"""Searches for a topic, if neither the caller nor a model words them."""
_WORD = re.compile(r"\w+")
_SHORT_WORDS = frozenset({"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "with"})


class PaperForm(Form):
    """An input about the papers of a topic."""

    topic: str = Field(min_length=2, max_length=200, description="Subject of the papers.")
    queries: list[str] = Field(default_factory=list, max_length=20, description="Searches to choose from. Empty: ours.")
    rounds: int = Field(default=3, ge=1, le=10, description="Searches of this run.")
    limit: int = Field(default=25, ge=1, le=200, description="Most papers of a search.")
    since_year: int | None = Field(default=None, ge=1900, le=2100, description="Only papers from this year on.")
    min_score: float = Field(default=LEAST_SCORE, ge=0, le=1, description="Score below which an author is no lead.")


class PaperQueries(BaseModel):
    """Searches for papers."""

    queries: list[str] = Field(min_length=1, max_length=MOST_QUERIES, description="Searches of 2 to 8 words each.")


class ListedPaper(BaseModel):
    """A paper that a search found."""

    key: str = Field(description="Its DOI, or else its OpenAlex id.")
    title: str = Field(description="Title.")
    url: str = Field(description="Its page.")
    abstract: str = Field(default="", description="Abstract. Empty: none is known.")
    year: int | None = Field(default=None, description="Year of publication.")
    query: str = Field(description="Search that found it.")


class ListedAuthor(BaseModel):
    """An author of a paper that was found, as the paper's record has the author."""

    name: str = Field(description="Name.")
    profile: str = Field(default="", description="Page of the author at ORCID or OpenAlex. Empty: not identified.")
    institution: str = Field(default="", description="Where the author worked.")
    institution_type: str = Field(default="", description="company, education, facility, …. Empty: not known.")
    institution_url: str = Field(default="", description="Home page of the institution.")
    is_leading: bool = Field(default=False, description="First, last or corresponding author.")
    paper: ListedPaper = Field(description="The paper.")


class PaperLead(BaseModel):
    """An author as a lead."""

    name: str = Field(description="Name.")
    profile: str = Field(default="", description="Page of the author.")
    company: str = Field(default="", description="Institution.")
    company_url: str = Field(default="", description="Its home page.")
    affiliation_type: str = Field(default="", description="Its type.")
    score: float = Field(description="0 to 1: name .35, topic .30, affiliation .25, signal .10.")
    reasons: list[str] = Field(description="Contribution of each part.")
    papers: list[ListedPaper] = Field(description="Papers of the author that were found.")

    @property
    def firm(self) -> Firm | None:
        """Return the company of the lead. None for an institution that is no company."""
        is_company = self.affiliation_type == "company" and self.company
        return Firm(self.company, self.company_url or None) if is_company else None


def queries_of(topic: str) -> PaperQueries:
    """Return the searches for a topic by rules."""
    return PaperQueries(queries=[form.format(topic=topic.strip()) for form in QUERY_FORMS])


def leads_of(authors: Iterable[ListedAuthor], topic: str) -> list[PaperLead]:
    """Return each author once with all papers, the best first."""
    groups: dict[str, list[ListedAuthor]] = {}
    for author in authors:
        groups.setdefault(author.profile or f"{author.name.casefold()}@{author.institution.casefold()}", []).append(
            author
        )
    return sorted((_lead(group, topic) for group in groups.values()), key=lambda lead: (-lead.score, lead.name))


def rewards_of(
    queries: Sequence[str], leads: Sequence[PaperLead], authors: Sequence[ListedAuthor], least: float
) -> dict[str, float]:
    """Return each search's reward: the share of the authors of its papers that are leads."""
    good = {(lead.name, lead.profile) for lead in leads if lead.score >= least}
    found = {query: {(a.name, a.profile) for a in authors if a.paper.query == query} for query in queries}
    return {query: len(people & good) / len(people) if people else 0.0 for query, people in found.items()}


def facts_of_lead(lead: PaperLead) -> list[FoundFact]:
    """Return the facts of an author."""
    first = lead.papers[0]
    told = {"lead_score": lead.score, "affiliation": lead.company, "affiliation_type": lead.affiliation_type}
    papers = [{"title": paper.title, "url": paper.url, "year": paper.year} for paper in lead.papers]
    quoted = FoundFact(field="papers", value=papers, method="api", source_url=first.url, quote=first.title)
    known = [
        FoundFact(field=field, value=value, method="rules" if field == "lead_score" else "api", source_url=first.url)
        for field, value in told.items()
        if value
    ]
    return [quoted, *known]


def facts_of_paper(paper: ListedPaper) -> list[FoundFact]:
    """Return the facts of a paper."""
    told = {"title": paper.title, "abstract": paper.abstract, "year": paper.year}
    return [
        FoundFact(field=field, value=value, method="api", source_url=paper.url)
        for field, value in told.items()
        if value
    ]


def _lead(group: Sequence[ListedAuthor], topic: str) -> PaperLead:
    best = max(group, key=lambda author: (AFFILIATION_FIT.get(author.institution_type, 0.0), bool(author.institution)))
    fit = max(_topic_fit(author.paper, topic) for author in group)
    parts = {
        "identified by a profile" if best.profile else "known by the name alone": NAME_WEIGHT
        * (1.0 if best.profile else 0.4),
        "writes about the topic": TOPIC_WEIGHT * fit,
        f"works at a {best.institution_type or 'place that is not known'}": AFFILIATION_WEIGHT
        * AFFILIATION_FIT.get(best.institution_type, 0.0),
        "leading author": SIGNAL_WEIGHT * any(author.is_leading for author in group),
    }
    papers = {author.paper.key: author.paper for author in group}
    return PaperLead(
        name=best.name,
        profile=best.profile,
        company=best.institution,
        company_url=best.institution_url,
        affiliation_type=best.institution_type,
        score=round(sum(parts.values()), 2),
        reasons=[f"{why}: +{points:.2f}" for why, points in parts.items() if points],
        papers=sorted(papers.values(), key=lambda paper: (-(paper.year or 0), paper.key)),
    )


def _topic_fit(paper: ListedPaper, topic: str) -> float:
    """Return the share of the topic's words that a paper has."""
    wanted = set(_WORD.findall(topic.lower())) - _SHORT_WORDS
    text = set(_WORD.findall(f"{paper.title} {paper.abstract}".lower()))
    return len(wanted & text) / len(wanted) if wanted else 0.0
