"""Name the probe. It is a run without a graph that proves the way from the facade to a worker's child."""

from collections.abc import Mapping
from typing import Any

PROBE = "probe"
"""Kind of a request that a worker answers with the data that reached it."""
PROBE_REQUEST: Mapping[str, Any] = {"kind": PROBE, "metadata": {"kind": PROBE}}


def is_probe(request: Mapping[str, Any]) -> bool:
    """Say whether a request is a probe and asks only for an answer."""
    return request.get("kind") == PROBE
