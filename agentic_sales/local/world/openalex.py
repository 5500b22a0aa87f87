"""Answer as OpenAlex does: works, authors and institutions, with cursors and credits."""

from collections.abc import Mapping
from typing import Any

from agentic_sales.local.world.companies import WorldCompany, WorldPaper, WorldPerson
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, matches
from agentic_sales.local.world.meters import Rate

_CREDITS, _CREDITS_KEYLESS = Rate(10_000, 86_400), Rate(1000, 86_400)
_KNOWN = {
    *("search", "filter", "select", "sort", "per_page", "per-page", "page", "cursor", "api_key", "mailto", "q"),
}
_DEEPEST = 10_000


def respond(asked: Asked) -> WorldAnswer:
    """Answer one request."""
    key = asked.key or asked.headers.get("api_key", "") or asked.first("api_key")
    if key.startswith("wrong"):
        return as_json({"error": "Invalid or missing API key", "message": "Get one at your account page."}, 401)
    if unknown := sorted(set(asked.query) - _KNOWN):
        message = f"{unknown[0]} is not a valid parameter."
        return as_json({"error": "Invalid query parameters error.", "message": message}, 400)
    is_search = bool(asked.first("search")) or ".search:" in asked.first("filter")
    cost = 10 if is_search else len(asked.parts) == 1
    count = asked.count("credits", _CREDITS if key else _CREDITS_KEYLESS, key, cost)
    headers = {
        "X-RateLimit-Limit": str(count.limit),
        "X-RateLimit-Remaining": str(count.remaining),
        "X-RateLimit-Credits-Used": str(int(cost)),
        "X-RateLimit-Reset": str(count.left_s),
    }
    if count.is_over:
        message = "Insufficient budget. Resets at midnight UTC."
        body = {"error": "Rate limit exceeded", "message": message, "retryAfter": count.left_s}
        return as_json(body, 429, {**headers, "Retry-After": str(count.left_s)})
    return _answer(asked).with_headers(headers)


def _answer(asked: Asked) -> WorldAnswer:
    match asked.parts:
        case ("works",):
            return _listed(asked, [_work(c, p) for c, p in asked.world.papers if _is_wanted(asked, c, p)])
        case ("works", *rest):
            wanted = "/".join(rest).removeprefix("doi:").removeprefix("https://doi.org/")
            found = [_work(c, p) for c, p in asked.world.papers if wanted in {p.openalex, p.doi}]
        case ("authors",):
            authors = [_author(c, p) for c, p in asked.world.people if p.openalex and _is_wanted_author(asked, c, p)]
            return _listed(asked, authors)
        case ("authors", *rest):
            wanted = "/".join(rest).removeprefix("orcid:").removeprefix("https://orcid.org/")
            found = [_author(c, p) for c, p in asked.world.people if p.openalex and wanted in {p.openalex, p.orcid}]
        case ("institutions",):
            named = [c for c in asked.world.all if c.papers and _names(asked.first("search"), c.name)]
            return _listed(asked, [_institution(c) for c in named])
        case _:
            found = []
    return as_json(found[0]) if found else as_json({"error": "Not found", "message": "No such entity."}, 404)


def _names(wanted: str, name: str) -> bool:
    return not wanted or matches(wanted, name) > 0


def _filters(asked: Asked) -> Mapping[str, str]:
    return dict(part.partition(":")[::2] for part in asked.first("filter").split(",") if part)


def _is_wanted(asked: Asked, company: WorldCompany, paper: WorldPaper) -> bool:
    query, filters = asked.first("search"), _filters(asked)
    if query and matches(query, f"{paper.title} {paper.abstract}") < 0.5:  # noqa: PLR2004 - half of the words
        return False
    ids = {p.openalex for p in company.people if p.name in paper.authors}
    author = filters.get("authorships.author.id", "").rpartition("/")[2]
    if author and author not in ids:
        return False
    institution = filters.get("authorships.institutions.id", "").rpartition("/")[2]
    if institution and institution != _institution_id(company):
        return False
    return paper.published >= filters.get("from_publication_date", "")


def _is_wanted_author(asked: Asked, company: WorldCompany, person: WorldPerson) -> bool:
    filters = _filters(asked)
    orcid = filters.get("orcid", "").rpartition("/")[2]
    institution = filters.get("last_known_institutions.id", "").rpartition("/")[2]
    if (orcid and orcid != person.orcid) or (institution and institution != _institution_id(company)):
        return False
    return _names(asked.first("search"), person.name)


def _listed(asked: Asked, items: list[dict[str, Any]]) -> WorldAnswer:
    size = min(asked.number("per_page", 25), 100)
    cursor, page = asked.first("cursor"), asked.number("page", 1)
    if page * size > _DEEPEST:
        return as_json({"error": "Pagination error.", "message": "Maximum results size of 10,000 reached."}, 400)
    start = (0 if cursor == "*" else int(cursor.removeprefix("C"))) if cursor else (page - 1) * size
    end = start + size
    following = f"C{end}" if cursor and start < len(items) else None
    shown = page if not cursor else None
    meta = {"count": len(items), "page": shown, "per_page": size, "next_cursor": following}
    return as_json({"meta": meta, "results": items[start:end], "group_by": []})


def _work(company: WorldCompany, paper: WorldPaper) -> dict[str, Any]:
    people = {p.name: p for p in company.people}
    positions: dict[str, list[int]] = {}
    for position, word in enumerate(paper.abstract.split()):
        positions.setdefault(word, []).append(position)
    return {
        "id": f"https://openalex.org/{paper.openalex}",
        "doi": f"https://doi.org/{paper.doi}" if paper.doi else None,
        "title": paper.title,
        "display_name": paper.title,
        "publication_date": paper.published,
        "type": "article",
        "cited_by_count": paper.cited_by,
        "authorships": [
            {
                "author_position": "first" if n == 0 else "middle",
                "author": {
                    "id": f"https://openalex.org/{people[name].openalex}",
                    "display_name": name,
                    "orcid": f"https://orcid.org/{people[name].orcid}" if people[name].orcid else None,
                },
                "institutions": [_institution(company)],
                "raw_affiliation_strings": [company.legal_name],
                "is_corresponding": n == 0,
            }
            for n, name in enumerate(paper.authors)
        ],
        "abstract_inverted_index": positions if paper.doi else None,
    }


def _author(company: WorldCompany, person: WorldPerson) -> dict[str, Any]:
    papers = [paper for paper in company.papers if person.name in paper.authors]
    return {
        "id": f"https://openalex.org/{person.openalex}",
        "orcid": f"https://orcid.org/{person.orcid}" if person.orcid else None,
        "display_name": person.name,
        "works_count": len(papers),
        "cited_by_count": sum(paper.cited_by for paper in papers),
        "summary_stats": {"h_index": min(len(papers), 3)},
        "last_known_institutions": [_institution(company)] if person.orcid else [],
        "affiliations": [{"institution": _institution(company), "years": [2025, 2024]}],
    }


def _institution_id(company: WorldCompany) -> str:
    return f"I99{company.founded:04d}{sum(map(ord, company.domain)):05d}"


def _institution(company: WorldCompany) -> dict[str, Any]:
    return {
        "id": f"https://openalex.org/{_institution_id(company)}",
        "display_name": company.name,
        "ror": None,
        "country_code": company.country,
        "type": "facility" if company.kind == "lab" else "company",
        "homepage_url": company.url,
        "geo": {"city": company.city, "country_code": company.country},
    }
