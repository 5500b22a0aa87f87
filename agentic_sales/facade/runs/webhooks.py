"""Refuse an undeliverable or forbidden webhook before its run is recorded.

A delivery checks again. An address that is public now may lead inside by then.
"""

import asyncio

from agentic_sales.errors import FetchRefused, InvalidRequest, ProviderUnavailable
from agentic_sales.facade.state import FacadeState
from agentic_sales.outbound.addresses import AddressGuard

RESOLVE_TIMEOUT_S = 2.0
"""How long the name lookup of a webhook's host may take. An unresolved name may resolve by the end of the run."""


async def check_webhook(state: FacadeState, url: str | None) -> None:
    """Check the webhook of a request if it has one.

    Raises:
        InvalidRequest: It has no address on the public internet or webhooks are not signed here.
    """
    if url is None:
        return
    if state.settings.webhook_secret is None:
        raise InvalidRequest("webhook: this fleet signs none; its operator sets AGENTIC_SALES_WEBHOOK_SECRET")
    await check_receiver(state, url)


async def check_receiver(state: FacadeState, url: str) -> None:
    """Check the address of a receiver. One that cannot be resolved now may be by the time of its delivery.

    Raises:
        InvalidRequest: It has no address on the public internet.
    """
    guard = AddressGuard(state.settings.allow_private_hosts)
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            await guard.addresses(guard.target(url))
    except FetchRefused as exc:
        raise InvalidRequest(f"webhook: `{exc.url}` cannot be told: {exc.reason}") from exc
    except (ProviderUnavailable, TimeoutError):
        return
