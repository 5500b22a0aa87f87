"""Read the book's facts of the subjects of a workflow."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import SiteUnknown, UnknownRecord
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import settings
from agentic_sales.store.analyses import latest_analysis
from agentic_sales.store.companies import CompanyRow, companies_known, companies_of, company
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import current_values, facts_of, last_observed_at, values_in_group
from agentic_sales.store.products import product
from agentic_sales.store.subjects import things

MOST_OPENINGS = 50
"""Openings of one company with texts that are read."""


class KnownCompany(BaseModel):
    """A company of the book."""

    company_id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    domain: str | None = Field(default=None, description="Registrable domain of its site. Null: none is known.")
    is_blocked: bool = Field(default=False, description="Whether a person said that nobody of it is written to.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Current values by field.")

    @property
    def subject(self) -> Subject:
        """Return it as the subject of facts."""
        return Subject("company", self.company_id)

    @property
    def url(self) -> str:
        """Return the address of its home page. Empty without a site."""
        return f"https://{self.domain}/" if self.domain else ""

    @property
    def site_url(self) -> str:
        """Return the address of its home page.

        Raises:
            SiteUnknown: The book knows no site of it.
        """
        if not self.url:
            raise SiteUnknown(self.company_id, self.name)
        return self.url


class KnownProduct(BaseModel):
    """A product of ours."""

    product_id: int = Field(description="Its number.")
    name: str = Field(description="Its name.")
    url: str = Field(default="", description="Its site. Empty: none is known.")
    description: str = Field(default="", description="Its description.")
    content: dict[str, Any] = Field(default_factory=dict, description="Its fields, such as personas and templates.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Current values by field.")

    @property
    def subject(self) -> Subject:
        """Return it as the subject of facts."""
        return Subject("product", str(self.product_id))


async def known_company(company_id: str) -> KnownCompany:
    """Return a company with its current facts.

    Raises:
        UnknownRecord: The book does not have it.
    """
    async with current_database(settings()).reading() as connection:
        return await read_company(connection, company_id)


async def read_company(connection: AsyncConnection, company_id: str) -> KnownCompany:
    """Do as `known_company` does over a connection that is open already."""
    row = await company(connection, CompanyId(company_id))
    if row is None:
        raise UnknownRecord("company", company_id)
    facts = await current_values(connection, "company", [row.company_id])
    return _known(row, facts[row.company_id])


async def known_companies(ids: Sequence[str]) -> list[KnownCompany]:
    """Return companies in the order of their ids, each once, without their facts.

    Raises:
        UnknownRecord: The book does not have one of them.
    """
    if not ids:
        return []
    async with current_database(settings()).reading() as connection:
        rows = await companies_of(connection, map(CompanyId, ids))
    for company_id in ids:
        if company_id not in rows:
            raise UnknownRecord("company", company_id)
    return [_known(rows[CompanyId(company_id)], {}) for company_id in dict.fromkeys(ids)]


async def known_sites(sites: Iterable[str]) -> dict[str, KnownCompany]:
    """Return the companies that are known by their sites, without their facts. Other sites are left out."""
    firms = {site: Firm("", site) for site in sites}
    async with current_database(settings()).reading() as connection:
        found = await companies_known(connection, firms.values())
    return {site: _known(found[firm], {}) for site, firm in firms.items() if firm in found}


async def known_product(product_id: int) -> KnownProduct:
    """Return a product with its current facts.

    Raises:
        UnknownRecord: The store does not have it.
    """
    async with current_database(settings()).reading() as connection:
        row = await product(connection, product_id)
        if row is None:
            raise UnknownRecord("product", str(product_id))
        facts = await current_values(connection, "product", [str(product_id)])
    return KnownProduct(
        product_id=product_id,
        name=row.name,
        url=str(row.content.get("url") or ""),
        description=str(row.content.get("description") or ""),
        content=dict(row.content),
        facts=facts[str(product_id)],
    )


async def known_facts_of_site(site: str) -> dict[str, Any]:
    """Return the current facts of the company of a site. Empty: it is not known."""
    firm = Firm("", site)
    async with current_database(settings()).reading() as connection:
        found = await companies_known(connection, [firm])
        if firm not in found:
            return {}
        company_id = found[firm].company_id
        return (await current_values(connection, "company", [company_id]))[company_id]


async def known_analysis(subject: Subject, kind: str) -> dict[str, Any]:
    """Return the latest document of a kind about a subject. Empty: there is none."""
    async with current_database(settings()).reading() as connection:
        row = await latest_analysis(connection, subject, kind)
    return dict(row.content) if row else {}


async def known_boards() -> dict[str, str]:
    """Return the ids of the companies with known job boards, by the addresses of the boards."""
    async with current_database(settings()).reading() as connection:
        return {url: company_id for company_id, url in await values_in_group(connection, "company", "job_board.")}


async def kept_analysis(subject: Subject, kind: str, workflow: str, *, since: datetime | None) -> dict[str, Any] | None:
    """Return the last whole answer of a workflow about a subject, if the workflow has looked since a moment.

    Args:
        subject: Subject of the analysis.
        kind: Kind of the analysis.
        workflow: Name of the workflow. The age is that of its facts, which are seen again if nothing has changed.
        since: Oldest moment that counts. None: nothing is young enough.
    """
    async with current_database(settings()).reading() as connection:
        seen_at = await last_observed_at(connection, subject, workflow)
        if since is None or seen_at is None or seen_at < since:
            return None
        row = await latest_analysis(connection, subject, kind)
    return None if row is None or row.workflow != workflow else row.content


async def known_texts(subject: Subject, *, but: str) -> dict[str, str]:
    """Return the quotes of the book about a company, and its openings, as plain text by the address of each source.

    Args:
        subject: The company.
        but: Workflow with facts that are left out, so that it does not prove itself.
    """
    found: dict[str, str] = {}
    async with current_database(settings()).reading() as connection:
        for fact in await facts_of(connection, subject):
            if fact.quote and fact.source_url and fact.workflow != but:
                found[fact.source_url] = f"{found.get(fact.source_url, '')}{fact.quote}\n"
        openings = await things(
            connection, "opening", company_id=CompanyId(subject.id), is_there=True, limit=MOST_OPENINGS
        )
        ids = [row.subject_id for row in openings]
        told = await current_values(connection, "opening", ids, ["description"])
    texts = {row.url or row.key: f"{row.name}\n{told[row.subject_id].get('description', '')}" for row in openings}
    return found | texts


def _known(row: CompanyRow, facts: dict[str, Any]) -> KnownCompany:
    return KnownCompany(
        company_id=row.company_id,
        name=row.name,
        domain=row.domain,
        is_blocked=row.blocked_at is not None,
        facts=facts,
    )
