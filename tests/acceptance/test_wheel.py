"""The wheel is the product: installed alone, it starts everything anywhere, and it carries what the repository has."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from agentic_sales.local.ports import LOOPBACK
from tests.support.fleet import PROJECT
from tests.support.ports import free_port
from tests.support.services import RedisServer, end_group, redis_server, spawn
from tests.support.team import GRAPH, PROMPTS
from tests.support.waiting import eventually
from tests.support.wheel import Installed, build_wheel, install_from_index, tracked_files

PACKAGED = "agentic_sales/_packaged/"
MOST_MB = 200
"""What the product may weigh without its extras, in millions of bytes of the files that its wheels hold."""
REGISTRY = """from agentic_sales.registry import GraphSpec

GRAPHS = (GraphSpec("greet", "acme.sales.greet", effect="pure"),)
"""
CONFIGURATION = "from agentic_sales._packaged.celeryconfig import *\n\nworker_concurrency = 1\n"


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def expected() -> dict[str, str]:
    """Return what the wheel must hold: its own name of each file to that of the repository."""
    files = tracked_files()
    beside = [name for name in files if name in {"celeryconfig.py", "Procfile"} or name.startswith("evals/")]
    package = {name: name for name in files if name.startswith("agentic_sales/")}
    return package | {f"{PACKAGED}{name}": name for name in beside}


def test_the_wheel_holds_the_package_and_what_stands_beside_it_and_nothing_else(wheel: Path) -> None:
    held, wanted = members(wheel), expected()
    assert {name: name in held for name in wanted} == dict.fromkeys(wanted, True)
    assert sorted(held.keys() - wanted.keys()) == []
    assert [name for name, source in wanted.items() if held[name] != (PROJECT / source).read_bytes()] == []


def test_a_source_distribution_builds_the_same_wheel(repository: Path, wheel: Path, tmp_path: Path) -> None:
    program = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, cwd=repository, capture_output=True, check=True, timeout=120)
    [source] = tmp_path.glob("*.tar.gz")
    assert members(build_wheel(source, tmp_path)) == members(wheel)


def test_the_product_without_extras_is_small(installed: Installed) -> None:
    weights = {
        found.metadata["Name"]: sum(path.stat().st_size for path in _files_of_wheel(found, installed.site_packages))
        for found in distributions(path=[str(installed.site_packages)])
    }
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:8]
    assert sum(weights.values()) / 1e6 <= MOST_MB, heaviest


def versions(installed: Installed) -> dict[str, str]:
    """Return what an environment holds: names to versions."""
    return {found.metadata["Name"]: found.version for found in distributions(path=[str(installed.site_packages)])}


@pytest.mark.long
def test_pip_installs_the_same_packages_from_an_index(wheel: Path, installed: Installed, tmp_path: Path) -> None:
    assert versions(install_from_index(wheel, tmp_path / "env")) == versions(installed)


def test_the_commands_work_in_an_empty_directory(installed: Installed, tmp_path: Path) -> None:
    routes = installed.run("agentic-sales", "routes", cwd=tmp_path)
    assert (routes.returncode, "country_classify" in routes.stdout) == (0, True), routes.stdout
    check = installed.run("agentic-sales", "check", cwd=tmp_path)
    assert (check.returncode, check.stdout) == (0, "nothing to mend\n")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_starts_as_it_is_documented_with_the_packaged_configuration(
    installed: Installed, redis: RedisServer, tmp_path: Path
) -> None:
    log = _ready_worker(installed, redis, tmp_path, "discovery")
    assert f'"file": "{installed.site_packages}/{PACKAGED}celeryconfig.py"' in log
    assert "deep_scrape" in log


def test_a_team_keeps_its_registry_and_its_configuration_in_a_project_of_its_own(
    installed: Installed, redis: RedisServer, tmp_path: Path
) -> None:
    _write_project(tmp_path)
    team = {"AGENTIC_SALES_EXTRA_REGISTRIES": "acme.sales.registry", "COLUMNS": "200"}
    gen = installed.run("agentic-sales", "gen", "--registry", "acme.sales.registry", cwd=tmp_path, environment=team)
    assert gen.returncode == 0, gen.stdout
    check = installed.run("agentic-sales", "check", cwd=tmp_path, environment=team)
    assert check.stdout == "nothing to mend\n"
    assert "greet" in installed.run("agentic-sales", "routes", cwd=tmp_path, environment=team).stdout
    log = _ready_worker(installed, redis, tmp_path, "core", **team)
    assert f'"file": "{tmp_path}/celeryconfig.py"' in log
    assert '"greet"' in log


@pytest.mark.long
def test_a_team_brings_its_fleet_up_in_its_own_project(installed: Installed, tmp_path: Path) -> None:
    _write_project(tmp_path)
    port = free_port()
    team = {"AGENTIC_SALES_EXTRA_REGISTRIES": "acme.sales.registry", "FLOWER_PORT": str(free_port())}
    gen = installed.run("agentic-sales", "gen", "--registry", "acme.sales.registry", cwd=tmp_path, environment=team)
    assert gen.returncode == 0, gen.stdout
    log = tmp_path / "up.log"
    up = spawn(
        str(installed.bin / "agentic-sales"),
        *("up", "--port", str(port)),
        cwd=tmp_path,
        log=log,
        environment=installed.environment(team),
    )
    try:
        eventually("it is up", log.read_text, lambda told: "Ctrl-C ends all of it." in told, within_s=120)
        url, run = f"http://{LOOPBACK}:{port}", ("run", "greet", "--input", '{"name": "Ada"}')
        answer = installed.run("agentic-sales", *run, "--url", url, cwd=tmp_path, environment=team)
        assert answer.returncode == 0, answer.stdout
        assert "Hello Ada" in answer.stdout
    finally:
        up.terminate()
        up.wait(60)
        end_group(up)


@pytest.mark.parametrize(
    ("extra", "environment"),
    [
        ("postgres", {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}),
        ("imap", {"AGENTIC_SALES_IMAP": "sales=imaps://ann:secret@imap.example"}),
        ("openai", {"AGENTIC_SALES_MODEL": "openai:gpt-4.1-mini", "OPENAI_API_KEY": "none"}),
    ],
)
def test_a_setting_without_its_extra_stops_the_start_and_names_the_extra(
    installed: Installed, redis: RedisServer, tmp_path: Path, extra: str, environment: dict[str, str]
) -> None:
    ended = installed.run(*_worker("core"), cwd=tmp_path, environment={"REDIS_URL": redis.url, **environment})
    assert ended.returncode != 0
    assert "this worker cannot start: " in ended.stdout
    assert f"`pip install 'agentic-sales[{extra}]'`" in ended.stdout
    assert "secret" not in ended.stdout


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def _files_of_wheel(found: Distribution, folder: Path) -> list[Path]:
    """Return the files that a wheel has brought; the byte code beside them differs with the interpreter."""
    return [folder / file for file in found.files or () if file.suffix != ".pyc" and (folder / file).exists()]


def _worker(queue: str) -> tuple[str, ...]:
    return ("celery", "-A", "agentic_sales", "worker", "-Q", queue)


def _ready_worker(installed: Installed, redis: RedisServer, folder: Path, queue: str, **environment: str) -> str:
    """Start a worker in a folder; return what it writes until it is ready."""
    log = folder / "worker.log"
    name, *arguments = _worker(queue)
    settings = installed.environment({"REDIS_URL": redis.url, "AGENTIC_SALES_WORKER_CONCURRENCY": "1", **environment})
    worker = spawn(str(installed.bin / name), *arguments, cwd=folder, log=log, environment=settings)
    try:
        return eventually("the worker is ready", log.read_text, lambda told: " ready." in told, within_s=60)
    finally:
        end_group(worker)


def _write_project(folder: Path) -> None:
    package = folder / "acme" / "sales"
    package.mkdir(parents=True)
    (package / "registry.py").write_text(REGISTRY)
    (package / "greet.py").write_text(GRAPH)
    (package / "greet.md").write_text(PROMPTS)
    (folder / "celeryconfig.py").write_text(CONFIGURATION)
