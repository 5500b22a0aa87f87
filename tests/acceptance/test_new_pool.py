"""A pool is named once: a fifth one is added to a copy of the repository in five files, and runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from honcho.environ import parse_procfile  # type: ignore[import-untyped]  # honcho ships no types

from tests.acceptance.examples import example_of
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.services import MACHINE_ENVIRONMENT, redis_server
from tests.support.wheel import copy_of_the_repository, tracked_files

ASSISTANT_ID = "country_classify"
TESTS = (
    *("tests/structure/test_data_plane.py", "tests/structure/test_redis_keys.py", "tests/unit/checks/test_pools.py"),
    *("tests/deploy/test_compose.py", "tests/deploy/test_kubernetes.py", "tests/deploy/test_monitoring.py"),
)
PROBLEMS = (
    "from pathlib import Path; from agentic_sales.checks.pools import *; print(*pool_problems(Path()), sep='\\n')"
)


def edit(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text("utf-8")
    edited = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE | re.DOTALL)
    assert edited != text, f"{path.name} has no {pattern!r}"
    path.write_text(edited, "utf-8")


def name_the_pool(copy: Path) -> None:
    """Make the edit in `routing.py`: the list of the new pool, taken out of another's, and its prefix."""
    routing = copy / "agentic_sales" / "routing.py"
    edit(routing, rf'^    "{ASSISTANT_ID}",\n', "")
    edit(routing, r"^(CORE_PREFIX = )", rf'DEFAULT_ENRICH_WORKER_ASSISTANTS = "{ASSISTANT_ID}"\n\n\1')
    edit(routing, r'(^    "DISCOVERY": [^\n]*\n)', r'\1    "ENRICH": DEFAULT_ENRICH_WORKER_ASSISTANTS,\n')


def start_a_worker_everywhere(copy: Path) -> None:
    """Make the edits in the Procfile and in `deploy/`."""
    line = r"^worker-classify: ([^\n]*)-Q classify -n classify@%h\n"
    edit(copy / "Procfile", line, r"\g<0>worker-enrich: \1-Q enrich -n enrich@%h\n")
    compose = copy / "deploy" / "compose.yml"
    [service] = re.findall(r"^  worker-classify:\n.*?\n\n", compose.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    edit(compose, r"^  worker-core:\n", service.replace("classify", "enrich") + r"\g<0>")
    kubernetes = copy / "deploy" / "kubernetes"
    pool = (kubernetes / "pools" / "classify" / "kustomization.yaml").read_text("utf-8")
    (kubernetes / "pools" / "enrich").mkdir()
    (kubernetes / "pools" / "enrich" / "kustomization.yaml").write_text(pool.replace("classify", "enrich"), "utf-8")
    edit(kubernetes / "kustomization.yaml", r"^  - pools/core\n", r"  - pools/enrich\n\g<0>")


def python(copy: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run this interpreter in the copy."""
    path = os.pathsep.join((str(Path(sys.executable).parent), MACHINE_ENVIRONMENT["PATH"]))
    told = {**MACHINE_ENVIRONMENT, "PATH": path, "PYTHONPATH": str(copy), "COLUMNS": "200", **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=told, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the pool is named and nothing more."""
    copy = copy_of_the_repository(tmp_path_factory.mktemp("named"))
    name_the_pool(copy)
    return copy


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the pool is whole."""
    copy = copy_of_the_repository(tmp_path_factory.mktemp("extended"))
    name_the_pool(copy)
    start_a_worker_everywhere(copy)
    return copy


def test_it_takes_five_files(extended: Path) -> None:
    before = {name: (Path(__file__).parents[2] / name).read_bytes() for name in tracked_files()}
    after = {str(p.relative_to(extended)): p.read_bytes() for p in extended.rglob("*") if p.is_file()}
    changed = sorted(name for name in after.keys() | before.keys() if after.get(name) != before.get(name))
    assert changed == [
        "Procfile",
        "agentic_sales/routing.py",
        "deploy/compose.yml",
        "deploy/kubernetes/kustomization.yaml",
        "deploy/kubernetes/pools/enrich/kustomization.yaml",
    ]


def test_the_check_names_every_file_that_still_lacks_it(named: Path) -> None:
    told = python(named, "-c", PROBLEMS).stdout.splitlines()
    assert [line.split("`")[1] for line in told] == ["Procfile", "compose.yml", "kustomization.yaml", "kubernetes"]
    assert all("pool=enrich" in line for line in told)


def test_the_check_is_content_when_it_is_everywhere(extended: Path) -> None:
    assert python(extended, "-c", PROBLEMS).stdout.strip() == ""


def test_no_test_needs_an_edit(extended: Path) -> None:
    done = python(extended, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *TESTS)
    assert done.returncode == 0, done.stdout[-3000:]


def test_its_settings_are_read_and_another_prefix_is_warned_of(extended: Path) -> None:
    overrides = {"ENRICH_WORKER_QUEUE": "", "ENRICH_LANGSMITH_PROJECT": "p", "ENRICHED_WORKER_QUEUE": "x"}
    program = (
        "from agentic_sales.control import control_plane; from agentic_sales.settings import settings; "
        f"c = control_plane(); print(c.decide('{ASSISTANT_ID}').queue, *c.queues, settings().langsmith_projects); "
        "print(*c.warnings)"
    )
    routes, warnings = python(extended, "-c", program, **overrides).stdout.splitlines()
    assert routes == "core email classify discovery core {'ENRICH': 'p'}"
    assert warnings.startswith("ENRICHED_WORKER_QUEUE is set, but no pool has this prefix; the pools are EMAIL, ")


def test_it_gets_a_redis_user_that_may_take_from_its_queue_alone(extended: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    subprocess.run([extended / "deploy" / "make-secrets", secrets], check=True, capture_output=True, timeout=60)
    [user] = [line for line in (secrets / "redis-users.acl").read_text().splitlines() if " worker-enrich " in line]
    assert "~agentic:queue:enrich* " in user
    assert "agentic:queue:email" not in user
    assert "DATABASE_URL=" in (secrets / "worker-enrich.env").read_text()


@pytest.fixture(scope="module")
def fleet_with_it(extended: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A facade and the new pool's worker, by the lines of the copy's Procfile."""
    directory = tmp_path_factory.mktemp("fleet")
    lines = dict(parse_procfile((extended / "Procfile").read_text("utf-8")).processes)
    environment = {"PYTHONPATH": str(extended), "AGENTIC_SALES_EXTRA_REGISTRIES": None}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=()) as fleet:
        for name in (WEB, "worker-enrich"):
            fleet.start_command(name, f"env -C {extended} {lines[name]}")
        fleet._wait_for_200(f"{fleet.url}/ready?pools=any", (WEB, "worker-enrich"), 90)
        fleet.wait_for_worker("enrich")
        yield fleet


def test_a_run_is_executed_by_its_worker(fleet_with_it: Fleet) -> None:
    answer = fleet_with_it.call(ASSISTANT_ID, example_of(ASSISTANT_ID))
    assert answer.status_code == 200, answer.text
    record = fleet_with_it.run(answer.headers["x-run-id"])
    assert record["queue"] == "enrich"
    assert fleet_with_it.pools() == {"email": 0, "classify": 0, "discovery": 0, "enrich": 1, "core": 0}
