"""Read the pages of a repository's owner as a lead, and find the reasons against it.

A claim is backed by words of a page or it is dropped. Funding, a famous past and public relations disqualify: such a
team has other suppliers and other doors.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_signs import find_quote, sentence_around
from agentic_sales.rules.found_facts import FoundFact, standing
from agentic_sales.rules.names import is_name
from agentic_sales.rules.page_orders import gives_orders
from agentic_sales.rules.repositories import OwnerFacts, RepositoryFacts, has_own_site
from agentic_sales.rules.signs import affirmed, compiled, ending, level
from agentic_sales.rules.tables import Compiled, Table
from agentic_sales.rules.titles import read_title

SignalField = Literal["recent_fundraise", "recent_launch", "team_size_signal", "pedigree_signal", "pr_signal"]
SIGNALS: tuple[SignalField, ...] = get_args(SignalField)
Disqualifier = Literal["", "funded", "pedigree", "pr_motion"]
_DISQUALIFIES: Mapping[SignalField, Disqualifier] = {
    "recent_fundraise": "funded",
    "pedigree_signal": "pedigree",
    "pr_signal": "pr_motion",
}
"""In the order in which they are looked at."""
MOST_DECISION_MAKERS = 5
MOST_TOLD_CHARS = 40_000
_AT = re.compile(r"\s+(?:at|@|bei|chez|en)\s+|\s*[|·•]\s*|\s+@")
RULES_CONFIDENCE, CONFIDENCE_PER_PAGE, MOST_RULES_CONFIDENCE = 0.4, 0.08, 0.8


@dataclass(frozen=True, slots=True)
class LeadWords:
    """The signs of the table `lead_research`."""

    signals: Mapping[SignalField, re.Pattern[str]]
    denied: re.Pattern[str]
    others: re.Pattern[str]
    people: Sequence[re.Pattern[str]]
    """Read over text as it is written, since capitals tell names."""


def _built(known: Table) -> LeadWords:
    people = known["people"]
    return LeadWords(
        signals={field: compiled(known["signals"][field]) for field in SIGNALS},
        denied=ending(known["veto"]["denied"]),
        others=ending(known["veto"]["others"]),
        people=[re.compile(one.replace("<person>", people["name"])) for one in people["patterns"]],
    )


lead_words = Compiled("lead_research", _built)


class Signal(BaseModel):
    """Words of a page that back one field of a dossier."""

    field: SignalField = Field(description="Field that the words back.")
    quote: str = Field(description="Words of a page, copied exactly, at most 25.")
    source_url: str = Field(default="", description="The page.")


class LeadPerson(BaseModel):
    """A person that may decide for the owner."""

    name: str = Field(default="", max_length=200, description="Name as the page has it. Empty: only a login is known.")
    title: str = Field(default="", max_length=200, description="Title as the page has it.")
    linkedin: str | None = Field(default=None, description="Profile, where it is printed.")
    twitter: str | None = Field(default=None, description="Profile, where it is printed.")
    email: str | None = Field(default=None, description="Address, where its owner shows it.")
    source: str = Field(default="", max_length=500, description="Page that names the person.")


class WebResult(BaseModel):
    """A hit of a web search that names the owner."""

    title: str = Field(description="Title.")
    url: str = Field(description="Page.")
    snippet: str = Field(default="", description="Words of the page.")


class Dossier(BaseModel):
    """The dossier of a repository's owner as a lead."""

    recent_fundraise: str = Field(default="", description="Words on money that was raised. Empty: none are known.")
    recent_launch: str = Field(default="", description="Words on a launch.")
    team_size_signal: str = Field(default="", description="Words on the size of the team.")
    pedigree_signal: str = Field(default="", description="Words on a famous past of its people.")
    pr_signal: str = Field(default="", description="Words on public relations.")
    icp_fit_summary: str = Field(default="", max_length=600, description="How well the owner fits, in two sentences.")
    pitch_one_liner: str = Field(default="", max_length=300, description="How to open a talk with the owner.")
    decision_makers: list[LeadPerson] = Field(default_factory=list, description="Possible decision makers.")
    evidence: list[Signal] = Field(default_factory=list, description="Words of pages behind the fields above.")
    evidence_urls: list[str] = Field(default_factory=list, description="Pages behind the fields above.")
    confidence: float = Field(default=0.0, ge=0, le=1, description="Probability that the dossier is right.")


class DossierClaims(BaseModel):
    """A model's reading of the pages."""

    signals: list[Signal] = Field(default_factory=list, max_length=10, description="One per field that a page tells.")
    decision_makers: list[LeadPerson] = Field(
        default_factory=list, max_length=MOST_DECISION_MAKERS, description="People that a page names with a title."
    )
    icp_fit_summary: str = Field(default="", max_length=600, description="Two sentences on the fit, from the pages.")
    pitch_one_liner: str = Field(default="", max_length=300, description="One sentence to open a talk with.")
    confidence: float = Field(ge=0, le=1, description="Probability that this is right.")


def read_signals(pages: Mapping[str, str], words: LeadWords | None = None) -> list[Signal]:
    """Return the first words of each field that the pages say of their owner."""
    words = words or lead_words.own
    found: dict[SignalField, Signal] = {}
    for url, text in pages.items():
        levelled = level(text)
        for field, sign in words.signals.items():
            for hit in affirmed(sign, levelled, words.denied, words.others):
                quote = sentence_around(text, hit)
                if quote and not gives_orders(quote):
                    found.setdefault(field, Signal(field=field, quote=quote, source_url=url))
    return [found[field] for field in SIGNALS if field in found]


def read_people(pages: Mapping[str, str], words: LeadWords | None = None) -> list[LeadPerson]:
    """Return the people of pages beside a title that decides, the highest first."""
    found: dict[str, tuple[float, LeadPerson]] = {}
    for url, text in pages.items():
        for pattern in (words or lead_words.own).people:
            for hit in pattern.finditer(text):
                name, title = hit["name"].strip(), hit["title"].strip()
                told = read_title(title).reading
                if told.is_decision_maker and is_name(name) and name.casefold() not in found:
                    found[name.casefold()] = told.authority_score, LeadPerson(name=name, title=title, source=url)
    ranked = sorted(found.values(), key=lambda one: (-one[0], one[1].name))
    return [person for _, person in ranked[:MOST_DECISION_MAKERS]]


def claims_of(pages: Mapping[str, str], words: LeadWords | None = None) -> DossierClaims:
    """Return the rules' reading of the pages. They sum nothing up and pitch nothing."""
    of_rules = min(RULES_CONFIDENCE + CONFIDENCE_PER_PAGE * len(pages), MOST_RULES_CONFIDENCE) if pages else 0.0
    signals, people = read_signals(pages, words), read_people(pages, words)
    return DossierClaims(signals=signals, decision_makers=people, confidence=of_rules)


def checked_dossier(
    told: DossierClaims, own: DossierClaims, pages: Mapping[str, str], contributors: Iterable[LeadPerson]
) -> Dossier:
    """Return the parts of the dossier that words of the pages back.

    Args:
        told: A model's claims, or the rules' own.
        own: The rules' claims. They stand for a model without any claim that is backed.
        pages: Text of each page by its address.
        contributors: People of the repository. Those with a title that decides are added.
    """
    signals, people = standing_signals(told.signals, pages), standing_people(told.decision_makers, pages)
    words = told if signals or people else own
    signals, people = signals or list(own.signals), people or list(own.decision_makers)
    deciding = [one for one in contributors if one.title and read_title(one.title).reading.is_decision_maker]
    listed = {(one.name or one.source).casefold(): one for one in (*deciding, *people)}
    listed |= {name: one.model_copy(update={"title": one.title or one.title}) for name, one in listed.items()}
    urls = [*(one.source_url for one in signals), *(one.source for one in listed.values() if one.source)]
    return Dossier(
        **{one.field: one.quote for one in signals},
        icp_fit_summary="" if gives_orders(words.icp_fit_summary) else words.icp_fit_summary,
        pitch_one_liner="" if gives_orders(words.pitch_one_liner) else words.pitch_one_liner,
        decision_makers=list(listed.values())[:MOST_DECISION_MAKERS],
        evidence=signals,
        evidence_urls=list(dict.fromkeys(urls)),
        confidence=round(words.confidence, 2),
    )


def contributor(name: str | None, bio: str | None, email: str | None, url: str) -> LeadPerson:
    """Return a contributor with the title that the profile tells: `CTO at Acme` has `CTO`."""
    title = _AT.split(" ".join((bio or "").split()), maxsplit=1)[0][:200]
    return LeadPerson(name=name or "", title=title, email=email, source=url)


def homepages_of(repository: RepositoryFacts, owner: OwnerFacts | None) -> list[str]:
    """Return the own sites that a repository and its owner name, the repository's first."""
    told = (repository.homepage, owner.website if owner else "")
    sites = (site_of(url) for url in told if has_own_site(url))
    return [f"https://{site}/" for site in dict.fromkeys(sites) if site]


def pages_for_prompt(pages: Mapping[str, str]) -> str:
    """Return the pages below their addresses, each of the same length at most."""
    most = MOST_TOLD_CHARS // max(len(pages), 1)
    return "\n\n".join(f"{url}\n{text[:most]}" for url, text in pages.items())


def standing_signals(claims: Iterable[Signal], pages: Mapping[str, str]) -> list[Signal]:
    """Return the claims with words on a page that give no orders, one for each field."""
    facts = (
        FoundFact(field=one.field, value=one.field, method="llm", source_url=one.source_url, quote=one.quote)
        for one in claims
        if not gives_orders(one.quote)
    )
    found: dict[str, Signal] = {}
    for fact in standing(facts, pages):
        found.setdefault(fact.field, Signal(field=fact.value, quote=fact.quote, source_url=fact.source_url))
    return list(found.values())


def standing_people(claims: Iterable[LeadPerson], pages: Mapping[str, str]) -> list[LeadPerson]:
    """Return the people with name and title on one page, without the additions of a model."""
    found: dict[str, LeadPerson] = {}
    for person in claims:
        for url, text in pages.items():
            if find_quote(person.name, text) and (not person.title or find_quote(person.title, text)):
                told = LeadPerson(name=person.name, title=person.title, source=url)
                found.setdefault(person.name.casefold(), told)
    return list(found.values())


def disqualifier_of(dossier: Dossier) -> Disqualifier:
    """Return the reasons against a lead. Empty if nothing that is known does."""
    return next((why for field, why in _DISQUALIFIES.items() if getattr(dossier, field)), "")


def facts_of_dossier(dossier: Dossier, url: str, *, method: Literal["llm", "rules"]) -> list[FoundFact]:
    """Return the facts beside the dossier: its signals with quotes, and the owner's disqualifiers."""
    signals = [
        FoundFact(
            field=one.field,
            value=one.quote,
            method=method,
            source_url=one.source_url,
            quote=one.quote,
            confidence=dossier.confidence,
        )
        for one in dossier.evidence
    ]
    why = disqualifier_of(dossier)
    behind = next((one for one in dossier.evidence if why and _DISQUALIFIES.get(one.field) == why), None)
    judged = FoundFact(
        field="icp_disqualifier",
        value=why or "none",
        method="rules",
        confidence=dossier.confidence,
        source_url=behind.source_url if behind else url,
        quote=behind.quote if behind else "",
    )
    return [*signals, judged]
