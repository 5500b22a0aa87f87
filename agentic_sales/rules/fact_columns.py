"""Tell which columns of a company or contact file become facts, and read their cells."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal

from agentic_sales.rules.address_cells import addresses_in
from agentic_sales.rules.contact_lines import LONGEST_FIELD_CHARS, LineProblem
from agentic_sales.rules.headings import Column
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded, forms

_NUMBERS = frozenset({"employees", "founded"})
"""Fields with whole numbers, where the values can be read as such."""


FactKind = Literal["company", "person"]
"""Kinds of subjects with files."""


def fact_columns(kind: FactKind, columns: list[Column]) -> list[tuple[str, Column]]:
    """Return the columns that become facts, with the fields of the facts.

    Of two columns of one field the first one counts.
    """
    fields = _fields(kind)
    found: dict[str, Column] = {}
    for column in columns:
        name = next((fields[form] for form in _spellings(column.heading) if form in fields), None)
        if name is not None and not column.is_empty:
            found.setdefault(name, column)
    return list(found.items())


def read_facts(
    columns: list[tuple[str, Column]], cells: Mapping[Column, str], problems: list[LineProblem]
) -> Iterator[tuple[str, str | int]]:
    """Yield the fields and values of a line. A value that is too long is left out and added to the problems."""
    for name, column in columns:
        cell = cells.get(column, "")
        if len(cell) > LONGEST_FIELD_CHARS:
            told = f"it has {len(cell)} of at most {LONGEST_FIELD_CHARS} characters; it was left out"
            problems.append(LineProblem(column.heading, told))
        elif cell and not (addresses_in(cell) and name != "description"):
            yield name, _number(cell) if name in _NUMBERS else cell


def _number(cell: str) -> str | int:
    digits = cell.replace(",", "").replace(".", "").replace("'", "").replace(" ", "")
    return int(digits) if digits.isdecimal() and len(digits) < 10 else cell  # noqa: PLR2004 - fits every database


def _spellings(heading: str) -> Iterator[str]:
    for form in forms(heading):
        yield form
        for scope in _scopes():
            if form.startswith(f"{scope} "):
                yield form.removeprefix(f"{scope} ")


@cache
def _fields(kind: FactKind) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, headings in table("fact_columns")[kind].items():
        for heading in every(headings):
            found.setdefault(folded(heading), name)
    return found


@cache
def _scopes() -> tuple[str, ...]:
    return tuple(folded(word) for word in every(table("fact_columns")["scopes"]))
