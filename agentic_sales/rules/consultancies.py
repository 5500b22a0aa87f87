"""Tell consultancies among the results of a seed list, GitHub or a web search, and rate them from 0 to 100.

A company is a consultancy by the words of its own home page. Its GitHub account, and the number of ways that led to it,
add to the score. They never make it one.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_page import HomeText
from agentic_sales.rules.company_search import FoundPage, findings_of, sort_hits
from agentic_sales.rules.company_verdict import judge_company
from agentic_sales.rules.company_words import OWN_WORDS, Category, CompanyWords
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.repositories import OwnerFacts, RepositoryFacts

Way = Literal["seed", "github", "web"]
LEAST_SCORE = 20
"""Score below which a company is left out. Callers know it."""
CATEGORY_POINTS: dict[Category, int] = {"CONSULTANCY": 60, "AGENCY": 20}
"""Points of a category, times the confidence of the rules. A company of another category has none, and no score."""
AI_POINTS, REMOTE_POINTS, ROLES_POINTS, GITHUB_POINTS, FURTHER_WAY_POINTS = 10, 10, 5, 10, 5
TOPICS = ("consulting", "llm", "machine-learning", "rag", "agents", "mlops", "data-engineering")
"""GitHub topics that are searched if the caller names none."""
QUERIES = (
    "AI consultancy",
    "machine learning consulting company",
    "data engineering consultancy",
    "LLM consulting firm",
)
"""Web searches that are made if the caller names none."""


class ConsultanciesForm(Form):
    """An input that says where to look."""

    node: Literal["all", "discover", "gh_discover", "web"] = Field(
        default="all", description="Where to look: discover is the seed list, gh_discover GitHub, web a web search."
    )
    domains: list[str] = Field(default_factory=list, max_length=500, description="Seed list: sites to look at.")
    topics: list[str] = Field(default_factory=list, max_length=20, description="GitHub topics. Empty: our own.")
    queries: list[str] = Field(default_factory=list, max_length=20, description="Web searches. Empty: our own.")
    limit: int = Field(default=40, ge=1, le=500, description="Most companies that are looked at.")
    min_score: int = Field(default=LEAST_SCORE, ge=0, le=100, description="Score below which a company is left out.")

    def looks(self, way: Literal["discover", "gh_discover", "web"]) -> bool:
        """Tell whether a run looks there."""
        return self.node in {"all", way}


class FoundFirm(BaseModel):
    """A company that may be a consultancy."""

    domain: str = Field(description="Registrable domain of its site.")
    name: str = Field(default="", description="Name as it was found.")
    ways: list[Way] = Field(default_factory=list, description="Ways that led to it.")
    sources: list[str] = Field(default_factory=list, description="Pages that led to it.")


class Consultancy(FoundFirm):
    """A consultancy with its score."""

    score: int = Field(description="0 to 100.")
    category: Category = Field(default="UNKNOWN", description="Category by its home page.")
    reasons: list[str] = Field(default_factory=list, description="Contribution of each part.")
    findings: list[FoundFact] = Field(default_factory=list, description="Facts of its home page, with quotes.")


def of_seeds(domains: Iterable[str]) -> list[FoundFirm]:
    """Return the companies of a seed list. An address that is no site of a company is left out."""
    sites = dict.fromkeys(filter(None, (site_of(domain) for domain in domains)))
    return [FoundFirm(domain=site, ways=["seed"]) for site in sites]


def of_owners(repositories: Sequence[RepositoryFacts], owners: Iterable[OwnerFacts]) -> list[FoundFirm]:
    """Return the organisations that own repositories and name a site of their own."""
    pages = {repository.owner: repository.url for repository in repositories}
    return [
        FoundFirm(domain=site, name=owner.name, ways=["github"], sources=[pages[owner.login]])
        for owner in owners
        if owner.type != "User" and owner.login in pages and (site := site_of(owner.website or ""))
    ]


def of_hits(hits: Iterable[FoundPage]) -> list[FoundFirm]:
    """Return the companies behind the hits of a web search."""
    return [
        FoundFirm(domain=each.domain, name=each.name, ways=["web"], sources=[each.url])
        for each in sort_hits(hits).candidates
    ]


def merged(*found: Iterable[FoundFirm]) -> list[FoundFirm]:
    """Return each company once with all ways that led to it. Those with the most ways come first."""
    by_site: dict[str, FoundFirm] = {}
    for firm in (firm for part in found for firm in part):
        known = by_site.get(firm.domain)
        by_site[firm.domain] = firm if known is None else _joined(known, firm)
    return sorted(by_site.values(), key=lambda firm: (-len(firm.ways), firm.domain))


def rated(firm: FoundFirm, home: HomeText | None, words: CompanyWords = OWN_WORDS) -> Consultancy:
    """Rate a company by its home page. One that cannot be read is no consultancy as far as anybody knows."""
    if home is None:
        return Consultancy(**firm.model_dump(), score=0, reasons=["its home page could not be read"])
    judged = judge_company(home.text, "", words)
    base = round(CATEGORY_POINTS.get(judged.category, 0) * judged.confidence)
    if not base:
        reason = f"its home page shows the category {judged.category}"
        return Consultancy(**_named(firm, home), score=0, category=judged.category, reasons=[reason])
    parts = {
        f"category {judged.category}": base,
        f"AI tier {judged.ai_tier}": AI_POINTS * judged.ai_tier,
        "works remotely": REMOTE_POINTS * (judged.remote_policy == "remote"),
        "is hiring": ROLES_POINTS * judged.has_open_roles,
        "shows its work on GitHub": GITHUB_POINTS * ("github" in firm.ways),
        "was found in several ways": FURTHER_WAY_POINTS * (len(firm.ways) - 1),
    }
    reasons = [f"{why}: +{points}" for why, points in parts.items() if points]
    findings = findings_of(judged, {home.url: home.text})
    score = min(100, sum(parts.values()))
    return Consultancy(**_named(firm, home), score=score, category=judged.category, reasons=reasons, findings=findings)


def facts_of(found: Consultancy) -> list[FoundFact]:
    """Return the facts of a consultancy."""
    home = f"https://{found.domain}/"
    told = {"consultancy_score": found.score, "found_by": sorted(found.ways)}
    own = [FoundFact(field=field, value=value, method="rules", source_url=home) for field, value in told.items()]
    return [*found.findings, *own]


def _named(firm: FoundFirm, home: HomeText) -> dict[str, object]:
    return firm.model_dump() | {"name": home.name or firm.name}


def _joined(one: FoundFirm, other: FoundFirm) -> FoundFirm:
    return FoundFirm(
        domain=one.domain,
        name=one.name or other.name,
        ways=list(dict.fromkeys((*one.ways, *other.ways))),
        sources=list(dict.fromkeys((*one.sources, *other.sources))),
    )
