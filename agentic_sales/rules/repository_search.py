"""Name the repositories that a run of `gh_ai_repos` looks for, and sum up its results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.forms import Form
from agentic_sales.rules.repositories import (
    Brief,
    OwnerFacts,
    RepositoryFacts,
    RepositoryWords,
    ScoredRepository,
    repository_words,
    score_repository,
)

TOLD_CHARS = 12_000
"""Characters of a readme that a model sees."""


class RepositoryForm(Form):
    """An input that says which repositories to look for."""

    topics: list[str] = Field(default_factory=list, max_length=30, description="GitHub topics. Empty: the usual ones.")
    min_stars: int = Field(default=200, ge=0, description="Least stars.")
    max_stars: int = Field(default=10_000, ge=1, description="Most stars; beyond, its owner is no small team.")
    active_within_days: int = Field(default=30, ge=1, le=36_500, description="Most days since the last push.")
    per_topic_limit: int = Field(default=25, ge=1, le=100, description="Most repositories of a topic.")
    max_repos: int = Field(default=60, ge=1, le=300, description="Most repositories in all.")
    require_readme: bool = Field(default=False, description="Leave out repositories without a readme.")
    max_org_members: int = Field(default=15, ge=1, description="Most public members of an owner.")
    max_org_public_repos: int = Field(default=50, ge=1, description="Most public repositories of an owner.")
    max_org_total_stars: int = Field(default=30_000, ge=1, description="Most stars of all repositories of an owner.")
    framework_focus: str = Field(default="", max_length=60, description="Framework that counts, such as `langgraph`.")
    freshness_days: int = Field(default=14, ge=0, description="Days in which a judged repository is not judged again.")
    classify_top_n: int = Field(default=20, ge=0, le=100, description="Repositories that a model judges, the best.")
    heuristic_floor: float = Field(default=0.30, ge=0, le=1, description="Least score of the rules for a judgement.")
    repositories: list[RepositoryFacts] = Field(
        default_factory=list, max_length=100, description="Repositories by value: nothing is searched or written."
    )


class FoundRepositories(BaseModel):
    """The repositories of a run, as its answer has them."""

    final_repos: list[ScoredRepository] = Field(default_factory=list, description="Judged, the best first.")
    scored_repos: list[ScoredRepository] = Field(default_factory=list, description="All that were scored.")
    raw_repos: list[str] = Field(default_factory=list, description="Repositories that the searches found.")
    active_repos: list[str] = Field(default_factory=list, description="Those with a push in time.")
    left_out: dict[str, str] = Field(default_factory=dict, description="Why a repository was left out, by its name.")
    org_metadata: dict[str, OwnerFacts] = Field(default_factory=dict, description="Owners by their logins.")
    classifications: dict[str, Brief] = Field(default_factory=dict, description="Briefs by repository.")


def days_before(now: datetime, days: int) -> datetime:
    """Return the moment some days before."""
    return now - timedelta(days=days)


def searches_of(form: RepositoryForm, since: datetime, words: RepositoryWords | None = None) -> list[str]:
    """Return one search of GitHub for each topic."""
    topics = [*(form.topics or (words or repository_words.own).default_topics), form.framework_focus]
    named = dict.fromkeys(topic.strip().lower().replace(" ", "-") for topic in topics if topic.strip())
    bounds = f"stars:{form.min_stars}..{form.max_stars} pushed:>={since:%Y-%m-%d} archived:false fork:false"
    return [f"topic:{topic} {bounds}" for topic in named]


@dataclass(frozen=True, slots=True)
class KeptRepositories:
    """Repositories that stay in a run, and why others do not."""

    kept: list[RepositoryFacts]
    """Those that stay."""
    left_out: dict[str, str]
    """Reasons by full names."""


def active_ones(found: Iterable[RepositoryFacts], form: RepositoryForm, since: datetime) -> KeptRepositories:
    """Keep the repositories with a push since a moment and a fitting number of stars, most stars first."""
    listed = list(found)
    why = {one.full_name: _why_inactive(one, form, since) for one in listed}
    active = sorted((one for one in listed if not why[one.full_name]), key=lambda one: (-one.stars, one.full_name))
    why |= {one.full_name: f"{form.max_repos} others have more stars" for one in active[form.max_repos :]}
    return KeptRepositories(active[: form.max_repos], {name: reason for name, reason in why.items() if reason})


def of_small_owners(
    found: Iterable[RepositoryFacts], owners: Mapping[str, OwnerFacts], form: RepositoryForm
) -> KeptRepositories:
    """Keep the repositories of a small or unknown owner, with a readme if one is needed."""
    listed = list(found)
    why = {one.full_name: _why_unfit(one, owners.get(one.owner), form) for one in listed}
    left_out = {name: reason for name, reason in why.items() if reason}
    return KeptRepositories([one for one in listed if one.full_name not in left_out], left_out)


def scored_ones(
    found: Iterable[RepositoryFacts],
    owners: Mapping[str, OwnerFacts],
    form: RepositoryForm,
    now: datetime,
    words: RepositoryWords | None = None,
) -> list[ScoredRepository]:
    """Score repositories by rules, the best first."""
    bounds = form.min_stars, form.max_stars
    focus = form.framework_focus
    scored = [
        score_repository(one, owners.get(one.owner), now, star_range=bounds, framework=focus, words=words)
        for one in found
    ]
    return sorted(scored, key=lambda one: (-one.heuristic_score, one.full_name))


def _why_inactive(one: RepositoryFacts, form: RepositoryForm, since: datetime) -> str:
    if one.is_archived:
        return "its owner has closed it"
    if one.pushed is None or one.pushed < since:
        return f"nothing was pushed in {form.active_within_days} days"
    if not form.min_stars <= one.stars <= form.max_stars:
        return f"its {one.stars} stars are not between {form.min_stars} and {form.max_stars}"
    return ""


def _why_unfit(one: RepositoryFacts, owner: OwnerFacts | None, form: RepositoryForm) -> str:
    if form.require_readme and not one.readme.strip():
        return "it has no readme"
    told = owner or OwnerFacts(login=one.owner)
    for what, count, most in (
        ("public members", told.members, form.max_org_members),
        ("public repositories", told.public_repos, form.max_org_public_repos),
        ("stars in all", told.total_stars, form.max_org_total_stars),
    ):
        if count is not None and count > most:
            return f"its owner has {count} {what}, more than {most}"
    return ""


def describe(repository: RepositoryFacts) -> str:
    """Return a repository for a prompt."""
    told = {"Name": repository.full_name, "Description": repository.description, "Homepage": repository.homepage}
    head = "\n".join(f"{name}: {value or 'none'}" for name, value in told.items())
    return f"{head}\nTopics: {', '.join(repository.topics) or 'none'}\n\n{repository.text[:TOLD_CHARS]}"


def summed(
    final: Sequence[ScoredRepository], scored: Sequence[ScoredRepository], counts: dict[str, int]
) -> dict[str, Any]:
    """Return the summary of a run: the best repositories, all of them, and counts."""
    top = [{"full_name": one.full_name, "final_score": one.final_score} for one in final]
    return {"top_repos": top, "all_repos": [one.full_name for one in scored], "counts": counts}
