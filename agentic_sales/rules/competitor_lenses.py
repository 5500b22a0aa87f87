"""Look at a competitor in six ways by the text of its own pages: prices, features, integrations, changes, words, size.

The answer of a lens is a list of items. Each has a quote, and its amount and its date stand in the quote. So a model
can choose and name, and can invent no number.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.forms import GivenForm
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.signs import compiled, level, on_path, whole
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

Lens = Literal["pricing", "features", "integrations", "changelog", "positioning_shift", "funding_headcount"]
PageName = Literal["home", "pricing", "features", "integrations", "changelog", "funding_headcount"]
LENSES: tuple[Lens, ...] = get_args(Lens)
MOST_ITEMS = 30
MOST_TEXT_CHARS = 8_000
RULES_CONFIDENCE = 0.7
_TABLE = table("competitor_lenses")
PATHS = {lens: on_path(words, is_last=True) for lens, words in _TABLE["paths"].items()}
"""Words in the path of the page of a lens. `positioning_shift` looks at the home page."""
_FREE, _ON_REQUEST = (compiled(every(_TABLE["pricing"][name])) for name in ("free", "on_request"))
_ROUND, _PEOPLE = (compiled(every(_TABLE["funding"][name])) for name in ("round", "people"))
_AMOUNT = r"\d[\d.,]{0,12}(?:\s?(?:k|m|mio|million|bn|billion)\b)?"
_PRICE = re.compile(
    rf"(?P<sign>[$\u20ac\u00a3])\s?(?P<a>{_AMOUNT})|(?P<b>{_AMOUNT})\s?(?P<word>\u20ac|\u00a3|euros?\b|dollars?\b|pounds?\b|eur\b|usd\b|gbp\b)",
    re.IGNORECASE,
)
_CURRENCIES = {"$": "USD", "d": "USD", "u": "USD", "\u20ac": "EUR", "e": "EUR", "\u00a3": "GBP", "p": "GBP", "g": "GBP"}
_TIER = re.compile(r"\A([^:\u2013\u2014|]{2,40}?)\s?[:\u2013\u2014|]\s")
_DATED = re.compile(
    r"\A\W{0,3}(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}\.? [A-Za-z]{3,9} \d{4})\W{1,4}(.{3,200})"
)
_AFTER_WITH = re.compile(rf"(?:{'|'.join(every(_TABLE['integrations']['before']))}):?\s(?=[A-Z0-9])", re.IGNORECASE)
_NAME = re.compile(r"[A-Z0-9][\w.+&-]{1,30}(?: [A-Z0-9][\w.+&-]{0,30}){0,3}")
_HEADING = whole(_TABLE["paths"]["integrations"])
_HEADCOUNT = re.compile(rf"\b(\d[\d.,]{{0,8}})\+?\s(?:{'|'.join(every(_TABLE['funding']['people']))})\b")
_FOUNDED = re.compile(rf"\b(?:{'|'.join(every(_TABLE['funding']['founded']))})(?:[a-z ]{{0,20}})?(\d{{4}})\b")
_SLUG_CHARS = 30
_SENTENCE_WORDS = 4
_HEADING_WORDS = 3


class CompetitorForm(GivenForm):
    """An input that names a competitor: by its id in the book, or by its site."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one must not be blank."""
        return "competitor_id", "url"

    competitor_id: str = Field(default="", max_length=64, description="The company in the book. Empty: `url` counts.")
    url: str = Field(default="", max_length=2048, description="Its home page. Empty: its site in the book.")
    name: str = Field(default="", max_length=200, description="Its name, if the book does not know it.")
    page_texts: dict[PageName, str] = Field(
        default_factory=dict, description="Texts of its pages by name. If given, nothing is read of its site."
    )


class LensItem(BaseModel):
    """One thing that a lens shows."""

    name: str = Field(
        max_length=200, description="A tier, feature, integration, change, headline, round, or `headcount`."
    )
    detail: str = Field(default="", max_length=400, description="Details of the item, such as the contents of a tier.")
    amount: float | None = Field(default=None, description="Its price, sum or number, as in the quote. Null: none.")
    currency: str = Field(default="", max_length=3, description="Currency of the amount, such as `EUR`.")
    date: str = Field(default="", max_length=40, description="Its date, as in the quote. Empty: none.")
    quote: str = Field(description="Words of the page that show it, copied letter by letter.")
    source_url: str = Field(default="", description="The page. Leave it empty.")


class LensReading(BaseModel):
    """The items of a lens."""

    items: list[LensItem] = Field(max_length=MOST_ITEMS, description="Items that the page shows. Empty: none.")
    failure: str = Field(default="", description="Why the lens shows nothing. Leave it empty.")


class LensReport(LensReading):
    """The items of a lens, after the check."""

    method: FoundMethod = Field(default="rules", description="Whether rules or a model read the page.")
    url: str = Field(default="", description="The page. Empty: the site has none, or it cannot be read.")
    is_kept: bool = Field(default=False, description="Whether the lens failed now and shows its earlier items.")


def own_lines(lens: Lens, pages: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the lines of the page of a lens that no other page has. Menus and footers stand on all of them."""
    counts = Counter(line for _, text in pages.values() for line in {*_lines(text)})
    page = pages.get(page_of(lens))
    return [line for line in (_lines(page[1]) if page else []) if counts[line] == 1 or len(pages) == 1]


def words_for(lens: Lens, pages: Mapping[str, tuple[str, str]], before: str) -> str:
    """Return the words of the page of a lens for a prompt, and the last headline where it matters."""
    past = [f"The headline of the last time: {before}"] if before and lens == "positioning_shift" else []
    return "\n".join([*own_lines(lens, pages), *past])


def page_of(lens: Lens) -> str:
    """Return the name of the page that a lens looks at."""
    return "home" if lens == "positioning_shift" else lens


def read_lens(lens: Lens, pages: Mapping[str, tuple[str, str]], before: str = "") -> LensReading:
    """Return the items of a lens by rules.

    Args:
        lens: The lens.
        pages: Address and plain text of each page by its name.
        before: Headline of the last time, for `positioning_shift`.
    """
    lines = own_lines(lens, pages)
    items = _positioning(lines, before) if lens == "positioning_shift" else _READERS[lens](lines)
    return LensReading(items=items[:MOST_ITEMS])


def unread(lens: Lens, pages: Mapping[str, tuple[str, str]], unreadable: Sequence[str]) -> LensReport | None:
    """Return the report of a lens without a page, else None. A site without such a page is no failure."""
    name = page_of(lens)
    if name in pages:
        return None
    return LensReport(items=[], failure="" if "home" in pages and name not in unreadable else "its page cannot be read")


def failed(reason: object) -> LensReading:
    """Return the reading of a lens that nobody may answer, or that has no page."""
    return LensReading(items=[], failure=str(reason))


def told(competitor_id: str, dossier: Mapping[Lens, LensReport]) -> dict[str, Any]:
    """Return a dossier by the names that callers know, and the lenses that failed."""
    deep = {"pricing", "features", "integrations"}
    reports = {lens: report.model_dump() for lens, report in dossier.items()}
    return {
        "analysis": {"competitor_id": competitor_id, **reports},
        **{f"{lens}_deep" if lens in deep else lens: report["items"] for lens, report in reports.items()},
        "partial_failures": {lens: report.failure for lens, report in dossier.items() if report.failure},
    }


def checked(lens: Lens, reading: LensReading, pages: Mapping[str, tuple[str, str]], method: FoundMethod) -> LensReport:
    """Return the items of a lens that the page backs. A number or a date that is not in the quote is dropped."""
    url, text = pages.get(page_of(lens), ("", ""))
    found = []
    for item in reading.items:
        quote = find_quote(item.quote, text)
        if quote and _has_words_of(item.name, text):
            amount = item.amount if item.amount is None or _stands(item.amount, quote) else None
            date = item.date if item.date and find_quote(item.date, quote) else ""
            update = {"quote": quote, "amount": amount, "date": date, "source_url": url}
            found.append(item.model_copy(update=update | ({} if amount is not None else {"currency": ""})))
    failure = "" if method == "llm" else reading.failure  # A model reads; whether a lens failed is not its to say.
    return LensReport(items=found, failure=failure, method=method, url=url)


def whole_dossier(reports: Mapping[Lens, LensReport], before: Mapping[str, Any]) -> dict[Lens, LensReport]:
    """Return all lenses. A lens that failed keeps its earlier items, and says so."""
    found = {}
    for lens in LENSES:
        report = reports.get(lens) or LensReport(items=[], failure="the lens gave no answer")
        kept = before.get(lens)
        if report.failure and isinstance(kept, dict) and kept.get("items"):
            report = LensReport.model_validate(kept).model_copy(update={"is_kept": True, "failure": report.failure})
        found[lens] = report
    return found


def facts_of_lens(lens: Lens, report: LensReport) -> list[FoundFact]:
    """Return the facts of a lens, an item a field."""
    claims = {
        f"{group_of(lens)}{_slug(item.name)}": FoundFact(
            field=f"{group_of(lens)}{_slug(item.name)}",
            value=item.model_dump(exclude={"quote", "source_url"}),
            method=report.method,
            confidence=RULES_CONFIDENCE,
            source_url=item.source_url,
            quote=item.quote,
        )
        for item in reversed(report.items)
    }
    return list(claims.values())[::-1]


def group_of(lens: Lens) -> str:
    """Return the beginning of the fields of a lens."""
    return f"dossier.{lens}."


def headline_in(before: Mapping[str, Any]) -> str:
    """Return the headline of the dossier of before. Empty: there is none."""
    items = (before.get("positioning_shift") or {}).get("items") or [{}]
    return str(items[0].get("quote") or "")


def _pricing(lines: Sequence[str]) -> list[LensItem]:
    found = []
    for number, line in enumerate(lines):
        price, told = _PRICE.search(line), level(line)
        is_free, is_asked = bool(_FREE.search(told)), bool(_ON_REQUEST.search(told))
        if not (price or is_free or is_asked):
            continue
        tier = _TIER.match(line)
        above = lines[number - 1] if number else ""
        is_heading = 0 < len(above.split()) <= _HEADING_WORDS and not _PRICE.search(above)
        name = tier[1] if tier else above if is_heading else line[:40]
        amount, currency = _money(price) if price else (0.0 if is_free else None, "")
        detail = "free" if is_free and not price else "on request" if is_asked and not price else line
        found.append(
            LensItem(name=name.strip(), detail=detail[:400], amount=amount, currency=currency, quote=line[:180])
        )
    return found


def _features(lines: Sequence[str]) -> list[LensItem]:
    return [LensItem(name=line[:200], quote=line[:180]) for line in lines if len(line.split()) >= _SENTENCE_WORDS]


def _integrations(lines: Sequence[str]) -> list[LensItem]:
    found: dict[str, LensItem] = {}
    for line in lines:
        hit = _AFTER_WITH.search(line)
        told = line[hit.end() :] if hit else line if len(line.split()) <= _HEADING_WORDS else ""
        for part in re.split(r",|;|\band\b|\bund\b|\bet\b|\by\b|&", told.partition(". ")[0]):
            named = _NAME.match(part.strip())
            if named and not _HEADING.fullmatch(named[0]):
                found.setdefault(named[0].rstrip("."), LensItem(name=named[0].rstrip("."), quote=line[:180]))
    return list(found.values())


def _changelog(lines: Sequence[str]) -> list[LensItem]:
    return [
        LensItem(name=dated[2].strip(" .") or line, date=dated[1], quote=line[:180])
        for line in lines
        if (dated := _DATED.match(line))
    ]


def _positioning(lines: Sequence[str], before: str) -> list[LensItem]:
    said = [line for line in lines if len(line.split()) > _SENTENCE_WORDS][:2]
    has_shifted = bool(before and said and folded(before) != folded(find_quote(said[0], said[0]) or said[0]))
    details = [f"was: {before}" if has_shifted else "", ""]
    names = ("headline", "tagline")
    return [
        LensItem(name=name, detail=detail, quote=line[:180])
        for name, detail, line in zip(names, details, said, strict=False)
    ]


def _funding(lines: Sequence[str]) -> list[LensItem]:
    found = []
    for line in lines:
        told = level(line)
        people, founded, money = _HEADCOUNT.search(told), _FOUNDED.search(told), _PRICE.search(line)
        stage = _ROUND.search(told)
        if people:
            found.append(LensItem(name="headcount", amount=_number(people[1]), quote=line[:180]))
        if founded:
            found.append(LensItem(name="founded", amount=float(founded[1]), quote=line[:180]))
        if stage and money:
            amount, currency = _money(money)
            found.append(
                LensItem(
                    name="funding",
                    detail=line[:400],
                    amount=amount,
                    currency=currency,
                    quote=line[:180],
                )
            )
    return found


_READERS: Mapping[Lens, Callable[[Sequence[str]], list[LensItem]]] = {
    "pricing": _pricing,
    "features": _features,
    "integrations": _integrations,
    "changelog": _changelog,
    "funding_headcount": _funding,
}


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _money(price: re.Match[str]) -> tuple[float | None, str]:
    currency = _CURRENCIES.get((price["sign"] or price["word"]).lower()[0], "")
    return _number(price["a"] or price["b"]), currency


def _number(text: str) -> float | None:
    """Return a number in either notation. `1.200,50` and `1,200.50` are one. `14 million` is a whole."""
    found = re.match(r"[\d.,]+", text.strip())
    if not found:
        return None
    digits = found[0].rstrip(".,")
    whole, mark, part = re.match(r"(.*?)(?:([.,])(\d{1,2}))?\Z", digits).groups()  # type: ignore[union-attr]  # matches anything
    value = float(re.sub(r"[.,]", "", whole) + (f".{part}" if mark else ""))
    unit = text[found.end() :].strip().lower()
    return value * {"k": 1e3, "m": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}.get(unit, 1.0)


def _stands(amount: float, quote: str) -> bool:
    """Tell whether a number is one of a quote. Nothing costs 0 where the quote says that it is free."""
    told = re.findall(_AMOUNT, quote, re.IGNORECASE)
    return any(_number(text) == amount for text in told) or (amount == 0 and bool(_FREE.search(level(quote))))


def _has_words_of(name: str, text: str) -> bool:
    """Tell whether a name is one of ours for a kind of item, or has a word of the page."""
    if folded(name) in {"headcount", "founded", "funding", "headline", "tagline"}:
        return True
    words = {*folded(text).split()}
    return any(word in words for word in folded(name).split())


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", folded(name).encode("ascii", "ignore").decode()).strip("_")
    return plain[:_SLUG_CHARS].strip("_") or "item"
