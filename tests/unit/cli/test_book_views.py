"""What is drawn of the book can be used in the next command."""

from typing import Any

import pytest
from rich.console import Console, RenderableType

from agentic_sales.cli.views import book

ID = "01a22c4c-28f9-77da-8a17-3f6f2a6e9c11"
COMPANY: dict[str, Any] = {
    "name": "Northwind Signals International",
    "domain": "northwind-signals.example",
    "facts": {"country": "Germany", "category": "PRODUCT"},
    "blocked_at": "2026-11-30T00:00:00Z",
    "blocked_why": "a partner of ours since the spring",
    "company_id": ID,
}
PERSON: dict[str, Any] = {
    "name": "Ada Maria Example",
    "company": "Northwind Signals International",
    "facts": {"position": "Head of Revenue Operations"},
    "profile": "github.com/ada-maria-example",
    "contact_id": ID,
    "person_id": ID,
}


@pytest.mark.parametrize("table", [book.companies_as_table([COMPANY]), book.people_as_table([PERSON])])
def test_an_id_is_whole_on_a_terminal_of_eighty_columns(table: RenderableType) -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(table)
    assert ID in shown.get()
