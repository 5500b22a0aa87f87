"""Find people and their posts in the text of a company's own pages.

A name alone is no person: words of a post stand beside it, as in `Ada Example (Head of Sales)`, `CEO: Ada Example`, or
a line with the name above a line with the post. So menus, places and customers are not taken for people.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from agentic_sales.rules.company_people import CompanyPerson, is_personal_name
from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.signs import on_path
from agentic_sales.rules.tables import table
from agentic_sales.rules.titles import read_title
from agentic_sales.rules.words import folded

MOST_PAGES = 5
MOST_PEOPLE = 100
LONGEST_POST_CHARS = 80
MOST_POST_WORDS = 10
LONGEST_LINE_CHARS = 2_000
MOST_PROMPT_CHARS = 12_000
"""Text of pages that a model reads."""
_TABLE = table("team_pages")["pages"]
_PATHS = on_path(_TABLE["paths"])
USUAL_PATHS: tuple[str, ...] = tuple(_TABLE["usual"])
_BIG = "[A-Z\u00c0-\u00de\u0100-\u017f\u0386-\u03ab\u0410-\u042f]"
_PARTICLE = "(?:van|von|de|del|della|der|den|di|da|dos|la|le|ter|ten|bin|al|el|af|zu)"
_WORD = rf"{_BIG}[\w'\u2019-]{{0,30}}\.?"
_NAME = rf"(?:(?:Dr|Prof|Dipl|Ing|Mag)\.? ){{0,3}}{_WORD}(?: (?:{_PARTICLE} ){{0,2}}{_WORD}){{1,3}}"
_IN_BRACKETS = re.compile(rf"(?<!\w)({_NAME}) ?\(([^()\n]{{2,{LONGEST_POST_CHARS}}})\)")
_BEFORE_POST = re.compile(rf"^\W{{0,3}}({_NAME})(?:,| ?[|\u2013\u2014:]| -) ?(.{{2,{LONGEST_POST_CHARS}}})$")
_JOINED = "(?:, | and | und | et | y | e | & )"
_BEHIND_POST = re.compile(
    rf"^\W{{0,3}}([^:\n]{{2,60}}?)(?:: ?| ?[\u2013\u2014|] ?| - )({_NAME}(?:{_JOINED}{_NAME}){{0,5}})\.?$"
)
_ALONE = re.compile(rf"^\W{{0,3}}({_NAME})\W{{0,3}}$")
_SPLIT = re.compile(_JOINED)


class TeamMember(BaseModel):
    """A person of a page."""

    name: str = Field(description="Whole name, as the page has it.")
    title: str = Field(description="Job title, as the page has it.")
    quote: str = Field(description="Words of the page, copied, that hold the name and the title.")


class Team(BaseModel):
    """The people of a company on its pages."""

    people: list[TeamMember] = Field(max_length=MOST_PEOPLE, description="People that work there. No others.")


def is_team_page(url: str) -> bool:
    """Tell by its address whether a page names the people of a company."""
    return bool(_PATHS.search(urlsplit(url).path))


def people_in(pages: Mapping[str, str], company: str = "") -> list[CompanyPerson]:
    """Return the people with their posts in plain texts of pages, each name once.

    Args:
        pages: Plain text of each page by its address.
        company: Name of the company, which is no person's.
    """
    found: dict[str, CompanyPerson] = {}
    for url, text in pages.items():
        for name, post, quote in _told(text):
            if is_personal_name(name) and is_post(post) and folded(name) != folded(company):
                key = folded(name)
                title = " ".join(post.split())
                found.setdefault(
                    key, CompanyPerson(name=name, title=title, source="team", url=url, quote=quote, method="rules")
                )
    return list(found.values())[:MOST_PEOPLE]


def backed(team: Team, pages: Mapping[str, str]) -> list[CompanyPerson]:
    """Return the people of a model's answer with a name and a title in words of a page. The others are dropped."""
    found = []
    for member in team.people:
        for url, text in pages.items():
            words = find_quote(member.quote, text) or ""
            holds = all(part in folded(words) for part in (folded(member.name), folded(member.title)))
            if words and holds and member.title.strip() and is_personal_name(member.name):
                person = CompanyPerson(
                    name=member.name, title=member.title, source="team", url=url, quote=words, method="llm"
                )
                found.append(person)
                break
    return found


def is_post(text: str) -> bool:
    """Tell whether words name a post. A sentence names none."""
    is_short = 0 < len(text.strip()) <= LONGEST_POST_CHARS and len(text.split()) <= MOST_POST_WORDS
    return is_short and text.strip()[-1] not in ".!?" and "@" not in text and read_title(text).is_post


def _told(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each name with its possible post and the words of it."""
    lines = [line.strip()[:LONGEST_LINE_CHARS] for line in text.splitlines() if line.strip()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        for inside in _IN_BRACKETS.finditer(line):
            yield inside[1], inside[2], inside[0]
        if found := _BEFORE_POST.match(line):
            yield found[1], found[2], line
        if found := _BEHIND_POST.match(line):
            for name in _SPLIT.split(found[2]):
                yield name, found[1], line
        if (found := _ALONE.match(line)) and len(following) <= LONGEST_POST_CHARS:
            yield found[1], following, f"{line}\n{following}"


def with_addresses(people: Iterable[CompanyPerson], emails: Mapping[str, str], domain: str) -> list[CompanyPerson]:
    """Return people with the addresses that the site prints for them.

    Args:
        people: People of the pages.
        emails: Page of each address that stands on the site.
        domain: Domain of the company. Addresses of other hosts are nobody's here.
    """
    found = []
    for person in people:
        own = (email for email in emails if email.endswith(f"@{domain}") and is_address_of(email, person.name))
        printed = next(own, None)
        told = {"email": printed, "email_url": emails[printed]} if printed else {}
        found.append(person.model_copy(update=told))
    return found


def is_address_of(email: str, name: str) -> bool:
    """Tell whether the part of an address before the `@` is made of a name: `a.example` of Ada Example."""
    words = folded(name).split()
    first, last = words[0], words[-1]
    spelt = {f"{first}{last}", f"{last}{first}", f"{first[0]}{last}", f"{first}{last[0]}"}
    return re.sub(r"[\W_]", "", email.partition("@")[0]) in spelt
