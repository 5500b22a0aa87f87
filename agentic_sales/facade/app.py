"""Assemble the facade with HTTP in and queue out. It never imports a graph or langgraph."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TypedDict

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from agentic_sales.campaigns.sending.links import check_links
from agentic_sales.control import ControlPlane
from agentic_sales.errors import AgenticSalesError, InvalidRequest, StateUnavailable, TransientError
from agentic_sales.facade import health
from agentic_sales.facade.answers import JsonAnswer, answer_of_error, error_answer
from agentic_sales.facade.bodies import problems_told
from agentic_sales.facade.body_limits import BodyLimits, LimitedBodies
from agentic_sales.facade.book import companies, documents, facts, people, privacy, products
from agentic_sales.facade.bugs import Bugs
from agentic_sales.facade.connections import CallerConnections
from agentic_sales.facade.fleet import assistants, metrics
from agentic_sales.facade.fleet import processes as fleet
from agentic_sales.facade.fleet.request_metrics import Counted, RequestMetrics
from agentic_sales.facade.fleet.tracing import langsmith_kept, traced
from agentic_sales.facade.guard import Guard
from agentic_sales.facade.openapi import documented
from agentic_sales.facade.outreach import (
    campaign_files,
    campaigns,
    corrections,
    deliverability,
    endpoints,
    export,
    flows,
    forget,
    imports,
    mailboxes,
    suggestions,
    suppressions,
    unsubscribe,
    verticals,
)
from agentic_sales.facade.outreach import events as webhooks
from agentic_sales.facade.runs import feedback, runs
from agentic_sales.facade.runs import many as many_runs
from agentic_sales.facade.runs.readers import Readers
from agentic_sales.facade.runs.validation import InputValidator
from agentic_sales.facade.state import FacadeState
from agentic_sales.facade.threads import runs as thread_runs
from agentic_sales.facade.threads import state as thread_state
from agentic_sales.facade.threads import threads
from agentic_sales.facade.threads.records import ThreadRecords, writing_down
from agentic_sales.runs.budgets import Budgets
from agentic_sales.runs.submit import open_runs
from agentic_sales.runs.threads import ThreadLedger
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.threads import Threads

log = structlog.get_logger()

LOOPBACK_ORIGINS = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
READABLE_HEADERS = (
    *("content-location", "location", "retry-after", "x-pagination-next", "x-pagination-total"),
    *("x-langsmith-run-id", "x-langsmith-run-url", "x-request-id", "x-run-id", "x-trace-id"),
)
"""Headers of our answers that a page of another origin may read."""
STATEMENT_TIMEOUT_S = 10.0
"""Longest statement of this process on PostgreSQL. A longer one is 503 and frees its connection."""

_PARTS = (
    *(many_runs, runs, feedback, threads, thread_state, thread_runs, assistants),
    *(suppressions, imports, mailboxes, endpoints, deliverability, campaign_files, corrections, suggestions),
    campaigns,
    *(flows, verticals, export, forget, unsubscribe, webhooks),
    *(companies, privacy, people, facts, products, documents),
    *(health, metrics, fleet),
)
_NO_SPANS_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own telemetry would stand beside that of `observability.http_spans` and hang spans between its spans."""
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class _Lifespan(TypedDict):
    facade: FacadeState
    connections: CallerConnections


def create_app(configuration: Settings, control: ControlPlane) -> FastAPI:
    """Make the facade of a configuration.

    Raises:
        ConfigurationError: `schemas.json` is missing or does not cover every row. Or a budget is invalid.
            Or mail leaves this machine and its recipients could not unsubscribe.
    """
    _ = control.schemas  # A facade that cannot validate must not start.
    check_links(configuration)
    requests, budgets = RequestMetrics(), Budgets.of(configuration, control.rows)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[_Lifespan]:
        async with (
            traced(app, configuration),
            open_runs(configuration, control) as opened,
            open_database(configuration, statement_timeout_s=STATEMENT_TIMEOUT_S) as database,
            writing_down(ThreadRecords(Threads(database), ThreadLedger(opened.ledger))) as records,
            langsmith_kept(opened.ledger),
        ):
            yield {
                "facade": FacadeState(
                    settings=configuration,
                    control=control,
                    runs=opened,
                    readers=Readers(configuration.stream_readers),
                    database=database,
                    threads=records,
                    validator=InputValidator(control),
                    budgets=budgets,
                    requests=requests,
                    started_at=datetime.now(UTC),
                ),
                "connections": CallerConnections(per_address=configuration.connections_per_address, requests=requests),
            }

    app = FastAPI(
        title="Agentic Sales",
        summary="Many sales workflows on one shared fleet.",
        version=version("agentic-sales"),
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,  # Starlette redirects to the host that the caller named
        default_response_class=JsonAnswer,
        telemetry=_NO_SPANS_OF_ITS_OWN,
    )
    for module in _PARTS:
        app.include_router(module.router)
    app.openapi = partial(documented, app)  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_exception_handler(AgenticSalesError, _on_error)
    for away in (OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(away, _on_database_away)
    app.add_exception_handler(DataError, _on_data_refused)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    limits = BodyLimits(configuration.max_body_bytes, configuration.max_import_bytes)
    app.add_middleware(LimitedBodies, limits=limits)
    app.add_middleware(Bugs)
    app.add_middleware(
        Guard,
        token=configuration.auth_token,
        metrics_token=configuration.metrics_token,
        limits=limits,
    )
    app.add_middleware(Counted, requests=requests)
    if configuration.cors_origins or configuration.dev:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=configuration.cors_origins,
            allow_origin_regex=LOOPBACK_ORIGINS if configuration.dev else None,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=READABLE_HEADERS,
            allow_private_network=configuration.dev,
        )
    return app


async def _on_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, AgenticSalesError)  # noqa: S101 - registered for this class only
    if isinstance(error, TransientError):
        log.warning("request_not_served", code=error.code)
    return answer_of_error(error)


async def _on_database_away(request: Request, error: Exception) -> Response:
    return await _on_error(request, StateUnavailable(str(error).splitlines()[0]))


async def _on_data_refused(request: Request, error: Exception) -> Response:
    return await _on_error(request, InvalidRequest(f"the database takes no such value: {str(error).splitlines()[0]}"))


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    in_body = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors() if problem["loc"][0] == "body"]
    told = [f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors() if p["loc"][0] != "body"]
    told += [problems_told(in_body, error.body)] if in_body else []
    return error_answer(422, "invalid_request", f"the request does not fit: {'; '.join(told)}")


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return error_answer(
        error.status_code, _CODES.get(error.status_code, "http_error"), str(error.detail), headers=error.headers
    )
