"""Write organisations, users, repositories and errors as GitHub's REST API does."""

from typing import Any

from agentic_sales.local.world.companies import GitHubOrg, WorldCompany, WorldPerson, WorldRepository
from agentic_sales.local.world.exchange import WorldAnswer, as_json

_DOCS = "https://docs.github.com/rest"


def repository_of(org: GitHubOrg, company: WorldCompany, repository: WorldRepository) -> dict[str, Any]:
    """Return a repository as REST does."""
    return {
        "id": repository.id,
        "name": repository.name,
        "full_name": f"{org.login}/{repository.name}",
        "owner": {"login": org.login, "id": id_of(org.login), "type": "Organization"},
        "html_url": f"https://github.com/{org.login}/{repository.name}",
        "description": repository.description,
        "homepage": company.url if repository.readme else "",
        "language": repository.language,
        "topics": list(repository.topics),
        "stargazers_count": repository.stars,
        "forks_count": repository.stars // 9,
        "open_issues_count": repository.stars % 17,
        "archived": repository.archived,
        "fork": False,
        "license": {"spdx_id": "Apache-2.0"} if repository.stars % 2 else None,
        "created_at": repository.created_at,
        "pushed_at": repository.pushed_at,
    }


def org_of(company: WorldCompany, org: GitHubOrg) -> dict[str, Any]:
    """Return an organisation as REST does. What it does not tell is missing."""
    told: dict[str, Any] = {
        "login": org.login,
        "id": id_of(org.login),
        "type": "Organization",
        "html_url": html_url(org.login),
        "description": company.description,
        "name": company.name,
        "blog": company.url,
        "location": company.city,
        "is_verified": org.is_verified,
        "public_repos": len(org.repositories),
        "followers": company.employees,
        "created_at": f"{company.founded}-06-01T00:00:00Z",
    }
    return {**told, "email": org.email} if org.email else told


def user_of(company: WorldCompany, person: WorldPerson, *, has_key: bool) -> dict[str, Any]:
    """Return a user as REST does. Only a caller with a key sees the address."""
    return {
        "login": person.github,
        "id": id_of(person.github or ""),
        "type": "User",
        "html_url": html_url(person.github or ""),
        "name": person.name,
        "company": f"@{company.github.login}" if company.github else None,
        "blog": "",
        "location": company.city,
        "email": person.email if has_key else None,
        "hireable": None,
        "bio": f"{person.title} at {company.name}",
        "followers": 10,
        "public_repos": 3,
        "created_at": "2018-01-01T00:00:00Z",
    }


def id_of(login: str | None) -> int:
    """Return the number of a login."""
    return int.from_bytes((login or "").encode()[:5], "big")


def html_url(login: str) -> str:
    """Return the page of a login."""
    return f"https://github.com/{login}"


def error(status: int, message: str, **more: object) -> WorldAnswer:
    """Answer with an error of GitHub's form."""
    return as_json({"message": message, "documentation_url": _DOCS, "status": str(status), **more}, status)


def missing() -> WorldAnswer:
    """Answer that there is no such thing."""
    return error(404, "Not Found")
