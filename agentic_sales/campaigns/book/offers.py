"""Find the offer that a workflow compares with others, and keep the results on the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentic_sales.campaigns.book.known import known_company, known_product
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.competitors import Competitor, Offer, OfferForm, facts_of_competitor


async def offer_of(form: OfferForm) -> Offer:
    """Return the offer that a run was given. The caller's values go before the book's.

    Raises:
        UnknownRecord: The book does not have the product or the company.
    """
    given = {name: value for name in ("name", "url", "description") if (value := getattr(form, name).strip())}
    if form.product_id is not None:
        product = await known_product(form.product_id)
        found = Offer(kind="product", id=str(form.product_id), **_told(product.name, product.url, product.description))
    elif form.company_id:
        company = await known_company(form.company_id)
        description = str(company.facts.get("description") or "")
        found = Offer(kind="company", id=company.company_id, **_told(company.name, company.url, description))
    else:
        found = Offer(kind="company")
    return found.model_copy(update=given)


async def save_competitors(
    offer: Offer, competitors: Sequence[Competitor], prompts: Mapping[str, str]
) -> dict[str, str]:
    """Write competitors as companies, and the comparison as an analysis `competitors` of the offer. Return their ids.

    An offer without an id and a site gets no analysis, because nothing names it. Without competitors nothing is
    written.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    if not competitors:
        return {}
    async with writing_book("competitors_team") as book:
        firms = {Firm(competitor.name, competitor.domain): competitor for competitor in competitors}
        own = Firm(offer.name, offer.url)
        ids = await book.companies([*firms, *([own] if offer.url and not offer.id else [])])
        for firm, competitor in firms.items():
            if firm in ids:
                book.note(Subject("company", ids[firm]), facts_of_competitor(competitor))
        subject_id = offer.id or ids.get(own, "")
        if subject_id:
            content = {"competitors": [competitor.model_dump() for competitor in competitors]}
            await book.keep(Subject(offer.kind, subject_id), "competitors", content, prompts=prompts)
    return {firms[firm].domain: company_id for firm, company_id in ids.items() if firm in firms}


def _told(name: str, url: str, description: str) -> dict[str, Any]:
    return {"name": name, "url": url, "description": description}
