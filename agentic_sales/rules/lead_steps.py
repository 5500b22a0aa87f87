"""Say how the output of one step of a flow becomes the input of the next one.

A flow of `flows.py` names these mappings: what a discovery found, what a step is asked about a lead, how a score is
read, and which people a kept lead has. Nothing here decides about a flow. A step that has nothing to ask about a lead
raises `NothingToAsk`, and the lead goes on without it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

MOST_REASONS = 8
"""Reasons that are kept of a judgement."""
MOST_PEOPLE = 25
"""People of one company that a step is asked about."""
LONGEST_REASON_CHARS = 300


class NothingToAsk(Exception):
    """Raised by a mapping that has nothing to ask a step about a lead. The text says why."""


class FoundLead(BaseModel):
    """A lead as a discovery found it."""

    kind: str = Field(description="Kind of the subject: company, repository, person or opening.")
    key: str = Field(description="What tells it from all others of its kind, such as a site.")
    name: str = Field(description="Its name for people.")
    url: str = Field(default="", description="Page that shows it.")
    query: str = Field(default="", description="What it was found by, where the source tells.")
    found: dict[str, Any] = Field(default_factory=dict, description="What later steps read of it.")


class LeadSoFar(BaseModel):
    """What is known of a lead between two steps."""

    kind: str = Field(description="Kind of the subject.")
    key: str = Field(description="Its key.")
    name: str = Field(description="Its name.")
    company_id: str = Field(default="", description="Company of the book; empty: none is known.")
    person_id: str = Field(default="", description="Person of the book; empty: none is known.")
    found: dict[str, Any] = Field(default_factory=dict, description="What the discovery told.")
    answers: dict[str, dict[str, Any]] = Field(default_factory=dict, description="What the steps told, by workflow.")

    def told(self, assistant_id: str, *path: str) -> Any:
        """Return a value of the answer of a step. None: the step told none."""
        value: Any = self.answers.get(assistant_id)
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


class LeadJudgement(BaseModel):
    """What a score step says of a lead."""

    score: float = Field(description="0 to 1.")
    reasons: list[str] = Field(default_factory=list, description="Reasons, for people.")
    disqualifiers: list[str] = Field(default_factory=list, description="What rules it out; empty: nothing does.")


class ReachablePerson(BaseModel):
    """A person of a kept lead."""

    name: str = Field(description="Whole name.")
    position: str = Field(default="", description="Job title.")
    email: str = Field(default="", description="Address that a source printed; empty: none is known.")
    profile: str = Field(default="", description="A page about the person.")
    source_url: str = Field(default="", description="Page that names the person.")
    person_id: str = Field(default="", description="Person of the book; empty: not written yet.")


def found_repositories(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the judged repositories of `gh_ai_repos`, the best first."""
    for one in output.get("final_repos") or output.get("scored_repos") or []:
        name = one["full_name"]
        told = {"owner": name.partition("/")[0], "score": one.get("final_score")}
        yield FoundLead(kind="repository", key=f"github.com/{name.lower()}", name=name, url=one["url"], found=told)


def found_companies(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the companies of a discovery that lists them with their sites, the best first."""
    for one in output.get("scored") or output.get("top") or output.get("resolved_orgs") or []:
        if domain := one.get("domain"):
            told = {"domain": domain, "score": one.get("score")}
            url = one.get("url") or f"https://{domain}/"
            yield FoundLead(kind="company", key=domain, name=one.get("name") or domain, url=url, found=told)


def repository_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the repository."""
    return {"full_name": lead.name}


def company_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company by its id, its site and its name."""
    return _filled({"company_id": lead.company_id, "domain": lead.found.get("domain"), "name": lead.name})


def company_site_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company by its id, or by the address of its home page."""
    domain = lead.found.get("domain")
    if not lead.company_id and not domain:
        raise NothingToAsk("no web site of it is known")
    return {"company_id": lead.company_id} if lead.company_id else {"url": f"https://{domain}/"}


def company_people_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company of the book, else give its people by value."""
    if lead.company_id:
        return {"company_id": lead.company_id}
    people = [
        _filled({"name": one.get("name"), "title": one.get("title"), "email": one.get("email")})
        for one in lead.told("contact_discovery", "merged") or []
        if one.get("name")
    ]
    if not people:
        raise NothingToAsk("nobody of it is known")
    return {"company_name": lead.name, "people": people[:MOST_PEOPLE]}


def person_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the person of a lead, by the id or by name and employer."""
    if lead.person_id:
        return {"person_id": lead.person_id}
    person = next(iter(people_of_dossier(lead)), None)
    if person is None:
        raise NothingToAsk("nobody of it is known by a whole name")
    return {"name": person.name, "company_name": str(lead.told("gh_lead_research", "owner", "name") or "")}


def judged_dossier(output: Mapping[str, Any]) -> LeadJudgement:
    """Read the dossier of a repository's owner. Money, a famous past and public relations rule it out."""
    brief, summary = output.get("brief") or {}, output.get("summary") or {}
    reasons = [f"{one['field']}: {one['quote']}" for one in brief.get("evidence") or []]
    against = [str(summary["icp_disqualifier"])] if summary.get("icp_disqualifier") else []
    told = [brief["icp_fit_summary"]] if brief.get("icp_fit_summary") else []
    return LeadJudgement(score=_ratio(brief.get("confidence")), reasons=[*told, *reasons], disqualifiers=against)


def judged_decision_maker(output: Mapping[str, Any]) -> LeadJudgement:
    """Read the authority of the person who decides. Nobody who decides is a score of 0."""
    top = output.get("top_decision_maker")
    if not top:
        return LeadJudgement(score=0.0, reasons=[str(output.get("summary") or "nobody of it is known to decide")])
    who = f"{top['name']}, {top['position']}" if top.get("position") else top["name"]
    return LeadJudgement(score=_ratio(top.get("authority_score")), reasons=[who, *(top.get("dm_reasons") or [])])


def people_of_dossier(lead: LeadSoFar) -> Iterator[ReachablePerson]:
    """Return the people of a repository, those with an address first. A login alone is nobody."""
    told = lead.told("gh_lead_research", "brief", "decision_makers") or []
    people = [one for one in told if len(str(one.get("name") or "").split()) > 1]
    for one in sorted(people, key=lambda person: not person.get("email")):
        source = str(one.get("source") or "")
        profile = str(one.get("linkedin") or (source if source.startswith("https://github.com/") else ""))
        yield ReachablePerson(
            name=one["name"],
            position=str(one.get("title") or ""),
            email=str(one.get("email") or ""),
            profile=profile,
            source_url=source,
        )


def people_of_decision_maker(lead: LeadSoFar) -> Iterator[ReachablePerson]:
    """Return the person who decides."""
    if top := lead.told("find_decision_maker", "top_decision_maker"):
        found = {one.get("name"): one for one in lead.told("contact_discovery", "merged") or []}
        one = found.get(top["name"], {})
        pages = [fact.get("source_url") for fact in one.get("findings") or [] if fact.get("source_url")]
        yield ReachablePerson(
            name=top["name"],
            position=str(top.get("position") or ""),
            email=str(top.get("email") or one.get("email") or ""),
            profile=str(one.get("profile") or ""),
            source_url=str(next(iter(pages), "")),
            person_id=str(top.get("id") or ""),
        )


FINDS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[FoundLead]]] = {
    "companies": found_companies,
    "repositories": found_repositories,
}
"""What a discovery found, by the name that a flow gives."""
TAKES: Mapping[str, Callable[[LeadSoFar], dict[str, Any]]] = {
    "company": company_question,
    "company_people": company_people_question,
    "company_site": company_site_question,
    "person": person_question,
    "repository": repository_question,
}
"""What a step is asked about a lead."""
JUDGES: Mapping[str, Callable[[Mapping[str, Any]], LeadJudgement]] = {
    "decision_maker": judged_decision_maker,
    "dossier": judged_dossier,
}
"""How the answer of a score step is read."""
PEOPLE: Mapping[str, Callable[[LeadSoFar], Iterator[ReachablePerson]]] = {
    "decision_maker": people_of_decision_maker,
    "dossier": people_of_dossier,
}
"""Which people a kept lead has."""


def short_reasons(judgement: LeadJudgement) -> list[str]:
    """Return the reasons of a judgement as the store keeps them, what rules the lead out first."""
    told = [*(f"ruled out: {why}" for why in judgement.disqualifiers), *judgement.reasons]
    return [" ".join(reason.split())[:LONGEST_REASON_CHARS] for reason in told[:MOST_REASONS]]


def kept_answer(output: Mapping[str, Any], keeps: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an output that later steps read."""
    return {name: output[name] for name in keeps if name in output}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _ratio(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else 0.0


def score_band(score: float) -> str:
    """Return the band of a score, such as `0.6-0.7`. Outcomes are counted by it."""
    low = min(int(score * 10), 9) / 10
    return f"{low:.1f}-{low + 0.1:.1f}"
