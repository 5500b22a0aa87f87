"""Tell the code of companies from examples, copies and chance matches."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.page_orders import gives_orders
from agentic_sales.rules.repositories import OwnerFacts, has_own_site
from agentic_sales.rules.verticals import CodeQuery, Vertical, VerticalReason, fit_of

_COPIES = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third[_-]?party|site-packages|dist|build|\.venv|bower_components)/", re.IGNORECASE
)
_EXAMPLES = re.compile(
    r"(?:^|[-_/.])(?:awesome|tutorials?|course|courses|homework|assignment|workshop|cookbook|boilerplate|starter|"
    r"template|hello-?world|playground|leetcode|dotfiles|interview)(?:[-_/.]|$)",
    re.IGNORECASE,
)
LONGEST_QUOTE_CHARS = 200
OWN_CODE_POINTS = 0.3
"""Points that code of the company itself adds to the score of its description."""


class CodeMatch(BaseModel):
    """A file that a code search found."""

    repository: str = Field(description="`owner/name`.")
    path: str = Field(description="The file.")
    url: str = Field(description="Its page.")
    stack: str = Field(description="Stack of the code.")
    quote: str = Field(default="", description="The matching place.")
    why_not: str = Field(default="", description="Why it was left out. Empty: it was not.")

    @property
    def owner(self) -> str:
        """Return the owner's login."""
        return self.repository.partition("/")[0]


class ResolvedOrg(BaseModel):
    """An organisation with a match in its code."""

    login: str = Field(description="Login at GitHub.")
    name: str = Field(description="Name.")
    domain: str = Field(description="Registrable domain of its site.")
    score: float = Field(description="0 to 1: fit of its code and of its description with the vertical.")
    stacks: list[str] = Field(default_factory=list, description="Stacks of its code.")
    matches: list[CodeMatch] = Field(default_factory=list, description="Its files that were found.")
    reasons: list[VerticalReason] = Field(
        default_factory=list, description="Reasons for it, in words of its description."
    )
    disqualifiers: list[VerticalReason] = Field(default_factory=list, description="Reasons against it.")

    @property
    def firm(self) -> Firm:
        """Return the company."""
        return Firm(self.name, self.domain)


def match_of(repository: str, path: str, url: str, fragments: Sequence[str], query: CodeQuery) -> CodeMatch:
    """Return a hit of a code search, and why it is left out if it is."""
    found = next((one for one in fragments if _needed(one, query)), "")
    quote = next((line.strip() for line in found.splitlines() if _needed(line, query)), "")[:LONGEST_QUOTE_CHARS]
    if _COPIES.search(path):
        why_not = "a copy of somebody else's code"
    elif _EXAMPLES.search(repository) or _EXAMPLES.search(path):
        why_not = "an example or a template"
    elif not quote:
        why_not = f"none of {', '.join(query.needs)} stands in the matching place"
    else:
        why_not = "its matching place gives orders to its reader" if gives_orders(quote) else ""
    return CodeMatch(repository=repository, path=path, url=url, stack=query.stack, quote=quote, why_not=why_not)


@dataclass(frozen=True, slots=True)
class FoundOrgs:
    """The companies behind hits of code."""

    orgs: list[ResolvedOrg]
    """The best first. Two organisations of one site are one company."""
    left_out: dict[str, str]
    """Why an owner is no candidate, by login. Empty: it was read as a part of another one."""


def companies_of(
    owners: Mapping[str, tuple[OwnerFacts, str]], hits: Iterable[CodeMatch], vertical: Vertical
) -> FoundOrgs:
    """Return the owners that are companies of a vertical.

    Args:
        owners: Organisations with their descriptions by login.
        hits: Files of theirs.
        vertical: The vertical.
    """
    by_owner: dict[str, list[CodeMatch]] = {}
    for hit in hits:
        by_owner.setdefault(hit.owner, []).append(hit)
    found, left_out = dict[str, ResolvedOrg](), dict[str, str]()
    for login, (owner, description) in owners.items():
        org = _resolved(login, owner, description, by_owner.get(login, []), vertical)
        if org is None:
            left_out[login] = "it names no site of its own"
        elif against := next((one for one in org.disqualifiers if one.severity == "high"), None):
            left_out[login] = f"{against.text}: {against.quote}"
        elif org.domain in found:
            left_out[login] = f"its site is that of {found[org.domain].login}"
        else:
            found[org.domain] = org
    return FoundOrgs(sorted(found.values(), key=lambda org: (-org.score, org.domain)), left_out)


def _resolved(
    login: str, owner: OwnerFacts, description: str, matches: Sequence[CodeMatch], vertical: Vertical
) -> ResolvedOrg | None:
    site = site_of(owner.website) if has_own_site(owner.website) else None
    if site is None:
        return None
    fit = fit_of(vertical, {f"https://github.com/{login}": description})
    return ResolvedOrg(
        login=login,
        name=owner.name or login,
        domain=site,
        score=round(min(OWN_CODE_POINTS + (1 - OWN_CODE_POINTS) * fit.score, 1.0), 2),
        stacks=sorted({match.stack for match in matches}),
        matches=list(matches),
        reasons=fit.reasons,
        disqualifiers=fit.disqualifiers,
    )


def facts_of_org(org: ResolvedOrg, vertical: Vertical) -> list[FoundFact]:
    """Return the facts of a company that its code led to: its stack with a place of the code."""
    page = f"https://github.com/{org.login}"
    stacks = [
        FoundFact(
            field=f"code_stack.{_field(match.stack)}",
            value=match.repository,
            method="api",
            source_url=match.url,
            quote=match.quote,
        )
        for match in {one.stack: one for one in reversed(org.matches)}.values()
    ]
    score = FoundFact(
        field=f"vertical.{vertical.slug}", value=org.score, method="rules", confidence=0.6, source_url=page
    )
    return [*stacks, score, FoundFact(field="github", value=page, method="api", source_url=page)]


def by_stack(matches: Iterable[CodeMatch]) -> dict[str, int]:
    """Count the hits of each stack."""
    found: dict[str, int] = {}
    for match in matches:
        found[match.stack] = found.get(match.stack, 0) + 1
    return dict(sorted(found.items()))


def _needed(text: str, query: CodeQuery) -> bool:
    return not query.needs or any(need.lower() in text.lower() for need in query.needs)


def _field(stack: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", stack.lower()).strip("_")
