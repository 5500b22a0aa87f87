"""`compose.yml` is valid, and describes the processes of the Procfile and no others."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import celeryconfig
from tests.deploy.files import (
    DEPLOY,
    KNOWN_NAMES,
    PROCESSES,
    WORKER_OF,
    WORKERS,
    document,
    environment_file,
    make_secrets,
    queue_of,
    seconds,
)
from tests.support.services import end_group, start_redis

COMPOSE = document(DEPLOY / "compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: SERVICES[name] for name in PROCESSES if name in SERVICES}


SHARED = ("DATABASE_URL=", "AGENTIC_SALES_UNSUBSCRIBE_SECRET=")
"""Secrets that several processes hold alike."""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("deployment"), "redis")


def test_it_is_what_the_compose_specification_allows() -> None:
    schema = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    problems = jsonschema_rs.validator_for(json.loads(schema.read_text("utf-8"))).iter_errors(COMPOSE)
    assert [f"{problem.instance_path}: {problem.message}" for problem in problems] == []


def test_every_process_of_the_procfile_is_a_service_of_its_name() -> None:
    assert {name: service["command"] for name, service in SERVICES.items() if service["image"] == "agentic-sales"} == {
        name: [name] for name in PROCESSES
    }


def test_the_procfile_has_one_worker_for_each_queue_of_the_routing_contract() -> None:
    assert {name: queue_of(name) for name in PROCESSES if name.startswith("worker-")} == {
        name: queue for queue, name in WORKER_OF.items()
    }


def test_every_variable_is_one_that_something_reads(secrets: Path) -> None:
    for name, service in OURS.items():
        own_file, fleet_file = service["env_file"]
        assert (own_file["path"], fleet_file) == (f"secrets/{name}.env", {"path": "fleet.env", "required": False})
        given = {*service["environment"], *environment_file(secrets / f"{name}.env")}
        assert given <= KNOWN_NAMES, f"{name}: {given - KNOWN_NAMES}"


def test_every_secret_is_made_by_make_secrets_and_none_is_in_the_repository(secrets: Path) -> None:
    made = {path.name for path in secrets.iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} <= made
    assert "deploy/secrets/" in (DEPLOY.parent / ".gitignore").read_text("utf-8").splitlines()
    assert (secrets.stat().st_mode & 0o777) == 0o700


def test_every_secret_is_another(secrets: Path) -> None:
    files = [path for path in secrets.iterdir() if path.suffix != ".acl"]
    lines = [(path.suffix, line) for path in files for line in path.read_text("utf-8").split("\n") if line]
    told = [line for suffix, line in lines if suffix != ".sql" or "PASSWORD" in line]
    passwords = [line for line in told if not line.startswith(SHARED)]
    assert len(set(passwords)) == len(passwords) > len(PROCESSES)


def test_whoever_listens_to_others_asks_for_a_password(secrets: Path) -> None:
    """The image binds every address, so the facade and Flower must not be open inside either."""
    assert environment_file(secrets / "web.env")["LANGGRAPH_AUTH_TOKEN"]
    assert environment_file(secrets / "flower.env")["FLOWER_BASIC_AUTH"].startswith("operator:")


def test_nothing_can_be_reached_from_other_machines_because_nothing_speaks_tls() -> None:
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert published.pop("web") == ["${FACADE_BIND:-127.0.0.1}:8002:8002"]
    assert {port.split(":")[0] for ports in published.values() for port in ports} <= {"127.0.0.1"}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_can_write_nowhere_but_to_its_own_and_gains_no_right(name: str) -> None:
    service = OURS[name]
    assert (service["read_only"], service["cap_drop"], service["init"]) == (True, ["ALL"], True)
    assert "no-new-privileges:true" in service["security_opt"]
    assert "user" not in service
    assert "privileged" not in service


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_the_time_to_hand_its_runs_back(name: str) -> None:
    service = OURS[name]
    assert service["environment"]["REMAP_SIGTERM"] == "SIGQUIT"
    assert seconds(service["stop_grace_period"]) > 2 * celeryconfig.worker_soft_shutdown_timeout
    assert service["environment"]["AGENTIC_SALES_CONSUMING_FILE"] in service["healthcheck"]["test"][1]
    assert service["mem_limit"]


def test_no_service_can_take_the_memory_of_the_others() -> None:
    assert {name for name, service in SERVICES.items() if not service.get("mem_limit")} == set()


def test_every_service_says_whether_it_is_healthy() -> None:
    """But two, whose images hold no program to ask with."""
    silent = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert silent == {"otel-collector", "tempo"}


def test_every_volume_secret_and_network_that_is_used_is_there_and_the_other_way_round() -> None:
    for kind in ("volumes", "secrets", "networks"):
        used = [one for service in SERVICES.values() for one in service.get(kind, [])]
        named = {str(one["source"] if isinstance(one, dict) else one).split(":")[0] for one in used}
        assert {name for name in named if not name.startswith((".", "/"))} == set(COMPOSE[kind]), kind


def test_redis_starts_by_its_command_and_refuses_rather_than_forgets(tmp_path: Path) -> None:
    program, *options = SERVICES["redis"]["command"]
    assert program == "redis-server"
    at = options.index("--aclfile")
    options = [*options[:at], *options[at + 2 :]]  # the users have a test of their own
    server = start_redis(tmp_path, *options)
    with server.client() as client:
        set_to = client.config_get("*")
    end_group(server.process)
    assert set_to["maxmemory"] == str(2**30)
    assert (set_to["maxmemory-policy"], set_to["appendonly"], set_to["save"]) == ("noeviction", "yes", "")
    assert "pubsub 0 0 0" in set_to["client-output-buffer-limit"]
