"""Answer as the registers of companies do: GLEIF and Wikidata."""

import re
from typing import Any

from agentic_sales.local.world.companies import WorldCompany
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text, matches
from agentic_sales.local.world.meters import Rate

_GLEIF = Rate(60, 60)
_LARGEST_PAGE = 200


def gleif(asked: Asked) -> WorldAnswer:
    """Answer `/api/v1/…`."""
    count = asked.count("all", _GLEIF, "")
    if count.is_over:
        return as_json({"errors": [{"status": "429", "title": "Too Many Requests", "detail": "Slow down."}]}, 429)
    match asked.parts:
        case ("api", "v1", "lei-records"):
            return _records(asked)
        case ("api", "v1", "lei-records", lei):
            for company in asked.world.all:
                if company.lei == lei:
                    return as_json({"data": _record(company)})
        case ("api", "v1", "fuzzycompletions"):
            query = asked.first("q")
            found = [c for c in asked.world.all if c.lei and matches(query, c.legal_name) > 0]
            return as_json({"data": [_completion(company) for company in found]})
        case _:
            pass
    return as_json({"errors": [{"status": "404", "title": "Not Found", "detail": "The resource was not found."}]}, 404)


def _records(asked: Asked) -> WorldAnswer:
    size, page = asked.number("page[size]", 15), asked.number("page[number]", 1)
    if size > _LARGEST_PAGE:
        return as_json(
            {"errors": [{"status": "400", "title": "Bad Request", "detail": "page[size] is at most 200"}]}, 400
        )
    name, country = asked.first("filter[entity.legalName]"), asked.first("filter[entity.jurisdiction]")
    found = [
        company
        for company in asked.world.all
        if company.lei and (not name or matches(name, company.legal_name) == 1) and country in {"", company.country}
    ]
    shown = [_record(company) for company in found[(page - 1) * size : page * size]]
    pages = {"currentPage": page, "perPage": size, "total": len(found), "lastPage": max(1, -(-len(found) // size))}
    return as_json({"meta": {"pagination": pages}, "data": shown})


def _record(company: WorldCompany) -> dict[str, Any]:
    entity = {
        "legalName": {"name": company.legal_name, "language": "en"},
        "legalAddress": {"city": company.city, "region": None, "country": company.country},
        "registeredAs": f"HRB {company.founded}" if company.country == "DE" else None,
        "jurisdiction": company.country,
        "status": "ACTIVE",
    }
    attributes = {"lei": company.lei, "entity": entity, "registration": {"status": "ISSUED"}}
    return {"type": "lei-records", "id": company.lei, "attributes": attributes}


def _completion(company: WorldCompany) -> dict[str, Any]:
    link = {"data": {"type": "lei-records", "id": company.lei}}
    return {
        "type": "fuzzycompletions",
        "attributes": {"value": company.legal_name},
        "relationships": {"lei-records": link},
    }


def wikidata(asked: Asked) -> WorldAnswer:
    """Answer `/w/api.php?action=wbsearchentities`."""
    if "mailto:" not in asked.headers.get("user-agent", ""):
        return as_text("<html><body>Please set a user-agent with contact information.</body></html>", 403, "text/html")
    if asked.first("action") != "wbsearchentities" or not asked.first("search"):
        return as_json({"error": {"code": "missingparam", "info": 'The "search" parameter must be set.'}})
    found = [
        {"id": company.wikidata, "label": company.name, "description": company.category.lower()}
        for company in asked.world.all
        if company.wikidata and company.name.lower().startswith(asked.first("search").lower())
    ]
    return as_json({"search": found[: asked.number("limit", 7)], "success": 1})


def wikidata_query(asked: Asked) -> WorldAnswer:
    """Answer `/sparql` for the one query that the product asks: what is known of some items."""
    if "mailto:" not in asked.headers.get("user-agent", ""):
        return as_text("<html><body>Please set a user-agent with contact information.</body></html>", 403, "text/html")
    ids = set(re.findall(r"wd:(Q\d+)", asked.first("query")))
    if not ids:
        return as_text("SPARQL-QUERY: queryStr=\nMalformedQueryException", 400)
    bindings = [_binding(company) for company in asked.world.all if company.wikidata in ids]
    return as_json({"head": {"vars": []}, "results": {"bindings": bindings}})


def _binding(company: WorldCompany) -> dict[str, Any]:
    told = {
        "item": f"http://www.wikidata.org/entity/{company.wikidata}",
        "site": company.url,
        "staff": str(company.employees),
        "industryLabel": company.category,
        "country": company.country,
        "lei": company.lei,
    }
    return {name: {"type": "literal", "value": value} for name, value in told.items() if value}
