"""Tell apart the rows that each registry module adds to the fleet."""

from collections.abc import Mapping

from agentic_sales.control import OWN_REGISTRY
from agentic_sales.errors import ConfigurationError
from agentic_sales.registry import BY_ID, GraphSpec, RegistryError, load_rows
from agentic_sales.settings import Settings


def rows_of(registry: str) -> Mapping[str, GraphSpec]:
    """Return the rows that one registry module adds to the fleet.

    Raises:
        ConfigurationError: The module is not a registry, or one of its ids is taken.
    """
    if registry == OWN_REGISTRY:
        return BY_ID
    try:
        return {name: row for name, row in load_rows([registry]).items() if name not in BY_ID}
    except RegistryError as exc:
        raise ConfigurationError(str(exc)) from exc


def with_registry(configuration: Settings, registry: str) -> Settings:
    """Return the configuration with a registry added to those of this deployment, unless it is one of them."""
    known = configuration.extra_registries
    extra = known if registry in {OWN_REGISTRY, *known} else (*known, registry)
    return configuration.model_copy(update={"extra_registries": extra})
