"""The stages of the pipeline: what they ask, whom they pass over, and what they report."""

import pytest

from agentic_sales.rules.pipeline_stages import CompanyAnswers, PassedOver, PipelineForm, begun, question_of, report_of

GIVEN = PipelineForm(sender_name="Ada Example")
HARBOR, ACME = begun("harbor.example"), begun("http://acme.example/")


def test_a_company_begins_with_a_domain_or_an_address() -> None:
    assert (HARBOR.url, HARBOR.domain) == ("https://harbor.example", "harbor.example")
    assert (ACME.url, ACME.domain) == ("http://acme.example/", "acme.example")


@pytest.mark.parametrize(("confidence", "is_lead"), [(0.6, False), (0.59, True)])
def test_a_certain_recruiter_gets_no_mail(confidence: float, is_lead: bool) -> None:  # noqa: FBT001 - a case
    verdict = {"is_recruitment": True, "confidence": confidence}
    company = HARBOR.model_copy(update={"classify_recruitment": verdict})
    if is_lead:
        assert question_of("compose", company, GIVEN)["sender_name"] == "Ada Example"
    else:
        with pytest.raises(PassedOver, match="not a lead"):
            question_of("compose", company, GIVEN)


def test_the_place_is_quoted_from_the_pages_or_the_company_is_passed_over() -> None:
    found = HARBOR.model_copy(update={"deep_scrape": {"pages": [{"markdown": "We are based in Porto, Portugal."}]}})
    assert question_of("locate", found, GIVEN) == {"location": "Porto, Portugal"}
    with pytest.raises(PassedOver, match="does not say"):
        question_of("locate", HARBOR, GIVEN)


@pytest.mark.parametrize(
    ("answers", "status", "processed", "created"),
    [
        (["a", "b"], "OK", 2, 2),
        (["a", ValueError("broken")], "PARTIAL", 2, 1),
        ([ValueError("broken"), ValueError("broken")], "FAIL", 2, 0),
        (["a", PassedOver("no place")], "OK", 1, 1),
        ([PassedOver("no place"), PassedOver("no place")], "SKIP", 0, 0),
        ([PassedOver("no place"), ValueError("broken")], "FAIL", 1, 0),
    ],
)
def test_a_stage_reports_how_many_it_was_tried_for_and_what_failed(
    answers: list[object], status: str, processed: int, created: int
) -> None:
    companies: list[CompanyAnswers] = [HARBOR, ACME]
    report = report_of("locate", companies, answers, 7)
    assert (report.status, report.processed, report.created, report.duration_ms) == (status, processed, created, 7)
    told = [f"{c.domain}: {a}" for c, a in zip(companies, answers, strict=True) if isinstance(a, Exception)]
    assert report.errors == told
