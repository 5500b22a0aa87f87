"""Judge from the records of services whether the employer of a paper's author buys software."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.papers import FoundPaper
from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import table
from agentic_sales.rules.titles import read_title

AffiliationType = Literal["academic", "company", "unknown"]
BuyerVerdict = Literal["buyer", "unclear", "not_buyer"]
ServiceStatus = Literal["", "ok", "not_found", "legal_hold", "rate_limited", "auth_error", "transient_error"]
"""The answer of a service. Empty: it was not asked. Only `not_found` says that there is nothing."""
HandleStatus = Literal["", "ok", "low_conf", "no_match", "api_error"]
FAILED: frozenset[str] = frozenset({"rate_limited", "auth_error", "transient_error", "api_error"})
BUYER_SCORE, NOT_BUYER_SCORE = 0.6, 0.3
"""Least score of a buyer, and highest one of a person that does not buy. Callers know them."""
HIGHEST_SCORE = 0.95
MOST_TOPICS = 6
_ACADEMIC_TYPES = frozenset({"education", "facility", "government", "healthcare", "archive", "nonprofit", "funder"})
_ACADEMIC_WORDS = compiled(table("research_words")["institutions"]["academic"])
_COMPANY, _ROR, _HOMEPAGE, _GITHUB, _DECIDES, _UNKNOWN, _ACADEMIC = 0.55, 0.10, 0.05, 0.10, 0.15, 0.40, 0.15


class AuthorProfile(BaseModel):
    """The records of services on an author."""

    openalex_id: str = Field(default="", description="Such as `A1`. Empty: nobody is surely the person.")
    openalex_status: ServiceStatus = Field(default="", description="`not_found` is no failure of the service.")
    orcid: str = Field(default="", description="ORCID iD.")
    display_name: str = Field(default="", description="Name at OpenAlex.")
    institution: str = Field(default="", description="Last known one.")
    institution_country: str = Field(default="", description="ISO 3166-1, two letters.")
    institution_id: str = Field(default="", description="Id at OpenAlex.")
    institution_ror: str = Field(default="", description="Id in the Research Organization Registry.")
    institution_type: str = Field(default="", description="`company`, `education`, `facility`, …")
    additional_institution_types: list[str] = Field(default_factory=list, description="Those of further ones.")
    works_count: int = Field(default=0, description="Papers.")
    cited_by_count: int = Field(default=0, description="Citations.")
    h_index: int | None = Field(default=None, description="Null: the service does not tell.")
    i10_index: int | None = Field(default=None, description="Null: the service does not tell.")
    topics: list[str] = Field(default_factory=list, description="Research tags of the papers, six at most.")
    match_confidence: float = Field(default=0.0, description="How surely the author is the person, 0-1.")
    resolve_source: str = Field(default="", description="`orcid`, `search`, or empty.")
    github_login: str = Field(default="", description="Account that is surely the person's.")
    github_confidence: float = Field(default=0.0, description="Score of the best account; sure from .70.")
    github_evidence: list[str] = Field(default_factory=list, description="Reasons for the account.")
    github_handle_status: HandleStatus = Field(default="", description="ok from .70, low_conf from .45.")
    github_handle_arm: str = Field(default="", description="Which search found it.")
    github_profile: dict[str, Any] = Field(default_factory=dict, description="Name, employer, site, place, bio.")
    github_profile_status: ServiceStatus = Field(default="", description="Status of the answer of GitHub.")
    orcid_profile: dict[str, Any] = Field(default_factory=dict, description="Name and present posts.")
    orcid_profile_status: ServiceStatus = Field(default="", description="Status of the answer of ORCID.")
    orcid_researcher_urls: list[str] = Field(default_factory=list, description="Pages that the record names.")
    scholar_profile: dict[str, Any] = Field(default_factory=dict, description="Counts and homepage.")
    scholar_profile_status: ServiceStatus = Field(default="", description="Status of the answer of Semantic Scholar.")
    homepage_url: str = Field(default="", description="Personal page.")
    homepage_extract: str = Field(default="", description="First words of the page.")
    homepage_status: str = Field(default="", description="`ok`, `none`, or `not_read`.")
    email_candidates: list[str] = Field(default_factory=list, description="Addresses that pages print; no guess.")
    pdf_email_status: str = Field(default="", description="`no_reader`: PDF files are not read.")
    linkedin_url_resolved: str = Field(default="", description="Profile that the book knows.")
    linkedin_status: str = Field(default="", description="`known` or `none`.")
    linkedin_match_confidence: float = Field(default=0.0, description="1: the book names it for this person.")
    affiliation_type: AffiliationType = Field(default="unknown", description="academic, company or unknown.")
    affiliation_reclassified_from: str = Field(default="", description="Type by OpenAlex alone. Empty: the same.")
    affiliation_reclassified_reason: str = Field(default="", description="Why it is another.")
    buyer_verdict: BuyerVerdict | None = Field(default=None, description="buyer from .6, not_buyer up to .3.")
    buyer_score: float = Field(default=0.0, description="0 to 1.")
    buyer_reasons: list[str] = Field(default_factory=list, description="Contribution of each part.")
    auto_flagged_for_deletion: bool = Field(default=False, description="Nobody to sell to, and no way to reach.")
    auto_flag_reason: str = Field(default="", description="Why, or why not.")
    person_id: str = Field(default="", description="The person in the book. Empty: nobody was written.")
    papers: list[FoundPaper] = Field(default_factory=list, description="Papers of the author at OpenAlex.")
    enriched: list[str] = Field(default_factory=list, description="Fields that the book keeps.")
    enriched_at: str = Field(default="", description="When, ISO 8601.")

    @property
    def page(self) -> str:
        """A page that tells the person from namesakes: GitHub's, else ORCID's. Empty without both."""
        if self.github_login:
            return f"https://github.com/{self.github_login}"
        return f"https://orcid.org/{self.orcid}" if self.orcid else ""


def linkedin_of(known: Iterable[str]) -> dict[str, Any]:
    """Return the LinkedIn profile among known pages of a person."""
    url = next((each for each in known if "linkedin.com/" in each), "")
    sure = {"linkedin_status": "known" if url else "none", "linkedin_match_confidence": 1.0 if url else 0.0}
    return {"linkedin_url_resolved": url, **sure}


def affiliation_of(profile: AuthorProfile) -> dict[str, Any]:
    """Return the type of an author's place, and why OpenAlex is not followed. The ORCID record is fresher."""
    told = affiliation_of_place(profile.institution_type, profile.institution)
    kind, reason = _affiliation(profile, told)
    return {
        "affiliation_type": kind,
        "affiliation_reclassified_from": told if reason else "",
        "affiliation_reclassified_reason": reason,
    }


def _affiliation(profile: AuthorProfile, told: AffiliationType) -> tuple[AffiliationType, str]:
    posts = [post for post in profile.orcid_profile.get("posts", ()) if post.get("organization")]
    if posts:
        own = affiliation_of_place("", posts[0]["organization"])
        own = "company" if own == "unknown" and told != "academic" else own
        if own not in ("unknown", told):
            return own, f"the ORCID record names a post at {posts[0]['organization']}"
    return told, ""


def affiliation_of_place(kind: str, name: str) -> AffiliationType:
    """Return the type of an institution by its class in a register and by its name."""
    if kind in _ACADEMIC_TYPES or _ACADEMIC_WORDS.search(level(name)):
        return "academic"
    return "company" if kind == "company" else "unknown"


def buyer_fit(profile: AuthorProfile) -> dict[str, Any]:
    """Return whether the employer of an author buys software, with the score and the points of each part."""
    is_company = profile.affiliation_type == "company"
    parts: list[tuple[float, str]] = [(_COMPANY, "works at a company") if is_company else (_UNKNOWN, "place unknown")]
    if profile.affiliation_type == "academic":
        parts = [(_ACADEMIC, "academic institutions do not buy")]
    else:
        parts += [(_ROR, "the company is registered as one that does research")] if profile.institution_ror else []
        parts += [(_HOMEPAGE, "has a page of its own")] if profile.homepage_url else []
        parts += [(_GITHUB, f"GitHub account {profile.github_login}")] if profile.github_login else []
        titles = [post.get("title") or "" for post in profile.orcid_profile.get("posts", ())]
        parts += [(_DECIDES, f"decides as {t}") for t in titles if read_title(t).reading.is_decision_maker][:1]
    score = round(min(sum(part for part, _ in parts), HIGHEST_SCORE), 2)
    verdict: BuyerVerdict = "buyer" if score >= BUYER_SCORE else "not_buyer" if score <= NOT_BUYER_SCORE else "unclear"
    reasons = [f"+{part:.2f} {why}" for part, why in parts]
    return {"buyer_verdict": verdict, "buyer_score": score, "buyer_reasons": reasons}


def flagged(profile: AuthorProfile, *, has_email: bool) -> dict[str, Any]:
    """Return whether a person is of no use, and why. Nobody is flagged while a service failed to answer."""
    is_flagged, reason = _flag(profile, has_email=has_email)
    return {"auto_flagged_for_deletion": is_flagged, "auto_flag_reason": reason}


def _flag(profile: AuthorProfile, *, has_email: bool) -> tuple[bool, str]:
    statuses = (profile.openalex_status, profile.github_handle_status, profile.github_profile_status)
    failed = [status for status in (*statuses, profile.orcid_profile_status) if status in FAILED]
    if failed:
        return False, f"not judged: a service answered {failed[0]}"
    is_useless = profile.buyer_verdict == "not_buyer" or profile.affiliation_type == "academic"
    if profile.buyer_verdict is None or not is_useless:
        return False, ""
    ways = (has_email, profile.email_candidates, profile.linkedin_url_resolved, profile.github_login)
    return (False, "can be reached") if any(ways) else (True, "does not buy and cannot be reached")


def facts_of_author(profile: AuthorProfile) -> list[FoundFact]:
    """Return the facts of an author."""
    author = f"https://openalex.org/{profile.openalex_id}" if profile.openalex_id else ""
    pages = {
        "openalex_id": author,
        "orcid": f"https://orcid.org/{profile.orcid}",
        "institution": author,
        "h_index": author,
        "cited_by_count": author,
        "works_count": author,
        "github_login": f"https://github.com/{profile.github_login}",
        "homepage_url": profile.homepage_url,
    }
    values = profile.model_dump()
    found = [
        FoundFact(field=name, value=values[name], method="api", source_url=page, confidence=_sure(name, profile))
        for name, page in pages.items()
        if values[name] and page
    ]
    judged: Sequence[str] = ("affiliation_type", "buyer_verdict", "buyer_score", "buyer_reasons")
    page = author or profile.homepage_url or (pages["github_login"] if profile.github_login else "")
    if profile.buyer_verdict and page:
        found += [FoundFact(field=name, value=values[name], method="rules", source_url=page) for name in judged]
        if profile.auto_flagged_for_deletion:
            told = profile.auto_flag_reason
            found.append(FoundFact(field="auto_flag", value=told, method="rules", source_url=page))
    for email in profile.email_candidates[:1]:
        printed = profile.homepage_url
        found.append(FoundFact(field="email", value=email, quote=email, method="rules", source_url=printed))
    return found


def _sure(name: str, profile: AuthorProfile) -> float:
    return profile.github_confidence if name == "github_login" else profile.match_confidence or 1.0
