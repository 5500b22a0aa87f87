"""Answer as GitHub's REST and GraphQL APIs do, with their paging, headers, limits and errors."""

import base64
from collections.abc import Sequence

from agentic_sales.local.world.companies import WorldRepository
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json
from agentic_sales.local.world.github_graphql import answer_graphql
from agentic_sales.local.world.github_records import error, id_of, missing, org_of, repository_of, user_of
from agentic_sales.local.world.github_search import found_code, found_repositories, found_users, list_page, search_page
from agentic_sales.local.world.meters import Count, Rate

_CORE, _CORE_KEYLESS = Rate(5000, 3600), Rate(60, 3600)
_SEARCH, _SEARCH_KEYLESS = Rate(30, 60), Rate(10, 60)
_CODE = Rate(10, 60)
_GRAPHQL = Rate(5000, 3600)
_VERSIONS = {"2022-11-28", "2026-03-10"}


def respond(asked: Asked) -> WorldAnswer:
    """Answer one request."""
    if "user-agent" not in asked.headers:
        return error(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent.")
    if asked.headers.get("x-github-api-version", "2022-11-28") not in _VERSIONS:
        return error(400, "Unsupported API version")
    if asked.key.startswith("wrong"):
        return error(401, "Bad credentials")
    bucket, rate = _bucket(asked)
    count = asked.count(bucket, rate)
    headers = _limit_headers(bucket, count)
    if count.is_over:
        if bucket == "graphql":
            spent = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
            return as_json(spent, headers=headers)
        return error(403, "API rate limit exceeded for this key.").with_headers(headers)
    return _answer(asked).with_headers(headers)


def _bucket(asked: Asked) -> tuple[str, Rate]:
    match asked.parts:
        case ("search", "code"):
            return "code_search", _CODE
        case ("search", *_):
            return "search", _SEARCH if asked.key else _SEARCH_KEYLESS
        case ("graphql",):
            return "graphql", _GRAPHQL
        case _:
            return "core", _CORE if asked.key else _CORE_KEYLESS


def _answer(asked: Asked) -> WorldAnswer:
    match asked.parts:
        case ("search", kind):
            return _search_answer(asked, kind)
        case ("graphql",):
            return answer_graphql(asked)
        case ("repos" | "repositories" as kind, *parts):
            return _repository_route(asked, kind, parts)
        case ("orgs" | "users" as kind, login, *rest):
            return _org_answer(asked, login, rest) if kind == "orgs" else _user_answer(asked, login, rest)
        case _:
            return missing()


def _repository_route(asked: Asked, kind: str, parts: Sequence[str]) -> WorldAnswer:
    """Find a repository by its name or, as after a redirect and in page links, by its number."""
    match kind, list(parts):
        case "repos", [owner, name, *rest]:
            return _repository_answer(asked, owner, name, rest)
        case "repositories", [number, *rest]:
            found = [(o.login, r.name) for o, _, r in asked.world.repositories if str(r.id) == number]
            return _repository_answer(asked, *found[0], rest) if found else missing()
        case _:
            return missing()


def _search_answer(asked: Asked, kind: str) -> WorldAnswer:
    if kind == "code" and not asked.key:
        return error(401, "Requires authentication")
    finders = {"repositories": found_repositories, "users": found_users, "code": found_code}
    return search_page(asked, finders[kind](asked)) if kind in finders else missing()


def _repository_answer(asked: Asked, owner: str, name: str, rest: Sequence[str]) -> WorldAnswer:
    for org, company, repository in asked.world.repositories:
        if (org.login, repository.name) != (owner.lower(), name.lower()):
            if (org.login, f"{repository.name}-old") == (owner.lower(), name.lower()):
                tail = "".join(f"/{part}" for part in rest)
                return WorldAnswer(301, {"Location": f"{asked.base_url}/repositories/{repository.id}{tail}"})
            continue
        match list(rest):
            case []:
                return as_json(repository_of(org, company, repository))
            case ["readme"]:
                return _readme(asked, repository)
            case ["contributors"]:
                users = [
                    {"login": login, "id": id_of(login), "type": "User", "contributions": 100 - 10 * n}
                    for n, login in enumerate(repository.contributors)
                ]
                return list_page(
                    asked, [*users, {"type": "Anonymous", "name": "a former colleague", "contributions": 3}]
                )
            case _:
                return missing()
    return missing()


def _readme(asked: Asked, repository: WorldRepository) -> WorldAnswer:
    if repository.readme is None:
        return missing()
    if "raw" in asked.headers.get("accept", ""):
        return WorldAnswer(200, {"Content-Type": "application/vnd.github.raw+json"}, repository.readme.encode())
    content = base64.encodebytes(repository.readme.encode()).decode()
    return as_json({"name": "README.md", "encoding": "base64", "content": content})


def _org_answer(asked: Asked, login: str, rest: Sequence[str]) -> WorldAnswer:
    for company in asked.world.all:
        if company.github is None or company.github.login != login.lower():
            continue
        match list(rest):
            case []:
                return as_json(org_of(company, company.github))
            case ["repos"]:
                return list_page(
                    asked, [repository_of(company.github, company, r) for r in company.github.repositories]
                )
            case ["members" | "public_members"]:
                members = [p.github for p in company.people if p.github][::2]
                return list_page(asked, [{"login": m, "id": id_of(m), "type": "User"} for m in members])
            case _:
                return missing()
    return missing()


def _user_answer(asked: Asked, login: str, rest: Sequence[str]) -> WorldAnswer:
    for company, person in asked.world.people:
        if person.github == login.lower() and not rest:
            return as_json(user_of(company, person, has_key=bool(asked.key)))
    for org, company, _ in asked.world.repositories:
        if org.login == login.lower() and list(rest) == ["repos"]:
            return list_page(asked, [repository_of(org, company, r) for r in org.repositories])
    return missing()


def _limit_headers(bucket: str, count: Count) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(count.limit),
        "x-ratelimit-remaining": str(count.remaining),
        "x-ratelimit-used": str(count.limit - count.remaining),
        "x-ratelimit-reset": str(round(count.reset_at_s)),
        "x-ratelimit-resource": bucket,
    }
