"""Hold the questions and the answers of workflows about an author of papers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.book_forms import PersonForm
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.papers import FoundPaper, ResearchTag

RULES_CONFIDENCE, MODEL_CONFIDENCE = 0.7, 0.8
"""Confidence of tags that words tell, and of those that a model told with words."""


class ResearcherForm(PersonForm):
    """An input about a possible author of papers: of the book, or a name."""

    domain: str = Field(default="", max_length=300, description="Site of the employer.")
    orcid: str = Field(default="", pattern=r"^(\d{4}-\d{4}-\d{4}-\d{3}[\dX])?$", description="ORCID iD.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class EnrichedResearcher(BaseModel):
    """The papers, subjects and accounts of a person."""

    contact: dict[str, Any] = Field(default_factory=dict, description="Person of the search, with the ids of the book.")
    company: dict[str, Any] = Field(default_factory=dict, description="Employer: name and domain.")
    papers: list[FoundPaper] = Field(default_factory=list, description="Ten at most; those of the book first.")
    tags: list[ResearchTag] = Field(default_factory=list, description="Subjects, of the closed list.")
    tags_added: list[ResearchTag] = Field(default_factory=list, description="Those that are new.")
    existing_tags: list[str] = Field(default_factory=list, description="Those that the book had.")
    extracted_skills: list[str] = Field(default_factory=list, description="Skills that the papers name.")
    github_handle: str = Field(default="", description="Login. Empty: none is surely the person's.")
    github_handle_source: str = Field(default="", description="`existing`, `search`, or empty.")


def enriched_facts(
    papers: Sequence[FoundPaper],
    tags: Sequence[ResearchTag],
    quotes: Mapping[str, Sequence[str]],
    skills: Sequence[str],
    *,
    method: FoundMethod,
) -> list[FoundFact]:
    """Return a person's papers, subjects and skills as facts.

    Args:
        papers: The papers.
        tags: Their subjects.
        quotes: Words and page of each tag.
        skills: Skills that they name.
        method: Source of the tags: `rules` or `llm`.
    """
    if not papers:
        return []
    page = papers[0].url
    short: list[dict[str, Any]] = [paper.model_dump(exclude={"abstract"}) for paper in papers]
    found = [FoundFact(field="papers", value=short, method="api", source_url=page)]
    told = [tag for tag in tags if tag in quotes]
    if told:
        words, url = quotes[told[0]]
        sure = MODEL_CONFIDENCE if method == "llm" else RULES_CONFIDENCE
        tagged: dict[str, Any] = {"value": list(tags), "source_url": url, "quote": words}
        found.append(FoundFact(field="research_tags", method=method, confidence=sure, **tagged))
    if skills:
        found.append(FoundFact(field="skills", value=list(skills), method="rules", confidence=0.7, source_url=page))
    return found


def github_fact(login: str, score: float) -> list[FoundFact]:
    """Return a GitHub account as a fact. Nothing without one."""
    page = f"https://github.com/{login}"
    told = FoundFact(field="github_login", value=login, method="api", confidence=score, source_url=page)
    return [told] if login else []
