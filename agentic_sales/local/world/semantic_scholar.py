"""Answer as Semantic Scholar does. It leaves members out where there is nothing to say."""

from collections.abc import Sequence
from typing import Any

from agentic_sales.local.world.companies import WorldCompany, WorldPaper, WorldPerson
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, matches
from agentic_sales.local.world.meters import Rate

_RATE = Rate(1, 1)
_NOT_WANTED = 0.5
_MISSING = as_json({"error": "Not found"}, 404)


def respond(asked: Asked) -> WorldAnswer:
    """Answer `/graph/v1/…`."""
    if asked.headers.get("x-api-key", "").startswith("wrong"):
        return as_json({"message": "Forbidden"}, 403)
    if asked.count("all", _RATE, asked.headers.get("x-api-key", "")).is_over:
        message = "Too Many Requests. Please wait and try again or apply for a key for higher rate limits."
        return as_json({"message": message, "code": "429"}, 429)
    match asked.parts:
        case ("graph", "v1", "paper", *rest):
            return _papers(asked, rest)
        case ("graph", "v1", "author", what):
            return _authors(asked, what)
        case _:
            return _MISSING


def _papers(asked: Asked, rest: Sequence[str]) -> WorldAnswer:
    query = asked.first("query")
    if list(rest) == ["search"]:
        texts = [(c, p, f"{p.title} {p.abstract}") for c, p in asked.world.papers]
        return _page(asked, [_paper(c, p) for c, p, text in texts if matches(query, text) >= _NOT_WANTED], 100)
    wanted = "/".join(rest).partition(":")[2] or "/".join(rest)
    found = [(c, p) for c, p in asked.world.papers if wanted in {p.semantic_scholar, p.doi, p.arxiv}]
    return as_json(_paper(*found[0])) if found else _MISSING


def _authors(asked: Asked, what: str) -> WorldAnswer:
    authors = [(c, p) for c, p in asked.world.people if p.semantic_scholar]
    if what == "search":
        return _page(asked, [_author(c, p) for c, p in authors if matches(asked.first("query"), p.name)], 1000)
    if what == "batch" and asked.method == "POST":
        known = {p.semantic_scholar: _author(c, p) for c, p in authors}
        return as_json([known.get(str(wanted)) for wanted in (asked.json() or {}).get("ids", [])])
    return _MISSING


def _page(asked: Asked, items: list[dict[str, Any]], most: int) -> WorldAnswer:
    limit, offset = min(asked.number("limit", 100), most), asked.number("offset", 0)
    if offset + limit > 1000 and most == 100:  # noqa: PLR2004 - the depth of a paper search
        return as_json({"error": "Requested data for this limit and/or offset is not available"}, 400)
    body: dict[str, Any] = {"total": len(items), "offset": offset}
    if offset + limit < len(items):
        body["next"] = offset + limit
    if items:
        body["data"] = items[offset : offset + limit]
    return as_json(body)


def _paper(company: WorldCompany, paper: WorldPaper) -> dict[str, Any]:
    people = {p.name: p for p in company.people}
    ids = {"DOI": paper.doi, "ArXiv": paper.arxiv}
    return {
        "paperId": paper.semantic_scholar,
        "title": paper.title,
        "abstract": paper.abstract if paper.arxiv else None,
        "year": int(paper.published[:4]),
        "publicationDate": paper.published,
        "citationCount": paper.cited_by,
        "externalIds": {name: value for name, value in ids.items() if value},
        "authors": [{"authorId": people[name].semantic_scholar, "name": name} for name in paper.authors],
    }


def _author(company: WorldCompany, person: WorldPerson) -> dict[str, Any]:
    papers = [paper for paper in company.papers if person.name in paper.authors]
    return {
        "authorId": person.semantic_scholar,
        "name": person.name,
        "affiliations": [company.name] if person.orcid else [],
        "homepage": None,
        "paperCount": len(papers),
        "citationCount": sum(paper.cited_by for paper in papers),
        "hIndex": min(len(papers), 3),
    }
