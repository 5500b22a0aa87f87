"""Hold the shared parts of all requests of one facade process."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from agentic_sales.control import ControlPlane
from agentic_sales.facade.fleet.request_metrics import RequestMetrics
from agentic_sales.facade.runs.readers import Readers
from agentic_sales.facade.runs.validation import InputValidator
from agentic_sales.facade.threads.records import ThreadRecords
from agentic_sales.runs.budgets import Budgets
from agentic_sales.runs.submit import Runs
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database


@dataclass(frozen=True, slots=True)
class FacadeState:
    """The parts of a running facade."""

    settings: Settings
    """This process's configuration."""
    control: ControlPlane
    """Rows, routes and schemas."""
    runs: Runs
    """The door to the fleet."""
    readers: Readers
    """Places for the readers of streams."""
    threads: ThreadRecords
    """The threads."""
    validator: InputValidator
    """Input schemas, compiled."""
    budgets: Budgets
    """Budgets of models. A facade only tells them."""
    requests: RequestMetrics
    """Counters of this process's requests."""
    database: Database
    """Durable state."""
    started_at: datetime
    """When this process started."""


def state_of(request: HTTPConnection) -> FacadeState:
    """Return the state of the facade that serves a request."""
    return cast("FacadeState", request.state.facade)


async def facade_of(request: HTTPConnection) -> FacadeState:
    """Return it for a route. It is a coroutine, because FastAPI runs any other function in a thread."""
    return state_of(request)


Facade = Annotated[FacadeState, Depends(facade_of)]
"""Parameter of a route that is served by the parts of this facade."""
