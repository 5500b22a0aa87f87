"""Send run trees to LangSmith. This module is imported only where LangSmith is switched on.

One run tree grows over all processes of an action. It grows below the caller's run if the caller's headers name one.
Otherwise it has a root of its own. A caller's `baggage` may add metadata and tags. It never chooses the project, which
is each pool's own. LangSmith's client sees inputs and outputs only of shown assistants. Everything is redacted.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from langsmith import Client, configure
from langsmith.run_helpers import get_current_run_tree
from langsmith.run_trees import RunTree
from langsmith.schemas import TracerSession
from langsmith.utils import LangSmithConflictError

from agentic_sales.control import ControlPlane
from agentic_sales.observability.redaction import redacted, redacted_data
from agentic_sales.observability.tracing import LANGSMITH_BAGGAGE, LANGSMITH_TRACE, TraceContext
from agentic_sales.settings import Settings

CLOSE_TIMEOUT_S = 5.0
"""Longest time for the last sending at the end of a process. LangSmith must not delay a worker's exit."""
TIMEOUT_MS = 5000
"""Longest time for LangSmith to accept a connection and to answer, in milliseconds."""

_STEP = r"\d{8}T\d{12}Z[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DOTTED_ORDER = re.compile(rf"{_STEP}(?:\.{_STEP})*")
"""`langsmith-trace` lists the runs from the root to the parent. Each step holds the run's start and its id."""
_BELIEVED = ("langsmith-metadata", "langsmith-tags")
"""Metadata and tags that a header may add to a run. Its project, replicas and address would choose the destination."""


class RunTrees:
    """LangSmith's client in one process and the projects of its runs."""

    def __init__(self, configuration: Settings, control: ControlPlane) -> None:
        key = configuration.langsmith_api_key
        self._projects, self._default = configuration.langsmith_projects, configuration.langsmith_project
        self._control = control
        self._known: dict[str, TracerSession] = {}
        self.client = Client(
            configuration.langsmith_endpoint,
            api_key=key.get_secret_value() if key else None,
            timeout_ms=TIMEOUT_MS,
            anonymizer=redacted_data,
            disable_prompt_cache=True,
        )
        configure(enabled=False)  # each run traces itself, so that no trace bypasses the redaction

    def project(self, assistant_id: str) -> str:
        """Return the project of an assistant's pool."""
        return self._projects.get(self._control.decide(assistant_id).prefix, self._default)

    def url(self, assistant_id: str, run_id: str) -> str | None:
        """Return a run's address. None means that this process does not know the project's address yet."""
        project = self._known.get(self.project(assistant_id))
        return f"{project.url}/r/{run_id}?poll=true" if project else None

    def learn_projects(self) -> None:
        """Ask LangSmith for every project's address. LangSmith creates missing projects. Blocks.

        Raises:
            langsmith.utils.LangSmithError: LangSmith did not answer with it.
        """
        for name in {self._default, *self._projects.values()} - self._known.keys():
            self._known[name] = self.client.create_project(name, upsert=True)

    def give_feedback(
        self, assistant_id: str, run_id: str, *, feedback_id: str, key: str, score: float, comment: str | None
    ) -> None:
        """Send a person's feedback on a run to LangSmith. It replaces feedback with the same id. Blocks.

        Raises:
            langsmith.utils.LangSmithError: LangSmith did not take it.
        """
        project = self._known.get(self.project(assistant_id))
        with warnings.catch_warnings(action="ignore"):  # without a project it warns but still finds the run
            try:
                self.client.create_feedback(
                    run_id,
                    key,
                    score=score,
                    comment=comment,
                    feedback_id=feedback_id,
                    session_id=project.id if project else None,
                    stop_after_attempt=1,
                )
            except LangSmithConflictError:
                self.client.update_feedback(feedback_id, score=score, comment=comment)

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the active run to a run below it in the fleet. Empty if it is not kept."""
        tree = get_current_run_tree()
        if tree is None or not (isinstance(tree.ls_client, Sink) and tree.ls_client.is_kept):
            return {}
        own = tree.to_headers()
        return {LANGSMITH_TRACE: own[LANGSMITH_TRACE], LANGSMITH_BAGGAGE: own["baggage"]}

    def parent(self, trace: TraceContext, sink: "Sink", project: str) -> RunTree | None:
        """Return the parent run of a trace. None means that the trace names no run or an invalid one."""
        dotted_order = trace.headers.get(LANGSMITH_TRACE, "").strip()
        if not _DOTTED_ORDER.fullmatch(dotted_order):
            return None
        headers: dict[str | bytes, str | bytes] = {LANGSMITH_TRACE: dotted_order, "baggage": believed(trace.headers)}
        return RunTree.from_headers(headers, client=sink, project_name=project)

    def close(self) -> None:
        """Send the waiting runs within the time limit and end the threads."""
        self.client.close(timeout=CLOSE_TIMEOUT_S)


class Sink:
    """Destination of one run's tracer.

    A run that is kept goes to LangSmith's client. Any other run waits in a list until it fails.
    """

    def __init__(self, client: Client, *, is_shown: bool, is_kept: bool) -> None:
        self.is_kept = is_kept
        self._client = client
        self._is_shown = is_shown
        self._waiting: list[tuple[Callable[..., object], dict[str, Any]]] = []

    def create_run(self, **run: Any) -> None:
        """Take the beginning of a run."""
        self._take(self._client.create_run, run)

    def update_run(self, **run: Any) -> None:
        """Take the end of a run."""
        self._take(self._client.update_run, run)

    def keep(self) -> None:
        """Send the waiting run after all, because it has failed."""
        self.is_kept = True
        for send, run in self._waiting:
            send(**run)
        self._waiting.clear()

    def _take(self, send: Callable[..., object], run: dict[str, Any]) -> None:
        run = self._harmless(run)
        if self.is_kept:
            send(**run)
        else:
            self._waiting.append((send, run))

    def _harmless(self, run: dict[str, Any]) -> dict[str, Any]:
        """Redact the fields that LangSmith's client does not. It redacts only inputs, outputs, metadata and errors."""
        hidden: dict[str, Any] = {}
        if not self._is_shown:
            hidden = {name: {} for name in ("inputs", "outputs") if run.get(name) is not None}
            if run.get("error"):
                hidden["error"] = str(run["error"]).partition("\n\n")[0]  # without the traceback
        return {**run, **hidden, "name": redacted(str(run["name"])), "tags": [*map(redacted, run.get("tags") or ())]}


def believed(headers: Mapping[str, str]) -> str:
    """Return the believed members of LangSmith's baggage. The run's own baggage goes before the caller's."""
    members = (headers.get(LANGSMITH_BAGGAGE) or headers.get("baggage", "")).split(",")
    return ",".join(member.strip() for member in members if member.partition("=")[0].strip() in _BELIEVED)
