"""Read a person's additions to the tables of `rules/` and give a rule its table with them.

    words = with_additions("places", place_words, settings().rules_dir)

Rules read no files but those of their own package. The built table is kept, because it takes a tenth of a second.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from agentic_sales.errors import ConfigurationError

T = TypeVar("T")
_BUILT: dict[object, object] = {}


def with_additions(name: str, build: Callable[[dict[str, Any]], T], folder: Path | None) -> T:
    """Return a rule's form of its table with the additions.

    Args:
        name: Name of the table without `.toml`.
        build: Makes the rule's form of the additions. Without additions it returns the rule's own.
        folder: Directory of the additions. None: there are none.

    Raises:
        ConfigurationError: The file of the additions cannot be read or does not fit the table.
    """
    key = (name, build, folder)
    if key not in _BUILT:
        _BUILT[key] = _build(name, build, folder)
    return cast("T", _BUILT[key])


def with_all_additions(
    names: tuple[str, ...], build: Callable[[Mapping[str, dict[str, Any]]], T], folder: Path | None
) -> T:
    """Return a rule's form of several tables with the additions to each of them.

    Args:
        names: Names of the tables without `.toml`.
        build: Makes the rule's form of the additions by the names of their tables.
        folder: Directory of the additions. None: there are none.

    Raises:
        ConfigurationError: A file of the additions cannot be read or does not fit its table.
    """
    key = (names, build, folder)
    if key not in _BUILT:
        added = {name: with_additions(name, dict, folder) for name in names}
        try:
            _BUILT[key] = build(added)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise ConfigurationError(
                f"`AGENTIC_SALES_RULES_DIR`: a file of `{folder}` does not fit its table ({', '.join(names)}): {exc}"
            ) from exc
    return cast("T", _BUILT[key])


def _build(name: str, build: Callable[[dict[str, Any]], T], folder: Path | None) -> T:
    path = folder / f"{name}.toml" if folder else None
    if path is None or not path.exists():
        return build({})
    try:
        return build(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ConfigurationError(f"`AGENTIC_SALES_RULES_DIR`: `{path}` does not fit the table `{name}`: {exc}") from exc
