"""Read a site's data on its company for machines: the Organization in its JSON-LD."""

import json
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup

from agentic_sales.sources.records import Record, Text, TextOrNone
from agentic_sales.wire import clean_text

_KINDS = frozenset(
    {
        *("Organization", "Corporation", "LocalBusiness", "NGO", "EducationalOrganization", "ProfessionalService"),
        *("OnlineBusiness", "NewsMediaOrganization", "ResearchOrganization", "OnlineStore", "Store"),
    }
)
_MOST_SCRIPTS = 50
_DEEPEST = 20


class SiteOrganization(Record):
    """A company as its site describes it."""

    name: TextOrNone = None
    legal_name: TextOrNone = None
    url: TextOrNone = None
    same_as: tuple[Text, ...] = ()
    """Its profiles elsewhere."""
    country: TextOrNone = None
    city: TextOrNone = None
    founded: TextOrNone = None
    """A year or a date, as the site writes it."""
    employees_min: int | None = None
    employees_max: int | None = None
    """The same as `employees_min` where the site names one number."""
    lei: TextOrNone = None
    naics: TextOrNone = None
    isic: TextOrNone = None


def organizations_in(html: str) -> tuple[SiteOrganization, ...]:
    """Return the organisations of a page, in its order. A block that is no JSON is passed over."""
    soup = BeautifulSoup(html, "lxml")
    scripts = soup.find_all("script", attrs={"type": "application/ld+json"}, limit=_MOST_SCRIPTS)
    return tuple(
        _organization(node)
        for script in scripts
        for node in _nodes(_json_or_none(script.get_text()), 0)
        if not _KINDS.isdisjoint(map(str, _listed(node.get("@type"))))
    )


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the objects at the top, in lists and in graphs, and those that they publish or brand."""
    if depth > _DEEPEST:
        return
    for item in _listed(value):
        if isinstance(item, dict):
            yield item
            for name in ("@graph", "publisher", "mainEntity", "about"):
                yield from _nodes(item.get(name), depth + 1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _organization(node: dict[str, Any]) -> SiteOrganization:
    address = next((entry for entry in _listed(node.get("address")) if isinstance(entry, dict)), {})
    least, most = _employees(node.get("numberOfEmployees"))
    return SiteOrganization(
        name=_text(node.get("name")),
        legal_name=_text(node.get("legalName")),
        url=_text(node.get("url")),
        same_as=tuple(text for entry in _listed(node.get("sameAs")) if (text := _text(entry))),
        country=_text(address.get("addressCountry")),
        city=_text(address.get("addressLocality")),
        founded=_text(node.get("foundingDate")),
        employees_min=least,
        employees_max=most,
        lei=_text(node.get("leiCode")),
        naics=_text(node.get("naics")),
        isic=_text(node.get("isicV4")),
    )


def _text(value: Any) -> str | None:
    """Return a text or number, or the name of an object, in one line."""
    found = next(iter(_listed(value)), None)
    if isinstance(found, dict):
        found = found.get("name")
    return clean_text(" ".join(str(found).split())) or None if isinstance(found, str | int | float) else None


def _employees(value: Any) -> tuple[int | None, int | None]:
    """Return the least and the most of a number of employees, which is a number, a text or a range."""
    if isinstance(value, dict):
        exact = _number(value.get("value"))
        if exact is not None:
            return exact, exact
        return _number(value.get("minValue")), _number(value.get("maxValue"))
    parts = str(value).replace("\N{EN DASH}", "-").split("-") if isinstance(value, str | int | float) else []
    numbers = [_number(part) for part in parts]
    return (numbers[0], numbers[-1]) if numbers else (None, None)


def _number(value: Any) -> int | None:
    text = str(value).replace(",", "").strip().removesuffix("+")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 - below a billion
