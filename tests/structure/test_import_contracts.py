"""The layers and the further import contracts of `pyproject.toml`: they hold, and each of them can be broken."""

import graphlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.structure.sources import PACKAGE, ROOT, imports_of, python_files

PYPROJECT = ROOT / "pyproject.toml"
_TABLE = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in _TABLE["contracts"]]
VIOLATIONS = {
    "layers": ("runs.submit", "agentic_sales.client"),
    "the registry, the routing and the flows import the standard library alone": ("registry", "pydantic"),
    "the facade never reaches a graph": ("facade.app", "langgraph"),
    "graphs are independent of each other": ("graphs.pipeline", "agentic_sales.graphs.country_classify"),
    "only the loader reaches a graph": ("local.up", "agentic_sales.graphs.pipeline"),
    "the parent and the child of a worker do not reach each other": (
        "workers.parent.lease",
        "agentic_sales.workers.child.process",
    ),
    "rules reach only rules": ("rules.wording", "agentic_sales.settings"),
    "asking a model reads no web page": ("llm.ask", "agentic_sales.sources.web"),
}
"""For each contract, a module and an import that must not stand in it."""


def lint_imports(folder: Path) -> str:
    """Check the package in a folder against our contracts; return the report."""
    finished = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", PYPROJECT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout + finished.stderr


def verdict(report: str, contract: str) -> str:
    """Return what a report says of a contract."""
    found = re.search(rf"^{re.escape(contract)} (KEPT|BROKEN)", report, re.MULTILINE)
    assert found is not None, report
    return found[1]


@pytest.fixture(scope="module")
def report_of_the_package() -> str:
    """What is reported of the package as it is."""
    return lint_imports(ROOT)


@pytest.fixture(scope="module")
def report_of_violations(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is reported of a copy of the package that breaks every contract."""
    folder = tmp_path_factory.mktemp("broken")
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for module, imported in VIOLATIONS.values():
        path = copy / f"{module.replace('.', '/')}.py"
        path.write_text(f"{path.read_text(encoding='utf-8')}\nimport {imported}\n", encoding="utf-8")
    (copy / "utils.py").touch()
    return lint_imports(folder)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_package_keeps_its_import_contracts(contract: str, report_of_the_package: str) -> None:
    assert verdict(report_of_the_package, contract) == "KEPT", report_of_the_package


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_violation_of_a_contract_is_reported(contract: str, report_of_violations: str) -> None:
    module, imported = VIOLATIONS[contract]
    assert verdict(report_of_violations, contract) == "BROKEN"
    assert f"agentic_sales.{module} -> {imported}" in report_of_violations


def test_a_module_that_no_layer_lists_is_reported(report_of_violations: str) -> None:
    assert re.search(r"\butils\b", report_of_violations), report_of_violations


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {module_of(path): path for path in python_files()}
    graph = {module: imported_files(path, files) - {module} for module, path in files.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the files


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_files(path: Path, files: Mapping[str, Path]) -> set[str]:
    """Return the files of the package that a file imports, also those that it imports late or for a type."""
    named = (f"{module}.{name}" if f"{module}.{name}" in files else module for module, name in imports_of(path))
    return {module for module in named if module in files}
