"""What `check` says of files that do not start a worker for each pool."""

import shutil
from pathlib import Path

import pytest

from agentic_sales.checks.pools import pool_problems
from tests.support.fleet import PROJECT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PROJECT / "Procfile", tmp_path)
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets", "grafana"))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def problems(folder: Path) -> list[tuple[str, str, str]]:
    return [(problem.row, problem.field, problem.value) for problem in pool_problems(folder)]


def test_the_repository_starts_a_worker_for_each_pool_everywhere() -> None:
    assert problems(PROJECT) == []


def test_a_folder_without_these_files_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


def test_a_pool_that_a_file_lacks_is_named_with_the_file(folder: Path) -> None:
    edit(folder / "Procfile", "worker-email:", "worker-mail:")
    edit(folder / "deploy" / "compose.yml", "\n  worker-classify:\n", "\n  worker-classes:\n")
    edit(folder / "deploy" / "kubernetes" / "kustomization.yaml", "  - pools/core\n", "")
    (folder / "deploy" / "kubernetes" / "pools" / "discovery" / "kustomization.yaml").unlink()
    assert problems(folder) == [
        ("Procfile", "pool", "email"),
        ("Procfile", "pool", "mail"),
        ("Procfile", "worker-mail", "email"),
        ("compose.yml", "pool", "classify"),
        ("compose.yml", "pool", "classes"),
        ("kustomization.yaml", "pool", "core"),
        ("kubernetes", "pool", "discovery"),
    ]


def test_a_worker_that_consumes_another_pools_queue_is_told_with_the_line(folder: Path) -> None:
    edit(folder / "Procfile", "-Q email -n email", "-Q core -n email")
    [problem] = pool_problems(folder)
    assert str(problem) == "`Procfile`: worker-email=core: it consumes `core`; write `-Q email`"
