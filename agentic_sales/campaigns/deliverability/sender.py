"""Hold what an examination needs to know of one sender."""

from dataclasses import dataclass

from agentic_sales.campaigns.deliverability.way_out import WayOut
from agentic_sales.rules.company_identity import site_of


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and by which way."""

    mailbox_id: str
    address: str
    """Address in `From`."""
    way: WayOut
    selectors: tuple[str, ...] = ()
    """Selectors of its DKIM keys that somebody told. Empty if nobody did."""

    @property
    def domain(self) -> str:
        """Domain in `From`."""
        return self.address.rpartition("@")[2].lower().rstrip(".")

    @property
    def organization(self) -> str:
        """Registrable domain, which alignment goes by unless a policy is strict."""
        return organization_of(self.domain)

    @property
    def envelope_domain(self) -> str:
        """Domain of the envelope, of which receivers read the SPF record."""
        part = self.way.provider.envelope
        return f"{part}.{self.domain}" if part else self.domain


def organization_of(domain: str) -> str:
    """Return the registrable domain of a domain, or the domain if the list of suffixes has none for it."""
    return site_of(domain) or domain
