"""Serve `/metrics` for Prometheus with the numbers of the fleet and of this facade's own requests.

The path needs a key like every path that reveals the work. The fleet's key or `AGENTIC_SALES_METRICS_TOKEN` opens it.
That token opens nothing else. So Prometheus need not hold the key that starts runs.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Annotated

import structlog
from fastapi import APIRouter, Header
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from agentic_sales.campaigns.visits import clock
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.observability.exposition import gauge
from agentic_sales.observability.metrics import APPROVALS, LEDGER_UP, UNREADABLE
from agentic_sales.routing import METRICS_PATH
from agentic_sales.runs.fleet_metrics import fleet_families, read_fleet
from agentic_sales.store.approvals import pending_count
from agentic_sales.store.inbound import unreadable_count

log = structlog.get_logger()

router = APIRouter(tags=["health"], route_class=JsonRoute)

DATABASE_TIMEOUT_S = 2.0


@router.get(METRICS_PATH, summary="The fleet's numbers, for Prometheus", response_class=Response)
async def tell_metrics(facade: Facade, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """Answer with every metric. While Redis is away the fleet's are left out and `agentic_ledger_up` is 0."""
    families = [*facade.requests.registry.collect(), *await _fleet(facade), *await _stored(facade)]
    encode, content_type = choose_encoder(accept)
    return Response(encode(_Collected(families)), media_type=content_type)


async def _fleet(state: FacadeState) -> list[Metric]:
    try:
        numbers = await read_fleet(state.runs.ledger, state.control.queues)
    except RedisError:
        return [gauge(LEDGER_UP, {(): 0.0})]
    models = filter(None, dict.fromkeys((state.settings.model, state.settings.model_deep)))
    return [gauge(LEDGER_UP, {(): 1.0}), *fleet_families(state.control, numbers, models, state.budgets)]


async def _stored(state: FacadeState) -> list[Metric]:
    """Tell the numbers of entries that wait for people. They are left out without a timely answer of the database."""
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S), state.database.reading() as connection:
            pending = await pending_count(connection, now=clock.now())
            unreadable = await unreadable_count(connection)
    except (SQLAlchemyError, OSError, TimeoutError) as exc:
        log.warning("waiting_not_counted", reason=type(exc).__name__)
        return []
    return [gauge(APPROVALS, {(): pending}), gauge(UNREADABLE, {(): unreadable})]


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
