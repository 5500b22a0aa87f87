"""Keep how the sites of products and companies were, to compare with the next time."""

from collections.abc import Iterable

from agentic_sales.campaigns.book.known import known_analysis, known_company, known_facts_of_site, known_product
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.errors import InvalidInput
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.freshness import Baseline, FreshnessForm, Snapshot, baseline_in, facts_of_site, given_baseline


async def baseline_of(form: FreshnessForm) -> Baseline:
    """Return the site that a run was given, and how it was.

    Raises:
        UnknownRecord: The book does not have the product or the company.
        InvalidInput: It has no site.
    """
    if form.product_id is not None:
        product = await known_product(form.product_id)
        found = Baseline(kind="product", id=str(form.product_id), name=product.name, url=product.url)
        facts = product.facts
    elif form.company_id:
        company = await known_company(form.company_id)
        found = Baseline(kind="company", id=company.company_id, name=company.name, url=company.url)
        facts = company.facts
    else:
        found, facts = Baseline(kind="company", url=form.url), await _facts_of(form.url)
    if not found.url:
        pointer = "/product_id" if found.kind == "product" else "/company_id"
        raise InvalidInput("freshness", [(pointer, f"the book knows no site of `{found.id}`; give its `url`")])
    before = given_baseline(form) or (None if form.previous_hash else baseline_in(facts))
    return found.model_copy(
        update={"snapshot": before, "previous_hash": form.previous_hash or (before.hash if before else "")}
    )


async def competitors_of(site: Baseline) -> list[Baseline]:
    """Return the sites of the competitors that the book has an analysis of, with how they were."""
    if not site.id:
        return []
    analysis = await known_analysis(Subject(site.kind, site.id), "competitors")
    found = []
    for told in analysis.get("competitors", []):
        if url := str(told.get("url") or ""):
            before = baseline_in(await _facts_of(url))
            name, previous = str(told.get("name") or ""), before.hash if before else ""
            found.append(Baseline(kind="company", name=name, url=url, snapshot=before, previous_hash=previous))
    return found


async def save_sites(looks: Iterable[tuple[Baseline, Snapshot]]) -> None:
    """Write how sites are.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    async with writing_book("freshness") as book:
        for site, now in looks:
            if site.id:
                book.note(Subject(site.kind, site.id), facts_of_site(site.url, now))
            else:
                for company_id in (await book.companies([Firm(site.name, site.url)])).values():
                    book.note(Subject("company", company_id), facts_of_site(site.url, now))


async def _facts_of(url: str) -> dict[str, object]:
    site = site_of(url)
    return await known_facts_of_site(site) if site else {}
