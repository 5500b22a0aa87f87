"""Hold this deployment's control plane, which resolves the rows, the routes and the schemas once per process.

`registry` and `routing` are pure. They meet the configuration here. This module never imports a graph.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from agentic_sales.errors import ConfigurationError, UnknownAssistant, UnknownFlow
from agentic_sales.flows import Flow, FlowError, load_flows
from agentic_sales.registry import GraphSpec, RegistryError, load_rows
from agentic_sales.routing import (
    CORE_PREFIX,
    ROUTE_PREFIXES,
    Decision,
    RoutingError,
    WorkerRoute,
    build_routes,
    core_queue,
    route_for,
    routing_warnings,
)
from agentic_sales.rules import lead_steps
from agentic_sales.settings import SLOTS_SUFFIX, Settings, settings

OWN_REGISTRY = "agentic_sales.registry"
UNCHECKED = "x-unchecked"
"""Keyword of an input schema that was derived from a graph. It describes the graph's input and is not enforced."""
_ASSISTANT_NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""The namespace from which LangGraph derives the UUID of an assistant. It is RFC 9562's for URLs."""


@dataclass(frozen=True)
class ControlPlane:
    """Every row and route of this deployment, and the questions about them."""

    rows: Mapping[str, GraphSpec]
    """`assistant_id` to row, own registry first."""
    routes: tuple[WorkerRoute, ...]
    """The enabled and disabled pools without CORE."""
    default_queue: str
    """Queue of CORE."""
    warnings: tuple[str, ...]
    """Warnings about routing overrides that are legal but surely not meant."""
    registries: tuple[str, ...]
    """Dotted paths of the registry modules that were merged."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Prefix of a pool to the slots that the environment gives each of its children."""
    flows: Mapping[str, Flow] = field(default_factory=dict)
    """`flow_id` to flow, own flows first."""

    def row(self, assistant_id: str) -> GraphSpec:
        """Return the row of an assistant by its name or its LangGraph UUID.

        Raises:
            UnknownAssistant: No row has this id.
        """
        row = self.rows.get(assistant_id) or self.rows.get(self._names_by_uuid.get(assistant_id, ""))
        if row is None:
            raise UnknownAssistant(assistant_id, self.rows)
        return row

    def flow(self, flow_id: str) -> Flow:
        """Return a flow.

        Raises:
            UnknownFlow: There is no such flow.
        """
        if flow_id not in self.flows:
            raise UnknownFlow(flow_id, self.flows)
        return self.flows[flow_id]

    def decide(self, assistant_id: str) -> Decision:
        """Ask the routing contract where a run of this assistant executes."""
        return route_for(assistant_id, default_queue=self.default_queue, routes=self.routes)

    def slots_of(self, queues: Iterable[str]) -> int:
        """Return how many runs a child of a worker on these queues executes at once.

        A pool has what the environment says of it, else the fewest slots of its rows. A worker on several queues has
        the fewest of its pools.
        """
        return min(map(self._slots_of_queue, queues), default=1)

    def _slots_of_queue(self, queue: str) -> int:
        decisions = {name: self.decide(name) for name in self.rows}
        prefixes = {CORE_PREFIX} if queue == self.default_queue else {r.prefix for r in self.routes if r.queue == queue}
        if told := [self.slots[prefix] for prefix in prefixes if prefix in self.slots]:
            return min(told)
        return min((self.rows[name].slots for name, made in decisions.items() if made.queue == queue), default=1)

    @property
    def queues(self) -> tuple[str, ...]:
        """Queues of every enabled pool, CORE last."""
        return (*(route.queue for route in self.routes if route.queue), self.default_queue)

    @cached_property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Input and output JSON Schema of every assistant, from the `schemas.json` beside each registry.

        Raises:
            ConfigurationError: A file is missing or unreadable, or lacks an assistant.
        """
        schemas: dict[str, Mapping[str, Any]] = {}
        for module in self.registries:
            schemas |= _read_json(schemas_path(module))
        if missing := sorted(self.rows.keys() - schemas.keys()):
            raise ConfigurationError(f"schemas.json has no entry for `{'`, `'.join(missing)}`; run `agentic-sales gen`")
        return schemas

    @cached_property
    def drawings(self) -> Mapping[str, Mapping[str, Any]]:
        """Nodes and edges of every assistant, from the `graphs.json` beside each registry. No file means none.

        Raises:
            ConfigurationError: A file is unreadable.
        """
        drawings: dict[str, Mapping[str, Any]] = {}
        for path in map(drawings_path, self.registries):
            drawings |= _read_json(path) if path.exists() else {}
        return drawings

    @cached_property
    def digest(self) -> str:
        """Return a digest of all of it. Processes with different digests disagree on the place of a run."""
        told = {
            "rows": [asdict(self.rows[name]) for name in sorted(self.rows)],
            "queues": {name: self.decide(name).queue for name in sorted(self.rows)},
            "pools": self.queues,
        }
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _names_by_uuid(self) -> Mapping[str, str]:
        return {assistant_uuid(assistant_id): assistant_id for assistant_id in self.rows}


def assistant_uuid(assistant_id: str) -> str:
    """Return the UUID under which LangGraph knows a graph of this name."""
    return str(uuid5(_ASSISTANT_NAMESPACE, assistant_id))


def schemas_path(registry_module: str) -> Path:
    """Return the path of the schemas of a registry's rows, which lies beside the registry module.

    Raises:
        ConfigurationError: The module cannot be found.
    """
    return _beside(registry_module, "schemas.json")


def drawings_path(registry_module: str) -> Path:
    """Return the path of the drawings of a registry's graphs, which lies beside the registry module.

    Raises:
        ConfigurationError: The module cannot be found.
    """
    return _beside(registry_module, "graphs.json")


def _beside(registry_module: str, name: str) -> Path:
    found = find_spec(registry_module)
    if found is None or found.origin is None:
        raise ConfigurationError(f"registry module `{registry_module}` cannot be found")
    return Path(found.origin).with_name(name)


def _read_json(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"`{path}` cannot be read: {exc}; run `agentic-sales gen`") from exc
    if not isinstance(content, dict):
        raise ConfigurationError(f"`{path}` must hold one object per assistant; run `agentic-sales gen`")
    return content


def build_control_plane(configuration: Settings) -> ControlPlane:
    """Resolve rows and routes for a configuration.

    Raises:
        ConfigurationError: The registry or the routes contradict themselves.
    """
    env = configuration.routing_env
    try:
        rows = load_rows(configuration.extra_registries)
        routes = build_routes(env, known=rows)
        flows = load_flows(configuration.extra_flows, known=rows)
    except (RegistryError, RoutingError, FlowError) as exc:
        raise ConfigurationError(str(exc)) from exc
    _refuse_unknown_mappings(flows)
    _refuse_unknown("AGENTIC_SALES_TRACE_SAMPLE", configuration.trace_sample.keys() - {"*"}, known=rows)
    _refuse_unknown("AGENTIC_SALES_TRACE_PAYLOADS", configuration.trace_payloads, known=rows)
    _refuse_unknown_pools(configuration.worker_slots)
    return ControlPlane(
        rows=rows,
        routes=routes,
        default_queue=core_queue(env),
        warnings=routing_warnings(env),
        registries=(OWN_REGISTRY, *configuration.extra_registries),
        slots=configuration.worker_slots,
        flows=flows,
    )


def _refuse_unknown_mappings(flows: Mapping[str, Flow]) -> None:
    for flow in flows.values():
        named = [
            ("discover.finds", flow.discover.finds, lead_steps.FINDS),
            *((f"{step.assistant_id}.takes", step.takes, lead_steps.TAKES) for step in flow.steps),
            ("score.judged_by", flow.score.judged_by, lead_steps.JUDGES),
            ("people", flow.people, lead_steps.PEOPLE),
        ]
        for place, name, known in named:
            if name not in known:
                raise ConfigurationError(
                    f"flow `{flow.flow_id}`: {place} is `{name}`; rules/lead_steps.py has {', '.join(sorted(known))}"
                )


def _refuse_unknown(variable: str, named: Iterable[str], *, known: Mapping[str, GraphSpec]) -> None:
    if unknown := sorted(set(named) - known.keys()):
        raise ConfigurationError(f"{variable} names `{'`, `'.join(unknown)}`, which no registry has")


def _refuse_unknown_pools(prefixes: Iterable[str]) -> None:
    known = (*ROUTE_PREFIXES, CORE_PREFIX)
    if unknown := sorted(set(prefixes) - set(known)):
        named = ", ".join(f"{prefix}{SLOTS_SUFFIX}" for prefix in unknown)
        raise ConfigurationError(f"{named} is set, but no pool has this prefix; the pools are {', '.join(known)}")


@lru_cache(maxsize=1)
def control_plane() -> ControlPlane:
    """Return this process's control plane, which is resolved once."""
    return build_control_plane(settings())
