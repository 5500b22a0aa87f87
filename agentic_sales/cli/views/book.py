"""Draw companies, people and facts of the book."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from agentic_sales.cli.views.campaigns import clock

LONGEST_CHARS = 60


def _whole_id() -> Column:
    """Return a column that is never cut, since other commands take the whole id."""
    return Column("id", no_wrap=True)


def companies_as_table(companies: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out companies. Other commands take a company's site or name, so its id is told by `companies show` alone."""
    table = Table("company", Column("site", no_wrap=True), "country", "category", "written to")
    for row in companies:
        facts = row["facts"]
        permitted = f"no: {row['blocked_why']}" if row["blocked_at"] else ""
        told = _short(facts.get("country")), _short(facts.get("category"))
        table.add_row(row["name"], row["domain"] or "", *told, permitted)
    return table


def company_as_picture(company: Mapping[str, Any]) -> RenderableType:
    """Draw a company with its facts, its people and its documents."""
    site = company["domain"] or "no site is known"
    head = Text.assemble((company["name"], "bold"), f"  {site}  {company['company_id']}\n")
    if company["blocked_at"]:
        head.append(f"blocked by {company['blocked_by']}: {company['blocked_why']}\n", "red")
    if company["former_keys"]:
        head.append(f"also known as {', '.join(company['former_keys'])}\n")
    things = "".join(f", {count} {kind}s" for kind, count in company["things"].items())
    head.append(f"{len(company['people'])} people, {company['contacts']} contacts{things}\n")
    people = [Text(f"  {person['name']}  {person['person_id']}") for person in company["people"]]
    written = [Text(f"  {each['kind']} of {clock(each['created_at'])}") for each in company["analyses"]]
    return Group(head, facts_as_list(company["facts"]), *people, *written)


def people_as_table(people: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out people."""
    table = Table("person", "company", "position", "profile", "contact", _whole_id())
    for row in people:
        position = _short(row["facts"].get("position"))
        contact = "yes" if row["contact_id"] else ""
        table.add_row(row["name"], row["company"] or "", position, row["profile"], contact, row["person_id"])
    return table


def person_as_picture(person: Mapping[str, Any]) -> RenderableType:
    """Draw a person with the known facts."""
    at = f" of {person['company']}" if person["company"] else ""
    is_contact = (
        f"contact {person['contact_id']}" if person["contact_id"] else "no contact: nobody may write to the person"
    )
    head = Text.assemble((person["name"], "bold"), f"{at}  {person['profile']}\n", is_contact)
    return Group(head, facts_as_list(person["facts"]))


def facts_as_list(facts: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out facts, each with its quote, its source and its provenance. A fact that is not current any more is dim."""
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for row in facts:
        found_by = f"{row['method']} {row['workflow']}".strip()
        value = Text(_short(row["value"]), "" if row["is_current"] else "dim")
        if row["quote"] and row["quote"] != row["value"]:
            value.append(f"\n“{_short(row['quote'])}”", "italic dim")
        provenance = f"{found_by}, confidence {row['confidence']:.2f}, seen {clock(row['observed_at'])}"
        told = [part for part in (row["source_url"], provenance) if part]
        table.add_row(Text(row["field"], "bold"), value.append("\n" + "\n".join(told), "dim"))
    return table


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text if len(text) <= LONGEST_CHARS else f"{text[: LONGEST_CHARS - 1]}…"


def products_as_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Lay products out for people."""
    table = Table("number", "name", "url", "personas", "templates")
    for each in found:
        counts = (str(len(each.get(part) or ())) for part in ("personas", "templates"))
        table.add_row(str(each["product_id"]), each["name"], each.get("url", ""), *counts)
    return table
