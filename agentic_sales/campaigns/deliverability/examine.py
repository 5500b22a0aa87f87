"""Examine a mailbox as receivers do before they let its mail in: SPF, DKIM, DMARC, MX, names and one-click headers.

Each finding has its cure. What the DNS does not say is `unknown`, which is neither fine nor missing.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from agentic_sales.campaigns.deliverability.dkim import KEY, examine_dkim
from agentic_sales.campaigns.deliverability.dmarc import POLICY, examine_alignment, examine_dmarc
from agentic_sales.campaigns.deliverability.received import ONE_CLICK_CHECK
from agentic_sales.campaigns.deliverability.sender import Sender
from agentic_sales.campaigns.deliverability.servers import MX, REVERSE, examine_mail_servers, examine_reverse_name
from agentic_sales.campaigns.deliverability.spf import RECORD, WAY, examine_spf
from agentic_sales.campaigns.deliverability.way_out import way_out_of
from agentic_sales.errors import ConfigurationError, LoginRefused
from agentic_sales.rules.findings import Finding, fail, ok, unknown
from agentic_sales.settings import Settings
from agentic_sales.sources.sender_dns import SenderDns
from agentic_sales.store.mailboxes import MailboxRow

LONGEST_S = 20.0
"""Longest time for one part of an examination, in seconds."""
WAY_OUT = "way out"
T = TypeVar("T")


async def examine_sender(
    configuration: Settings, row: MailboxRow, dns: SenderDns, *, selectors: Sequence[str] = ()
) -> list[Finding]:
    """Return everything that is found of a mailbox. Nobody is connected to but DNS servers.

    Args:
        configuration: Configuration of this process, with the way out and the selectors of domains.
        row: The mailbox.
        dns: Asks the DNS.
        selectors: Selectors of its DKIM keys beside those of the configuration.
    """
    try:
        way = way_out_of(configuration, row)
    except (ConfigurationError, LoginRefused) as exc:
        return [fail(WAY_OUT, str(exc), "agentic-sales mailboxes edit, or mend AGENTIC_SALES_MAIL")]
    if way.stays_here:
        return [ok(WAY_OUT, "its mail stays in the state directory, so no receiver asks for its domain")]
    domain = row.address.rpartition("@")[2].lower()
    told = dict.fromkeys((*configuration.selectors_of(domain), *selectors))
    sender = Sender(row.mailbox_id, row.address, way, tuple(told))
    spf, keys, (policy, policies), mx, reverse = await asyncio.gather(
        _in_time(examine_spf(dns, sender), [_late(RECORD), _late(WAY)]),
        _in_time(examine_dkim(dns, sender), [_late(KEY)]),
        _in_time(examine_dmarc(dns, sender), (None, [_late(POLICY)])),
        _in_time(examine_mail_servers(dns, sender), _late(MX)),
        _in_time(examine_reverse_name(dns, sender), _late(REVERSE)),
    )
    alignment = examine_alignment(sender, policy, spf[1], keys)
    return [*spf, *keys, *policies, alignment, mx, reverse, _one_click(configuration, sender)]


async def _in_time(part: Awaitable[T], late: T) -> T:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await part
    except TimeoutError:
        return late


def _late(check: str) -> Finding:
    return unknown(check, f"the DNS did not answer within {LONGEST_S:g} s")


def _one_click(configuration: Settings, sender: Sender) -> Finding:
    if not (configuration.public_url or "").startswith("https://"):
        told = "the link to unsubscribe is not an https:// address, and receivers call no other (RFC 8058, 3.1)"
        return fail(ONE_CLICK_CHECK, told, "set AGENTIC_SALES_PUBLIC_URL to the https:// address of the facade")
    told = (
        "every message has both headers; "
        f"{sender.way.name} signs it, and which headers it signs is not known before one arrives"
    )
    fix = f"save the source of a message that arrived: agentic-sales mailboxes show {sender.mailbox_id} --received FILE"
    return unknown(ONE_CLICK_CHECK, told, fix)
