"""Find an address of a person by guesses at the employer's domain, each of which a check must confirm.

A guess is no address before a mail server knows its mailbox. A server that takes mail for every name confirms none.
Nothing here writes.
"""

from agentic_sales.campaigns.book.promotion import DELIVERABLE, UNDELIVERABLE, Check
from agentic_sales.rules.company_people import guessed_addresses
from agentic_sales.sources.mailboxes import MailboxVerdict

MOST_GUESSES = 3
"""Addresses that are tried of one person. The usual form of an address is among the first two in most companies."""
FORMED = "Your address was formed from your name and the domain of your company. Its mail server knows the mailbox."
"""Source of a guessed address in words that the person may read."""


async def confirmed_guess(name: str, domain: str, check: Check) -> MailboxVerdict | None:
    """Return the verdict on the first guess whose mailbox is there. None: no guess is confirmed.

    Args:
        name: Whole name of the person.
        domain: Domain of the employer's site.
        check: Tells whether an address is usable.

    Raises:
        RateLimited: The check asks for a pause.
    """
    for address in guessed_addresses(name, domain)[:MOST_GUESSES]:
        found = await check(address)
        if found.verdict == DELIVERABLE:
            return found
        if (
            found.verdict != UNDELIVERABLE
        ):  # The server does not tell mailboxes apart, so a further guess tells nothing.
            return None
    return None
