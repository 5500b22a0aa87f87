"""Decide the queue of a run and the reach of a request by two pure functions over plain data.

The routing contract is the only way from an `assistant_id` to a queue. It must never import a graph, a model, a
database or Celery. It must never read the environment, so `build_routes` takes a mapping.

Optional overrides ramp an assistant to another pool or roll it back without a change of code:

- `<POOL>_WORKER_QUEUE` is the pool's queue. Set but empty switches the pool off, and its assistants fall to CORE.
- `<POOL>_WORKER_ASSISTANTS` is a CSV that replaces the default allowlist. If every entry begins with `+` or `-`, it
  edits the default instead.

`<POOL>` is one of `ROUTE_PREFIXES`. A pool is named here once. Settings, queues and LangSmith's projects follow.
`agentic-sales check` tells if the Procfile or `deploy/` lacks it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from agentic_sales.registry import BY_ID

__all__ = [
    "ASSISTANTS_SUFFIX",
    "CORE_PREFIX",
    "DEFAULT_CLASSIFY_WORKER_ASSISTANTS",
    "DEFAULT_CORE_QUEUE",
    "DEFAULT_DISCOVERY_WORKER_ASSISTANTS",
    "DEFAULT_EMAIL_WORKER_ASSISTANTS",
    "HEALTH_PATHS",
    "INTERNAL_PREFIXES",
    "METRICS_PATH",
    "OPEN_PREFIXES",
    "PUBLIC_CORE_PREFIXES",
    "QUEUE_SUFFIX",
    "ROUTE_PREFIXES",
    "Decision",
    "RoutingError",
    "WorkerRoute",
    "build_routes",
    "core_queue",
    "path_decision",
    "route_for",
    "routing_warnings",
]


def _csv(*assistant_ids: str) -> str:
    return ",".join(assistant_ids)


DEFAULT_EMAIL_WORKER_ASSISTANTS = _csv(
    "email_compose",
    "email_reply",
    "email_outreach",
    "email_opportunity",
)
DEFAULT_CLASSIFY_WORKER_ASSISTANTS = _csv(
    "classify_recruitment",
    "classify_reply",
    "country_classify",
    "classify_ai_intent",
    "classify_recruitment_bulk",
    "country_classify_bulk",
    "classify_paper",
    "remote_classify",
    "extract_stack",
    "text_to_sql",
    "score_recruiter_fit",
    "contact_vertical_fit",
    "score_contact",
    "company_qa",
    "agentic_rag",
)
DEFAULT_DISCOVERY_WORKER_ASSISTANTS = _csv(
    "deep_scrape",
    "company_enrichment",
    "company_discovery",
    "consultancies_discovery",
    "company_problems",
    "sales_tech_feature_graph",
    "lead_papers",
    "ashby_discovery",
    "ashby_ingest",
    "youtube_discovery",
    "freshness",
    "gh_ai_repos",
    "competitors_team",
    "gh_lead_research",
    "vertical_discovery",
    "contact_enrich_sales",
    "find_decision_maker",
    "contact_discovery",
    "contact_enrich",
    "contact_enrich_paper_author",
    "deep_competitor",
    "sales_tech_outreach",
    "enrich_sales_tech",
)

CORE_PREFIX = "CORE"
DEFAULT_CORE_QUEUE = "core"

_DEFAULT_ASSISTANTS: Mapping[str, str] = {
    "EMAIL": DEFAULT_EMAIL_WORKER_ASSISTANTS,
    "CLASSIFY": DEFAULT_CLASSIFY_WORKER_ASSISTANTS,
    "DISCOVERY": DEFAULT_DISCOVERY_WORKER_ASSISTANTS,
}
ROUTE_PREFIXES: tuple[str, ...] = tuple(_DEFAULT_ASSISTANTS)
QUEUE_SUFFIX = "_WORKER_QUEUE"
ASSISTANTS_SUFFIX = "_WORKER_ASSISTANTS"

HEALTH_PATHS: tuple[str, ...] = ("/health", "/ready", "/ok", "/info")
METRICS_PATH = "/metrics"
OPEN_PREFIXES: tuple[str, ...] = ("/unsubscribe/", "/webhooks/")
"""Paths below these need no key. Recipients and mail providers have none, so a token or a signature stands for it."""
INTERNAL_PREFIXES: tuple[str, ...] = ("/_ml/", "/_research/")
PUBLIC_CORE_PREFIXES: tuple[str, ...] = (
    "/runs",
    "/threads",
    "/assistants",
    "/fleet",
    "/campaigns",
    "/flows",
    "/verticals",
    "/companies",
    "/people",
    "/products",
    "/documents",
    "/facts",
    "/linkedin/",
    "/docs",
    "/openapi.json",
    METRICS_PATH,
)


class RoutingError(ValueError):
    """Raised when the routes contradict themselves or the registry. The process must not start."""


@dataclass(frozen=True, slots=True)
class WorkerRoute:
    """One pool and the allowlist of assistants that it serves."""

    prefix: str
    """The pool, as the first part of its environment names, such as `EMAIL`."""
    queue: str
    """Celery queue of the pool. Empty means that the pool is off and its assistants fall to CORE."""
    assistants: frozenset[str]
    """Every `assistant_id` that this pool serves."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The contract's answer for one `assistant_id`."""

    queue: str
    """Celery queue that the run is published on."""
    prefix: str
    """Prefix of the route that decided, or `CORE` when none did."""


def build_routes(env: Mapping[str, str], *, known: Collection[str] = BY_ID) -> tuple[WorkerRoute, ...]:
    """Build the route of every pool from the defaults and the overrides in `env`.

    Args:
        env: Environment names to values. Only the names in the module's docstring are looked at.
        known: Every `assistant_id` that a registry has.

    Raises:
        RoutingError: An id stands in two lists or in no registry. An edit adds a present id or removes an absent one. A
            list mixes both forms. Two pools share a queue.
    """
    routes = tuple(
        WorkerRoute(
            prefix=prefix,
            queue=env.get(_queue_name(prefix), prefix.lower()).strip(),
            assistants=_allowlist(prefix, default, env.get(_assistants_name(prefix)), known),
        )
        for prefix, default in _DEFAULT_ASSISTANTS.items()
    )
    _refuse_shared_assistants(routes)
    _refuse_shared_queues(routes, core_queue(env))
    return routes


def core_queue(env: Mapping[str, str]) -> str:
    """Name the queue of CORE (`CORE_WORKER_QUEUE`). It takes every assistant that no enabled pool lists."""
    return env.get(_queue_name(CORE_PREFIX), "").strip() or DEFAULT_CORE_QUEUE


def routing_warnings(env: Mapping[str, str]) -> tuple[str, ...]:
    """Name the legal but surely unmeant values in `env`, which are lists for a pool that is off or for no pool."""
    return (*_lists_of_pools_that_are_off(env), *_names_of_no_pool(env))


def _lists_of_pools_that_are_off(env: Mapping[str, str]) -> Iterator[str]:
    for prefix in ROUTE_PREFIXES:
        if env.get(_queue_name(prefix), prefix).strip() == "" and env.get(_assistants_name(prefix), "").strip():
            yield (
                f"{_assistants_name(prefix)} is set, but {_queue_name(prefix)} is empty: the pool is off and its "
                f"assistants run on {CORE_PREFIX}; set the queue or unset the list"
            )


def _names_of_no_pool(env: Mapping[str, str]) -> Iterator[str]:
    known = {_queue_name(CORE_PREFIX), *map(_queue_name, ROUTE_PREFIXES), *map(_assistants_name, ROUTE_PREFIXES)}
    for name in sorted(env.keys() - known):
        yield f"{name} is set, but no pool has this prefix; the pools are {', '.join(ROUTE_PREFIXES)}, {CORE_PREFIX}"


def route_for(assistant_id: str, *, default_queue: str, routes: Iterable[WorkerRoute]) -> Decision:
    """Return the queue of an assistant's pool, or `default_queue` when no enabled pool lists it."""
    for route in routes:
        if assistant_id in route.assistants and route.queue:
            return Decision(queue=route.queue, prefix=route.prefix)
    return Decision(queue=default_queue, prefix=CORE_PREFIX)


def path_decision(method: str, path: str, *, has_auth: bool, auth_matches: bool) -> int:
    """Decide the HTTP status of a request before anything else looks at it.

    The order is the contract. Internal prefixes are refused before authentication. So a probe without a key cannot
    learn whether they exist behind it. The paths for recipients and mail providers need no key of ours.

    Args:
        method: HTTP method in upper case.
        path: Decoded path of the URL without the query.
        has_auth: The request carries credentials.
        auth_matches: The credentials are right.

    Returns:
        200 (go on), 401, 403 or 404.
    """
    if path in HEALTH_PATHS and method in {"GET", "HEAD"}:
        return 200
    if path.startswith(INTERNAL_PREFIXES):
        return 403
    if path.startswith(OPEN_PREFIXES) and method in {"GET", "HEAD", "POST"}:
        return 200
    if not has_auth or not auth_matches:
        return 401
    if any(_is_below(path, prefix) for prefix in (*PUBLIC_CORE_PREFIXES, *HEALTH_PATHS)):
        return 200
    return 404


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def _queue_name(prefix: str) -> str:
    return f"{prefix}{QUEUE_SUFFIX}"


def _assistants_name(prefix: str) -> str:
    return f"{prefix}{ASSISTANTS_SUFFIX}"


def _entries(csv: str) -> list[str]:
    return [entry.strip() for entry in csv.split(",") if entry.strip()]


def _allowlist(prefix: str, default: str, override: str | None, known: Collection[str]) -> frozenset[str]:
    name = _assistants_name(prefix)
    entries = _entries(default if override is None else override)
    edits = [entry for entry in entries if entry[0] in "+-"]
    if not edits:
        assistants = frozenset(entries)
    elif len(edits) == len(entries):
        assistants = _edited(name, frozenset(_entries(default)), edits)
    else:
        raise RoutingError(
            f"{name}={override!r} mixes ids with edits; write a full list, or only `+id` and `-id` entries"
        )
    for assistant_id in sorted(assistants):
        if assistant_id not in known:
            raise RoutingError(f"{name} lists `{assistant_id}`, which no registry has; add its row or remove it")
    return assistants


def _edited(name: str, assistants: frozenset[str], edits: Iterable[str]) -> frozenset[str]:
    for edit in edits:
        sign, assistant_id = edit[0], edit[1:].strip()
        if sign == "+":
            if assistant_id in assistants:
                raise RoutingError(f"{name} adds `{assistant_id}`, which the list has already; remove `{edit}`")
            assistants |= {assistant_id}
        else:
            if assistant_id not in assistants:
                raise RoutingError(f"{name} removes `{assistant_id}`, which the list does not have; remove `{edit}`")
            assistants -= {assistant_id}
    return assistants


def _refuse_shared_assistants(routes: Iterable[WorkerRoute]) -> None:
    owner: dict[str, str] = {}
    for route in routes:
        for assistant_id in sorted(route.assistants):
            if assistant_id in owner:
                raise RoutingError(
                    f"`{assistant_id}` is listed by {_assistants_name(owner[assistant_id])} and by "
                    f"{_assistants_name(route.prefix)}; a run has one queue, so remove it from one of them"
                )
            owner[assistant_id] = route.prefix


def _refuse_shared_queues(routes: Iterable[WorkerRoute], default_queue: str) -> None:
    owner = {default_queue: CORE_PREFIX}
    for route in routes:
        if route.queue in owner:
            raise RoutingError(
                f"{_queue_name(owner[route.queue])} and {_queue_name(route.prefix)} both name the queue "
                f"`{route.queue}`; pools that share a queue are not isolated"
            )
        if route.queue:
            owner[route.queue] = route.prefix
