"""Read the nine aspects of a sales technology product by rules, from the table `sales_tech`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agentic_sales.rules.company_page import describe_company
from agentic_sales.rules.company_signs import read_industry, sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.sales_tech import (
    PAYLOADS,
    Aspect,
    AspectUnit,
    FieldProof,
    PricingTier,
    completeness_of,
)
from agentic_sales.rules.signs import affirmed, compiled, level, on_path
from agentic_sales.rules.tables import Compiled, Table

MOST_SENTENCES = 5
"""Sentences of one field."""
_MONEY = (
    r"(?:(?P<sign>[$€£])\s?)?(?P<price>\d[\d,]*(?:\.\d{1,2})?)\s?"
    r"(?P<unit>us dollars?|dollars?|usd|euros?|eur|gbp|pounds?|[$€£])?"
)
_TIER = re.compile(
    r"(?:^|(?<=[.!?;]\s))(?P<name>[A-Z][\w+ ]{1,28}?)\s*[:\u2013\u2014-]\s*(?:from |only )?"
    rf"(?:{_MONEY}|(?P<custom>on request|custom|contact (?:us|sales)))(?P<rest>[^\n.;]{{0,80}})",
    re.IGNORECASE | re.MULTILINE,
)
_CURRENCIES = {
    "$": "USD",
    "usd": "USD",
    "dollar": "USD",
    "us dollar": "USD",
    "€": "EUR",
    "euro": "EUR",
    "eur": "EUR",
    "£": "GBP",
    "gbp": "GBP",
    "pound": "GBP",
}
_TRIAL_DAYS = re.compile(
    r"(\d{1,3})[ -]days?(?: free)? trial|(?:free trial|try (?:it )?free)[^.\n]{0,30}?(\d{1,3}) days", re.IGNORECASE
)
_PLACE_OF_NAME = r"\s+(?P<name>[A-Z][\w.&-]{1,30}(?:\s[A-Z][\w.&-]{1,30}){0,2})"


@dataclass(frozen=True, slots=True)
class SalesTechWords:
    """The words of the table."""

    paths: Mapping[str, re.Pattern[str]]
    about: Mapping[str, str]
    lists: Mapping[str, Mapping[str, re.Pattern[str]]]
    """Lists of the card by field: each value with its words."""
    flags: Mapping[str, re.Pattern[str]]
    sentences: Mapping[str, re.Pattern[str]]
    pricing: Mapping[str, re.Pattern[str]]
    planned: re.Pattern[str]
    """Stands in a sentence that speaks of the future."""
    competitor: re.Pattern[str]


def _built(known: Table) -> SalesTechWords:
    before = "|".join(known["competitors"]["before"])
    return SalesTechWords(
        paths={aspect: on_path(words) for aspect, words in known["paths"].items()},
        about=known["about"],
        lists={
            field: {value: compiled(signs) for value, signs in row.items()} for field, row in known["lists"].items()
        },
        flags={field: compiled(signs) for field, signs in known["flags"].items()},
        sentences={field: compiled(signs) for field, signs in known["sentences"].items()},
        pricing={field: compiled(signs) for field, signs in known["pricing"].items()},
        planned=compiled(known["veto"]["planned"]),
        competitor=re.compile(rf"(?i:\b(?:{before})){_PLACE_OF_NAME}"),
    )


sales_tech_words = Compiled("sales_tech", _built)
"""Gives the words of the table `sales_tech`, with a person's additions if there are any."""


def aspects_of(url: str, words: SalesTechWords) -> set[str]:
    """Return the aspects that an address promises to tell of."""
    path = urlsplit(url).path
    return {aspect for aspect, sign in words.paths.items() if sign.search(path)}


def extract(aspect: Aspect, pages: Mapping[str, str], unread: list[str], words: SalesTechWords) -> AspectUnit[Any]:
    """Fill one part of the card by rules.

    Args:
        aspect: The part.
        pages: Plain text of each page by its address, the home page first.
        unread: Addresses of the site that were not read.
        words: The words of the table.
    """
    found = _Reading(pages, words)
    found.read_lists([*PAYLOADS[aspect].model_fields])
    if own := _OWN.get(aspect):
        own(found)
    payload = PAYLOADS[aspect].model_validate(found.values)
    suggested = [url for url in unread if aspect in aspects_of(url, words)]
    return AspectUnit[Any](
        payload=payload,
        evidence=found.evidence,
        completeness=completeness_of(payload.model_dump()),
        refetch_suggestions=suggested[:3],
    )


def extract_all(
    aspects: Iterable[Aspect], pages: Mapping[str, str], unread: list[str], words: SalesTechWords
) -> dict[Aspect, AspectUnit[Any]]:
    """Fill several parts of the card by rules, see `extract`."""
    return {aspect: extract(aspect, pages, unread, words) for aspect in aspects}


class _Reading:
    """One aspect under way."""

    def __init__(self, pages: Mapping[str, str], words: SalesTechWords) -> None:
        self.pages, self.words = pages, words
        self.values: dict[str, Any] = {}
        self.evidence: list[FieldProof] = []

    def hits(self, sign: re.Pattern[str]) -> Iterator[tuple[str, str]]:
        """Yield the address and the sentence of each place that has a sign, and neither denies nor plans it."""
        for url, text in self.pages.items():
            for hit in affirmed(sign, level(text), OWN_WORDS.denied):
                sentence = sentence_around(text, hit)
                if not self.words.planned.search(level(sentence)):
                    yield url, sentence

    def prove(self, field: str, url: str, quote: str) -> None:
        """Keep the words that back a field."""
        self.evidence.append(FieldProof(field=field, source_url=url, quote=quote))

    def read_lists(self, fields: list[str]) -> None:
        """Read the fields that the table alone decides."""
        for field in fields:
            for value, sign in self.words.lists.get(field, {}).items():
                if place := next(self.hits(sign), None):
                    self.values.setdefault(field, []).append(value)
                    self.prove(field, *place)
            if field in self.words.flags and (place := next(self.hits(self.words.flags[field]), None)):
                self.values[field] = True
                self.prove(field, *place)
            if field in self.words.sentences:
                self._read_sentences(field)

    def _read_sentences(self, field: str) -> None:
        found = list(dict.fromkeys(self.hits(self.words.sentences[field])))[:MOST_SENTENCES]
        if found:
            quotes = list(dict.fromkeys(quote for _, quote in found))
            self.values[field] = quotes[0] if field == "unique_value" else quotes
            for place in found:
                self.prove(field, *place)


def _overview(found: _Reading) -> None:
    """Read the use of the product from the first whole sentence of the home page."""
    url, text = next(iter(found.pages.items()), ("", ""))
    if words := describe_company("", url, text, "").description:
        found.values["one_liner"] = words
        found.prove("one_liner", url, words)


def _profile(found: _Reading) -> None:
    home = next(iter(found.pages.items()), ("", ""))
    industry = read_industry(home[1])
    if industry.quote:
        found.values["icp_industries"] = [industry.value]
        found.prove("icp_industries", home[0], industry.quote)


def _pricing(found: _Reading) -> None:
    tiers = dict[str, PricingTier]()
    for url, text in found.pages.items():
        for hit in _TIER.finditer(text):
            if (tier := _tier(hit)) and tier.name not in tiers:
                tiers[tier.name] = tier
                found.prove("pricing_tiers", url, hit[0].strip())
        if (trial := _TRIAL_DAYS.search(text)) and "free_trial_days" not in found.values:
            found.values["free_trial_days"] = int(trial[1] or trial[2])
            found.prove("free_trial_days", url, trial[0])
    found.values["pricing_tiers"] = [*tiers.values()]
    model, place = _pricing_model(found, has_price=any(tier.price for tier in tiers.values()))
    if place:
        found.values["pricing_model"] = model
        found.prove("pricing_model", *place)


def _pricing_model(found: _Reading, *, has_price: bool) -> tuple[str, tuple[str, str] | None]:
    first = {name: next(found.hits(sign), None) for name, sign in found.words.pricing.items()}
    priced = next(((proof.source_url, proof.quote) for proof in found.evidence if proof.field == "pricing_tiers"), None)
    if has_price:
        return ("freemium", first["free_plan"]) if first["free_plan"] else ("paid", priced)
    if first["free_plan"]:
        return "free", first["free_plan"]
    return ("contact_sales", first["contact"]) if first["contact"] else ("unknown", None)


def _tier(hit: re.Match[str]) -> PricingTier | None:
    """Return a plan, or None if a number is no price: `Founded: 2016`."""
    told = (hit["sign"] or hit["unit"] or "").lower()
    currency = _CURRENCIES.get(told) or _CURRENCIES.get(told.rstrip("s"), "")
    if not hit["custom"] and not currency:
        return None
    price = float(hit["price"].replace(",", "")) if hit["price"] else None
    rest = hit["rest"].lower()
    is_annual = bool(re.search(r"\b(?:year|annum|annual)", rest)) and "month" not in rest
    return PricingTier(
        name=hit["name"].strip(),
        price=price,
        price_usd=price if currency == "USD" else None,
        currency=currency,
        billing="custom" if price is None else "annual" if is_annual else "monthly" if "month" in rest else "one_time",
    )


def _market(found: _Reading) -> None:
    first = {name: next(found.hits(sign), None) for name, sign in found.words.pricing.items()}
    by_itself, by_people = first["signup"] or first["trial"], first["demo"] or first["contact"]
    motion = "hybrid" if by_itself and by_people else "PLG" if by_itself else "SLG" if by_people else "unknown"
    found.values["gtm_motion"] = motion
    for place in filter(None, (by_itself, by_people)):
        found.prove("gtm_motion", *place)
    studies = [(url, line) for url, text in found.pages.items() for line in text.splitlines() if _is_study(line)]
    if studies:
        found.values["case_studies"] = list(dict.fromkeys(line.strip() for _, line in studies))
        for url, line in studies:
            found.prove("case_studies", url, line.strip())


def _is_study(line: str) -> bool:
    return level(line).strip().startswith(("case study:", "customer story:", "success story:"))


def _competitors(found: _Reading) -> None:
    names: dict[str, tuple[str, str]] = {}
    for url, text in found.pages.items():
        for hit in found.words.competitor.finditer(text):
            names.setdefault(hit["name"].strip(" ."), (url, sentence_around(text, hit)))
    if names:
        found.values["competitors_named"] = [*names]
        for place in names.values():
            found.prove("competitors_named", *place)


_OWN = {
    "overview": _overview,
    "icp": _profile,
    "pricing": _pricing,
    "gtm": _market,
    "competitors": _competitors,
}
"""The readers of aspects that need more than the table."""


def told_by_page(pages: Mapping[str, str], words: SalesTechWords) -> dict[str, dict[str, tuple[object, str]]]:
    """Return the statements of each page on prices, trials and the like, to compare pages."""
    found: dict[str, dict[str, tuple[object, str]]] = {}
    for url, text in pages.items():
        unit = extract("pricing", {url: text}, [], words)
        quotes = {proof.field: proof.quote for proof in reversed(unit.evidence)}
        values: dict[str, tuple[object, str]] = {}
        if (days := unit.payload.free_trial_days) is not None:
            values["free_trial_days"] = (days, quotes["free_trial_days"])
        for tier in unit.payload.pricing_tiers:
            if tier.price is not None:
                line = next(p.quote for p in unit.evidence if p.field == "pricing_tiers" and tier.name in p.quote)
                values[f"pricing_tiers.{tier.name}"] = (f"{tier.price} {tier.currency} {tier.billing}", line)
        found[url] = values
    return found


def summary_of(parts: Mapping[Aspect, Mapping[str, Any]], name: str) -> str:
    """Return a summary of the card by rules, in whole sentences."""
    overview, icp = parts.get("overview", {}), parts.get("icp", {})
    pricing, gtm = parts.get("pricing", {}), parts.get("gtm", {})
    kinds = ", ".join(each.replace("_", " ") for each in overview.get("taxonomy", []))
    roles = ", ".join(each.replace("_", " ") for each in icp.get("icp_buyer_roles", []))
    motion, model = gtm.get("gtm_motion", "unknown"), pricing.get("pricing_model", "unknown")
    told = (
        str(overview.get("one_liner") or ""),
        f"Kind: {kinds}." if kinds else "",
        f"For: {roles}." if roles else "",
        f"Sold {motion}, priced {model.replace('_', ' ')}." if {motion, model} != {"unknown"} else "",
    )
    sentences = " ".join(filter(None, told))
    return f"{name}: {sentences}" if name and sentences else sentences
