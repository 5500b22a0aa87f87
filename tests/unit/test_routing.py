"""The routing contract: which queue a run goes to, and which request may go on."""

import pytest

from agentic_sales import routing
from agentic_sales.registry import BY_ID
from agentic_sales.routing import (
    DEFAULT_EMAIL_WORKER_ASSISTANTS,
    HEALTH_PATHS,
    INTERNAL_PREFIXES,
    OPEN_PREFIXES,
    PUBLIC_CORE_PREFIXES,
    ROUTE_PREFIXES,
    Decision,
    RoutingError,
    build_routes,
    core_queue,
    path_decision,
    route_for,
    routing_warnings,
)

PROMISED_NAMES = {
    "DEFAULT_CLASSIFY_WORKER_ASSISTANTS",
    "DEFAULT_DISCOVERY_WORKER_ASSISTANTS",
    "DEFAULT_EMAIL_WORKER_ASSISTANTS",
    "Decision",
    "HEALTH_PATHS",
    "INTERNAL_PREFIXES",
    "PUBLIC_CORE_PREFIXES",
    "WorkerRoute",
    "build_routes",
    "path_decision",
    "route_for",
}


def decide(assistant_id: str, **env: str) -> Decision:
    """Ask the contract under an environment."""
    return route_for(assistant_id, default_queue=core_queue(env), routes=build_routes(env))


def assistants(prefix: str, **env: str) -> frozenset[str]:
    """Return a pool's allowlist under an environment."""
    return next(route.assistants for route in build_routes(env) if route.prefix == prefix)


def test_the_names_that_the_design_promises_are_exported() -> None:
    assert set(routing.__all__) >= PROMISED_NAMES
    assert all(hasattr(routing, name) for name in routing.__all__)


@pytest.mark.parametrize(
    ("assistant_id", "decision"),
    [
        ("email_compose", Decision("email", "EMAIL")),
        ("email_reply", Decision("email", "EMAIL")),
        ("classify_recruitment", Decision("classify", "CLASSIFY")),
        ("country_classify", Decision("classify", "CLASSIFY")),
        ("deep_scrape", Decision("discovery", "DISCOVERY")),
        ("company_enrichment", Decision("discovery", "DISCOVERY")),
        ("pipeline", Decision("core", "CORE")),
        ("of_another_registry", Decision("core", "CORE")),
    ],
)
def test_without_overrides_each_assistant_goes_to_the_pool_of_its_capability(
    assistant_id: str, decision: Decision
) -> None:
    assert decide(assistant_id) == decision


def test_every_default_list_holds_registered_assistants_alone() -> None:
    assert frozenset().union(*(route.assistants for route in build_routes({}))) <= BY_ID.keys()


@pytest.mark.parametrize("prefix", ROUTE_PREFIXES)
def test_a_pool_can_be_moved_to_another_queue(prefix: str) -> None:
    routes = build_routes({f"{prefix}_WORKER_QUEUE": " canary "})
    assert {route.queue for route in routes if route.prefix == prefix} == {"canary"}


@pytest.mark.parametrize("empty", ["", "  "])
def test_the_assistants_of_a_pool_that_is_off_fall_to_core(empty: str) -> None:
    assert decide("email_compose", EMAIL_WORKER_QUEUE=empty) == Decision("core", "CORE")


def test_the_queue_of_core_can_be_moved() -> None:
    assert decide("pipeline", CORE_WORKER_QUEUE="everything") == Decision("everything", "CORE")
    assert core_queue({"CORE_WORKER_QUEUE": " "}) == "core"


DEFAULT_EMAIL = set(DEFAULT_EMAIL_WORKER_ASSISTANTS.split(","))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("email_reply", {"email_reply"}),
        (" email_reply , pipeline ,", {"email_reply", "pipeline"}),
        ("", set()),
        (",", set()),
        ("+pipeline", DEFAULT_EMAIL | {"pipeline"}),
        ("-email_reply", DEFAULT_EMAIL - {"email_reply"}),
        ("-email_reply, + pipeline", DEFAULT_EMAIL - {"email_reply"} | {"pipeline"}),
        ("-email_reply,+email_reply", DEFAULT_EMAIL),
    ],
)
def test_a_list_replaces_the_default_and_signed_entries_edit_it(override: str, expected: set[str]) -> None:
    assert assistants("EMAIL", EMAIL_WORKER_ASSISTANTS=override) == expected


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("email_reply,+pipeline", r"'email_reply,\+pipeline' mixes ids with edits"),
        ("nobody", "EMAIL_WORKER_ASSISTANTS lists `nobody`, which no registry has"),
        ("+nobody", "EMAIL_WORKER_ASSISTANTS lists `nobody`, which no registry has"),
        ("+", "EMAIL_WORKER_ASSISTANTS lists ``, which no registry has"),
        ("+email_reply", r"EMAIL_WORKER_ASSISTANTS adds `email_reply`, which the list has already; remove `\+email"),
        ("-pipeline", "EMAIL_WORKER_ASSISTANTS removes `pipeline`, which the list does not have; remove `-pipeline`"),
        ("deep_scrape", "`deep_scrape` is listed by EMAIL_WORKER_ASSISTANTS and by DISCOVERY_WORKER_ASSISTANTS"),
        ("+deep_scrape", "`deep_scrape` is listed by EMAIL_WORKER_ASSISTANTS and by DISCOVERY_WORKER_ASSISTANTS"),
    ],
)
def test_a_list_that_contradicts_itself_or_the_registry_is_refused_and_named(override: str, told: str) -> None:
    with pytest.raises(RoutingError, match=told):
        build_routes({"EMAIL_WORKER_ASSISTANTS": override})


def test_an_assistant_is_moved_by_one_edit_in_each_list() -> None:
    moved = {"DISCOVERY_WORKER_ASSISTANTS": "-deep_scrape", "EMAIL_WORKER_ASSISTANTS": "+deep_scrape"}
    assert decide("deep_scrape", **moved) == Decision("email", "EMAIL")


def test_an_id_in_the_lists_of_two_pools_is_refused_even_if_one_pool_is_off() -> None:
    env = {"EMAIL_WORKER_QUEUE": "", "EMAIL_WORKER_ASSISTANTS": "deep_scrape"}
    with pytest.raises(RoutingError, match="`deep_scrape` is listed by"):
        build_routes(env)


def test_the_ids_of_another_registry_can_be_listed() -> None:
    routes = build_routes({"EMAIL_WORKER_ASSISTANTS": "+acme_mail"}, known=[*BY_ID, "acme_mail"])
    assert route_for("acme_mail", default_queue="core", routes=routes) == Decision("email", "EMAIL")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"EMAIL_WORKER_QUEUE": "discovery"}, "EMAIL_WORKER_QUEUE and DISCOVERY_WORKER_QUEUE both name .*`discovery`"),
        ({"EMAIL_WORKER_QUEUE": "core"}, "CORE_WORKER_QUEUE and EMAIL_WORKER_QUEUE both name the queue `core`"),
        ({"CORE_WORKER_QUEUE": "email"}, "CORE_WORKER_QUEUE and EMAIL_WORKER_QUEUE both name the queue `email`"),
    ],
)
def test_two_pools_on_one_queue_are_refused_because_they_are_not_isolated(env: dict[str, str], told: str) -> None:
    with pytest.raises(RoutingError, match=told):
        build_routes(env)


def test_pools_that_are_off_share_no_queue() -> None:
    routes = build_routes({f"{prefix}_WORKER_QUEUE": "" for prefix in ROUTE_PREFIXES})
    assert {route.queue for route in routes} == {""}


@pytest.mark.parametrize(
    ("env", "warnings"),
    [
        ({}, 0),
        ({"EMAIL_WORKER_QUEUE": ""}, 0),
        ({"EMAIL_WORKER_ASSISTANTS": "email_reply"}, 0),
        ({"EMAIL_WORKER_QUEUE": "", "EMAIL_WORKER_ASSISTANTS": ""}, 0),
        ({"EMAIL_WORKER_QUEUE": "", "EMAIL_WORKER_ASSISTANTS": "email_reply"}, 1),
        ({"EMAIL_WORKER_QUEUE": " ", "EMAIL_WORKER_ASSISTANTS": "-email_reply"}, 1),
    ],
)
def test_a_list_for_a_pool_that_is_off_is_a_warning(env: dict[str, str], warnings: int) -> None:
    told = routing_warnings(env)
    assert len(told) == warnings
    assert all("EMAIL_WORKER_ASSISTANTS is set, but EMAIL_WORKER_QUEUE is empty" in warning for warning in told)


@pytest.mark.parametrize(
    ("path", "no_key", "wrong_key", "right_key"),
    [
        *((path, 200, 200, 200) for path in HEALTH_PATHS),
        *((f"{prefix}secret", 403, 403, 403) for prefix in INTERNAL_PREFIXES),
        *((prefix, 403, 403, 403) for prefix in INTERNAL_PREFIXES),
        *((prefix, 401, 401, 200) for prefix in PUBLIC_CORE_PREFIXES),
        *((f"{prefix}x", 200, 200, 200) for prefix in OPEN_PREFIXES),
        *((prefix.rstrip("/"), 401, 401, 404) for prefix in OPEN_PREFIXES),
        ("/runs/wait", 401, 401, 200),
        ("/linkedin/posts", 401, 401, 200),
        ("/assistants/email_compose/schemas", 401, 401, 200),
        ("/", 401, 401, 404),
        ("/runsaway", 401, 401, 404),
        ("/linkedin", 401, 401, 404),
        ("/_ml", 401, 401, 404),
        ("/_research", 401, 401, 404),
        ("/admin", 401, 401, 404),
        ("/healthy", 401, 401, 404),
        ("//runs", 401, 401, 404),
        ("", 401, 401, 404),
    ],
)
def test_a_path_is_decided_in_the_order_of_the_contract(path: str, no_key: int, wrong_key: int, right_key: int) -> None:
    assert path_decision("GET", path, has_auth=False, auth_matches=False) == no_key
    assert path_decision("GET", path, has_auth=True, auth_matches=False) == wrong_key
    assert path_decision("GET", path, has_auth=True, auth_matches=True) == right_key


@pytest.mark.parametrize("path", HEALTH_PATHS)
def test_without_a_key_health_can_only_be_read(path: str) -> None:
    assert path_decision("HEAD", path, has_auth=False, auth_matches=False) == 200
    assert path_decision("POST", path, has_auth=False, auth_matches=False) == 401
    assert path_decision("POST", path, has_auth=True, auth_matches=True) == 200


@pytest.mark.parametrize("prefix", OPEN_PREFIXES)
def test_without_a_key_a_link_or_an_event_can_only_be_shown_and_posted(prefix: str) -> None:
    allowed = {m: path_decision(m, f"{prefix}x", has_auth=False, auth_matches=False) for m in ("POST", "PUT", "DELETE")}
    assert allowed == {"POST": 200, "PUT": 401, "DELETE": 401}
    assert path_decision("POST", f"/_ml{prefix}x", has_auth=False, auth_matches=False) == 403


def test_a_missing_key_is_not_excused_by_a_match() -> None:
    assert path_decision("POST", "/runs/wait", has_auth=False, auth_matches=True) == 401
