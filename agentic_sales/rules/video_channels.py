"""Read from the texts of a video channel its own site, its sponsors, its hosts and its address for business.

Everything here comes with the words that say so. Numbers are the service's own.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_search import is_of_one_company
from agentic_sales.rules.company_signs import find_quote, plain_text, sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.found_facts import FoundFact, FoundMethod, standing
from agentic_sales.rules.names import greeting_name, split_name
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

Intent = Literal["hiring", "buying", "scaling", "sponsoring"]
ChannelKind = Literal["company", "creator", "unknown"]
LEAST_RELEVANCE = 0.2
"""Share of the topic's words below which a channel is left out."""
MOST_QUERIES = 3
_SECONDS_A_DAY = 86_400
_QUOTE_CHARS = 160
_LONGEST_TEXT_CHARS = 3_000
RULES_CONFIDENCE = 0.7
"""How sure a reading of free text is."""
_STEM_CHARS, _ENDING_CHARS = 4, 3
_TABLE = table("video_channels")
_NO_COMPANIES = frozenset(every(_TABLE["links"]["of_no_company"]))
_SPONSORED = compiled(every(_TABLE["links"]["sponsored"]))
_BUSINESS = compiled(every(_TABLE["links"]["business"]))
_INTENTS = {kind: compiled(every(phrases)) for kind, phrases in _TABLE["intents"].items()}
_LINK = re.compile(r"(?:https?://|(?<![\w./@-])www\.)[^\s<>\"')\]]{3,500}", re.IGNORECASE)
_LINK_END = ".,;:!?*"
_ADDRESS = re.compile(
    r"(?<![\w.%+-])[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}(?![\w-])", re.IGNORECASE | re.ASCII
)
_PART = r"[^\W\d_a-z][\w'\u2019-]{1,30}"
_PARTICLE = r"(?:(?:de|da|del|della|di|du|van|von|der|den|ter|la|le|bin|al|el)\s){0,3}"
_NAME = re.compile(rf"\s{{0,3}}({_PART}(?:\s{_PARTICLE}{_PART}){{1,2}})(?=\W|\Z)(?!\s[A-Z])")
_BEFORE_NAME = re.compile(rf"(?<!\w)(?:{'|'.join(every(_TABLE['people']['before']))})", re.IGNORECASE)
_SELF = re.compile(r"(?<!\w)(?:i|i'm|i am|my|ich|mein|je|mon|yo|mi|eu|meu|io|mio)(?!\w)")
_MEANINGLESS = frozenset(every(_TABLE["topics"]["meaningless"]))


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a text."""

    url: str
    """Where it leads."""
    quote: str
    """The words before it and itself."""
    is_paid: bool
    """Whether words beside it say that somebody pays for it."""


class ChannelVideo(BaseModel):
    """A video, as far as rules read it."""

    title: str = Field(description="Its title.")
    url: str = Field(description="Its page.")
    description: str = Field(default="", description="Its text.")
    published_at: datetime | None = Field(default=None, description="When it was published.")


class ChannelText(BaseModel):
    """A channel, as far as rules read it."""

    channel_id: str = Field(description="Id of the service.")
    title: str = Field(description="Its title.")
    url: str = Field(description="Its page.")
    handle: str = Field(default="", description="Its handle without `@`. Empty: unknown.")
    description: str = Field(default="", description="Its own text.")
    subscribers: int | None = Field(default=None, description="Null: the channel hides them.")
    videos: int | None = Field(default=None, description="Published videos.")
    views: int | None = Field(default=None, description="Views of all videos.")
    newest: list[ChannelVideo] = Field(default_factory=list, description="Newest videos, the newest first.")

    @property
    def pages(self) -> dict[str, str]:
        """Return the texts of the channel and of its newest videos by their addresses."""
        own = {self.url: f"{self.title}\n{self.description}"}
        return own | {video.url: f"{video.title}\n{video.description}" for video in self.newest}


class ChannelPerson(BaseModel):
    """A maker of a channel."""

    name: str = Field(max_length=120, description="First name and family name, as the quote has them.")
    role: str = Field(default="host", max_length=80, description="Role of the person there, such as `host`.")
    quote: str = Field(description="Words of the channel that name the person, copied letter by letter.")


class ChannelIntent(BaseModel):
    """Something that a channel says its makers want."""

    kind: Intent = Field(description="Wish of the makers: to hire, to buy, to grow, or to be sponsored.")
    quote: str = Field(description="Words of the channel that say so, copied letter by letter.")


class TopicQueries(BaseModel):
    """Searches that find the channels of a topic."""

    queries: list[str] = Field(
        min_length=1, max_length=MOST_QUERIES, description="Searches of 2 to 6 words, the most telling first."
    )


class ChannelReading(BaseModel):
    """The makers of a channel, and their needs."""

    people: list[ChannelPerson] = Field(max_length=10, description="Its makers. Guests are none.")
    intents: list[ChannelIntent] = Field(max_length=10, description="Wishes of the makers.")


class LinkedCompany(BaseModel):
    """A company that a channel belongs to, or that pays for it."""

    name: str = Field(description="Name. The title of the channel, or the site of a sponsor.")
    domain: str = Field(description="Registrable domain of its site.")
    relation: Literal["own", "sponsor"] = Field(description="Whether it makes the channel or pays for it.")
    channel_id: str = Field(description="The channel.")
    source_url: str = Field(description="Page with the link.")
    quote: str = Field(description="Words with the link.")


class FoundPerson(ChannelPerson):
    """A person with the channel and the page that names him or her."""

    channel_id: str = Field(description="The channel.")
    company_domain: str = Field(default="", description="Site of the channel's company. Empty: none is known.")
    source_url: str = Field(description="Page that says so.")
    method: FoundMethod = Field(default="rules", description="Whether rules or a model read it.")


class FoundChannel(ChannelText):
    """A channel with the results of its texts."""

    kind: ChannelKind = Field(description="Kind of its owner, by its texts.")
    relevance: float = Field(description="0 to 1: share of the topic's words that its texts have.")
    last_upload_at: datetime | None = Field(default=None, description="When its newest video was published.")
    cadence_days: float | None = Field(default=None, description="Median of the days between its newest videos.")
    links: list[str] = Field(default_factory=list, description="Links of its own description.")
    site: str | None = Field(default=None, description="Registrable domain of its company. Null: it links to none.")
    business_email: str | None = Field(default=None, description="Address for business that it prints.")
    intents: list[ChannelIntent] = Field(default_factory=list, description="Wishes of its makers, with quotes.")
    findings: list[FoundFact] = Field(default_factory=list, description="Facts of it that the book keeps.")


def read_channel(channel: ChannelText, topic: str) -> FoundChannel:
    """Return a channel with the results of rules on its texts. Its makers and their needs are read apart."""
    own, address = own_company(channel), business_address(channel)
    dates = sorted((video.published_at for video in channel.newest if video.published_at), reverse=True)
    gaps = [(later - earlier).total_seconds() / _SECONDS_A_DAY for later, earlier in pairwise(dates)]
    found = FoundChannel(
        **channel.model_dump(),
        kind=_kind_of(channel, own),
        relevance=relevance(channel, topic),
        last_upload_at=dates[0] if dates else None,
        cadence_days=round(median(gaps), 1) if gaps else None,
        links=[link.url for link in links_in(channel.description)],
        site=own.domain if own else None,
        business_email=address[0] if address else None,
    )
    return found.model_copy(update={"findings": [*_numbers(found), *_texts(found, own, address)]})


def relevance(channel: ChannelText, topic: str) -> float:
    """Return the share of a topic's words that a channel's own text or the titles of its videos have."""
    told = folded(" ".join([channel.title, channel.description, *(video.title for video in channel.newest)])).split()
    words = [word for word in folded(topic).split() if word not in _MEANINGLESS] or folded(topic).split()
    has = sum(any(_is_alike(word, other) for other in told) for word in words)
    return round(has / len(words), 2) if words else 0.0


def own_company(channel: ChannelText) -> LinkedCompany | None:
    """Return the company of a channel: the site that it links to and that nobody pays for.

    Among several sites, the one that repeats the channel's name counts, else the first of its own text. A site that
    only videos link to must be linked by half of them, and by two at least.
    """
    own = _companies(channel, channel.url, channel.description)
    if not own:
        by_video = [{each.domain: each for each in _companies(channel, v.url, v.description)} for v in channel.newest]
        counts = Counter(site for sites in by_video for site in sites)
        often = {site for site, count in counts.items() if count >= max(2, len(by_video) / 2)}
        own = [each for sites in by_video for site, each in sites.items() if site in often]
    return next((each for each in own if _is_named_like(channel, each.domain)), next(iter(own), None))


def sponsors(channel: ChannelText) -> list[LinkedCompany]:
    """Return the companies that pay for a channel by its own words, each once."""
    pages = [(channel.url, channel.description), *((video.url, video.description) for video in channel.newest)]
    found = [each for url, text in pages for each in _companies(channel, url, text, paid=True)]
    return list({each.domain: each for each in reversed(found)}.values())[::-1]


def business_address(channel: ChannelText) -> tuple[str, str] | None:
    """Return the address for business that a channel prints, with its line. An address without such a word is none."""
    for line in channel.description.splitlines():
        told = level(line)
        for found in _ADDRESS.finditer(line):
            around = f"{told[: found.start()]} {told[found.end() :]}"
            if _BUSINESS.search(around) or _BUSINESS.fullmatch(found[0].partition("@")[0].lower()):
                return found[0].lower(), _words_until(line, 0, found.end())
    return None


def read_words(channel: ChannelText) -> ChannelReading:
    """Return the makers of a channel and their needs, as far as fixed phrases say so."""
    people: dict[str, ChannelPerson] = {}
    intents: dict[str, ChannelIntent] = {}
    for text in channel.pages.values():
        for name, quote in _names_in(text):
            people.setdefault(folded(name), ChannelPerson(name=name, quote=quote))
        for kind, sign in _INTENTS.items():
            if hit := next(affirmed(sign, level(text), OWN_WORDS.denied), None):
                intents.setdefault(kind, ChannelIntent(kind=kind, quote=sentence_around(text, hit)))
    return ChannelReading(people=list(people.values())[:10], intents=list(intents.values()))


def companies_of(channel: ChannelText) -> list[LinkedCompany]:
    """Return the company of a channel, and those that pay for it."""
    own = own_company(channel)
    return [*([own] if own else []), *(each for each in sponsors(channel) if own is None or each.domain != own.domain)]


def words_of(channel: ChannelText) -> str:
    """Return the texts of a channel and of its newest videos for a prompt."""
    return "\n\n".join(text.strip()[:_LONGEST_TEXT_CHARS] for text in channel.pages.values())


def heard(
    channel: FoundChannel, reading: ChannelReading, source: Literal["rules", "llm"]
) -> tuple[FoundChannel, list[FoundPerson]]:
    """Return a channel with its makers and their needs, as far as its words name them.

    A reader can add no name to a channel. A name must stand in its quote, and the quote in the texts.
    """
    intents = _standing_intents(reading, channel, source)
    told = [
        ChannelIntent(kind=intent.kind, quote=fact.quote)
        for intent in reading.intents
        for fact in intents
        if fact.field == f"intent.{intent.kind}"
    ]
    whole = channel.model_copy(update={"intents": told, "findings": [*channel.findings, *intents]})
    return whole, [found for person in reading.people for found in _standing_person(person, channel, source)]


def facts_of_company(company: LinkedCompany) -> list[FoundFact]:
    """Return the facts of a company that a channel links to."""
    field = "youtube_channel" if company.relation == "own" else "sponsors_youtube"
    value = f"https://www.youtube.com/channel/{company.channel_id}" if company.relation == "own" else True
    told = {"source_url": company.source_url, "quote": company.quote}
    return [FoundFact(field=field, value=value, method="rules", confidence=RULES_CONFIDENCE, **told)]


def facts_of_person(person: FoundPerson) -> list[FoundFact]:
    """Return the facts of a maker of a channel."""
    told = {"role": person.role, "youtube_channel": f"https://www.youtube.com/channel/{person.channel_id}"}
    return [
        FoundFact(
            field=field,
            value=value,
            method=person.method,
            confidence=RULES_CONFIDENCE,
            source_url=person.source_url,
            quote=person.quote,
        )
        for field, value in told.items()
    ]


def _standing_person(person: ChannelPerson, channel: FoundChannel, source: FoundMethod) -> list[FoundPerson]:
    parts = split_name(person.name)
    claim = FoundFact(field="role", value=person.role, method=source, source_url=channel.url, quote=person.quote)
    return [
        FoundPerson(
            name=" ".join(person.name.split()),
            role=person.role,
            quote=fact.quote,
            method=source,
            channel_id=channel.channel_id,
            company_domain=channel.site or "",
            source_url=fact.source_url,
        )
        for fact in standing([claim], channel.pages)
        if parts.first and parts.last and greeting_name(person.name) and find_quote(person.name, fact.quote)
    ]


def _standing_intents(reading: ChannelReading, channel: FoundChannel, source: FoundMethod) -> list[FoundFact]:
    told = {intent.kind: intent.quote for intent in reversed(reading.intents)}
    claims = [
        FoundFact(field=f"intent.{kind}", value=True, method=source, confidence=RULES_CONFIDENCE, quote=quote)
        for kind, quote in told.items()
    ]
    return standing(claims, channel.pages)


def links_in(text: str) -> list[Link]:
    """Return the links of a text, each once.

    A link is paid for if the words before it say so, or those behind the last link of its line.
    """
    found: dict[str, Link] = {}
    for line in text.splitlines():
        hits, start = list(_LINK.finditer(line)), 0
        for hit in hits:
            url = hit[0].rstrip(_LINK_END)
            around = f"{line[start : hit.start()]} {line[hit.end() :] if hit is hits[-1] else ''}"
            quote = _words_until(line, start, hit.start() + len(url))
            found.setdefault(url, Link(url, quote, is_paid=_SPONSORED.search(level(around)) is not None))
            start = hit.end()
    return list(found.values())


def _companies(channel: ChannelText, url: str, text: str, *, paid: bool = False) -> list[LinkedCompany]:
    found = []
    for link in links_in(text):
        site = site_of(link.url)
        if site and is_of_one_company(site) and site not in _NO_COMPANIES and link.is_paid is paid:
            of_it = LinkedCompany(
                name=site if paid else channel.title,
                domain=site,
                relation="sponsor" if paid else "own",
                channel_id=channel.channel_id,
                source_url=url,
                quote=link.quote,
            )
            found.append(of_it)
    return found


def _names_in(text: str) -> Iterator[tuple[str, str]]:
    for hit in _BEFORE_NAME.finditer(text):
        named = _NAME.match(text, hit.end())
        if named and greeting_name(named[1]):
            yield " ".join(named[1].split()), sentence_around(text, named)


def _words_until(line: str, start: int, end: int) -> str:
    """Return up to 80 characters of whole words before a place, and the words from there to the end."""
    cut = max(start, end - _QUOTE_CHARS)
    if cut > start:
        cut = next((found.end() for found in re.finditer(r"\s+", line[:end]) if found.end() >= cut), end)
    return " ".join(line[cut:end].split())


def _numbers(channel: FoundChannel) -> list[FoundFact]:
    told = {
        "subscribers": channel.subscribers,
        "videos": channel.videos,
        "cadence_days": channel.cadence_days,
        "last_upload_at": channel.last_upload_at.isoformat() if channel.last_upload_at else None,
        "description": plain_text(channel.description).strip() or None,
    }
    return [
        FoundFact(field=field, value=value, method="api", source_url=channel.url)
        for field, value in told.items()
        if value is not None
    ]


def _texts(channel: FoundChannel, own: LinkedCompany | None, address: tuple[str, str] | None) -> list[FoundFact]:
    links = links_in(channel.description)
    claims = (
        [
            FoundFact(
                field="links",
                value=[link.url for link in links],
                method="rules",
                source_url=channel.url,
                quote=links[0].quote,
            )
        ]
        if links
        else []
    )
    if own:
        claims.append(
            FoundFact(field="site", value=own.domain, method="rules", source_url=own.source_url, quote=own.quote)
        )
    if address:
        claims.append(
            FoundFact(
                field="business_email", value=address[0], method="rules", source_url=channel.url, quote=address[1]
            )
        )
    return standing(claims, channel.pages)


def _kind_of(channel: ChannelText, own: LinkedCompany | None) -> ChannelKind:
    if own and _is_named_like(channel, own.domain):
        return "company"
    return "creator" if _SELF.search(level(channel.description)) else "unknown"


def _is_named_like(channel: ChannelText, site: str) -> bool:
    label = re.sub(r"\W", "", site.partition(".")[0])
    names = [re.sub(r"\W", "", level(name)) for name in (channel.title, channel.handle)]
    return any(name and (name in label or label in name) for name in names)


def _is_alike(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    return word == other or (
        len(shorter) >= _STEM_CHARS and longer.startswith(shorter) and len(longer) - len(shorter) <= _ENDING_CHARS
    )
