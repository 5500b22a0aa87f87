"""No contact file of a stranger stops an import, loses a neighbour's line, or takes longer than it is long."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from agentic_sales.rules.address_cells import addresses_in, display_name, is_nobody
from agentic_sales.rules.consent import basis_of, moment_of
from agentic_sales.rules.contact_files import NotAContactFile
from agentic_sales.rules.employer_domains import domain_of
from agentic_sales.rules.names import filled, greeting_name, has_encoded_word, is_name, split_name
from agentic_sales.rules.words import folded
from tests.hostile.contact_files import (
    CELLS,
    HEADINGS,
    WISHES,
    check_cells,
    check_greeting,
    check_neighbours,
    growth,
    judged,
    texts,
)

BOUNDED = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
MOST_GROWTH_RATIO = 10
"""Of four times the text: 4 is linear, 16 is quadratic."""


@BOUNDED
@given(texts(), texts())
@example('"', '",,,,,,')
@example('x,"y', 'z",,,,,')
def test_a_line_costs_itself_at_most(first: str, second: str) -> None:
    check_neighbours(first, second)


@BOUNDED
@given(CELLS)
@example([*[""] * 6, "\0" * 80])
def test_whatever_stands_in_cells_what_is_taken_in_can_be_used(cells: list[str]) -> None:
    check_cells(cells)


@BOUNDED
@given(texts())
def test_nothing_but_letters_greets(cell: str) -> None:
    check_greeting(cell)


PIECES = (
    '"',
    "a",
    "a,",
    "<",
    "@",
    "a@",
    " ",
    "(",
    "=?",
    "{{",
    "http:",
    "do not ",
    "Jo ",
    "a.",
    "'",
    "\u202e",
    "不",
    "-",
)
READERS: tuple[Callable[[str], Any], ...] = (
    *(addresses_in, display_name, is_nobody, basis_of, moment_of, domain_of, folded, HEADINGS.meaning),
    *(greeting_name, has_encoded_word, is_name, split_name, lambda text: filled(text, "Jo")),
    *(lambda text: WISHES.of("note", text), lambda text: WISHES.of("state", text), WISHES.kind),
)


@pytest.mark.parametrize("piece", PIECES)
def test_every_reader_of_cells_takes_time_that_grows_with_the_cell_at_most(piece: str) -> None:
    slow = {repr(read): growth(read, piece, chars=20_000) for read in READERS}
    assert {name: ratio for name, ratio in slow.items() if ratio > MOST_GROWTH_RATIO} == {}


@pytest.mark.parametrize(
    "line",
    [
        'a@x.example,"Jo,x\n',
        '"\n',
        ",,,\n",
        "a@x.example,Jo,Ex,,,,\n",
        'a@x.example,"Jo\n""\n',
        "\n",
        '""""\n',
        "x" * 80,
    ],
)
def test_a_file_takes_time_that_grows_with_its_length_at_most(line: str) -> None:
    def read(text: str) -> None:
        try:
            judged(f"Email,First Name,Last Name,a,b,c,d\n{text}")
        except NotAContactFile:
            return

    assert growth(read, line, chars=10_000) < MOST_GROWTH_RATIO


@pytest.mark.parametrize("row", ["Email" + ",x" * 40_000, "x," * 500 + "Email", ("x," * 500 + "\n") * 39 + "Email"])
def test_a_row_of_more_columns_than_any_file_has_is_refused(row: str) -> None:
    with pytest.raises(NotAContactFile, match="columns; a file has at most 500"):
        judged(f"{row}\na@x.example\n")
