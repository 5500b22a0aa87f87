"""Switch tracing on or off in this process.

Off is the default and costs one comparison per run. It starts no thread, opens no socket and imports no exporter. With
tracing on each process opens a plane of its own. A worker's child opens it after the fork. Each process closes its
plane
before it ends, so that no recorded span is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agentic_sales.control import control_plane
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.settings import Settings

if TYPE_CHECKING:
    from agentic_sales.observability.run_trees import RunTrees
    from agentic_sales.observability.telemetry import Telemetry

Role = Literal["facade", "worker"]


@dataclass(frozen=True, slots=True)
class ObservabilityPlane:
    """The exporters of one process."""

    telemetry: "Telemetry | None"
    """OpenTelemetry. None without `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    run_trees: "RunTrees | None"
    """LangSmith. None without `LANGSMITH_TRACING`."""
    sample: Mapping[str, float]
    """Share of the kept traces by the assistant that starts them. `*` stands for all others."""
    shown: frozenset[str]
    """Assistants with recorded inputs and outputs. They are redacted. All other assistants' payloads are hidden."""
    broker: str
    """The broker's name in OpenTelemetry's conventions."""

    def ratio(self, assistant_id: str) -> float:
        """Return the share of an assistant's traces that is kept, 0-1."""
        return self.sample.get(assistant_id, self.sample.get("*", 1.0))


_open: ObservabilityPlane | None = None


def plane() -> ObservabilityPlane | None:
    """Return this process's plane. None means that tracing is off."""
    return _open


def langsmith_id(trace: TraceContext, run_id: str) -> str | None:
    """Return LangSmith's id of a run that is submitted now. None means that LangSmith gets the run only if it fails."""
    grows = _open is not None and _open.run_trees is not None and trace.is_in_run_tree
    return run_id if grows else None


def langsmith_url(assistant_id: str, langsmith_run_id: str) -> str | None:
    """Return the run's address in LangSmith. None means that LangSmith is off here or its project unknown."""
    trees = None if _open is None else _open.run_trees
    return None if trees is None else trees.url(assistant_id, langsmith_run_id)


def open_plane(configuration: Settings, role: Role) -> ObservabilityPlane | None:
    """Open this process's plane if the configuration asks for one. Call it after a fork but never before."""
    global _open  # noqa: PLW0603 - one per process, as OpenTelemetry's own provider
    if _open is None and configuration.is_traced:
        _open = ObservabilityPlane(
            telemetry=_telemetry(configuration, role),
            run_trees=_run_trees(configuration),
            sample=configuration.trace_sample,
            shown=frozenset(configuration.trace_payloads),
            broker="rabbitmq" if configuration.broker_url.startswith(("amqp", "pyamqp")) else "redis",
        )
    return _open


def close_plane() -> None:
    """Send the recorded spans within a time limit and end the exporters' threads. Do nothing when the plane is off."""
    global _open
    closing, _open = _open, None
    for recording in (closing.telemetry, closing.run_trees) if closing else ():
        if recording is not None:
            recording.close()


def _telemetry(configuration: Settings, role: Role) -> "Telemetry | None":
    if not configuration.otlp_endpoint:
        return None
    from agentic_sales.observability.telemetry import Telemetry  # noqa: PLC0415 - who is off never imports the SDK

    return Telemetry.exporting(configuration, role)


def _run_trees(configuration: Settings) -> "RunTrees | None":
    if not configuration.langsmith_tracing:
        return None
    from agentic_sales.observability.run_trees import RunTrees  # noqa: PLC0415 - it takes 130 ms to import

    return RunTrees(configuration, control_plane())
