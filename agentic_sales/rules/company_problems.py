"""Find the problems of a company in its own words and in the jobs that it offers. A problem without a quote is dropped.

A vendor speaks of the problems of its customers more than of its own. So words that a promise precedes do not count,
and a job that is offered counts more than a sentence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote, sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.enrichments import Booked
from agentic_sales.rules.forms import CompanyForm
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.page_signs import is_careers_path, is_job_board
from agentic_sales.rules.signs import affirmed, compiled, ending, level
from agentic_sales.rules.site_words import OWN_SITE_WORDS
from agentic_sales.rules.tables import Compiled, Table
from agentic_sales.rules.words import folded

MOST_PROBLEMS = 7
"""Most problems of an answer. Callers know it."""
JOB_CONFIDENCE = 0.6
"""Confidence of the rules in a problem that a job shows."""
SAID_CONFIDENCE = 0.45
"""Confidence of the rules in a problem that the company tells."""
LONGEST_SLUG_CHARS = 48
LONGEST_JOB_LINE_CHARS = 120
"""A longer line is no title of a job."""
_LEVEL_OF_JOB = re.compile(r"^[-*\u2022# ]*(?:(?:senior|junior|lead|principal|staff|regional|global|enterprise)[ ,]+)*")
GROUP = "problem."
"""Begin of the fields of the book."""


class ProblemForm(CompanyForm):
    """A company: its id in the book, its site, or words of a page of it."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one must not be blank."""
        return ("company_id", "url", "text")

    name: str = Field(default="", max_length=200, description="Its name. Empty: as the book or its page has it.")
    text: str = Field(
        default="",
        max_length=50_000,
        description="Words of the page at `url`, as plain text. No site is read then. Empty: the site is read.",
    )


class CompanyProblem(BaseModel):
    """One problem of a company, as a model tells it."""

    problem: str = Field(max_length=300, description="The problem of today in one sentence of at most 20 words.")
    role_affected: str = Field(max_length=120, description="Job title of the person that feels it most.")
    ai_solution: str = Field(max_length=400, description="One sentence on how software could lessen it.")
    evidence: str = Field(max_length=500, description="Words of one of the texts, copied exactly, 3 to 25.")
    confidence: float = Field(ge=0, le=1, description="Probability that the company has this problem.")


class CompanyProblems(BaseModel):
    """The problems of a company, the surest first."""

    problems: list[CompanyProblem] = Field(max_length=20, description="3 to 7; fewer if the texts support fewer.")


class ProvenProblem(CompanyProblem):
    """A problem with words on a page."""

    slug: str = Field(description="Its name in the book, behind `problem.`.")
    source_url: str = Field(default="", description="Page that the words stand on. Empty: the caller's text.")


class ProblemReport(Booked):
    """The problems of a company."""

    company_id: str = Field(default="", description="The company in the book. Empty: it was not written there.")
    company: dict[str, Any] = Field(default_factory=dict, description="`name`, `domain` and `company_id`.")
    classification: dict[str, Any] = Field(
        default_factory=dict, description="The book's category, ai_tier, industry and remote_policy."
    )
    problems: list[ProvenProblem] = Field(default_factory=list, description="At most 7, the surest first.")
    dropped: list[str] = Field(default_factory=list, description="Problems in words that stand on no page.")
    summary: str = Field(default="", description="One sentence: how many problems, and the surest one.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem with its signs."""

    slug: str
    problem: str
    role: str
    solution: str
    said: re.Pattern[str]
    jobs: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ProblemWords:
    """All kinds, and the words that make a problem one of others."""

    kinds: tuple[Kind, ...]
    solved: re.Pattern[str]


def _built(known: Table) -> ProblemWords:
    kinds = tuple(
        Kind(
            slug=slug,
            problem=row["problem"],
            role=row["role"],
            solution=row["solution"],
            said=compiled(row.get("phrases", ())),
            jobs=compiled(row.get("jobs", ())),
        )
        for slug, row in known["kind"].items()
    )
    return ProblemWords(kinds, ending(rf"(?:{phrase})\s" for phrase in known["vetoes"]["solved"]))


problem_words = Compiled("sales_problems", _built)
"""Gives the words of the table `sales_problems`, with a person's additions if there are any."""


def judge_problems(pages: Mapping[str, str], words: ProblemWords) -> CompanyProblems:
    """Find problems by rules: each kind once, by its surest sign.

    Args:
        pages: Plain text of each page by its address.
        words: The words of the table.
    """
    found: list[CompanyProblem] = []
    for kind in words.kinds:
        shown = next(_jobs_in(kind, pages), "")
        said = next(_said_in(kind, pages, words), "")
        if shown or said:
            found.append(
                CompanyProblem(
                    problem=kind.problem,
                    role_affected=kind.role,
                    ai_solution=kind.solution,
                    evidence=shown or said,
                    confidence=JOB_CONFIDENCE if shown else SAID_CONFIDENCE,
                )
            )
    return CompanyProblems(problems=sorted(found, key=lambda each: -each.confidence)[:MOST_PROBLEMS])


def _said_in(kind: Kind, pages: Mapping[str, str], words: ProblemWords) -> Iterator[str]:
    for text in pages.values():
        for hit in affirmed(kind.said, level(text), words.solved):
            yield sentence_around(text, hit)


def _jobs_in(kind: Kind, pages: Mapping[str, str]) -> Iterator[str]:
    """Yield the titles of offered jobs. A line that ends as a sentence is none."""
    for url, text in pages.items():
        if not shows_jobs(url, text):
            continue
        lines = (line.strip() for line in text.splitlines())
        titles = (line for line in lines if 0 < len(line) <= LONGEST_JOB_LINE_CHARS and line[-1] not in ".!?:")
        yield from (line for line in titles if kind.jobs.match(_LEVEL_OF_JOB.sub("", level(line))))


def shows_jobs(url: str, text: str) -> bool:
    """Tell whether a page lists jobs. Elsewhere the title of a job belongs to its holder."""
    on_such_a_page = bool(url) and (is_careers_path(url, OWN_SITE_WORDS) or is_job_board(url, OWN_SITE_WORDS))
    return on_such_a_page or bool(OWN_WORDS.roles_invited.search(level(text)))


def proven(claims: Iterable[CompanyProblem], pages: Mapping[str, str], words: ProblemWords) -> list[ProvenProblem]:
    """Return the problems with words on a page, in the page's own spelling, each once."""
    slugs = {kind.problem: kind.slug for kind in words.kinds}
    found: dict[str, ProvenProblem] = {}
    for claim in sorted(claims, key=lambda each: -each.confidence):
        here = ((url, find_quote(claim.evidence, text)) for url, text in pages.items())
        url, quote = next(((url, quote) for url, quote in here if quote), ("", None))
        slug = slugs.get(claim.problem) or slug_of(claim.problem)
        if quote is not None and slug not in found and len(found) < MOST_PROBLEMS:
            told = claim.model_dump() | {"evidence": quote, "slug": slug, "source_url": url}
            found[slug] = ProvenProblem.model_validate(told)
    return list(found.values())


def slug_of(problem: str) -> str:
    """Return the name of a problem in the book: its words in ASCII, else a digest of it."""
    ascii_words = re.sub(r"[^a-z0-9]+", "_", folded(problem)).strip("_")
    short = (
        ascii_words[:LONGEST_SLUG_CHARS].rpartition("_")[0] if len(ascii_words) > LONGEST_SLUG_CHARS else ascii_words
    )
    return short or f"p{sha256(problem.encode()).hexdigest()[:12]}"


def findings_of(problems: Iterable[ProvenProblem], method: FoundMethod) -> list[FoundFact]:
    """Return problems as facts. A problem from a page without an address is left out, since a fact has a source."""
    return [
        FoundFact(
            field=f"{GROUP}{each.slug}",
            value={"problem": each.problem, "role_affected": each.role_affected, "ai_solution": each.ai_solution},
            method=method,
            confidence=each.confidence,
            source_url=each.source_url,
            quote=each.evidence,
        )
        for each in problems
        if each.source_url
    ]


def summary_of(problems: list[ProvenProblem]) -> str:
    """Return one sentence on the problems."""
    if not problems:
        return "No problem is shown by the texts."
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}; the surest: {problems[0].problem}"
