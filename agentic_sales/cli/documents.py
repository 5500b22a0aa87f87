"""Add, list, show, search and remove the documents that `agentic_rag` answers from."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli.output import WRONG, AsJson, From, Most, Url, answer, end, note, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Add, list, show, search and remove the documents of `agentic_rag`.")

DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document.")]
OfCompany = Annotated[str | None, typer.Option("--company", help="Id, site or name of the company that it is about.")]
_ADDRESS = ("http://", "https://")


@app.command()
def add(
    what: Annotated[str, typer.Argument(metavar="FILE|URL|-", help="A file, an address, or `-` for standard input.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the document. It is needed for standard input.")] = "",
    company: OfCompany = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add a document: Markdown, text, HTML or PDF (needs the extra `rag`). A known text changes nothing.

    agentic-sales documents add handbook.md

    agentic-sales documents add https://acme.example/terms --company acme.example
    """
    from agentic_sales.cli.views.asking import ask_facade

    if what.startswith(_ADDRESS):
        body = {"url": what, "company": company}
        told = answer(as_json, lambda: ask_facade("POST", "/documents/fetch", url, body))
    else:
        raw, called = _read(what, name)
        told = answer(as_json, lambda: ask_facade("POST", "/documents", url, raw, name=called, company=company))
    says = {"added": "is added", "changed": "is replaced", "known": "is there already"}[told["status"]]
    left_out = f", {told['left_out']:,} letters are left out" if told.get("left_out") else ""
    cut = [f"only the first part of the page was read{left_out}"] if told.get("is_cut") else []
    tell(told, as_json, f"`{told['title']}` {says}: {told['passages']} passages, {told['document_id']}", *cut)


def _read(what: str, name: str) -> tuple[bytes, str]:
    if what == "-":
        if not name:
            end(WRONG, "say how the document is called: --name handbook.md")
        return sys.stdin.buffer.read(), name
    try:
        return Path(what).read_bytes(), name or Path(what).name
    except OSError as exc:
        end(WRONG, f"`{what}` cannot be read: {exc.strerror}")


@app.command()
def index(url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Take in the analyses and openings of the book now. A running fleet does so every five minutes.

    agentic-sales documents index
    """
    from agentic_sales.cli.views.asking import ask_facade

    told = answer(as_json, lambda: ask_facade("POST", "/documents/index", url))
    tell(told, as_json, f"{told['written']} documents written, {told['erased']} erased")


@app.command("list")
def list_documents(
    *,
    source: Annotated[str | None, typer.Option(help="`file`, `page`, `analysis` or `opening`.")] = None,
    company: OfCompany = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List documents, the newest first.

    agentic-sales documents list --source file
    """
    from agentic_sales.cli.views import documents
    from agentic_sales.cli.views.asking import ask_facade

    query: dict[str, object] = {"source": source, "company": company, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: ask_facade("GET", "/documents", url, **query))
    show_list(found, as_json, documents.as_table, "there is no document yet: agentic-sales documents add --help")


@app.command()
def show(document: DocumentId, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show a document with its passages.

    agentic-sales documents show 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views import documents
    from agentic_sales.cli.views.asking import ask_facade, path_of

    found = answer(as_json, lambda: ask_facade("GET", f"/documents{path_of(document)}", url))
    _show(found, as_json, documents.as_picture)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="Question or words to look for.")],
    *,
    company: OfCompany = None,
    limit: Annotated[int, typer.Option("--limit", help="Most passages.", min=1, max=40)] = 8,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Search the passages by words, and mark the sentences that answer. `agentic_rag` searches so, too.

    agentic-sales documents search 'How long is the notice period?'
    """
    from agentic_sales.cli.views import documents
    from agentic_sales.cli.views.asking import ask_facade

    query: dict[str, object] = {"question": question, "company": company, "limit": limit}
    found = answer(as_json, lambda: ask_facade("GET", "/documents/search", url, **query))
    if not found["passages"] and not as_json:
        return note(f"nothing found in {found['searched']} passages")
    return _show(found, as_json, documents.passages_as_picture)


@app.command()
def remove(document: DocumentId, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Remove a document with its passages.

    agentic-sales documents remove 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    told = answer(as_json, lambda: ask_facade("DELETE", f"/documents{path_of(document)}", url))
    tell(told, as_json, f"`{told['title']}` is removed")


def _show(found: Any, as_json: bool, draw: Any) -> None:  # noqa: FBT001 - the flag of the command
    if as_json:
        print_json(found)
    else:
        Console().print(draw(found))
