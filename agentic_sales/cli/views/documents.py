"""Draw documents and their passages."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from agentic_sales.cli.views.campaigns import clock


def as_table(documents: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out documents."""
    table = Table("document", "source", "changed", Column("id", no_wrap=True))
    for row in documents:
        table.add_row(Text(row["title"]), row["source"], clock(row["updated_at"]), row["document_id"])
    return table


def as_picture(document: Mapping[str, Any]) -> RenderableType:
    """Draw a document with its passages."""
    at = f"  {document['url']}" if document["url"] else ""
    head = Text.assemble((document["title"], "bold"), f"  {document['source']}{at}  {document['document_id']}\n")
    return Group(head, *(_passage(each["heading_path"], each["text"]) for each in document["passages"]))


def passages_as_picture(found: Mapping[str, Any]) -> RenderableType:
    """Draw the passages of a search. The sentences that answer are bold."""
    telling: dict[str, list[str]] = {}
    for each in found["supports"]:
        telling.setdefault(each["passage_id"], []).append(each["sentence"])
    return Group(
        *(
            _passage([each["document"], *each["heading_path"]], each["text"], telling.get(each["passage_id"], []))
            for each in found["passages"]
        )
    )


def _passage(heading_path: Sequence[str], text: str, telling: Sequence[str] = ()) -> Text:
    told = Text(f"{text}\n")
    told.highlight_words(list(telling), "bold green")
    return Text.assemble((f"{' > '.join(heading_path)}\n" if heading_path else "", "cyan"), told)
