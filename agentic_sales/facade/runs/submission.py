"""Turn a request that starts a run into a run on its queue. Parse and validate and route and submit it."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from pydantic import Field, TypeAdapter
from structlog.contextvars import bind_contextvars
from uuid_utils import uuid7

from agentic_sales.contracts import RunRequest
from agentic_sales.errors import AgenticSalesError, InvalidRequest
from agentic_sales.facade.bodies import parsed
from agentic_sales.facade.callers import Caller
from agentic_sales.facade.guard import digest_of_key
from agentic_sales.facade.runs.callbacks import with_callback
from agentic_sales.facade.runs.webhooks import check_webhook
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.threads.turns import check_request, label, turn_on
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.chosen_model import CHOSEN_MODEL, check_chosen_model
from agentic_sales.runs.ledger import Idempotency
from agentic_sales.runs.submit import SubmittedRun
from agentic_sales.runs.turns import Turn

LONGEST_IDEMPOTENCY_KEY_CHARS = 255
MOST_IN_BATCH = 1000
"""Runs that one request may start."""
_RUN = TypeAdapter(RunRequest)
_BATCH = TypeAdapter(Annotated[list[RunRequest], Field(min_length=1, max_length=MOST_IN_BATCH)])
REQUEST_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": RunRequest.model_json_schema()}}},
}
"""The body in the OpenAPI document. It is parsed here in one pass over the bytes."""
_OF_THE_WORKER = {
    "input",
    "config",
    "metadata",
    "context",
    "stream_subgraphs",
    "command",
    "checkpoint",
    "checkpoint_id",
    "interrupt_before",
    "interrupt_after",
    "priority",
    "after_seconds",
    "webhook",
}
"""Fields of a request that the ledger or the worker reads."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request and the run that it started or joined by its idempotency key."""

    body: RunRequest
    """The body of the request."""
    run: SubmittedRun
    """The run."""


async def submit(
    facade: FacadeState, caller: Caller, *, is_streamed: bool = False, thread_id: str | None = None
) -> Submission:
    """Start the run that a request asks for.

    Args:
        facade: The facade.
        caller: The request. Its body is a `RunRequest`.
        is_streamed: Whether the events of the run are kept for readers.
        thread_id: Thread that the run is on. None means no thread unless its state is to be kept.

    Raises:
        InvalidRequest: The body is not a run or needs a thread.
        NotResumable: It needs state and the assistant keeps none.
        UnknownThread: There is no such thread.
        ThreadBusy: A run is at work on the thread and this one is not to wait.
        ThreadOfAnother: The thread holds the state of another assistant.
        NothingToResume: The thread does not wait (any more) at the interrupt that is answered.
        UnknownAssistant: No registry row has the id.
        InvalidInput: The input does not fit the assistant's schema.
        ModelNotAllowed: It names a model that runs may not name.
        IdempotencyConflict: The key was used for another request.
        PoolUnavailable: No live worker consumes the queue.
        QueueFull: The queue has as many waiting runs as it may have.
        BrokerUnavailable: Redis or the broker did not answer.
    """
    body = _lifted(facade, parsed(_RUN, caller.body, what="a run"))
    return await start(facade, caller, body, _idempotency(caller), is_streamed=is_streamed, thread_id=thread_id)


async def submit_all(facade: FacadeState, caller: Caller) -> list[Submission | AgenticSalesError]:
    """Start the runs that a request asks for in its order. Give the reason for each run without a start.

    Raises:
        InvalidRequest: The body is no list of runs or one of them is wrong. None was started.
        UnknownAssistant: No registry row has the id of one. None was started.
        InvalidInput: The input of one does not fit. None was started.
    """
    bodies = [_lifted(facade, body) for body in parsed(_BATCH, caller.body, what="a list of runs")]
    for body in bodies:
        await _check(facade, body, is_on_thread=body.on_completion == "keep")
    started: list[Submission | AgenticSalesError] = []
    for place, body in enumerate(bodies):
        try:
            started.append(await start(facade, caller, body, _idempotency(caller, place), is_streamed=True))
        except AgenticSalesError as exc:
            started.append(exc)
    return started


def _lifted(facade: Facade, body: RunRequest) -> RunRequest:
    return with_callback(facade.control.row(body.assistant_id).assistant_id, body)


async def _check(facade: Facade, body: RunRequest, *, is_on_thread: bool) -> GraphSpec:
    row = facade.control.row(body.assistant_id)
    check_request(facade, row, body, is_on_thread=is_on_thread)
    configurable = body.config.configurable if body.config else None
    if configurable is not None and configurable.model_extra:
        check_chosen_model(configurable.model_extra.get(CHOSEN_MODEL), facade.settings)
    await check_webhook(facade, body.webhook)
    return row


async def start(
    facade: FacadeState,
    caller: Caller,
    body: RunRequest,
    idempotency: Idempotency | None,
    *,
    is_streamed: bool = False,
    thread_id: str | None = None,
) -> Submission:
    """Start one run. See `submit` for its errors."""
    if thread_id is None and body.on_completion == "keep":
        thread_id, body = str(uuid7()), body.model_copy(update={"if_not_exists": "create"})
    row = await _check(facade, body, is_on_thread=thread_id is not None)
    turn = (
        None
        if thread_id is None
        else await turn_on(facade, caller.trace, row, body, thread_id=thread_id, idempotency=idempotency)
    )
    run = await facade.runs.submit(
        row.assistant_id,
        body.model_dump(include=_OF_THE_WORKER, exclude_none=True) | _completion(row, turn),
        trace=caller.trace,
        idempotency=idempotency,
        stream_modes=body.stream_modes if is_streamed else (),
        turn=turn,
    )
    if turn is not None:
        await label(facade, row, turn)
    bind_contextvars(run_id=run.run_id, assistant_id=run.assistant_id, trace_id=run.trace_id)
    return Submission(body, run)


def _completion(row: GraphSpec, turn: Turn | None) -> dict[str, str]:
    return {"on_completion": "delete"} if row.resumable and turn is None else {}


def _idempotency(caller: Caller, place: int | None = None) -> Idempotency | None:
    key = caller.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_IDEMPOTENCY_KEY_CHARS:
        raise InvalidRequest(f"an Idempotency-Key has 1 to {LONGEST_IDEMPOTENCY_KEY_CHARS} characters, not {len(key)}")
    parts = [digest_of_key(caller.headers), caller.method, caller.path, key]
    scope = "\n".join(parts if place is None else [*parts, str(place)])
    return Idempotency(scope=sha256(scope.encode()).hexdigest(), digest=sha256(caller.body).hexdigest())
