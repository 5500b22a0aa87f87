"""`contact_enrich_paper_author` keeps what each service told, and takes no failure for a "not found"."""

from typing import Any

import pytest

from agentic_sales.contracts import Subject
from agentic_sales.errors import (
    BadQuery,
    Blocked,
    CredentialMissing,
    NotFound,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
)
from agentic_sales.rules.paper_authors import AuthorProfile, affiliation_of, buyer_fit, flagged
from agentic_sales.sources.author_enrichers import status_of
from agentic_sales.store.people import PersonRow
from tests.support.book_runs import BookRuns

ROW = "contact_enrich_paper_author"
NERYS = {"name": "Nerys Vanterpool", "company_name": "Emberloom", "domain": "emberloom.example"}
ORCID = "0000-0009-1019-0019"


async def test_identity_and_buyer_fit_end_in_the_book_with_their_sources(book: BookRuns) -> None:
    final = await book.run(ROW, {**NERYS, "orcid": ORCID})
    [row] = await book.rows(PersonRow)
    facts = await book.facts(Subject("person", row.person_id))
    assert (final["person_id"], row.profile) == (row.person_id, "github.com/nerysvanterpoo")
    assert (facts["openalex_id"].value, facts["openalex_id"].source_url) == (
        "A9900000019",
        "https://openalex.org/A9900000019",
    )
    assert facts["github_login"].value == "nerysvanterpoo"
    assert (facts["affiliation_type"].value, facts["buyer_verdict"].value) == ("company", "buyer")
    assert sorted(final["enrichers_completed"]) == ["github", "homepage", "linkedin", "orcid", "semantic_scholar"]


async def test_every_service_that_fails_has_a_status_and_the_others_are_kept(book: BookRuns) -> None:
    for service in ("github", "semantic_scholar"):
        book.world.misbehave("5xx", service)
    final = await book.run(ROW, {**NERYS, "orcid": ORCID})
    assert (final["github_handle_status"], final["github_profile_status"]) == ("api_error", "transient_error")
    assert final["scholar_profile_status"] == "transient_error"
    assert (final["openalex_status"], final["orcid_profile_status"]) == ("ok", "ok")
    assert {line.partition(":")[0] for line in final["unavailable_sources"]} == {"github", "semantic_scholar"}


async def test_nobody_found_is_another_status_than_a_failure(book: BookRuns) -> None:
    final = await book.run(ROW, {"name": "Quintilia Nobodyhere"})
    assert (final["openalex_status"], final["github_handle_status"]) == ("not_found", "no_match")
    assert final["scholar_profile_status"] == "not_found"
    assert (final["unavailable_sources"], final["enriched"]) == ([], [])
    assert await book.rows(PersonRow) == []


async def test_a_namesake_of_another_employer_is_not_taken(book: BookRuns) -> None:
    final = await book.run(ROW, {**NERYS, "company_name": "Acme", "domain": "acme.example"})
    assert (final["openalex_id"], final["github_login"]) == ("", "")
    assert final["github_handle_status"] == "low_conf"


async def test_nobody_is_flagged_while_a_service_fails(book: BookRuns) -> None:
    book.world.misbehave("5xx", "github")
    final = await book.run(ROW, {"name": "Quintilia Nobodyhere"})
    assert not final["auto_flagged_for_deletion"]
    assert "api_error" in final["auto_flag_reason"]


async def test_an_academic_is_no_buyer(book: BookRuns) -> None:
    people = [p for c in book.world.companies.all for p in c.people if c.kind == "lab" and p.openalex]
    final = await book.run(ROW, {"name": people[0].name, "company_name": "Copperwren Institute"})
    assert (final["affiliation_type"], final["buyer_verdict"]) == ("academic", "not_buyer")


async def test_a_dry_run_tells_what_it_would_keep_and_writes_nothing(book: BookRuns) -> None:
    before = await book.everything()
    final = await book.run(ROW, {**NERYS, "dry_run": True})
    assert "openalex_id" in final["enriched"]
    assert await book.everything() == before


def profile(**told: Any) -> AuthorProfile:
    """Return an author of whom this is known."""
    return AuthorProfile.model_validate(told)


@pytest.mark.parametrize(
    ("told", "verdict", "score"),
    [
        ({"affiliation_type": "academic", "github_login": "ada", "institution_ror": "r"}, "not_buyer", 0.15),
        ({"affiliation_type": "company"}, "unclear", 0.55),
        ({"affiliation_type": "company", "homepage_url": "https://ada.example"}, "buyer", 0.6),
        ({"affiliation_type": "company", "institution_ror": "r"}, "buyer", 0.65),
        ({"affiliation_type": "unknown", "github_login": "ada"}, "unclear", 0.5),
    ],
)
def test_the_buyer_fit_adds_up_and_github_does_not_flip_an_academic(
    told: dict[str, Any], verdict: str, score: float
) -> None:
    judged = buyer_fit(profile(**told))
    assert (judged["buyer_verdict"], judged["buyer_score"]) == (verdict, score)


def test_the_buyer_score_has_a_ceiling() -> None:
    posts = {"posts": [{"title": "Chief Technology Officer", "organization": "Acme"}]}
    told = {"affiliation_type": "company", "institution_ror": "r", "homepage_url": "u", "github_login": "ada"}
    assert buyer_fit(profile(**told, orcid_profile=posts))["buyer_score"] == 0.95


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("company", "Acme", "company"),
        ("education", "Acme", "academic"),
        ("", "University of Example", "academic"),
        ("company", "Max Planck Society", "academic"),
        ("", "Acme", "unknown"),
    ],
)
def test_an_institution_is_academic_by_its_type_or_its_name(kind: str, name: str, expected: str) -> None:
    assert affiliation_of(profile(institution_type=kind, institution=name))["affiliation_type"] == expected


def test_a_post_in_the_orcid_record_is_fresher_than_the_institution() -> None:
    posts = {"posts": [{"title": "Professor", "organization": "University of Example"}]}
    told = affiliation_of(profile(institution_type="company", institution="Acme", orcid_profile=posts))
    assert (told["affiliation_type"], told["affiliation_reclassified_from"]) == ("academic", "company")
    assert "University of Example" in told["affiliation_reclassified_reason"]


@pytest.mark.parametrize(
    ("told", "has_email", "expected"),
    [
        ({"buyer_verdict": "not_buyer"}, False, True),
        ({"buyer_verdict": "not_buyer"}, True, False),
        ({"buyer_verdict": "not_buyer", "linkedin_url_resolved": "u"}, False, False),
        ({"buyer_verdict": "not_buyer", "github_login": "ada"}, False, False),
        ({"buyer_verdict": "not_buyer", "openalex_status": "transient_error"}, False, False),
        ({"buyer_verdict": "buyer"}, False, False),
        ({}, False, False),
    ],
)
def test_only_who_does_not_buy_and_cannot_be_reached_is_flagged(
    told: dict[str, Any], *, has_email: bool, expected: bool
) -> None:
    assert flagged(profile(**told), has_email=has_email)["auto_flagged_for_deletion"] is expected


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x", "it"), "not_found"),
        (Blocked("x", "it", "451"), "legal_hold"),
        (RateLimited("x", 1.0), "rate_limited"),
        (QuotaSpent("x", "today", 1.0), "rate_limited"),
        (CredentialMissing("x", "KEY"), "auth_error"),
        (ProviderUnavailable("x", "it"), "transient_error"),
        (BadQuery("x", "it", "no"), "transient_error"),
    ],
)
def test_only_a_missing_record_is_not_found(error: Any, status: str) -> None:
    assert status_of(error) == status
