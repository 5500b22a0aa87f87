"""Deliver campaigns' events from a worker child of core."""

from agentic_sales.campaigns.webhooks.outbox import SignedCall, deliver_outbox
from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.signed_posts import Receivers
from agentic_sales.settings import Settings
from agentic_sales.store.database import current_database


async def deliver_events(configuration: Settings) -> int:
    """Tell every endpoint what it is due to be told. Return the number of tries."""
    async with Receivers(configuration.allow_private_hosts) as receivers:

        async def post(call: SignedCall) -> int | str:
            try:
                return await receivers.post(call.url, call.body, call.headers)
            except (FetchRefused, ProviderUnavailable) as exc:
                return str(exc)

        return await deliver_outbox(current_database(configuration), post, fleet_secret=configuration.webhook_secret)
