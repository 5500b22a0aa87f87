"""Deliver campaigns' events from a worker child of core: to checked addresses alone, no redirect followed."""

from agentic_sales.campaigns.webhooks.outbox import SignedCall, deliver_outbox
from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.connections import Budget, Connections
from agentic_sales.settings import Settings
from agentic_sales.store.database import current_database

TIMEOUT_S = 10.0
"""How long a receiver may take."""


async def deliver_events(configuration: Settings) -> int:
    """Tell every endpoint what it is due to be told. Return the number of tries."""
    guard = AddressGuard(configuration.allow_private_hosts)
    connections = Connections(guard)

    async def post(call: SignedCall) -> int | str:
        try:
            return await connections.tell(guard.target(call.url), Budget(TIMEOUT_S), call.body, call.headers)
        except (FetchRefused, ProviderUnavailable) as exc:
            return str(exc)

    try:
        return await deliver_outbox(current_database(configuration), post, fleet_secret=configuration.webhook_secret)
    finally:
        await connections.aclose()
