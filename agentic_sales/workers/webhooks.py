"""Tell the webhooks of ended runs, in a child of the default pool; the parent asks for each round."""

from agentic_sales.celery import app
from agentic_sales.runs.webhooks import DELIVER_TASK, TURN_KEY
from agentic_sales.workers import current
from agentic_sales.workers.current import CurrentChild


@app.task(name=DELIVER_TASK, soft_time_limit=45, time_limit=50)
def deliver_webhooks() -> int:
    """Tell every webhook whose delivery is due; return how many tries that took."""
    child = current.child()
    return child.do(_round(child))


async def _round(child: CurrentChild) -> int:
    from agentic_sales.workers.child.delivery import deliver_due  # noqa: PLC0415 - beat and Flower load the tasks too

    try:
        return await deliver_due(child.ledger, child.configuration)
    finally:
        await child.ledger.redis.delete(TURN_KEY)
