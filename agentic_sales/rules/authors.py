"""Tell whether two names of sources mean one person, and choose among namesakes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agentic_sales.rules.company_identity import name_key, site_of
from agentic_sales.rules.names import split_name
from agentic_sales.rules.words import folded

GITHUB_OK, GITHUB_LOW = 0.70, 0.45
"""Least scores of a GitHub account that is the person's, and of one that may be. Callers know them."""
AUTHOR_OK = 0.60
"""Least score of an author that is the person."""
_SAME_NAME, _INITIAL, _SAME_EMPLOYER, _OTHER_EMPLOYER, _ALONE = 0.55, 0.35, 0.35, -0.25, 0.15


class Workplace(Protocol):
    """Where a source says that somebody works."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def homepage(self) -> str | None:
        """Its home page, or None."""


@dataclass(frozen=True, slots=True)
class SoughtPerson:
    """The person that is looked for."""

    name: str
    """Whole name."""
    company: str = ""
    """Employer. Empty: not known."""
    domain: str = ""
    """Site of the employer."""
    orcid: str = ""
    """ORCID iD."""


C = TypeVar("C")


def surname_of(name: str) -> str:
    """Return the family name in small letters without accents. Of one word it is that."""
    parts = split_name(name)
    return folded(parts.last) or folded(name).rpartition(" ")[2]


def has_surname(name: str, wanted: str) -> bool:
    """Tell whether a name holds the family name of the wanted one. Nobody without it is the person."""
    surname = surname_of(wanted)
    return bool(surname) and surname in f" {folded(name)} " and (len(surname) > 2 or surname in folded(name).split())  # noqa: PLR2004


def name_likeness(name: str, wanted: str) -> float:
    """Return how well a name fits a wanted one: .55 the same, .35 an initial of the first name, else 0."""
    if surname_of(name) != surname_of(wanted):
        return 0.0
    first, other = folded(split_name(name).first), folded(split_name(wanted).first)
    if first == other and first:
        return _SAME_NAME
    is_initial = bool(first and other) and first[0] == other[0] and 1 in {len(first), len(other)}
    return _INITIAL if is_initial else 0.0


def works_at(places: Iterable[Workplace], wanted: SoughtPerson) -> bool | None:
    """Tell whether one of the places is the employer. None: the places or the employer are not known."""
    known = list(places)
    if not known or not (wanted.company or wanted.domain):
        return None
    key = name_key(wanted.company)
    return any(
        (wanted.domain and site_of(place.homepage or "") == wanted.domain) or (key and name_key(place.name) == key)
        for place in known
    )


def author_score(
    name: str, places: Iterable[Workplace], orcid: str | None, wanted: SoughtPerson, *, is_alone: bool
) -> float:
    """Return how surely an author is the person, 0-1. The same ORCID iD is the person, another one is not."""
    if wanted.orcid and orcid:
        return 1.0 if orcid == wanted.orcid else 0.0
    likeness = name_likeness(name, wanted.name)
    if not likeness:
        return 0.0
    employed = works_at(places, wanted)
    bonus = 0.0 if employed is None else _SAME_EMPLOYER if employed else _OTHER_EMPLOYER
    return round(max(0.0, min(likeness + bonus + _ALONE * is_alone, 1.0)), 2)


def account_score(login: str, name: str, company: str, site: str, wanted: SoughtPerson, *, is_alone: bool) -> float:
    """Return how surely a GitHub account is the person's, 0-1. Without the surname it is nobody's.

    Args:
        login: Login.
        name: Name that the account tells.
        company: Employer that the account tells, as `@acme` or by name.
        site: Site that the account links to.
        wanted: The person.
        is_alone: Whether no other account has the name.
    """
    if not has_surname(f"{name} {login}", wanted.name):
        return 0.0
    score = name_likeness(name, wanted.name)
    told = company.strip().lstrip("@")
    is_employer = bool(told and wanted.company) and name_key(told) == name_key(wanted.company)
    is_site = bool(wanted.domain) and site_of(site) == wanted.domain
    is_elsewhere = bool(told and wanted.company) and not (is_employer or is_site)
    score += _SAME_EMPLOYER if is_employer or is_site else _OTHER_EMPLOYER if is_elsewhere else 0.0
    return round(min(score + _ALONE * (is_alone and score > 0), 1.0), 2)


def best(scored: Sequence[tuple[float, C]], least: float) -> tuple[float, C] | None:
    """Return the best of candidates. None: none is good enough, or two are equally good."""
    ranked = sorted(scored, key=lambda pair: -pair[0])
    if not ranked or ranked[0][0] < least:
        return None
    is_tied = len(ranked) > 1 and ranked[1][0] == ranked[0][0]
    return None if is_tied else ranked[0]
