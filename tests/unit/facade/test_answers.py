"""The one table from errors to HTTP: a status for every code, and a body that callers can rely on."""

import inspect

import pytest
from pydantic_core import from_json

from agentic_sales import errors
from agentic_sales.contracts import ErrorBody, RunFailure, RunId, error_kind
from agentic_sales.errors import (
    AgenticSalesError,
    AnswerChanged,
    BadQuery,
    BadSignature,
    Blocked,
    BrokerUnavailable,
    BudgetExceeded,
    ClaimLost,
    CredentialMissing,
    CredentialRefused,
    DocumentUnreadable,
    EffectExceeded,
    FetchRefused,
    GraphUnavailable,
    IdempotencyConflict,
    InvalidAddress,
    InvalidInput,
    InvalidMessage,
    InvalidRequest,
    InvalidUpdate,
    LoginRefused,
    LoopBlocked,
    Misrouted,
    ModelMisconfigured,
    ModelNotAllowed,
    ModelNotConfigured,
    ModelRefused,
    NotFound,
    NothingToResume,
    NotPermitted,
    NotResumable,
    NotTraced,
    PermanentError,
    PlanUnreadable,
    PoolUnavailable,
    PromptMismatch,
    ProviderUnavailable,
    QuestionFailed,
    QueueFull,
    QuotaSpent,
    RateLimited,
    RequestError,
    ResultTooLarge,
    RunFailed,
    RunNotDead,
    RunNotEnded,
    RunTimeout,
    SiteUnknown,
    StateConflict,
    StateUnavailable,
    StateUnreadable,
    SubRunRefused,
    ThreadBusy,
    ThreadExists,
    ThreadOfAnother,
    TooManyReaders,
    TransientError,
    UnknownAssistant,
    UnknownCheckpoint,
    UnknownFlow,
    UnknownRecord,
    UnknownRun,
    UnknownThread,
    WaitTimeout,
)
from agentic_sales.facade.answers import (
    answer_of_error,
    answer_of_outcome,
    error_in_band,
    failure_of_error,
)
from agentic_sales.runs.ledger import Outcome

RUN_ID = RunId("01890000-0000-7000-8000-000000000000")
BRANCHES = {AgenticSalesError, RequestError, TransientError, PermanentError}
CASES: list[tuple[AgenticSalesError, int, str | None]] = [
    (UnknownAssistant("nobody", ["echo"]), 404, None),
    (UnknownFlow("nothing", ["hiring"]), 404, None),
    (UnknownRun(RUN_ID), 404, None),
    (NotTraced(RUN_ID), 409, None),
    (UnknownThread("a-thread"), 404, None),
    (ThreadExists("a-thread"), 409, None),
    (ThreadBusy("a-thread", "run `r` is at work on it"), 409, None),
    (ThreadOfAnother("a-thread", owner="echo", asked="boom"), 409, None),
    (RunNotEnded(RUN_ID), 409, None),
    (RunNotDead(RUN_ID), 409, None),
    (IdempotencyConflict(RUN_ID), 409, None),
    (UnknownRecord("touch", "t"), 404, None),
    (SiteUnknown("c", "Acme"), 422, None),
    (StateConflict("touch", "t", "it is `sent`"), 409, None),
    (NotPermitted("c", "unsubscribed"), 409, None),
    (InvalidAddress("jo", "it has no `@`"), 422, None),
    (InvalidMessage("Subject", "it is empty"), 422, None),
    (BadSignature("resend", "too old"), 401, None),
    (DocumentUnreadable("handbook.pdf", "it is not a PDF"), 422, None),
    (InvalidRequest("no JSON"), 422, None),
    (InvalidInput("echo", [("/x", "required field is missing")]), 422, None),
    (InvalidUpdate("echo", "no such node"), 422, None),
    (NotResumable("echo", "command"), 422, None),
    (NothingToResume("a-thread", "it waits at no interrupt"), 409, None),
    (UnknownCheckpoint("a-thread", "a-checkpoint"), 404, None),
    (StateUnavailable("locked"), 503, "5"),
    (SubRunRefused("echo", "core", asked_from="email"), 422, None),
    (PoolUnavailable("email", "echo"), 503, "5"),
    (QueueFull("email", 10_000), 429, "5"),
    (TooManyReaders(1000), 503, "5"),
    (BrokerUnavailable("recording", "refused"), 503, "2"),
    (GraphUnavailable("echo", "no module"), 503, "60"),
    (ProviderUnavailable("openai", "down"), 503, None),
    (LoginRefused("sales", "its token has expired"), 503, None),
    (RateLimited("openai", 7.4), 503, "7"),
    (RateLimited("openai", None), 503, None),
    (RunTimeout("echo", 60.0), 504, None),
    (WaitTimeout("echo", RUN_ID, 600.0), 504, None),
    (ClaimLost(RUN_ID), 500, None),
    (LoopBlocked("echo", 10.0), 500, None),
    (Misrouted("echo", "email", "core"), 500, None),
    (ResultTooLarge("the final state", 2, 1), 500, None),
    (EffectExceeded("echo", "pure", "read the store", needed="read"), 500, None),
    (BudgetExceeded("`echo`", "today (UTC)", 2.0, 2.0), 402, None),
    (ModelNotConfigured("echo.draft"), 500, None),
    (ModelMisconfigured("openai:gpt", "no key"), 500, None),
    (ModelNotAllowed("openai:gpt", ["openai:other"]), 403, None),
    (QuestionFailed("it took too long"), 500, None),
    (ModelRefused("echo.draft", "openai:gpt", "no JSON"), 500, None),
    (FetchRefused("http://10.0.0.1", "private"), 500, None),
    (NotFound("github", "repository `a/b`"), 404, None),
    (Blocked("github", "`a/b`", "taken down"), 500, None),
    (BadQuery("openalex", "the filter `x`", "no such field"), 500, None),
    (CredentialMissing("youtube", "YOUTUBE_API_KEY"), 500, None),
    (CredentialRefused("youtube", "YOUTUBE_API_KEY"), 500, None),
    (AnswerChanged("arxiv", "a feed", [("entry", "missing")]), 500, None),
    (QuotaSpent("youtube", "searches", 7.4), 503, "7"),
    (StateUnreadable("echo", [("step", "Input should be a valid integer")]), 500, None),
    (PlanUnreadable("spring", [("steps", "Field required")]), 500, None),
    (RunFailed(RUN_ID, "bug", "broke", is_retryable=False), 500, None),
    (PromptMismatch("echo.draft", missing=["name"]), 500, None),
]
"""Every error with its status and its `Retry-After`."""


def failed(code: str) -> Outcome:
    """Make the end of a run that failed of this."""
    return Outcome(RUN_ID, "error", None, RunFailure(code=code, message="why", is_retryable=False, error="SomeError"))


def test_every_error_has_a_status_that_somebody_decided() -> None:
    defined = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, AgenticSalesError)}
    assert {type(error) for error, _, _ in CASES} == defined - BRANCHES


@pytest.mark.parametrize(("error", "status", "retry_after"), CASES, ids=lambda case: getattr(case, "code", None))
def test_an_error_is_answered_with_its_status_code_and_kind(
    error: AgenticSalesError, status: int, retry_after: str | None
) -> None:
    answer = answer_of_error(error, run_id=RUN_ID)
    body = ErrorBody.model_validate_json(bytes(answer.body))
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    assert body == ErrorBody(detail=str(error), code=error.code, kind=error_kind(status), run_id=RUN_ID)
    assert answer.media_type == "application/json"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "auth") for status in (401, 403)),
        *((status, "timeout") for status in (408, 504)),
        *((status, "backend") for status in (500, 502, 503, 599)),
        *((status, "client") for status in (400, 404, 409, 413, 422, 429, 499)),
        *((status, "unknown") for status in (0, 200, 302)),
    ],
)
def test_callers_know_what_they_can_do_about_a_status(status: int, kind: str) -> None:
    assert error_kind(status) == kind


def test_a_finished_run_is_answered_with_its_final_state_untouched() -> None:
    output = b'{"subject": "Gr\\u00fc\\u00dfe",  "n": 1.0}'
    answer = answer_of_outcome(Outcome(RUN_ID, "success", output, None), {"x-run-id": RUN_ID}, graph_error_status=500)
    assert (answer.status_code, bytes(answer.body)) == (200, output)
    assert answer.headers["x-run-id"] == RUN_ID


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bug", 500),
        ("model_refused", 500),
        ("provider_unavailable", 500),
        ("rate_limited", 500),
        ("worker_lost", 500),
        ("misrouted", 500),
        ("invalid_input", 422),
        ("graph_unavailable", 503),
        ("pool_unavailable", 503),
        ("timeout", 504),
        ("cancelled", 409),
    ],
)
def test_a_failed_graph_is_a_500_whatever_it_failed_of(code: str, status: int) -> None:
    answer = answer_of_outcome(failed(code), {"x-run-id": RUN_ID}, graph_error_status=500)
    body = ErrorBody.model_validate_json(bytes(answer.body))
    assert answer.status_code == status
    assert (body.code, body.detail, body.run_id) == (code, "why", RUN_ID)
    assert answer.headers["x-run-id"] == RUN_ID


@pytest.mark.parametrize(("code", "status"), [("bug", 200), ("graph_unavailable", 503), ("timeout", 504)])
def test_a_failed_graph_takes_langgraphs_form_where_that_is_asked_for(code: str, status: int) -> None:
    answer = answer_of_outcome(failed(code), {}, graph_error_status=200)
    body = from_json(bytes(answer.body))
    assert answer.status_code == status
    assert (body == {"__error__": {"error": "SomeError", "message": "why"}}) == (status == 200)


def test_an_error_after_the_answer_has_begun_is_told_in_the_body() -> None:
    failure = failure_of_error(PoolUnavailable("email", "echo"))
    assert failure.is_retryable
    body = from_json(error_in_band(failure))
    assert body["__error__"] == {"error": "PoolUnavailable", "message": str(PoolUnavailable("email", "echo"))}
