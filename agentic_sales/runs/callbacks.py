"""Tell the callbacks of existing callers: which output of a run is sent, in which form, and how it is signed.

Those callers put `webhook_url`, `webhook_secret` and `app_run_id` into the input of a run. The facade makes a webhook
of the run of them, and drops the secret. So the delivery is as durable as that of any webhook. Its receiver checks
`x-signature` by the secret of this fleet. What is sent is chosen by the kind of the run, never by what a state has.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from agentic_sales.contracts import RunFailure
from agentic_sales.wire import to_wire

RunKind = Literal["icp", "pricing", "gtm", "positioning", "product_intel", "deep_competitor"]
"""Kind of a run, as existing callers know it."""
KINDS: Mapping[str, RunKind] = {
    "deep_icp": "icp",
    "icp_team": "icp",
    "pricing": "pricing",
    "gtm": "gtm",
    "positioning": "positioning",
    "product_intel": "product_intel",
    "analyze_product_v2": "product_intel",
    "deep_competitor": "deep_competitor",
}
"""Workflows that take a callback in their input, by their id."""
OUTPUTS: Mapping[str, tuple[str, str]] = {
    "pricing": ("pricing", "pricing"),
    "gtm": ("gtm", "gtm"),
    "positioning": ("positioning", "positioning"),
    "product_intel": ("report", "report"),
    "deep_competitor": ("analysis", "analysis"),
}
"""By kind: the name under which an output is sent, and the key of the state that is sent. Others send the state."""
APP_RUN_ID, KIND = "app_run_id", "callback_kind"
"""Members of a run's metadata. Both together make its webhook a callback."""
SIGNATURE = "x-signature"
MOST_ERROR_CHARS = 1_000
_OF_THE_FLEET = ("graph_meta", "meta", "source", "facts", "notes", "is_team", "product", "product_id", "dry_run")
"""Keys of a state that are no part of an ICP."""


def is_callback(metadata: Mapping[str, Any]) -> bool:
    """Tell whether the webhook of a run is a callback of an existing caller."""
    return bool(metadata.get(APP_RUN_ID)) and metadata.get(KIND) in {*KINDS.values()}


def callback_body(metadata: Mapping[str, Any], values: Mapping[str, Any] | None, failure: RunFailure | None) -> bytes:
    """Write the body of a callback: `appRunId`, `status`, and `output` or `error`."""
    told: dict[str, Any] = {"appRunId": metadata[APP_RUN_ID], "status": "error" if failure else "success"}
    if failure is not None:
        told["error"] = failure.message[:MOST_ERROR_CHARS]
    else:
        told["output"] = output_of(str(metadata[KIND]), values or {})
    return to_wire(told)


def output_of(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the output of a run of a kind under its one name."""
    if kind in OUTPUTS:
        name, key = OUTPUTS[kind]
        return {name: values.get(key)}
    return {kind: {key: value for key, value in values.items() if key not in _OF_THE_FLEET}}


def signed(secret: str, body: bytes) -> dict[str, str]:
    """Return the header by which a receiver knows the sender: the HMAC-SHA256 of the raw body, in hexadecimal."""
    return {SIGNATURE: hmac.new(secret.encode(), body, sha256).hexdigest()}
