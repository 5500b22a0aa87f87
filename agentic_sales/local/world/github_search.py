"""Search the repositories, people and files of the sample world as GitHub does, in pages."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from agentic_sales.local.world.companies import GitHubOrg, WorldRepository
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, words_of
from agentic_sales.local.world.github_records import error, html_url, id_of, repository_of

_MOST_RESULTS = 1000
_LONGEST_QUERY = 256
_IGNORED_IN_CODE = re.compile(r"[.,:;/\\`'\"=*!?#$&+^|~<>(){}\[\]@]")
"""Signs that code search takes for blanks."""


def found_repositories(asked: Asked) -> list[dict[str, Any]]:
    """Return the repositories that a search finds."""
    query = asked.first("q")
    qualifiers, words = qualifiers_of(query)
    found = [repository_of(o, c, r) for o, c, r in asked.world.repositories if fits(r, o, qualifiers, words)]
    if asked.first("sort") in {"stars", "updated"}:
        member = {"stars": "stargazers_count", "updated": "pushed_at"}[asked.first("sort")]
        found.sort(key=lambda item: item[member], reverse=asked.first("order", "desc") == "desc")
    return found


def fits(repository: WorldRepository, org: GitHubOrg, qualifiers: Sequence[tuple[str, str]], words: set[str]) -> bool:
    """Tell whether a repository fits the words and qualifiers of a query."""
    text = words_of(f"{repository.name} {repository.description or ''} {' '.join(repository.topics)}")
    return words <= text and all(_qualifies(repository, org, name, value) for name, value in qualifiers)


def _qualifies(repository: WorldRepository, org: GitHubOrg, name: str, value: str) -> bool:
    checks: dict[str, Callable[[], bool]] = {
        "topic": lambda: value in repository.topics,
        "language": lambda: value.lower() == (repository.language or "").lower(),
        "org": lambda: value == org.login,
        "user": lambda: value == org.login,
        "archived": lambda: (value == "true") == repository.archived,
        "stars": lambda: _in_range(repository.stars, value),
        "pushed": lambda: repository.pushed_at[:10] >= value.lstrip(">="),
        "created": lambda: repository.created_at[:10] >= value.lstrip(">="),
    }
    return checks[name]() if name in checks else True


def _in_range(number: int, text: str) -> bool:
    if found := re.fullmatch(r"(\d+)\.\.(\d+)", text):
        return int(found[1]) <= number <= int(found[2])
    if found := re.fullmatch(r"(>=|>|<=|<)?(\d+)", text):
        limit = int(found[2])
        signs = {">=": number >= limit, ">": number > limit, "<=": number <= limit, "<": number < limit}
        return signs.get(found[1] or "", number == limit)
    return False


def qualifiers_of(query: str) -> tuple[list[tuple[str, str]], set[str]]:
    """Split a query into its qualifiers and its words."""
    parts = query.split()
    pairs = [(name, value.strip('"')) for part in parts for name, _, value in [part.partition(":")] if value]
    return pairs, words_of(" ".join(part for part in parts if ":" not in part))


def found_users(asked: Asked) -> list[dict[str, Any]]:
    """Return the users and organisations that a search finds."""
    qualifiers, words = qualifiers_of(asked.first("q"))
    kind = dict(qualifiers).get("type", "")
    orgs = [
        {
            "login": c.github.login,
            "id": id_of(c.github.login),
            "type": "Organization",
            "html_url": html_url(c.github.login),
        }
        for c in asked.world.all
        if c.github and kind in {"", "org"} and words <= words_of(f"{c.name} {c.description} {c.github.login}")
    ]
    users = [
        {"login": p.github, "id": id_of(p.github), "type": "User", "html_url": html_url(p.github)}
        for _, p in asked.world.people
        if p.github and kind in {"", "user"} and words <= words_of(f"{p.name} {p.github}")
    ]
    return [*orgs, *users]


def found_code(asked: Asked) -> list[dict[str, Any]]:
    """Return the files that a code search finds."""
    qualifiers, words = qualifiers_of(asked.first("q"))
    words = words_of(_IGNORED_IN_CODE.sub(" ", " ".join(words)))
    found = []
    for org, company, repository in asked.world.repositories:
        for file in repository.files:
            path, _, text = file.partition(": ")
            if words <= words_of(_IGNORED_IN_CODE.sub(" ", text)) and _is_file(path, qualifiers):
                url = f"https://github.com/{org.login}/{repository.name}/blob/main/{path}"
                matched = [{"fragment": text, "property": "content"}]
                item = {
                    "name": path.rpartition("/")[2],
                    "path": path,
                    "sha": f"{id_of(url):040x}",
                    "html_url": url,
                    "repository": repository_of(org, company, repository),
                    "score": 1.0,
                }
                has_matches = "text-match" in asked.headers.get("accept", "")
                found.append({**item, "text_matches": matched} if has_matches else item)
    return found


def _is_file(path: str, qualifiers: Sequence[tuple[str, str]]) -> bool:
    wanted = dict(qualifiers)
    return wanted.get("filename", path.rpartition("/")[2]) == path.rpartition("/")[2]


def search_page(asked: Asked, items: list[dict[str, Any]]) -> WorldAnswer:
    """Answer one page of a search."""
    query, page, per_page = asked.first("q"), asked.number("page", 1), min(asked.number("per_page", 30), 100)
    if not query or len(query) > _LONGEST_QUERY:
        errors = [{"resource": "Search", "field": "q", "code": "missing" if not query else "invalid"}]
        return error(422, "Validation Failed", errors=errors)
    if page * per_page > _MOST_RESULTS:
        return error(422, "Only the first 1000 search results are available")
    shown = items[(page - 1) * per_page : page * per_page]
    body = {"total_count": len(items), "incomplete_results": False, "items": shown}
    return as_json(body, headers=_links(asked, len(items)))


def list_page(asked: Asked, items: list[Any]) -> WorldAnswer:
    """Answer one page of a list."""
    page, per_page = asked.number("page", 1), min(asked.number("per_page", 30), 100)
    return as_json(items[(page - 1) * per_page : page * per_page], headers=_links(asked, len(items)))


def _links(asked: Asked, total: int) -> dict[str, str]:
    page, per_page = asked.number("page", 1), min(asked.number("per_page", 30), 100)
    last = -(-total // per_page)
    links = [f'<{asked.link_to(page=page - 1)}>; rel="prev"'] if page > 1 else []
    if page < last:
        links += [f'<{asked.link_to(page=page + 1)}>; rel="next"', f'<{asked.link_to(page=last)}>; rel="last"']
    return {"Link": ", ".join(links)} if links else {}
