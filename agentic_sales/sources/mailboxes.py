"""Tell whether an address is usable: by its form, by its parts, by the DNS, and by Reacher if there is one.

    async with MailboxChecks(settings()) as checks:
        found = await checks.check("ada@acme.example")

No mail server is connected to from here. So without Reacher nobody knows whether a mailbox is there, and the verdict
on an address without a fault is `unknown`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from agentic_sales.errors import AgenticSalesError
from agentic_sales.outbound.closing import Closing
from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.rules.mailbox_signs import is_free, is_shared, is_throw_away, meant_domain
from agentic_sales.settings import Settings
from agentic_sales.sources.mail_servers import MailRoute, MailServers
from agentic_sales.sources.reacher import Reacher, ReacherAnswer
from agentic_sales.sources.service import Place, Unavailable

Verdict = Literal["deliverable", "risky", "undeliverable", "unknown"]
"""Whether mail to an address arrives."""


@dataclass(frozen=True, slots=True)
class MailboxVerdict:
    """The verdict on an address."""

    address: str
    """In its normal form, or as it was given where it is no address."""
    verdict: Verdict
    reasons: tuple[str, ...]
    """The reasons of the verdict, in words for people, the gravest first."""
    suggestion: str | None = None
    """The address that was probably meant. None: it looks right."""
    is_shared: bool = False
    """Several people read it, as `info@…`."""
    is_free: bool = False
    """Its provider gives everybody a mailbox."""
    is_throw_away: bool = False
    """Its provider gives mailboxes that nobody keeps."""
    servers: tuple[str, ...] = ()
    """Mail servers of its domain by preference. Empty: none, or nobody knows."""
    is_unanswered: bool = False
    """The DNS was asked and gave no answer."""
    unavailable_sources: tuple[str, ...] = ()
    """Sources that could not serve, and why."""


@dataclass(frozen=True, slots=True)
class _Parts:
    address: str
    local: str
    domain: str


class MailboxChecks(Closing):
    """Checks addresses. An async context manager."""

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self._servers = MailServers(configuration)
        self._reacher = Reacher(configuration, place=place)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._reacher.aclose()

    async def check(self, address: str) -> MailboxVerdict:
        """Judge an address by a glance, and by whether its mailbox is there if a Reacher server is configured.

        Raises:
            RateLimited: The server asks for a pause, and the run is a batch run, which is put back.
        """
        found = (await glance(self._servers, [address]))[address]
        if found.verdict == "undeliverable" or not self._reacher.is_there:
            return found
        unavailable = Unavailable()
        try:
            answer = await self._reacher.check(found.address)
        except AgenticSalesError as exc:
            unavailable.note(self._reacher.name, exc)
            return _with(found, unavailable_sources=unavailable.told)
        return _joined(found, answer)


async def glance(servers: MailServers, addresses: Iterable[str]) -> Mapping[str, MailboxVerdict]:
    """Judge addresses by their form, their parts and the DNS. No mailbox is asked for, so many are quickly judged."""
    told = {address: _parts(address) for address in addresses}
    routes = await servers.routes_of(parts.domain for parts in told.values() if isinstance(parts, _Parts))
    return {
        address: _judged(parts, routes[parts.domain])
        if isinstance(parts, _Parts)
        else MailboxVerdict(address.strip(), "undeliverable", (parts,))
        for address, parts in told.items()
    }


def _parts(address: str) -> _Parts | str:
    """Return the parts of an address, or why it is none. Only a server with SMTPUTF8 takes other letters before `@`."""
    try:
        told = validate_email(
            address.strip(), allow_smtputf8=False, strict=True, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as exc:
        return f"it is no address: {exc}"
    return _Parts(f"{told.local_part}@{told.ascii_domain}", told.local_part, told.ascii_domain)


def _judged(parts: _Parts, route: MailRoute) -> MailboxVerdict:
    meant = meant_domain(parts.domain)
    doubts = [
        f"`{meant}` was probably meant" if meant else "",
        f"`{parts.domain}` gives mailboxes that nobody keeps" if is_throw_away(parts.domain) else "",
        "a program reads it, and no person" if is_nobody(parts.address) else "",
        f"`{parts.local}` is a mailbox that several people read" if is_shared(parts.local) else "",
        route.reason if route.takes == "maybe" else "",
    ]
    told = [doubt for doubt in doubts if doubt]
    verdict: Verdict = "undeliverable" if route.takes == "nothing" else "risky" if told else "unknown"
    first = [route.reason] if route.takes == "nothing" else []
    last = [route.reason] if route.takes in {"mail", "unknown"} else []
    return MailboxVerdict(
        parts.address,
        verdict,
        tuple(dict.fromkeys([*first, *told, *last])),
        suggestion=f"{parts.local}@{meant}" if meant else None,
        is_shared=is_shared(parts.local),
        is_free=is_free(parts.domain),
        is_throw_away=is_throw_away(parts.domain),
        servers=route.servers,
        is_unanswered=route.is_failure,
    )


def _joined(found: MailboxVerdict, answer: ReacherAnswer) -> MailboxVerdict:
    """Return a verdict with Reacher's answer. A reason against an address stays, also if its mailbox exists."""
    if answer.verdict == "safe":
        told = f"the mailbox `{found.address}` is there"
        return _with(found, told, verdict="risky" if found.verdict == "risky" else "deliverable")
    if answer.verdict == "invalid":
        off = "is switched off" if answer.is_disabled else "is not there"
        return _with(found, f"the mailbox `{found.address}` {off}", verdict="undeliverable")
    if answer.verdict == "risky":
        doubts = (
            (answer.is_catch_all, "its server takes mail for every name"),
            (answer.is_full, "the mailbox is full"),
        )
        told = "; ".join(doubt for is_so, doubt in doubts if is_so) or "the mailbox may be there"
        return _with(found, told, verdict="risky")
    return _with(found, "its mail server does not say whether the mailbox is there")


def _with(
    found: MailboxVerdict,
    reason: str = "",
    *,
    verdict: Verdict | None = None,
    unavailable_sources: tuple[str, ...] = (),
) -> MailboxVerdict:
    reasons = (reason, *found.reasons) if reason else found.reasons
    return replace(found, verdict=verdict or found.verdict, reasons=reasons, unavailable_sources=unavailable_sources)
