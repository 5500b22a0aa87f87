"""Answer as ORCID's public API does."""

import re
from typing import Any

from agentic_sales.local.world.companies import WorldCompany, WorldPerson
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text, matches
from agentic_sales.local.world.meters import Rate

_RATE = Rate(11, 1)
_MOST_ROWS = 1000
_DEEPEST = 10_000


def respond(asked: Asked) -> WorldAnswer:
    """Answer `/v3.0/…` with JSON, as it is asked to."""
    if "json" not in asked.headers.get("accept", ""):
        return as_text("<?xml version='1.0'?><record/>", content_type="application/xml")
    if asked.count("all", _RATE, "").is_over:
        return as_text("Too many requests", 429)
    match asked.parts:
        case ("v3.0", "expanded-search"):
            return _search(asked)
        case ("v3.0", wanted, "record"):
            for company, person in asked.world.people:
                if person.orcid == wanted:
                    return as_json(_record(company, person))
        case _:
            pass
    body = {"response-code": 404, "developer-message": "404 Not Found: The resource was not found.", "error-code": 9016}
    return as_json(body, 404)


def _search(asked: Asked) -> WorldAnswer:
    start, rows = asked.number("start", 0), asked.number("rows", 100)
    if start > _DEEPEST or rows > _MOST_ROWS:
        message = "Bad Request: start or rows is too large"
        return as_json({"response-code": 400, "developer-message": message, "error-code": 9006}, 400)
    terms = {
        name: quoted or word for name, quoted, word in re.findall(r'([\w-]+):(?:"([^"]*)"|(\S+))', asked.first("q"))
    }
    found = [
        {
            "orcid-id": p.orcid,
            "given-names": p.name.rpartition(" ")[0],
            "family-names": p.name.rpartition(" ")[2],
            "email": [],
            "institution-name": [c.name],
        }
        for c, p in asked.world.people
        if p.orcid and _fits(terms, c, p)
    ]
    return as_json({"expanded-result": found[start : start + rows] or None, "num-found": len(found)})


def _fits(terms: dict[str, str], company: WorldCompany, person: WorldPerson) -> bool:
    given, _, family = person.name.rpartition(" ")
    told = {"family-name": family, "given-names": given, "affiliation-org-name": company.name}
    return bool(terms) and all(matches(value, told.get(name, "")) == 1 for name, value in terms.items())


def _record(company: WorldCompany, person: WorldPerson) -> dict[str, Any]:
    given, _, family = person.name.rpartition(" ")
    employment = {
        "employment-summary": {
            "role-title": person.title,
            "start-date": {"year": {"value": "2021"}, "month": None, "day": None},
            "end-date": None,
            "organization": {"name": company.name, "address": {"city": company.city, "country": company.country}},
        }
    }
    return {
        "orcid-identifier": {"path": person.orcid},
        "person": {
            "name": {"given-names": {"value": given}, "family-name": {"value": family} if family else None},
            "emails": {"email": []},
        },
        "activities-summary": {"employments": {"affiliation-group": [{"summaries": [employment]}]}},
    }
