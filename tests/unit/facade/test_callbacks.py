"""A callback in the input of an existing caller becomes a webhook of the run, and its secret is kept nowhere."""

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest

from agentic_sales.contracts import RunFailure, RunRequest
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.runs.callbacks import with_callback
from agentic_sales.registry import BY_ID
from agentic_sales.runs.callbacks import APP_RUN_ID, KIND, KINDS, callback_body, is_callback, output_of, signed

URL = "https://gateway.example/internal/run-finished"
TRIO: dict[str, Any] = {"webhook_url": URL, "webhook_secret": "hush", "app_run_id": "app-7"}
STATE = {"pricing": {"model": {}}, "gtm": {"channels": []}, "report": {"tldr": ""}, "segments": [], "graph_meta": {}}


def request(assistant_id: str = "pricing", webhook: str | None = None, **given: Any) -> RunRequest:
    """Return a request with an input."""
    return RunRequest(assistant_id=assistant_id, input={"product_id": 1, **given}, webhook=webhook)


def test_the_trio_leaves_the_input_and_the_secret_is_nowhere() -> None:
    body = with_callback("pricing", request(**TRIO))
    assert (body.input, body.webhook) == ({"product_id": 1}, URL)
    assert body.metadata == {APP_RUN_ID: "app-7", KIND: "pricing"}
    assert "hush" not in body.model_dump_json()


@pytest.mark.parametrize("given", [{}, {"webhook_url": None, "webhook_secret": "hush", "app_run_id": ""}])
def test_without_a_receiver_there_is_no_webhook(given: dict[str, Any]) -> None:
    body = with_callback("gtm", request(**given))
    assert (body.input, body.webhook, body.metadata) == ({"product_id": 1}, None, None)


@pytest.mark.parametrize("missing", ["webhook_url", "app_run_id"])
def test_half_a_callback_is_refused(missing: str) -> None:
    with pytest.raises(InvalidRequest, match="go together"):
        with_callback("gtm", request(**{**TRIO, missing: None}))


def test_two_receivers_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="two receivers"):
        with_callback("gtm", request(webhook="https://other.example/", **TRIO))


def test_a_workflow_that_takes_no_callback_has_its_input_left_alone() -> None:
    given = request("email_compose", **TRIO)
    assert with_callback("email_compose", given) is given


def test_every_workflow_that_takes_a_callback_is_one() -> None:
    assert KINDS.keys() <= BY_ID.keys()


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        ("pricing", {"pricing": {"model": {}}}),
        ("gtm", {"gtm": {"channels": []}}),
        ("product_intel", {"report": {"tldr": ""}}),
        ("positioning", {"positioning": None}),
    ],
)
def test_the_output_is_chosen_by_the_kind_whatever_else_the_state_has(kind: str, output: dict[str, Any]) -> None:
    assert output_of(kind, STATE) == output


def test_an_icp_is_sent_without_what_belongs_to_the_fleet() -> None:
    assert output_of("icp", {"segments": [], "weighted_total": 0.5, "graph_meta": {}, "facts": {}}) == {
        "icp": {"segments": [], "weighted_total": 0.5}
    }


def test_a_failure_is_told_with_its_reason_and_no_output() -> None:
    failure = RunFailure(code="bug", message="x" * 2_000, is_retryable=False, error="ValueError")
    told = json.loads(callback_body({APP_RUN_ID: "app-7", KIND: "gtm"}, None, failure))
    assert told == {"appRunId": "app-7", "status": "error", "error": "x" * 1_000}


def test_the_signature_is_that_of_the_raw_body() -> None:
    expected = hmac.new(b"whsec_x", b"{}", sha256).hexdigest()
    assert signed("whsec_x", b"{}") == {"x-signature": expected}


@pytest.mark.parametrize("metadata", [{}, {APP_RUN_ID: "a"}, {KIND: "gtm"}, {APP_RUN_ID: "a", KIND: "other"}])
def test_a_webhook_with_other_metadata_is_no_callback(metadata: dict[str, Any]) -> None:
    assert not is_callback(metadata)
