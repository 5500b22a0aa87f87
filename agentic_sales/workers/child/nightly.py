"""Submit the runs that keep the book young, from a worker child of core, when beat asks for them.

Every run goes to the batch lane under a key of its slot. So a job that died and is done again starts nothing twice.
"""

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any

from agentic_sales.campaigns.book.known import known_boards
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.records import Idempotency
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database
from agentic_sales.store.products import products
from agentic_sales.wire import to_wire
from agentic_sales.workers.current import CurrentChild

FIND_BOARDS, READ_BOARD, CHECK_SITE = "ashby_discovery", "ashby_ingest", "freshness"
_PAGE = 500


async def read_boards(child: CurrentChild, slot: str) -> int:
    """Submit a search for new job boards and a reading of each known one. Return the number of runs."""
    await _submit(child, slot, FIND_BOARDS, {"keywords": list(child.configuration.board_keywords)})
    boards = sorted(await known_boards())
    for board in boards:
        await _submit(child, slot, READ_BOARD, {"slug": board})
    return 1 + len(boards)


async def check_freshness(child: CurrentChild, slot: str) -> int:
    """Submit a look at the site of each product that has one. Return the number of runs."""
    submitted = 0
    async for product_id in _products_with_sites():
        await _submit(child, slot, CHECK_SITE, {"product_id": product_id})
        submitted += 1
    return submitted


async def _products_with_sites() -> AsyncIterator[int]:
    offset = 0
    while True:
        async with current_database(settings()).reading() as connection:
            page = await products(connection, limit=_PAGE, offset=offset)
        for row in page:
            if row.content.get("url"):
                yield row.product_id
        if len(page) < _PAGE:
            return
        offset += _PAGE


async def _submit(child: CurrentChild, slot: str, assistant_id: str, values: Mapping[str, Any]) -> None:
    request = {"input": dict(values), "metadata": {"slot": slot}, "priority": "batch"}
    digest = sha256(to_wire([assistant_id, request])).hexdigest()
    once = Idempotency(scope=digest, digest=digest)
    run = await (await child.runs()).submit(assistant_id, request, trace=parse_inbound({}), idempotency=once)
    run.ended.cancel()
