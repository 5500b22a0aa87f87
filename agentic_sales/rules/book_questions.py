"""Answer common questions about the book with statements that a person has written: the templates of a table.

A template answers a question only if its pattern covers the whole of it. A question with further words gets none, since
a wrong number is worse than no answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from agentic_sales.rules.places import judge_place
from agentic_sales.rules.sql_guard import Schema
from agentic_sales.rules.tables import Table, table

_TABLE = table("book_questions")
_THINGS: Mapping[str, Table] = _TABLE["things"]
_NEWEST = "20"
_NAMED = re.compile(r"(?<!\?P)<([a-z_]+)>")
_ALL_WORDS = r"(?:all |the |our |every )*"
_IN_BOOK = r"(?: (?:are|is|do we (?:have|know)|have we|exist)(?: there)?)?(?: in (?:the )?(?:book|database|db|store))?"
_TABLE_TEXT = re.compile(r"\b([A-Za-z_]\w{0,62})[\"`]?\s*\(((?:[^()]|\([^()]{0,200}\)){1,8000})\)")
_FIRST_WORD = re.compile(r"[\s\"`\[]*([A-Za-z_]\w{0,62})")
_CONSTRAINTS = frozenset({"primary", "foreign", "unique", "check", "constraint", "exclude", "index", "key"})
_VALUE = r"(?P<value>[^?;'\"\\$]{1,80}?)"
"""The subject that a question names. It has no character that could end a text of a statement."""
_POLITE, _END = r"(?:please )?", r"\s*[?.!]*"


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question and the statement that answers it."""

    asks: str
    """The question in words, to be shown."""
    pattern: re.Pattern[str]
    """The question as people type it, over small letters."""
    sql: Template
    """The statement with slots."""
    needs_country: bool
    """It answers only if the value is a country."""


@dataclass(frozen=True, slots=True)
class TemplateAnswer:
    """A template that fits a question."""

    asks: str
    """The question that it answers, in words."""
    sql: str
    """Its statement."""


def book_schema() -> Schema:
    """Return the tables and columns of the book that a question may be about."""
    return {name: tuple(row["columns"]) for name, row in table("book_schema").items()}


def about_schema(tables: Schema) -> str:
    """Return tables in words for a prompt, with notes on those of the book."""
    notes = table("book_schema") if tables.items() <= book_schema().items() else {}
    return "\n".join(_about(name, columns, notes.get(name)) for name, columns in tables.items())


def template_for(question: str) -> TemplateAnswer | None:
    """Return the template that fits the whole of a question, or None."""
    asked = " ".join(question.lower().split())
    for known in KNOWN:
        if found := known.pattern.fullmatch(asked):
            slots = _slots(found.groupdict(), needs_country=known.needs_country)
            if slots["country"] or not known.needs_country:
                return TemplateAnswer(known.asks, known.sql.substitute(slots))
    return None


def known_questions() -> list[str]:
    """Return the questions that the templates answer, in words."""
    return [known.asks for known in KNOWN]


def tables_named(question: str, tables: Schema) -> list[str]:
    """Return the tables of a schema that a question names, by their names, their columns or words for their rows."""
    words = set(re.findall(r"[a-z_]+", question.lower()))
    stems = words | {word.rstrip("s") for word in words}
    told = [name for name in tables if name in words or name.rstrip("s") in stems]
    asked = question.lower()
    meant = [row["source"] for row in _THINGS.values() if re.search(rf"\b(?:{'|'.join(row['words'])})\b", asked)]
    columns = [name for name, members in tables.items() if words & {*members} - {"name", "kind", "key", "value"}]
    return [name for name in dict.fromkeys((*told, *meant, *columns)) if name in tables]


def _about(name: str, columns: Sequence[str], note: Table | None) -> str:
    told = f": {note['about']}. {note['notes']}" if note else ""
    return f"{name}({', '.join(columns)}){told}"


def _slots(groups: Mapping[str, str | None], *, needs_country: bool) -> dict[str, str]:
    thing = _THINGS[next((name for name in _THINGS if groups.get(name)), "companies")]
    return {
        "source": thing["source"],
        "columns": thing["columns"],
        "where": f" WHERE {thing['where']}" if "where" in thing else "",
        "and": f" AND {thing['where']}" if "where" in thing else "",
        "shown": "COUNT(*) AS count" if groups.get("counts") else "c.name, c.domain",
        "field": (groups.get("field") or "").replace(" ", "_"),
        "value": (groups.get("value") or "").strip(),
        "number": groups.get("number") or groups.get("first") or _NEWEST,
        "country": (judge_place(groups.get("value") or "").country or "").lower() if needs_country else "",
    }


def _known(row: Mapping[str, Any], lists: Mapping[str, str]) -> KnownQuestion:
    pattern = _NAMED.sub(lambda name: lists[name[1]], row["pattern"])
    return KnownQuestion(
        row["asks"], re.compile(f"{_POLITE}{pattern}{_END}"), Template(row["sql"]), row.get("needs") == "country"
    )


def _lists() -> dict[str, str]:
    words = {name: f"(?:{'|'.join(members)})" for name, members in _TABLE["words"].items()}
    things = "|".join(f"(?P<{name}>{'|'.join(row['words'])})" for name, row in _THINGS.items())
    asked = f"(?:(?P<counts>{words['count']})|{words['list']}) {_ALL_WORDS}{words['companies']}"
    own = {"thing": f"(?:{things})", "companies_asked": asked, "field": f"(?P<field>{words['fields']})"}
    return {**words, **own, "all": _ALL_WORDS, "in_book": _IN_BOOK, "value": _VALUE}


KNOWN: tuple[KnownQuestion, ...] = tuple(_known(row, _lists()) for row in _TABLE["template"])


def given_schema(text: str) -> Schema:
    """Return the tables that a caller describes, as `CREATE TABLE` statements or as `name(column, column)`.

    Raises:
        ValueError: It describes no table.
    """
    found = {
        name.lower(): tuple(column for part in columns.split(",") if (column := _column_in(part)))
        for name, columns in _TABLE_TEXT.findall(text)
    }
    if not any(found.values()):
        raise ValueError("describe each table as `name(column, column)` or as a CREATE TABLE statement")
    return {name: columns for name, columns in found.items() if columns}


def _column_in(part: str) -> str:
    """Return the column that a part of a table's description defines. Empty for a constraint."""
    word = _FIRST_WORD.match(part)
    name = word[1].lower() if word else ""
    return "" if name in _CONSTRAINTS else name
