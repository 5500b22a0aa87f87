"""Trace the requests of one facade process for as long as it serves. Do nothing where tracing is off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from fastapi import FastAPI

from agentic_sales.observability.plane import close_plane, open_plane, plane
from agentic_sales.runs.feedback import FeedbackQueue
from agentic_sales.runs.ledger import Ledger
from agentic_sales.settings import Settings


@asynccontextmanager
async def traced(app: FastAPI, configuration: Settings) -> AsyncIterator[None]:
    """Open the plane and trace every request to the application. Send the recorded spans at the end."""
    opened = open_plane(configuration, "facade")
    try:
        with ExitStack() as stack:
            if opened is not None and opened.telemetry is not None:
                from agentic_sales.observability.http_spans import requests_traced  # noqa: PLC0415 - only where it is on

                stack.enter_context(requests_traced(app, opened.telemetry.provider))
            yield
    finally:
        if opened is not None:
            await asyncio.to_thread(close_plane)


@asynccontextmanager
async def langsmith_kept(ledger: Ledger) -> AsyncIterator[None]:
    """Bring LangSmith the waiting feedback and learn where its projects are if LangSmith is on."""
    opened = plane()
    if opened is None or opened.run_trees is None:
        yield
        return
    from agentic_sales.facade.runs.langsmith_door import langsmith_served  # noqa: PLC0415 - only where it is on

    async with langsmith_served(opened.run_trees, FeedbackQueue(ledger)):
        yield
