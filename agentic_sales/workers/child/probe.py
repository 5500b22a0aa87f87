"""Answer a probe: the headers that reached this child, and whether it could run the graph."""

import os
from typing import Any

from agentic_sales.control import ControlPlane
from agentic_sales.observability.spans import outgoing_headers
from agentic_sales.registry import GraphSpec
from agentic_sales.settings import settings
from agentic_sales.workers.carried import graph_of
from agentic_sales.workers.current import worker_name


def answer_probe(row: GraphSpec, control: ControlPlane) -> dict[str, Any]:
    """Return this child's name, its routes' digest and the headers that a request of a node would carry on.

    Raises:
        GraphUnavailable: The graph of the row does not load.
    """
    graph_of(row)
    configuration = settings()
    return {
        "worker": worker_name(os.getpid()),
        "digest": control.digest,
        "headers": outgoing_headers(),
        "otlp": configuration.otlp_endpoint is not None,
        "langsmith": configuration.langsmith_tracing,
    }
