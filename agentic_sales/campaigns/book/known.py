"""Read what the book knows of the subjects that a workflow was given."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.contracts import CompanyId
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import settings
from agentic_sales.store.companies import CompanyRow, companies_known, company
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import current_values, values_in_group


class KnownCompany(BaseModel):
    """A company of the book."""

    company_id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    domain: str | None = Field(default=None, description="Registrable domain of its site; null: none is known.")
    is_blocked: bool = Field(default=False, description="Whether a person said that nobody of it is written to.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Current values by field.")

    @property
    def url(self) -> str:
        """Return the address of its home page. Empty without a site."""
        return f"https://{self.domain}/" if self.domain else ""


async def known_company(company_id: str) -> KnownCompany:
    """Return a company with its current facts.

    Raises:
        UnknownRecord: The book does not have it.
    """
    async with current_database(settings()).reading() as connection:
        row = await company(connection, CompanyId(company_id))
        if row is None:
            raise UnknownRecord("company", company_id)
        facts = await current_values(connection, "company", [row.company_id])
    return _known(row, facts[row.company_id])


async def known_sites(sites: Iterable[str]) -> dict[str, KnownCompany]:
    """Return the companies that are known by their sites, without their facts. Other sites are left out."""
    firms = {site: Firm("", site) for site in sites}
    async with current_database(settings()).reading() as connection:
        found = await companies_known(connection, firms.values())
    return {site: _known(found[firm], {}) for site, firm in firms.items() if firm in found}


async def known_boards() -> dict[str, str]:
    """Return the ids of the companies whose job boards are known, by the addresses of the boards."""
    async with current_database(settings()).reading() as connection:
        return {url: company_id for company_id, url in await values_in_group(connection, "company", "job_board.")}


def _known(row: CompanyRow, facts: dict[str, Any]) -> KnownCompany:
    return KnownCompany(
        company_id=row.company_id,
        name=row.name,
        domain=row.domain,
        is_blocked=row.blocked_at is not None,
        facts=facts,
    )
