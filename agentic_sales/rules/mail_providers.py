"""Know the services by which mail leaves: what a sender's domain has to say for each of them."""

from dataclasses import dataclass

from agentic_sales.rules.tables import table

_TABLES = table("mail_providers")


@dataclass(frozen=True, slots=True)
class MailProvider:
    """One service."""

    name: str
    hosts: tuple[str, ...] = ()
    """Endings of its servers' names."""
    spf: tuple[str, ...] = ()
    """Names that an SPF record includes for it. One of them is enough."""
    selectors: tuple[str, ...] = ()
    """Usual selectors of the key of a sender's domain."""
    fixed: bool = False
    """There are no other selectors."""
    envelope: str = ""
    """Part before the sender's domain in the envelope."""


def _provider(name: str) -> MailProvider:
    told = _TABLES[name]
    lists = {key: tuple(told.get(key, ())) for key in ("hosts", "spf", "selectors")}
    return MailProvider(name, **lists, fixed=told.get("fixed", False), envelope=told.get("envelope", ""))


OTHER = _provider("other")
"""Any other server."""
PROVIDERS = {name: _provider(name) for name in _TABLES if name != OTHER.name}
"""By name."""


def provider_of(host: str) -> MailProvider:
    """Return the service of a mail server. `OTHER` for one of nobody that is known."""
    dotted = f".{host.lower().rstrip('.')}"
    return next((p for p in PROVIDERS.values() if any(dotted.endswith(f".{end}") for end in p.hosts)), OTHER)
