"""Give tests the sample world: one server a module, and for each test limits and a cache of its own."""

from collections.abc import Iterator

import pytest

from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.settings import Settings
from agentic_sales.sources.service import Place


@pytest.fixture(scope="module")
def shared_world() -> Iterator[WorldServer]:
    with serve_world() as world:
        yield world


@pytest.fixture
def world(shared_world: WorldServer) -> Iterator[WorldServer]:
    """The world of the module, which behaves well and remembers this test's visits only."""
    shared_world.failures.clear()
    shared_world.visits.clear()
    yield shared_world
    shared_world.failures.clear()


@pytest.fixture
def place() -> Place:
    """Limits and a cache that no other test has used."""
    return Place()


def configured(world: WorldServer, **changed: str | None) -> Settings:
    """Return the settings that lead into a world. A name with None is not set."""
    values = {**world.environment(), **changed}
    return Settings.model_validate({name: value for name, value in values.items() if value is not None})
