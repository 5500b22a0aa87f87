"""Answer as GitHub's GraphQL API does. It knows the two queries that the product asks."""

from collections.abc import Mapping
from typing import Any

from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json
from agentic_sales.local.world.github_records import error
from agentic_sales.local.world.github_search import fits, qualifiers_of

_RATE = {"cost": 1, "remaining": 4999, "resetAt": "2026-11-30T13:00:00Z"}


def answer_graphql(asked: Asked) -> WorldAnswer:
    """Answer a query for an organisation or for repositories."""
    if not asked.key:
        return error(401, "This endpoint requires you to be authenticated.")
    body = asked.json() or {}
    values = body.get("variables") or {}
    if "organization(" in str(body.get("query", "")):
        return _organization(asked, str(values.get("login", "")).lower())
    return _repositories(asked, values)


def _organization(asked: Asked, login: str) -> WorldAnswer:
    for company in asked.world.all:
        if company.github and company.github.login == login:
            told = {
                "login": login,
                "name": company.name,
                "websiteUrl": company.url,
                "email": company.github.email,
                "location": company.city,
                "isVerified": company.github.is_verified,
                "membersWithRole": {"totalCount": sum(1 for p in company.people if p.github)},
            }
            return as_json({"data": {"organization": told, "rateLimit": _RATE}})
    problem = {"type": "NOT_FOUND", "path": ["organization"], "message": f"Could not resolve to `{login}`."}
    return as_json({"data": {"organization": None, "rateLimit": _RATE}, "errors": [problem]})


def _repositories(asked: Asked, values: Mapping[str, Any]) -> WorldAnswer:
    qualifiers, words = qualifiers_of(str(values.get("query", "")))
    found = [(o, r) for o, _, r in asked.world.repositories if fits(r, o, qualifiers, words)]
    first, start = min(int(values.get("first") or 50), 100), int(values.get("after") or 0)
    shown, end = found[start : start + first], min(start + first, len(found))
    nodes = [
        {
            "databaseId": r.id,
            "nameWithOwner": f"{o.login}/{r.name}",
            "description": r.description,
            "stargazerCount": r.stars,
            "pushedAt": r.pushed_at,
        }
        for o, r in shown
    ]
    page = {"hasNextPage": end < len(found), "endCursor": str(end) if shown else None}
    search = {"repositoryCount": len(found), "pageInfo": page, "nodes": nodes}
    return as_json({"data": {"search": search, "rateLimit": _RATE}})
