"""Read the tables of words that lie beside the rules: TOML files that a person can read and extend.

A table is a mapping of names to lists of phrases, often one list a language. Additions of a person have the same form.
They are passed in as values, because rules read no files but those of their own package.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Table = Mapping[str, Any]
NOTHING: Table = {}


@cache
def table(name: str) -> Table:
    """Return the table of this name, without its `.toml`."""
    return tomllib.loads(files("agentic_sales.rules").joinpath(f"{name}.toml").read_text("utf-8"))


def extended(given: Table, additions: Table) -> Table:
    """Return a table with a person's additions behind its own entries."""
    both = dict(given)
    for name, value in additions.items():
        both[name] = _joined(both.get(name), value)
    return both


def _joined(own: object, added: object) -> object:
    if isinstance(own, Mapping) and isinstance(added, Mapping):
        return extended(own, added)
    if isinstance(own, list) and isinstance(added, list):
        return [*own, *added]
    if own is None:
        return added
    raise TypeError(f"`{added}` is no {'table' if isinstance(own, Mapping) else 'list'}")


def every(value: object) -> Iterator[str]:
    """Yield all phrases under a name, across all languages between."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from every(part)
    elif isinstance(value, list):
        for part in value:
            yield from every(part)
