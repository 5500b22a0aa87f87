"""Read the book's facts of a product for the workflows that plan its sales, and keep their plans."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentic_sales.campaigns.book.dossiers import KIND as DOSSIER
from agentic_sales.campaigns.book.known import known_analysis, known_product, known_sites
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.icp import IcpDocument
from agentic_sales.rules.plan_facts import PlanFacts, PlanForm
from agentic_sales.rules.product_facts import ProductFacts, ProductForm, RivalOffer, merged


async def product_of(form: ProductForm) -> ProductFacts:
    """Return the facts of the product of a run. The caller's values go before the book's.

    Raises:
        UnknownRecord: The book does not have it.
    """
    if form.product_id is None:
        return ProductFacts(product=merged({}, form.product))
    product = await known_product(form.product_id)
    known = {**product.content, "name": product.name, "url": product.url, "description": product.description}
    return ProductFacts(product_id=form.product_id, product=merged(known, form.product))


async def plan_facts_of(form: PlanForm) -> PlanFacts:
    """Return the product, its ideal customers and its competitors. The caller's values go before the book's.

    Raises:
        UnknownRecord: The book does not have the product.
    """
    known = await product_of(form)
    icp = form.icp or IcpDocument.model_validate(await kept_plan(known.product_id, "icp"))
    told = form.competitors
    if told is None:
        found = await kept_plan(known.product_id, "competitors")
        told = [RivalOffer.model_validate(one) for one in found.get("competitors", [])]
    if known.product_id is not None:
        told = await _with_prices(told)
    return PlanFacts(product_id=known.product_id, product=known.product, icp=icp, competitors=told)


async def kept_plan(product_id: int | None, kind: str) -> dict[str, Any]:
    """Return the latest document of a kind about a product. Empty: there is none."""
    return {} if product_id is None else await known_analysis(Subject("product", str(product_id)), kind)


async def keep_plan(
    workflow: str,
    kind: str,
    product_id: int | None,
    content: Mapping[str, Any],
    prompts: Mapping[str, str],
    *,
    dry_run: bool,
) -> str:
    """Keep a document about a product, and return its id. The latest one stays if nothing has changed.

    Args:
        workflow: The workflow that made it.
        kind: Kind of the plan.
        product_id: The product. None: it was given by value, so nothing names it and nothing is written.
        content: The document.
        prompts: Digests of the prompts by their nodes.
        dry_run: Write nothing.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    if product_id is None or dry_run:
        return ""
    async with writing_book(workflow) as book:
        return await book.keep(Subject("product", str(product_id)), kind, content, prompts=prompts)


async def known_dossiers(rivals: Sequence[RivalOffer]) -> set[str]:
    """Return the names of the competitors of which the book has a dossier."""
    sites = {one.name: site_of(one.url or one.domain) or "" for one in rivals}
    known = await known_sites(filter(None, sites.values()))
    kept = {site: await known_analysis(company.subject, DOSSIER) for site, company in known.items()}
    return {name for name, site in sites.items() if kept.get(site)}


async def _with_prices(rivals: Sequence[RivalOffer]) -> list[RivalOffer]:
    """Return competitors with the prices of their dossiers in the book. Given prices stay."""
    sites = {one.name: site_of(one.url or one.domain) or "" for one in rivals if not one.prices}
    known = await known_sites(filter(None, sites.values()))
    found = []
    for one in rivals:
        company = known.get(sites.get(one.name, ""))
        dossier = await known_analysis(company.subject, DOSSIER) if company else {}
        prices = (dossier.get("pricing") or {}).get("items") or []
        found.append(RivalOffer.model_validate({**one.model_dump(), "prices": prices}) if prices else one)
    return found
