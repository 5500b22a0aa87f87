"""Examine the mailboxes that campaigns write from, as receivers examine their domains. The facade asks the DNS."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agentic_sales.outbound.http import httpx
from agentic_sales.rules.findings import Finding, fail, ok, warn
from agentic_sales.settings import Settings

TIMEOUT_S = 45.0
"""A facade waits for a silent DNS before it says so."""
_AT_ONCE = 4
_FIX = "look at the facade's log, and at `agentic-sales db upgrade`"


async def examine_senders(url: str, configuration: Settings) -> list[Finding]:
    """Ask a facade about each mailbox. Nothing is found of a facade that does not answer: `examine_fleet` tells it."""
    token = configuration.auth_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S) as http:
        try:
            answer = await http.get("/campaigns/mailboxes")
        except httpx.HTTPError:
            return []
        if answer.status_code != httpx.codes.OK:
            told = f"the mailboxes cannot be seen: status {answer.status_code}: {answer.text[:200]}"
            return [warn("mailboxes", told, _FIX)]
        places = asyncio.Semaphore(_AT_ONCE)
        found = await asyncio.gather(*(_mailbox(http, places, mailbox) for mailbox in answer.json()))
    return [finding for findings in found for finding in findings]


async def _mailbox(http: httpx.AsyncClient, places: asyncio.Semaphore, mailbox: Mapping[str, Any]) -> list[Finding]:
    mailbox_id, check = mailbox["mailbox_id"], f"mailbox {mailbox['mailbox_id']}"
    try:
        async with places:
            answer = await http.get(f"/campaigns/mailboxes/{mailbox_id}/deliverability")
    except httpx.HTTPError as exc:
        return [fail(check, f"it was not examined: {type(exc).__name__}", _FIX)]
    if answer.status_code != httpx.codes.OK:
        return [fail(check, f"it was not examined: status {answer.status_code}: {answer.text[:200]}", _FIX)]
    told = [Finding(one["status"], f"{check}: {one['check']}", one["told"], one["fix"]) for one in answer.json()]
    if mailbox["held_why"]:
        fix = f"mend it, then: agentic-sales mailboxes release {mailbox_id}"
        told.append(warn(f"{check}: server", f"its server refused it: {mailbox['held_why']}", fix))
    if mailbox["inbox_why"]:
        fix = f"agentic-sales mailboxes test {mailbox_id}"
        told.append(warn(f"{check}: inbox", f"its inbox cannot be read: {mailbox['inbox_why']}", fix))
    return told or [ok(check, "nothing to examine")]
