"""Describe a company in the words of its home page."""

import re
from dataclasses import dataclass
from textwrap import shorten
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import plain_text

MAX_DESCRIPTION_CHARS = 300
MIN_DESCRIPTION_WORDS = 6
_TITLE_SEPARATOR = re.compile(r"(?<!\s)\s+[|·•:\u2013\u2014-]+\s+|:\s+")
_NO_NAMES = frozenset({"", "home", "homepage", "home page", "welcome", "start", "startseite", "willkommen"})
_NO_DESCRIPTION = re.compile(r"cookies?|javascript", re.IGNORECASE)


class Company(BaseModel):
    """The name and the kind of a company."""

    name: str = Field(default="", description="Name as given, or else from the title of its home page.")
    domain: str = Field(default="", description="Host of its site without `www.`.")
    url: str = Field(default="", description="Address of the home page, after redirects.")
    title: str = Field(default="", description="Title of the home page.")
    description: str = Field(default="", description="First sentence of the home page, or its title; its own words.")


@dataclass(frozen=True, slots=True)
class HomeText:
    """A company's home page, as far as rules read it."""

    name: str
    """Name of the company in its title."""
    url: str
    """Address after redirects."""
    text: str
    """Plain text."""


def home_text(title: str, url: str, markdown: str) -> HomeText:
    """Return a home page for the rules."""
    return HomeText(describe_company(title, url, markdown, "").name, url, plain_text(markdown))


def describe_company(title: str, url: str, markdown: str, name: str) -> Company:
    """Describe the company in the words of its home page."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    lines = plain_text(markdown).splitlines()
    description = next(filter(_is_sentence, lines), title)
    return Company(
        name=name.strip() or _name_in_title(title, host),
        domain=host,
        url=url,
        title=title,
        description=shorten(description, MAX_DESCRIPTION_CHARS, placeholder=" …"),
    )


def _is_sentence(line: str) -> bool:
    is_long = len(line.split()) >= MIN_DESCRIPTION_WORDS
    return is_long and line.rstrip().endswith((".", "!", "?")) and not _NO_DESCRIPTION.search(line)


def _name_in_title(title: str, host: str) -> str:
    """Return the part of a title that the host repeats, else the shortest part, else the host."""
    parts = [part.strip() for part in _TITLE_SEPARATOR.split(title) if part.strip().casefold() not in _NO_NAMES]
    known = [part for part in parts if _letters(part) and _letters(part) in _letters(host)]
    return min(known or parts or [host], key=len)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
