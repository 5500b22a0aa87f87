"""Read a DMARC policy (RFC 7489, RFC 9989)."""

import re
from dataclasses import dataclass

from agentic_sales.rules.dkim_keys import tags_of

POLICIES = ("none", "quarantine", "reject")
_MAILTO = re.compile(r"mailto:([^!\s]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """What a domain asks receivers for."""

    policy: str
    """`none`, `quarantine` or `reject`: what becomes of mail that fails."""
    subdomains: str
    """The same for mail of its subdomains."""
    share: int = 100
    """Percent of the failing mails to which it applies."""
    is_dkim_strict: bool = False
    """The domain of the signature must be that of `From`, and not only of the same organization."""
    is_spf_strict: bool = False
    """The domain of the envelope must be that of `From`."""
    reports_to: tuple[str, ...] = ()
    """Addresses that get the daily reports."""


def is_dmarc(text: str) -> bool:
    """Tell whether a TXT record is a DMARC record."""
    return re.match(r"v\s*=\s*DMARC1\s*(?:;|\Z)", text) is not None


def read_dmarc(text: str) -> DmarcPolicy:
    """Read a record.

    Raises:
        ValueError: Receivers act as if it were not there.
    """
    tags = tags_of(text)
    reports = tuple(found[1] for part in tags.get("rua", "").split(",") if (found := _MAILTO.fullmatch(part.strip())))
    policy = tags.get("p", "").lower()
    if policy not in POLICIES:
        if not reports:
            raise ValueError(f"its policy is `p={policy}`, and not `p=none`, `p=quarantine` or `p=reject`")
        policy = "none"  # What RFC 7489, 6.6.3 makes of it where there is somebody to report to.
    share = tags.get("pct", "100")
    return DmarcPolicy(
        policy=policy,
        subdomains=wanted if (wanted := tags.get("sp", policy).lower()) in POLICIES else policy,
        share=min(int(share), 100) if share.isdecimal() else 100,
        is_dkim_strict=tags.get("adkim", "r").lower() == "s",
        is_spf_strict=tags.get("aspf", "r").lower() == "s",
        reports_to=reports,
    )
