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


FACT: dict[str, Any] = {
    "field": "remote_policy",
    "value": "remote",
    "method": "rules",
    "workflow": "company_discovery",
    "confidence": 0.75,
    "source_url": "https://northwind-signals.example/careers/engineering/berlin",
    "quote": "We work from anywhere.",
    "is_current": True,
    "observed_at": "2026-11-30T18:38:00Z",
}


def on_eighty_columns(drawn: RenderableType) -> str:
    """Return what a narrow terminal shows."""
    console = Console(width=80)
    with console.capture() as shown:
        console.print(drawn)
    return shown.get()


@pytest.mark.parametrize(
    ("drawn", "name"),
    [
        (book.companies_as_table([COMPANY]), "northwind-signals.example"),
        (book.people_as_table([PERSON]), ID),
    ],
)
def test_the_name_for_the_next_command_is_whole_on_a_narrow_terminal(drawn: RenderableType, name: str) -> None:
    assert name in on_eighty_columns(drawn)


def test_a_fact_is_shown_with_its_quote_its_whole_source_and_its_provenance() -> None:
    shown = on_eighty_columns(book.facts_as_list([FACT]))
    assert "remote_policy  remote" in shown
    assert FACT["quote"] in shown
    assert FACT["source_url"] in shown
    assert "rules company_discovery, confidence 0.75" in shown
