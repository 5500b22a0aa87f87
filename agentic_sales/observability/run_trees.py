"""Send run trees to LangSmith. Imported only where it is switched on.

One run tree grows over all processes of an action: below the caller's run, if its headers name one, else from a root of
its own. A caller's `baggage` may add metadata and tags; it never says where a run is written to, which is each pool's
own project. Inputs and outputs are dropped before LangSmith's client sees them, unless they are shown; everything is
redacted.
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
"""How long sending the rest may take at the end of a process: LangSmith must not hold a worker's exit."""
TIMEOUT_MS = 5000
"""How long LangSmith may take to accept a connection, and to answer, in milliseconds."""

_STEP = r"\d{8}T\d{12}Z[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DOTTED_ORDER = re.compile(rf"{_STEP}(?:\.{_STEP})*")
"""`langsmith-trace`: the runs from the root to the parent, each by its start and its id."""
_BELIEVED = ("langsmith-metadata", "langsmith-tags")
"""What a header may add to a run. Its project, its replicas and its address would say where runs are written to."""


class RunTrees:
    """LangSmith's client in one process, and where its runs belong."""

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
        configure(enabled=False)  # what is traced is said run by run; nothing traces itself past the redaction

    def project(self, assistant_id: str) -> str:
        """Return the project of an assistant's pool."""
        return self._projects.get(self._control.decide(assistant_id).prefix, self._default)

    def url(self, assistant_id: str, run_id: str) -> str | None:
        """Return where a person finds a run; None: this process does not know yet where the project is."""
        project = self._known.get(self.project(assistant_id))
        return f"{project.url}/r/{run_id}?poll=true" if project else None

    def learn_projects(self) -> None:
        """Ask LangSmith where every project is; it makes those that it does not have. Blocks.

        Raises:
            langsmith.utils.LangSmithError: It did not tell.
        """
        for name in {self._default, *self._projects.values()} - self._known.keys():
            self._known[name] = self.client.create_project(name, upsert=True)

    def give_feedback(
        self, assistant_id: str, run_id: str, *, feedback_id: str, key: str, score: float, comment: str | None
    ) -> None:
        """Tell LangSmith what somebody said of a run; what it has under the same id is replaced. Blocks.

        Raises:
            langsmith.utils.LangSmithError: It did not take it.
        """
        project = self._known.get(self.project(assistant_id))
        with warnings.catch_warnings(action="ignore"):  # without a project it warns, and finds the run all the same
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
        """Return what carries the active run on to a run below it, inside the fleet; nothing if it is not kept."""
        tree = get_current_run_tree()
        if tree is None or not (isinstance(tree.ls_client, Sink) and tree.ls_client.is_kept):
            return {}
        own = tree.to_headers()
        return {LANGSMITH_TRACE: own[LANGSMITH_TRACE], LANGSMITH_BAGGAGE: own["baggage"]}

    def parent(self, trace: TraceContext, sink: "Sink", project: str) -> RunTree | None:
        """Return the run that a trace comes from; None: it comes from none, or from none that can be one."""
        dotted_order = trace.headers.get(LANGSMITH_TRACE, "").strip()
        if not _DOTTED_ORDER.fullmatch(dotted_order):
            return None
        headers: dict[str | bytes, str | bytes] = {LANGSMITH_TRACE: dotted_order, "baggage": believed(trace.headers)}
        return RunTree.from_headers(headers, client=sink, project_name=project)

    def close(self) -> None:
        """Send what waits, within the time limit, and end the threads."""
        self.client.close(timeout=CLOSE_TIMEOUT_S)


class Sink:
    """What the tracer of one run writes to: LangSmith's client, or, if the run is not kept, a list until it fails."""

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
        """Send everything after all: the run has failed."""
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
        """Take out what LangSmith's client would not: it redacts inputs, outputs, metadata and errors, nothing else."""
        hidden: dict[str, Any] = {}
        if not self._is_shown:
            hidden = {name: {} for name in ("inputs", "outputs") if run.get(name) is not None}
            if run.get("error"):
                hidden["error"] = str(run["error"]).partition("\n\n")[0]  # without the traceback
        return {**run, **hidden, "name": redacted(str(run["name"])), "tags": [*map(redacted, run.get("tags") or ())]}


def believed(headers: Mapping[str, str]) -> str:
    """Return the members of LangSmith's baggage that are believed: the run's own, else what the caller sent."""
    members = (headers.get(LANGSMITH_BAGGAGE) or headers.get("baggage", "")).split(",")
    return ",".join(member.strip() for member in members if member.partition("=")[0].strip() in _BELIEVED)
