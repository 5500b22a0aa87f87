"""Ask how receivers see a mailbox and a campaign."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentic_sales.cli.views.asking import ask_facade, path_of
from agentic_sales.client import LangGraphError


def findings_of(mailbox: Mapping[str, Any], url: str | None, received: bytes | None) -> list[dict[str, Any]]:
    """Return the findings on a mailbox, and on one mail of it that arrived.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    from agentic_sales.campaigns.deliverability.received import (  # noqa: PLC0415 - only for a file
        ONE_CLICK_CHECK,
        examine_received,
        selectors_of,
    )

    address = mailbox["address"]
    selectors = () if received is None else selectors_of(received, address=address)
    query = "&".join(f"selector={selector}" for selector in selectors if selector.replace("-", "").isalnum())
    path = f"/campaigns/mailboxes{path_of(mailbox['mailbox_id'], 'deliverability')}"
    found: list[dict[str, Any]] = ask_facade("GET", f"{path}?{query}" if query else path, url)
    if received is None:
        return found
    shown = [finding.as_data() for finding in examine_received(received, address=address)]
    known = {finding["check"] for finding in shown} & {ONE_CLICK_CHECK}
    return [*(finding for finding in found if finding["check"] not in known), *shown]


def warnings_of(campaign: str, url: str | None) -> Iterator[str]:
    """Yield the breaches of the receivers' rules by a campaign, in words. A facade without an answer is told too."""
    try:
        found = ask_facade("GET", f"/campaigns{path_of(campaign, 'deliverability')}", url)
    except LangGraphError as exc:
        yield f"its deliverability was not examined: {exc}"
        return
    for warning in found["warnings"]:
        of = f"mailbox `{warning['mailbox_id']}`: " if warning["mailbox_id"] else ""
        yield f"{of}{warning['check']}: {warning['told']} → {warning['fix']}"
