"""Hold papers from several services in one form, join them, and tell their subjects."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules.authors import has_surname
from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import table

MOST_PAPERS = 10
MOST_SKILLS = 20
LONGEST_ABSTRACT_CHARS = 3_000
ResearchTag = Literal[
    "LLM",
    "RAG",
    "Agents",
    "RL",
    "CV",
    "NLP",
    "Speech",
    "Multimodal",
    "Robotics",
    "Diffusion",
    "Alignment",
    "Evaluation",
    "Inference-Optimization",
    "Distributed-Training",
    "MLOps",
]
"""The closed list of research tags."""
RESEARCH_TAGS: tuple[ResearchTag, ...] = get_args(ResearchTag)
_TABLE = table("research_words")
_TAGS = {tag: compiled(_TABLE["tags"][tag]) for tag in RESEARCH_TAGS}
_SKILLS = compiled(_TABLE["skills"]["words"])
_DOI = re.compile(r"^(?:https?://(?:dx\.)?doi\.org/|doi:)", re.IGNORECASE)


class FoundPaper(BaseModel):
    """A paper as one service tells it."""

    title: str = Field(description="Title.")
    authors: list[str] = Field(default_factory=list, description="Names, as the service has them.")
    year: int | None = Field(default=None, description="Year of publication.")
    doi: str = Field(default="", description="Without `https://doi.org/`.")
    url: str = Field(default="", description="Its page.")
    citation_count: int | None = Field(default=None, description="Citations. Null: the service does not tell.")
    source: str = Field(default="", description="`openalex`, `crossref` or `semantic_scholar`.")
    source_id: str = Field(default="", description="Its id there.")
    abstract: str = Field(default="", description="Abstract, cut at 3,000 characters.")

    @property
    def key(self) -> str:
        """Its key: the DOI, else the id of its source, else the title."""
        doi = _DOI.sub("", self.doi.strip()).lower()
        return doi or (f"{self.source}:{self.source_id}" if self.source_id else self.title.strip().lower())

    @property
    def thing_key(self) -> str:
        """Its key in the book: the DOI, else the id of its source, else the title."""
        return _DOI.sub("", self.doi.strip()).lower() or self.source_id or self.title.strip()

    @property
    def text(self) -> str:
        """Title and abstract."""
        return f"{self.title}\n{self.abstract}".strip()


class TaggedBy(BaseModel):
    """A tag with the words that back it."""

    tag: ResearchTag = Field(description="One of the list.")
    quote: str = Field(description="Words of a title or an abstract, copied, that show it.")


class PaperTags(BaseModel):
    """The subjects of somebody's papers."""

    tags: list[TaggedBy] = Field(max_length=len(RESEARCH_TAGS), description="Subjects of the papers alone.")


def by_author(papers: Iterable[FoundPaper], name: str) -> list[FoundPaper]:
    """Return the papers that have an author with the surname of a person, the most cited first, ten at most."""
    own = [paper for paper in papers if any(has_surname(author, name) for author in paper.authors)]
    return sorted(own, key=lambda paper: (-(paper.citation_count or 0), paper.title))[:MOST_PAPERS]


def merge_papers(existing: Sequence[Mapping[str, Any]], found: Sequence[FoundPaper]) -> list[FoundPaper]:
    """Join known papers with found ones. A known one stays, and its empty fields are filled."""
    joined = {paper.key: paper for paper in map(FoundPaper.model_validate, existing)}
    for paper in found:
        known = joined.get(paper.key)
        if known is None:
            joined[paper.key] = paper
            continue
        lacks = {name: value for name, value in paper.model_dump().items() if not getattr(known, name)}
        joined[paper.key] = known.model_copy(update=lacks)
    return list(joined.values())[:MOST_PAPERS]


def tags_in(papers: Iterable[FoundPaper]) -> PaperTags:
    """Return the tags with words in titles or abstracts."""
    found: dict[ResearchTag, TaggedBy] = {}
    for paper in papers:
        for tag, pattern in _TAGS.items():
            if tag not in found and (hit := pattern.search(level(paper.text))):
                found[tag] = TaggedBy(tag=tag, quote=paper.text[hit.start() : hit.end()])
    return PaperTags(tags=[found[tag] for tag in RESEARCH_TAGS if tag in found])


def backed_tags(told: PaperTags, papers: Sequence[FoundPaper]) -> dict[ResearchTag, list[str]]:
    """Return the quote and the page of each tag with words in a paper. The others are dropped."""
    found: dict[ResearchTag, list[str]] = {}
    for entry in told.tags:
        for paper in papers:
            if words := find_quote(entry.quote, paper.text):
                found.setdefault(entry.tag, [words, paper.url])
                break
    return found


def skills_in(papers: Iterable[FoundPaper]) -> list[str]:
    """Return the skills that titles and abstracts name, in small letters."""
    hits = (hit.group() for paper in papers for hit in _SKILLS.finditer(level(paper.text)))
    return list(dict.fromkeys(hits))[:MOST_SKILLS]
