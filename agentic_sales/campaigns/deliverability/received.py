"""Read from one received mail what nobody can ask the DNS: which headers were signed, and what a receiver found."""

import re
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

from agentic_sales.campaigns.deliverability.sender import organization_of
from agentic_sales.rules.dkim_keys import ONE_CLICK, DkimSignature, signatures_of
from agentic_sales.rules.findings import Finding, fail, ok, unknown, warn

ONE_CLICK_CHECK, RECEIVED = "one-click", "received mail"
_RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_METHODS = ("spf", "dkim", "dmarc")


def examine_received(raw: bytes, *, address: str) -> list[Finding]:
    """Return what one mail of a mailbox shows, as its receiver saved it.

    Args:
        raw: The source of the mail.
        address: Address of the mailbox.
    """
    mail = message_from_bytes(raw)
    domain = address.rpartition("@")[2].lower()
    sender = parseaddr(str(mail.get("From", "")))[1]
    if sender.rpartition("@")[2].lower() != domain:
        told = f"the file is a mail from `{sender or 'nobody'}`, and not from `{domain}`"
        return [fail(RECEIVED, told, "save the source of a mail that this mailbox sent, as its receiver got it")]
    own = [one for one in signatures_of(mail) if organization_of(one.domain) == organization_of(domain)]
    return [_signed(mail, own, domain), _verified(mail)]


def selectors_of(raw: bytes, *, address: str) -> tuple[str, ...]:
    """Return the selectors by which a received mail was signed for the domain of its sender."""
    domain = address.rpartition("@")[2].lower()
    return tuple(dict.fromkeys(one.selector for one in signatures_of(message_from_bytes(raw)) if one.domain == domain))


def _signed(mail: Message, own: list[DkimSignature], domain: str) -> Finding:
    if not own:
        told = f"it has no DKIM signature of `{domain}`, so receivers offer no one-click unsubscription"
        return fail(ONE_CLICK_CHECK, told, f"let your mail service sign as `{domain}`")
    if gone := [name for name in ONE_CLICK if mail.get(name) is None]:
        told = f"it has no `{gone[0]}` header: it is no message of a campaign, or a server on its way took it out"
        return fail(ONE_CLICK_CHECK, told, "save a message of a campaign; if it is one, ask the operator of the server")
    if any(one.covers_one_click for one in own):
        return ok(ONE_CLICK_CHECK, f"the signature of `{domain}` covers List-Unsubscribe and List-Unsubscribe-Post")
    missing = [name for name in ONE_CLICK if name not in own[0].headers]
    told = f"the signature by `{own[0].selector}` does not cover {' and '.join(missing)} (RFC 8058, 4)"
    return fail(ONE_CLICK_CHECK, told, "let the signer cover both headers, or send by a service that does")


def _verified(mail: Message) -> Finding:
    # Only the first of these headers is the receiver's own: each server puts its header above all others.
    header = str((mail.get_all("Authentication-Results") or [""])[0])
    results = {name.lower(): result.lower() for name, result in reversed(_RESULT.findall(header))}
    if not results:
        told = "its receiver did not write its results (`Authentication-Results`)"
        return unknown(RECEIVED, told, "save the mail at another receiver, such as Gmail")
    told = "its receiver found " + ", ".join(f"{name}={results.get(name, 'nothing')}" for name in _METHODS)
    if all(results.get(name) == "pass" for name in _METHODS):
        return ok(RECEIVED, told)
    if results.get("dmarc") == "pass":
        return warn(RECEIVED, told, "see the findings of SPF and DKIM; a bulk sender needs both")
    return fail(RECEIVED, told, "see the findings of SPF, DKIM and DMARC")
