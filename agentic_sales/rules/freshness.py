"""Tell whether a site has changed since it was looked at. Dates, times, counters and nonces change by themselves.

The decision is a table:

    what is seen                      stale  confidence  reason
    nothing: it cannot be read        no     .2          unreachable
    nothing to compare with           yes    .5          no baseline
    a baseline of another form        yes    .9          schema version drift
    the same                          no     1.0         unchanged
    something else                    yes    .8          new pricing page, new features, or content drift
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.signs import compiled, level, on_path
from agentic_sales.rules.tables import every, table

SCHEMA_VERSION = 1
"""Version of the form of a snapshot and of the rules on moving parts. A snapshot of another one cannot be compared."""
MOST_LINES = 400
"""Lines of a page that are remembered."""
MOST_CHANGES = 10
PageRole = Literal["home", "pricing", "features"]
Reason = Literal[
    "unreachable",
    "no baseline",
    "schema version drift",
    "unchanged",
    "new pricing page",
    "new features",
    "content drift",
]

_TABLE = table("freshness")
FEATURES_PATH = on_path(_TABLE["paths"]["features"], is_last=True)
_MOVING = _TABLE["moving"]
_MONTHS = "|".join(sorted(set(every(table("days")["months"])), key=len, reverse=True))
_WEEKDAYS = "|".join(sorted(set(every(table("days")["weekdays"])), key=len, reverse=True))
_NUMBER = r"\d[\d.,\u00a0' ]{0,12}\s?(?:k|m|mio|mrd|bn|million|thousand|tausend)?\+?"
_MOVES = [
    re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:z|[+-]\d{2}:?\d{2})?)?", re.ASCII),
    re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b"),
    re.compile(rf"\b(?:{level(_MONTHS)})\.?\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b"),
    re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?:de |of )?(?:{level(_MONTHS)})\b\.?(?:\s(?:de )?\d{{4}}\b)?"),
    re.compile(rf"\b(?:{level(_MONTHS)})\.?\s\d{{4}}\b"),
    re.compile(rf"\b(?:{level(_WEEKDAYS)})\b,?"),
    re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?"),
    re.compile(r"\b\d{1,2}\s?[ap]\.?m\b"),
    re.compile(r"(?:\(c\)|\u00a9|copyright)\s?\d{4}(?:\s?-\s?\d{4})?"),
    re.compile(rf"(?<![\w$\u20ac\u00a3.,]){_NUMBER}\s(?:\w+\s)?(?:{'|'.join(every(_MOVING['counted']))})\b"),
    re.compile(rf"\b\d{{1,4}}\+?\s(?:{'|'.join(every(_MOVING['ago']))})\b"),
    re.compile(rf"\b(?:{'|'.join(every(_MOVING['before']))})\s\d{{1,4}}\s\w{{1,12}}\b"),
    re.compile(r"[(\[]\s?\d[\d.,]{0,11}[km]?\s?[)\]]"),
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    re.compile(r"\b(?=[a-z_-]{0,40}\d)(?=[\d_-]{0,40}[a-z])[\da-z_-]{16,200}\b", re.ASCII),
    compiled(every(_MOVING["phrases"])),
]
_SPACES = re.compile(r"[\W_]*\s[\W_]*")


class PageState(BaseModel):
    """A page as it was seen."""

    url: str = Field(description="Its address.")
    hash: str = Field(description="SHA-256 of its text without the parts that change by themselves.")
    lines: list[str] = Field(default_factory=list, description="Short digests of its lines, to tell new ones.")


class Snapshot(BaseModel):
    """A site as it was seen: its home page, and its pages of prices and of features if there are such."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this form.")
    hash: str = Field(description="SHA-256 over its pages.")
    pages: dict[PageRole, PageState] = Field(default_factory=dict, description="Its pages by their role.")
    unread: list[PageRole] = Field(default_factory=list, description="Pages that it had and that were never read.")


class Change(BaseModel):
    """Something that is on a page and was not."""

    page: PageRole = Field(description="Which page.")
    url: str = Field(description="Its address.")
    quote: str = Field(description="The words that are new. Empty: something went away, or only moved.")


class ChangeVerdict(BaseModel):
    """Whether a site has changed."""

    stale: bool = Field(description="Whether results made from the earlier site must be made anew.")
    confidence: float = Field(description="How sure that is, 0 to 1.")
    reason: Reason = Field(description="Why, one of a closed list.")
    changes: list[Change] = Field(default_factory=list, description="New lines.")


class Movement(ChangeVerdict):
    """Whether the site of a competitor has changed."""

    name: str = Field(description="Name of the competitor.")
    url: str = Field(description="Its site.")


class Baseline(BaseModel):
    """A site, and how it was the last time."""

    kind: Literal["product", "company"] = Field(description="Whether it is the site of a product or of a company.")
    id: str = Field(default="", description="Id in the book. Empty: the company of the site.")
    name: str = Field(default="", description="Name of the product or company. Empty: unknown.")
    url: str = Field(description="Address of the home page.")
    snapshot: Snapshot | None = Field(default=None, description="How it was. Null: nothing is known.")
    previous_hash: str = Field(default="", description="Hash of the last time. Empty: nothing is known.")


class FreshnessForm(Form):
    """An input that names a site: by a product or a company of the book, or by its address."""

    product_id: int | None = Field(default=None, ge=1, description="A product of the book.")
    company_id: str = Field(default="", max_length=64, description="A company of the book.")
    url: str = Field(default="", max_length=2048, description="Address of the home page, if there is no id.")
    previous_snapshot: Snapshot | None = Field(
        default=None, description="Basis of the comparison: `snapshot` of a run. Null: the book's snapshot."
    )
    previous_hash: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="The same as a hash alone, which tells no new lines."
    )

    markdown: str = Field(
        default="", max_length=500_000, description="The home page as Markdown. If given, nothing is read of the site."
    )
    previous_markdown: str = Field(
        default="", max_length=500_000, description="Basis of the comparison: the home page of the last time."
    )

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if sum([self.product_id is not None, bool(self.company_id), bool(self.url.strip())]) != 1:
            raise ValueError("give one of `product_id`, `company_id` and `url`")
        return self


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a look at a site."""

    now: Snapshot | None
    """The site as it is. None: it cannot be read."""
    verdict: ChangeVerdict
    """Whether it has changed."""


def settled_lines(markdown: str) -> list[tuple[str, str]]:
    """Return the lines of a page in small letters without their moving parts, with their own words."""
    lines = ((line, settled(line)) for line in plain_text(markdown).splitlines())
    return [(told, " ".join(line.split())) for line, told in lines if told]


def settled(text: str) -> str:
    """Return a text in small letters without dates, times, counters and nonces, and without marks between words."""
    told = level(text)
    for sign in _MOVES:
        told = sign.sub(" ", told)
    return _SPACES.sub(" ", f" {told} ").strip(" ")


def page_state(url: str, markdown: str) -> PageState:
    """Return a page as it is to be remembered."""
    lines = [told for told, _ in settled_lines(markdown)]
    whole = sha256("\n".join(lines).encode()).hexdigest()
    return PageState(url=url, hash=whole, lines=list(dict.fromkeys(map(_digest, lines)))[:MOST_LINES])


def snapshot_of(pages: Mapping[PageRole, PageState], before: Snapshot | None, unread: Sequence[PageRole]) -> Snapshot:
    """Return the snapshot of a site. A page that is there and cannot be read now counts as it was."""
    kept = {role: before.pages[role] for role in unread if before and role in before.pages}
    both = dict(sorted({**pages, **kept}.items()))
    whole = sha256("\n".join(f"{role} {page.hash}" for role, page in both.items()).encode()).hexdigest()
    return Snapshot(hash=whole, pages=both, unread=[role for role in unread if role not in both])


def look_at(site: Baseline, pages: Mapping[PageRole, tuple[str, str]], unread: Sequence[PageRole]) -> Look:
    """Compare a site with its baseline.

    Args:
        site: The site and its baseline.
        pages: Address and Markdown of the pages that were read. Without a home page the site counts as unreachable.
        unread: Pages that the site has and that cannot be read now.
    """
    states = {role: page_state(url, markdown) for role, (url, markdown) in pages.items()}
    now = snapshot_of(states, site.snapshot, unread) if "home" in states else None
    texts = {role: markdown for role, (_, markdown) in pages.items()}
    return Look(now, decide(site.snapshot, site.previous_hash, now, texts))


def decide(
    before: Snapshot | None, previous_hash: str, now: Snapshot | None, texts: Mapping[PageRole, str]
) -> ChangeVerdict:
    """Decide by the table above.

    Args:
        before: The baseline, or None.
        previous_hash: The hash of the baseline. Empty: there is none.
        now: The present. None: the site cannot be read.
        texts: Markdown of the pages that were read.
    """
    if now is None:
        return ChangeVerdict(stale=False, confidence=0.2, reason="unreachable")
    if not previous_hash:
        return ChangeVerdict(stale=True, confidence=0.5, reason="no baseline")
    if before is not None and before.schema_version != SCHEMA_VERSION:
        return ChangeVerdict(stale=True, confidence=0.9, reason="schema version drift")
    if _is_same(before, previous_hash, now):
        return ChangeVerdict(stale=False, confidence=1.0, reason="unchanged")
    changes = _changes(before, now, texts) if before else []
    reason: Reason = "content drift"
    if before and before.pages and "pricing" in now.pages.keys() - before.pages.keys() - {*before.unread}:
        reason = "new pricing page"
    elif any(change.page == "features" for change in changes):
        reason = "new features"
    return ChangeVerdict(stale=True, confidence=0.8, reason=reason, changes=changes[:MOST_CHANGES])


def given_baseline(form: FreshnessForm) -> Snapshot | None:
    """Return the baseline that a caller gave as a snapshot or as a page. None: neither."""
    if form.previous_snapshot or not form.previous_markdown.strip():
        return form.previous_snapshot
    return snapshot_of({"home": page_state(form.url, form.previous_markdown)}, None, ())


def facts_of_site(url: str, now: Snapshot) -> list[FoundFact]:
    """Return the facts of a site, to compare with the next time."""
    told = {"freshness.hash": now.hash, "freshness.snapshot": now.model_dump()}
    return [FoundFact(field=field, value=value, method="rules", source_url=url) for field, value in told.items()]


def baseline_in(facts: Mapping[str, object]) -> Snapshot | None:
    """Return the snapshot of the facts of a subject, or None. One of another form has its version alone."""
    kept = facts.get("freshness.snapshot")
    if not isinstance(kept, dict):
        return None
    if kept.get("schema_version") != SCHEMA_VERSION:
        return Snapshot(schema_version=int(kept.get("schema_version") or 0), hash=str(kept.get("hash") or "0"))
    return Snapshot.model_validate(kept)


def _is_same(before: Snapshot | None, previous_hash: str, now: Snapshot) -> bool:
    """Compare page by page if the baseline has pages. A page that it could not read tells nothing."""
    if previous_hash == now.hash or before is None or not before.pages:
        return previous_hash == now.hash
    seen = (before.pages.keys() | now.pages.keys()) - {*before.unread}
    hashes = [[site.pages[role].hash if role in site.pages else "" for site in (before, now)] for role in seen]
    return all(earlier == later for earlier, later in hashes)


def _changes(before: Snapshot, now: Snapshot, texts: Mapping[PageRole, str]) -> list[Change]:
    found = []
    known = {line for page in before.pages.values() for line in page.lines}  # A menu stands on every page.
    for role, page in now.pages.items():
        earlier = before.pages.get(role)
        if role not in texts or (earlier and earlier.hash == page.hash):
            continue
        new = [words for told, words in settled_lines(texts[role]) if _digest(told) not in known]
        found += [Change(page=role, url=page.url, quote=words[:200]) for words in new] or [
            Change(page=role, url=page.url, quote="")
        ]
    return sorted(found, key=lambda change: change.page != "features")


def _digest(line: str) -> str:
    return sha256(line.encode()).hexdigest()[:12]
