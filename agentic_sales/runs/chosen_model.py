"""Let a run name the model that it asks, as `agentic-sales eval --model` does.

The name stands in the run's config under `configurable`. The facade takes it only from the models of the deployment
and from those that the deployment lets runs name. Sub-runs ask the same model.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from agentic_sales.errors import ModelNotAllowed
from agentic_sales.settings import Settings

CHOSEN_MODEL = "agentic_sales_model"
"""Name of the value in a run's `configurable`."""
current_chosen_model: ContextVar[str | None] = ContextVar("current_chosen_model", default=None)
"""Model that the current run has named. None: it asks those of the deployment."""


def chosen_model_of(request: Mapping[str, Any]) -> str | None:
    """Return the model that a run's request names. None if it names none."""
    named = ((request.get("config") or {}).get("configurable") or {}).get(CHOSEN_MODEL)
    return named if isinstance(named, str) and named else None


def config_of_model(model: str | None) -> dict[str, Any]:
    """Return the part of a request that names a model. Empty for None."""
    return {"config": {"configurable": {CHOSEN_MODEL: model}}} if model else {}


def check_chosen_model(named: object, configuration: Settings) -> None:
    """Refuse a model that runs may not name.

    Raises:
        ModelNotAllowed: It is none of the deployment's, nor of those that runs may name.
    """
    allowed = {configuration.model, configuration.model_deep, *configuration.run_models} - {None, ""}
    if named is None or (isinstance(named, str) and named and {named, "*"} & allowed):
        return
    raise ModelNotAllowed(str(named), [model for model in allowed if model])
