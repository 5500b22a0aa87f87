"""Read the tables of words that lie beside the rules: TOML files that a person can read and extend.

A table is a mapping of names to lists of phrases, often one list a language. Additions of a person have the same form.
Their lists are added to ours. A number, a text or a flag of theirs takes the place of ours. They are passed in as
values, because rules read no files but those of their own package.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Table = Mapping[str, Any]
NOTHING: Table = {}
_VALUES = (int | float, str)
"""Values that stand alone. TOML's flags are numbers to Python."""


@cache
def table(name: str) -> Table:
    """Return the table of this name, without its `.toml`."""
    return tomllib.loads(files("agentic_sales.rules").joinpath(f"{name}.toml").read_text("utf-8"))


def extended(given: Table, additions: Table) -> Table:
    """Return a table with a person's additions behind its own entries, and their values in the place of its own."""
    both = dict(given)
    for name, value in additions.items():
        both[name] = _joined(both.get(name), value)
    return both


class Compiled(Generic[T]):
    """A table in a rule's own form. It is compiled at import, so that the children of a worker share it."""

    def __init__(self, name: str, form: Callable[[Table], T]) -> None:
        """Compile the table of a name, without its `.toml`.

        Args:
            name: Name of the table.
            form: Makes the rule's form of its content.
        """
        self._name, self._form = name, form
        self.own = form(table(name))

    def __call__(self, additions: Table = NOTHING) -> T:
        """Return the form of the table, a person's additions to it included."""
        return self._form(extended(table(self._name), additions)) if additions else self.own


def _joined(own: object, added: object) -> object:
    if isinstance(own, Mapping) and isinstance(added, Mapping):
        return extended(own, added)
    if isinstance(own, list) and isinstance(added, list):
        return [*own, *added]
    if own is None or any(isinstance(own, kind) and isinstance(added, kind) for kind in _VALUES):
        return added
    raise TypeError(f"`{added}` is no {_kind_of(own)}")


def _kind_of(own: object) -> str:
    if isinstance(own, Mapping):
        return "table"
    return "list" if isinstance(own, list) else f"value like `{own}`"


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
