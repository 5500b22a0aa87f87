"""Name the probe: a run without a graph, which shows that the way from the facade to a worker's child is whole."""

from collections.abc import Mapping
from typing import Any

PROBE = "probe"
"""Kind of a request that a worker answers with what reached it."""
PROBE_REQUEST: Mapping[str, Any] = {"kind": PROBE, "metadata": {"kind": PROBE}}


def is_probe(request: Mapping[str, Any]) -> bool:
    """Say whether a request asks for nothing but an answer."""
    return request.get("kind") == PROBE
