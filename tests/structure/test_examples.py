"""The `EXAMPLE` of every graph runs to its end offline by rules, and answers all that it documents."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic_core import from_json, to_json

from agentic_sales.local.site import serve_sample_site
from agentic_sales.local.world.server import WorldServer
from agentic_sales.registry import GraphSpec
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.settings import settings
from agentic_sales.store.database import close_current_database
from tests.structure.rows import each_row, load


@pytest.fixture(scope="module")
def sample_site() -> Iterator[str]:
    """URL of the site that the package carries, served on loopback."""
    with serve_sample_site() as url:
        yield url


@pytest.fixture
def empty_store(tmp_path: Path, sqlite_template: Path) -> Path:
    """State directory of a store in which nobody and nothing is known."""
    shutil.copy(sqlite_template, tmp_path / sqlite_template.name)
    return tmp_path


async def run_example(row: GraphSpec, site: str) -> dict[str, Any]:
    """Return the final state of a row's example."""
    example = _with_site(load(row).module.EXAMPLE, site)
    with sub_runs_in_process():
        final: dict[str, Any] = await load(row).graph.ainvoke(example)
    return final


def _with_site(value: Any, site: str) -> Any:
    if isinstance(value, str):
        return value.replace("{site}", site)
    if isinstance(value, dict):
        return {key: _with_site(part, site) for key, part in value.items()}
    return [_with_site(part, site) for part in value] if isinstance(value, list) else value


@each_row
def test_an_example_is_a_valid_input(row: GraphSpec) -> None:
    load(row).input_type.model_validate(load(row).module.EXAMPLE)


@each_row
async def test_an_example_ends_without_a_model_and_answers_every_documented_key(
    row: GraphSpec, sample_site: str, world: WorldServer, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", urlsplit(sample_site).netloc)
    monkeypatch.setenv("AGENTIC_SALES_STATE_DIR", str(empty_store))
    settings.cache_clear()
    final = await run_example(row, sample_site)
    await close_current_database()
    output = load(row).output_type
    assert set(output.model_fields) - final.keys() == set()
    output.model_validate({name: final[name] for name in output.model_fields})
    assert from_json(to_json(final)) == final, "the final state is not plain data"
    assert final.get("source", "rules") == "rules"
