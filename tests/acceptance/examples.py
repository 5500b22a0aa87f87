"""Find the example input that each workflow carries in its module."""

import importlib
import json
from typing import Any

from agentic_sales.registry import BY_ID


def example_of(assistant_id: str, *, site: str = "") -> dict[str, Any]:
    """Return the example input of a workflow.

    Args:
        assistant_id: The workflow.
        site: URL of the sample site, which stands for `{site}` in the example.
    """
    module = importlib.import_module(BY_ID[assistant_id].module)
    filled: dict[str, Any] = json.loads(json.dumps(module.EXAMPLE).replace("{site}", site))
    return filled
