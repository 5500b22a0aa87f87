"""Answer as Crossref does: single records and lists with cursors."""

from typing import Any

from agentic_sales.local.world.companies import WorldCompany, WorldPaper
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text, matches
from agentic_sales.local.world.meters import Rate

_LISTS, _ONE = Rate(3, 1), Rate(10, 1)
_MOST_ROWS = 1000
_NOT_WANTED = 0.5


def respond(asked: Asked) -> WorldAnswer:
    """Answer `/works` and `/works/{doi}`."""
    is_list = asked.parts == ("works",)
    count = asked.count("list" if is_list else "one", _LISTS if is_list else _ONE)
    headers = {"x-api-pool": "polite", "x-rate-limit-limit": str(count.limit), "x-rate-limit-interval": "1s"}
    if count.is_over:
        return as_text("<html><body>429 Too Many Requests</body></html>", 429, "text/html").with_headers(headers)
    if not is_list:
        doi = "/".join(asked.parts[1:])
        found = [_work(c, p) for c, p in asked.world.papers if p.doi == doi]
        if not found:
            return as_text("Resource not found.", 404).with_headers(headers)
        return as_json({"status": "ok", "message-type": "work", "message": found[0]}, headers=headers)
    rows = asked.number("rows", 20)
    if rows > _MOST_ROWS:
        problem = {"type": "integer-not-valid", "value": str(rows), "message": "must be at most 1000"}
        return as_json({"status": "failed", "message-type": "validation-failure", "message": [problem]}, 400, headers)
    works = [_work(c, p) for c, p in asked.world.papers if p.doi and _fits(asked, c, p)]
    cursor = asked.first("cursor")
    start = int(cursor.removeprefix("DnF")) if cursor and cursor != "*" else asked.number("offset", 0)
    message: dict[str, Any] = {"total-results": len(works), "items": works[start : start + rows]}
    if cursor:
        message["next-cursor"] = f"DnF{start + rows}"
    return as_json({"status": "ok", "message-type": "work-list", "message": message}, headers=headers)


def _fits(asked: Asked, company: WorldCompany, paper: WorldPaper) -> bool:
    author, text, affiliation = (asked.first(f"query.{name}") for name in ("author", "bibliographic", "affiliation"))
    orcids = {p.orcid for p in company.people if p.name in paper.authors}
    filters = dict(part.partition(":")[::2] for part in asked.first("filter").split(",") if part)
    return (
        (not author or any(matches(author, name) for name in paper.authors))
        and (not text or matches(text, paper.title) >= _NOT_WANTED)
        and (not affiliation or matches(affiliation, company.name) > 0)
        and ("orcid" not in filters or filters["orcid"] in orcids)
        and paper.published >= filters.get("from-pub-date", "")
    )


def _work(company: WorldCompany, paper: WorldPaper) -> dict[str, Any]:
    people = {p.name: p for p in company.people}
    authors: list[dict[str, Any]] = []
    for n, name in enumerate(paper.authors):
        given, _, family = name.rpartition(" ")
        author: dict[str, Any] = {"given": given, "family": family, "sequence": "first" if n == 0 else "additional"}
        if orcid := people[name].orcid:
            author["ORCID"] = f"https://orcid.org/{orcid}"
        authors.append({**author, "affiliation": [{"name": company.legal_name}] if n == 0 else []})
    parts = [int(part) for part in paper.published.split("-")]
    return {
        "DOI": paper.doi,
        "title": [paper.title],
        "type": "journal-article",
        "issued": {"date-parts": [parts[: 1 + len(paper.authors) % 3]]},
        "author": [*authors, {"name": f"The {company.name} group", "sequence": "additional", "affiliation": []}],
        "is-referenced-by-count": paper.cited_by,
        "URL": f"https://doi.org/{paper.doi}",
    }
