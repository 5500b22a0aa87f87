"""Write `langgraph.json` from the registry's rows alone. `langgraph dev` serves the same assistants from it.

No graph is imported, so a broken one cannot stop it.

    python -m agentic_sales.checks.langgraph_json
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentic_sales.errors import ConfigurationError
from agentic_sales.registry import GraphSpec, RegistryError, load_rows
from agentic_sales.settings import settings

FILE_NAME = "langgraph.json"


def render_langgraph_json(rows: Iterable[GraphSpec], folder: Path) -> str:
    """Return the content of `langgraph.json` for these rows in their order.

    Args:
        rows: The registry's rows.
        folder: Directory of the file. Packages beside it are named by path and others by module.
    """
    content: dict[str, Any] = {
        "dependencies": ["."],
        "graphs": {row.assistant_id: f"{_source(row, folder)}:{row.compiled_attr}" for row in rows},
        # Else the server asks a package index for its newest version before it starts.
        "env": {"LANGGRAPH_NO_VERSION_CHECK": "true"},
    }
    return json.dumps(content, indent=2) + "\n"


def write_langgraph_json(folder: Path, extra_registries: Iterable[str]) -> Path:
    """Write `langgraph.json` into a folder and return its path.

    Raises:
        ConfigurationError: The registries contradict themselves or cannot be imported.
    """
    try:
        rows = load_rows(extra_registries)
    except RegistryError as exc:
        raise ConfigurationError(str(exc)) from exc
    path = folder / FILE_NAME
    path.write_text(render_langgraph_json(rows.values(), folder), encoding="utf-8")
    return path


def _source(row: GraphSpec, folder: Path) -> str:
    package, *_ = row.module.split(".")
    return f"./{row.module.replace('.', '/')}.py" if (folder / package).is_dir() else row.module


def main() -> None:
    """Write the file into the working directory."""
    try:
        path = write_langgraph_json(Path.cwd(), settings().extra_registries)
    except ConfigurationError as exc:
        sys.exit(str(exc))
    sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
