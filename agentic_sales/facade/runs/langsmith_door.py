"""Speak to LangSmith for one facade. Learn where its projects are and bring it the waiting feedback.

Neither is on the way of a request. Both are tried again for as long as LangSmith is away. Only one facade at a time
takes an entry of feedback. This is imported only where LangSmith is switched on.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from langsmith.utils import LangSmithError
from redis.exceptions import RedisError
from requests.exceptions import RequestException

from agentic_sales.observability.run_trees import RunTrees
from agentic_sales.runs.feedback import Feedback, FeedbackQueue

log = structlog.get_logger()

POLL_S = 1.0
LONGEST_PAUSE_S = 300.0
GIVEN_UP_AFTER_S = 7 * 86_400.0
"""Age in seconds at which feedback is dropped. LangSmith has refused it for a week."""
LEARN_AGAIN_S = 30.0


@asynccontextmanager
async def langsmith_served(trees: RunTrees, queue: FeedbackQueue) -> AsyncIterator[None]:
    """Learn and deliver for as long as the body lasts."""
    tasks = [asyncio.create_task(_learn_projects(trees)), asyncio.create_task(_deliver_forever(trees, queue))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _learn_projects(trees: RunTrees) -> None:
    while not await asyncio.to_thread(_learn, trees):  # noqa: ASYNC110 - LangSmith does not tell when it is back
        await asyncio.sleep(LEARN_AGAIN_S)


def _learn(trees: RunTrees) -> bool:
    try:
        trees.learn_projects()
    except (LangSmithError, RequestException) as exc:
        log.warning("langsmith_projects_unknown", error=type(exc).__name__)
        return False
    return True


async def _deliver_forever(trees: RunTrees, queue: FeedbackQueue) -> None:
    while True:
        try:
            while (feedback := await queue.take()) is not None:
                await _deliver(trees, queue, feedback)
        except RedisError as exc:
            log.warning("feedback_queue_unreachable", reason=str(exc))
        except Exception:  # An entry that raises comes back later. The entries behind it are delivered meanwhile.
            log.exception("feedback_raised")
        await asyncio.sleep(POLL_S)


async def _deliver(trees: RunTrees, queue: FeedbackQueue, feedback: Feedback) -> None:
    try:
        await asyncio.to_thread(
            trees.give_feedback,
            feedback.assistant_id,
            feedback.langsmith_run_id,
            feedback_id=feedback.feedback_id,
            key=feedback.key,
            score=feedback.score,
            comment=feedback.comment,
        )
    except (LangSmithError, RequestException) as exc:
        age_s = time.time() - feedback.given_at_s
        if age_s < GIVEN_UP_AFTER_S:
            await queue.put_back(feedback, after_s=min(max(age_s, POLL_S), LONGEST_PAUSE_S))
            return
        log.error("feedback_dropped", run_id=feedback.run_id, error=type(exc).__name__)  # noqa: TRY400 - expected
    await queue.remove(feedback)
