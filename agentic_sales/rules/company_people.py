"""Join the people of one company from several sources, and guard against people of other companies.

A person is told by the name. Every source has a confidence, and a second source adds to it. Guessed addresses are
candidates: nothing stores or uses one before a check.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import name_key, site_of
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.names import greeting_name, split_name
from agentic_sales.rules.people_keys import person_name_key
from agentic_sales.rules.tables import table
from agentic_sales.rules.titles import read_title
from agentic_sales.rules.words import folded

PeopleSource = Literal["gh", "papers", "team"]
CONFIDENCE: dict[PeopleSource, float] = {"gh": 0.55, "papers": 0.65, "team": 0.70}
"""Probability that a person of a source works there. Callers know it."""
MULTI_SOURCE_BONUS = 0.10
NO_PAPERS = frozenset({"STAFFING", "AGENCY", "CONSULTANCY"})
"""Categories of companies that publish no papers."""
LEAST_NAME_CHARS = 4
MOST_NAME_WORDS = 6
_GENERIC = frozenset(table("team_pages")["names"]["generic"])


class CompanyPerson(BaseModel):
    """A person as one source names him or her."""

    name: str = Field(description="Name as the source has it.")
    source: PeopleSource = Field(description="`gh`, `papers` or `team`.")
    method: FoundMethod = Field(default="api", description="How it was found.")
    title: str = Field(default="", description="Job title. Empty: the source tells none.")
    url: str = Field(default="", description="Page that says so.")
    quote: str = Field(default="", description="Words of the page. Empty: the source is no text.")
    profile: str = Field(default="", description="A page about the person.")
    orcid: str = Field(default="", description="ORCID iD.")
    email: str = Field(default="", description="Address that a page prints. Never a guess.")
    email_url: str = Field(default="", description="Page that prints it.")


class PersonCandidate(BaseModel):
    """A person of a company, from all sources."""

    name: str = Field(description="Whole name.")
    title: str = Field(default="", description="Job title. Empty: no source tells one.")
    confidence: float = Field(
        description="Probability that the person works there: .55 gh, .65 papers, .70 team, +.10."
    )
    sources: list[PeopleSource] = Field(default_factory=list, description="Sources that name the person.")
    profile: str = Field(default="", description="A page about the person.")
    email: str = Field(default="", description="Address that a page of the company prints.")
    email_candidates: list[str] = Field(
        default_factory=list, description="Guessed addresses. Nobody has checked them; none is kept in the book."
    )
    is_known: bool = Field(default=False, description="Whether the book has the person in this company.")
    findings: list[FoundFact] = Field(default_factory=list, description="Known facts of the person.")


class FoundPeople(BaseModel):
    """The people of a company, by source and joined."""

    company: dict[str, Any] = Field(default_factory=dict, description="company_id, name, domain, category.")
    gh: list[CompanyPerson] = Field(default_factory=list, description="Public members on GitHub, 25 at most.")
    papers: list[CompanyPerson] = Field(default_factory=list, description="Authors of recent papers.")
    team: list[CompanyPerson] = Field(default_factory=list, description="People that the company's pages name.")
    merged: list[PersonCandidate] = Field(default_factory=list, description="The same, joined by name.")
    candidates: list[PersonCandidate] = Field(default_factory=list, description="Those that the book lacks.")
    candidates_inserted: int = Field(default=0, description="People that are new in the book.")
    skipped_existing: int = Field(default=0, description="People that the book has in this company.")
    skipped_papers: str = Field(default="", description="Why no papers were looked for. Empty: they were.")


def is_personal_name(text: str) -> bool:
    """Tell whether a text is the whole name of one person, and no post, firm or place beside a comma."""
    words = text.split()
    if not 2 <= len(words) <= MOST_NAME_WORDS or any(char.isdigit() for char in text):  # noqa: PLR2004 - first and last
        return False
    parts = split_name(text)
    return bool(greeting_name(text) and len(parts.last) > 1) and not read_title(text).is_post


def is_generic_name(name: str) -> bool:
    """Tell whether a company's name is too common to find it by: a short one, or everyday words of firms alone."""
    words = name_key(name).split()
    telling = [word for word in words if word not in _GENERIC]
    return not any(len(word) >= LEAST_NAME_CHARS for word in telling)


def is_this_company(name: str, homepage: str | None, *, wanted: str, domain: str) -> bool:
    """Tell whether an institution of a register is this company.

    Its home page decides. Without one the names must be the same, and no generic one.
    """
    site = site_of(homepage or "")
    if site is not None and domain:
        return site == domain
    return bool(name_key(wanted)) and name_key(name) == name_key(wanted) and not is_generic_name(wanted)


def why_no_papers(name: str, category: str) -> str:
    """Return why no papers are looked for. Empty if they are."""
    if category.upper() in NO_PAPERS:
        return f"companies of the category {category} publish no papers"
    if not name.strip():
        return "the company has no name"
    return f"`{name}` is too common a name to find papers by" if is_generic_name(name) else ""


def merged(people: Iterable[CompanyPerson], domain: str) -> list[PersonCandidate]:
    """Join the people of all sources by their names, the most certain first."""
    named = sorted((p for p in people if is_personal_name(p.name)), key=lambda p: person_name_key(p.name))
    grouped = [list(group) for _, group in groupby(named, key=lambda p: person_name_key(p.name))]
    found = [_candidate(group, domain) for group in grouped]
    return sorted(found, key=lambda each: (-each.confidence, each.name))


def _candidate(group: Sequence[CompanyPerson], domain: str) -> PersonCandidate:
    best = max(group, key=lambda person: (CONFIDENCE[person.source], bool(person.title)))
    sources = sorted({person.source for person in group})
    confidence = CONFIDENCE[best.source] + MULTI_SOURCE_BONUS * (len(sources) > 1)
    email = next((person.email for person in group if person.email), "")
    return PersonCandidate(
        name=best.name,
        title=next((person.title for person in (best, *group) if person.title), ""),
        confidence=round(confidence, 2),
        sources=sources,
        profile=_profile(group),
        email=email,
        email_candidates=[] if email else guessed_addresses(best.name, domain),
        findings=_findings(group, round(confidence, 2)),
    )


def _profile(group: Sequence[CompanyPerson]) -> str:
    """Return the page of a person. GitHub's goes first, since it tells namesakes apart most often."""
    told = sorted((person for person in group if person.profile), key=lambda person: person.source != "gh")
    return next((person.profile for person in told), "")


def _findings(group: Sequence[CompanyPerson], confidence: float) -> list[FoundFact]:
    found: dict[str, FoundFact] = {}
    for person in group:
        told = {
            "position": person.title,
            "github_login": person.profile.rpartition("/")[2] if "github.com/" in person.profile else "",
            "orcid": person.orcid,
        }
        for field, value in told.items():
            if value:
                found.setdefault(field, _fact(field, value, person, confidence))
        found.setdefault(
            f"works_there.{person.source}", _fact(f"works_there.{person.source}", True, person, confidence)
        )
        if person.email:
            printed = {"source_url": person.email_url, "quote": person.email, "method": "rules"}
            found.setdefault("email", _fact("email", person.email, person, confidence).model_copy(update=printed))
    return list(found.values())


def _fact(field: str, value: object, person: CompanyPerson, confidence: float) -> FoundFact:
    return FoundFact(
        field=field,
        value=value,
        method=person.method,
        confidence=confidence,
        source_url=person.url,
        quote=person.quote,
    )


def guessed_addresses(name: str, domain: str) -> list[str]:
    """Return the addresses that a person of this name often has at a domain, the usual one first. They are guesses."""
    parts = split_name(name)
    first, last = _letters(parts.first), _letters(parts.last)
    if not (first and last and domain):
        return []
    locals_ = (f"{first}.{last}", first, f"{first[0]}{last}", f"{first[0]}.{last}", f"{first}{last}", f"{first}_{last}")
    return [f"{local}@{domain}" for local in dict.fromkeys(locals_)]


_SPELT_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "å": "a", "ł": "l", "đ": "d"}
)


def _letters(part: str) -> str:
    """Return a part of a name as addresses have it: ASCII, with the hyphen of a double name, without dots."""
    told = folded(part.lower().translate(_SPELT_OUT).replace("-", "\x00"))
    plain = re.sub(r"[^a-z ]", "", told).strip()
    return plain.replace(" ", "-") if "-" in part else plain.replace(" ", "")
