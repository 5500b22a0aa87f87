"""Switch tracing on in this process, or leave it off.

Off is the default and costs one comparison per run: no thread, no socket, and no exporter is imported. On, each process
opens a plane of its own, a worker's child after the fork, and closes it before it ends, so that nothing that was
recorded is lost with it.
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
    """What records the traces of one process."""

    telemetry: "Telemetry | None"
    """OpenTelemetry; None: `OTEL_EXPORTER_OTLP_ENDPOINT` is not set."""
    run_trees: "RunTrees | None"
    """LangSmith; None: `LANGSMITH_TRACING` is not set."""
    sample: Mapping[str, float]
    """Share of the traces that are kept, by the assistant that starts them; `*` for all others."""
    shown: frozenset[str]
    """Assistants whose inputs and outputs are recorded, redacted; of all others they are hidden."""
    broker: str
    """What carries the messages, in OpenTelemetry's words."""

    def ratio(self, assistant_id: str) -> float:
        """Return the share of an assistant's traces that is kept, 0-1."""
        return self.sample.get(assistant_id, self.sample.get("*", 1.0))


_open: ObservabilityPlane | None = None


def plane() -> ObservabilityPlane | None:
    """Return this process's plane; None: tracing is off."""
    return _open


def langsmith_id(trace: TraceContext, run_id: str) -> str | None:
    """Return LangSmith's id of a run that is submitted now; None: LangSmith will not have it, unless it fails."""
    grows = _open is not None and _open.run_trees is not None and trace.is_in_run_tree
    return run_id if grows else None


def langsmith_url(assistant_id: str, langsmith_run_id: str) -> str | None:
    """Return where a person finds a run in LangSmith; None: LangSmith is off here, or its project not known yet."""
    trees = None if _open is None else _open.run_trees
    return None if trees is None else trees.url(assistant_id, langsmith_run_id)


def open_plane(configuration: Settings, role: Role) -> ObservabilityPlane | None:
    """Open the plane of this process if the configuration asks for one; call it after a fork, never before."""
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
    """Send what was recorded, within a time limit, and end the exporters' threads; nothing when the plane is off."""
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
