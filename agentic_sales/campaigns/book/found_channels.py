"""Write channels into the book, with the companies and the people behind them."""

from collections.abc import Sequence

from agentic_sales.campaigns.book.writing import BookWriter, writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.video_channels import (
    FoundChannel,
    FoundPerson,
    LinkedCompany,
    facts_of_company,
    facts_of_person,
)
from agentic_sales.store.people import SourcedPerson
from agentic_sales.store.subjects import Thing


async def save_channels(
    workflow: str,
    channels: Sequence[FoundChannel],
    companies: Sequence[LinkedCompany],
    people: Sequence[FoundPerson],
) -> dict[str, int]:
    """Write channels with their findings. Return how many companies and people are new. No channels: nothing is done.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    if not channels:
        return {"companies": 0, "people": 0}
    async with writing_book(workflow) as book:
        ids = await book.companies({Firm(company.name, company.domain): None for company in companies})
        by_site = {firm.site: company_id for firm, company_id in ids.items()}
        for company in companies:
            if company.domain in by_site:
                book.note(Subject("company", by_site[company.domain]), facts_of_company(company))
        things = {_thing(channel, by_site): channel for channel in channels}
        for thing, subject in (await book.things(things)).items():
            book.note(subject, things[thing].findings)
        await _save_people(book, channels, people, by_site)
    return {"companies": len(book.new_companies), "people": len(book.new_people)}


async def _save_people(
    book: BookWriter,
    channels: Sequence[FoundChannel],
    people: Sequence[FoundPerson],
    by_site: dict[str | None, CompanyId],
) -> None:
    urls = {channel.channel_id: channel.url for channel in channels}
    sourced: dict[SourcedPerson, FoundPerson] = {}
    for person in people:
        employer = by_site.get(person.company_domain)
        profile = "" if employer else urls[person.channel_id]
        sourced.setdefault(SourcedPerson(person.name, employer, profile), person)
    for each, person_id in (await book.people(sourced)).items():
        book.note(Subject("person", person_id), facts_of_person(sourced[each]))


def _thing(channel: FoundChannel, by_site: dict[str | None, CompanyId]) -> Thing:
    key = f"youtube.com/channel/{channel.channel_id}"
    return Thing("channel", key, channel.title, channel.url, by_site.get(channel.site) if channel.site else None)
