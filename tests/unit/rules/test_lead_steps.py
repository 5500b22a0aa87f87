"""How the output of one step of a flow becomes the input of the next one."""

import pytest

from agentic_sales.rules.lead_steps import (
    FINDS,
    JUDGES,
    PEOPLE,
    TAKES,
    LeadJudgement,
    LeadSoFar,
    NothingToAsk,
    kept_answer,
    score_band,
    short_reasons,
)

COMPANY = LeadSoFar(kind="company", key="acme.example", name="Acme", found={"domain": "acme.example"})
PEOPLE_FOUND = {"merged": [{"name": "Ada Acme", "title": "CTO", "email": "", "findings": []}, {"name": ""}]}


def test_a_company_without_a_site_is_no_lead() -> None:
    found = FINDS["companies"]({"top": [{"name": "Acme", "domain": "acme.example"}, {"name": "Nobody", "domain": ""}]})
    assert [(lead.key, lead.url) for lead in found] == [("acme.example", "https://acme.example/")]


def test_a_repository_is_told_by_its_address_without_case() -> None:
    [lead] = FINDS["repositories"]({"final_repos": [{"full_name": "Acme/Tool", "url": "https://github.com/Acme/Tool"}]})
    assert (lead.key, lead.name, lead.found["owner"]) == ("github.com/acme/tool", "Acme/Tool", "Acme")


def test_a_company_of_the_book_is_asked_about_by_its_id_and_another_one_by_its_site() -> None:
    assert TAKES["company_site"](COMPANY) == {"url": "https://acme.example/"}
    assert TAKES["company_site"](COMPANY.model_copy(update={"company_id": "c1"})) == {"company_id": "c1"}
    with pytest.raises(NothingToAsk, match="no web site"):
        TAKES["company_site"](COMPANY.model_copy(update={"found": {}}))


def test_people_that_the_book_does_not_have_are_asked_about_by_value() -> None:
    known = COMPANY.model_copy(update={"answers": {"contact_discovery": PEOPLE_FOUND}})
    asked = TAKES["company_people"](known)
    assert asked == {"company_name": "Acme", "people": [{"name": "Ada Acme", "title": "CTO"}]}
    with pytest.raises(NothingToAsk, match="nobody of it is known"):
        TAKES["company_people"](COMPANY)


def test_nobody_who_decides_is_a_score_of_nothing_with_its_reason() -> None:
    judged = JUDGES["decision_maker"]({"top_decision_maker": None, "summary": "Nobody of Acme is known."})
    assert judged == LeadJudgement(score=0.0, reasons=["Nobody of Acme is known."])


def test_what_rules_a_lead_out_stands_first_among_the_reasons() -> None:
    evidence = [{"field": "recent_launch", "quote": "We  launched\nv2"}]
    output = {"brief": {"confidence": 0.9, "evidence": evidence}, "summary": {"icp_disqualifier": "funded"}}
    judged = JUDGES["dossier"](output)
    assert judged.disqualifiers == ["funded"]
    assert short_reasons(judged) == ["ruled out: funded", "recent_launch: We launched v2"]


def test_of_the_people_of_a_repository_those_with_an_address_come_first_and_a_login_is_nobody() -> None:
    people = [
        {"name": "octocat", "email": "octo@acme.example"},
        {"name": "Bo Beta", "source": "https://github.com/bo"},
        {"name": "Ada Acme", "email": "ada@acme.example", "source": "https://acme.example/team"},
    ]
    lead = LeadSoFar(
        kind="repository",
        key="github.com/acme/tool",
        name="acme/tool",
        answers={"gh_lead_research": {"brief": {"decision_makers": people}}},
    )
    found = list(PEOPLE["dossier"](lead))
    assert [person.name for person in found] == ["Ada Acme", "Bo Beta"]
    assert [person.profile for person in found] == ["", "https://github.com/bo"]


@pytest.mark.parametrize(("score", "band"), [(0.0, "0.0-0.1"), (0.65, "0.6-0.7"), (1.0, "0.9-1.0")])
def test_a_score_has_a_band(score: float, band: str) -> None:
    assert score_band(score) == band


def test_a_line_of_a_list_is_a_lead_if_it_names_a_company() -> None:
    line = {"company": "Acme", "domain": "acme.example", "person": "Ada Acme", "title": "CTO"}
    [lead] = FINDS["listed"]({"leads": [line, {"person": "X"}]})
    assert (lead.kind, lead.key, lead.name) == ("company", "acme.example", "Acme")
    so_far = LeadSoFar(kind=lead.kind, key=lead.key, name=lead.name, found=lead.found)
    assert TAKES["role"](so_far) == {"name": "Ada Acme", "title": "CTO", "company_name": "Acme"}
    asked = TAKES["contact"](so_far)
    assert asked["profile"] == {"name": "Ada Acme", "title": "CTO"}
    assert asked["company"] == {"name": "Acme", "domain": "acme.example"}


def test_a_step_about_a_person_has_nothing_to_ask_about_a_lead_without_one() -> None:
    for name in ("contact", "fit", "role"):
        with pytest.raises(NothingToAsk, match="nobody of it is known by a whole name"):
            TAKES[name](COMPANY)


def test_of_a_team_the_most_senior_person_comes_first() -> None:
    team = [{"name": "Bo Beta", "title": "Engineer"}, {"name": "Ada Acme", "title": "VP Engineering"}]
    lead = COMPANY.model_copy(update={"answers": {"contact_discovery": {"merged": team}}})
    assert [person.name for person in PEOPLE["person"](lead)] == ["Ada Acme", "Bo Beta"]


def test_the_companies_of_a_code_search_keep_its_vertical() -> None:
    output = {
        "resolved_orgs": [{"name": "Acme", "domain": "acme.example", "score": 0.4}],
        "vertical_slug": "ingestible",
    }
    [lead] = FINDS["companies_of_code"](output)
    known = COMPANY.model_copy(update={"found": {**lead.found, "person": {"name": "Ada Acme"}}, "company_id": "c1"})
    asked = TAKES["fit"](known)
    assert {**asked, "company": ""} == {
        "person": {"name": "Ada Acme"},
        "company_id": "c1",
        "company": "",
        "vertical": "ingestible",
    }
    assert asked["company"]["domain"] == "acme.example"


def test_a_fit_is_asked_with_the_words_of_the_pages_that_were_read_also_for_a_company_of_the_book() -> None:
    read = {"home_markdown": "We keep contracts.", "careers_markdown": ""}
    found = {"person": {"name": "Ada Acme"}, "about": "A channel about contracts."}
    lead = COMPANY.model_copy(update={"company_id": "c1", "found": found, "answers": {"company_enrichment": read}})
    asked = TAKES["fit"](lead)
    assert asked["company_id"] == "c1"
    assert asked["company"]["description"] == "A channel about contracts."
    assert asked["company"]["pages"] == [{"text": "We keep contracts."}]


def test_an_author_is_a_lead_with_the_paper_that_found_the_author() -> None:
    paper = {"title": "On forecasts", "abstract": "We", "url": "https://doi.example/1", "query": "forecasts"}
    author = {"name": "Ada Acme", "profile": "orcid.org/1", "company": "Acme", "papers": [paper]}
    [lead] = FINDS["authors"]({"results": [author]})
    assert (lead.kind, lead.key, lead.query) == ("person", "orcid.org/1", "forecasts")
    so_far = LeadSoFar(kind=lead.kind, key=lead.key, name=lead.name, found=lead.found)
    assert TAKES["paper"](so_far) == {"title": "On forecasts", "abstract": "We"}
    assert TAKES["author"](so_far) == {"name": "Ada Acme", "company_name": "Acme"}


def test_a_channel_is_a_lead_with_its_site_and_the_person_it_names() -> None:
    channel = {
        "channel_id": "c",
        "title": "Acme TV",
        "url": "https://youtube.com/c",
        "relevance": 1,
        "description": "x",
    }
    output = {
        "channels": [channel],
        "companies": [{"channel_id": "c", "domain": "acme.example", "relation": "own"}],
        "people": [
            {"channel_id": "c", "name": "Ada Acme", "role": "Host", "source_url": "https://youtube.com/c/about"}
        ],
    }
    [lead] = FINDS["channels"](output)
    assert (lead.kind, lead.key, lead.found["domain"]) == ("channel", "c", "acme.example")
    assert lead.found["person"] == {"name": "Ada Acme", "title": "Host", "source": "https://youtube.com/c/about"}


@pytest.mark.parametrize(
    ("name", "output", "score", "against"),
    [
        ("tier", {"score": 0.6, "reasons": ["a"]}, 0.6, []),
        ("fit", {"score": 0.7, "fit": True, "disqualifiers": [{"text": "x"}], "reasons": []}, 0.7, []),
        ("fit", {"score": 0.2, "fit": False, "disqualifiers": [{"text": "a rival"}], "reasons": []}, 0.2, ["a rival"]),
        ("buyer", {"buyer_score": 0.8, "buyer_verdict": "buyer"}, 0.8, []),
        ("buyer", {"buyer_score": 0.1, "buyer_verdict": "not_buyer"}, 0.1, ["works where no software is bought"]),
    ],
)
def test_a_judgement_is_read_with_what_rules_the_lead_out(
    name: str, output: dict[str, object], score: float, against: list[str]
) -> None:
    judged = JUDGES[name](output)
    assert (judged.score, judged.disqualifiers) == (score, against)


def test_a_board_is_a_lead_whose_openings_are_asked_about_those_in_ai_first() -> None:
    board = {"url": "https://jobs.ashbyhq.com/acme", "name": "Acme", "company_id": "c1"}
    [lead] = FINDS["boards"]({"boards": [board]})
    assert (lead.kind, lead.key, lead.found["company_id"]) == ("company", board["url"], "c1")
    so_far = LeadSoFar(kind=lead.kind, key=lead.key, name=lead.name, found=lead.found)
    assert TAKES["board"](so_far) == {"slug": board["url"]}
    assert TAKES["site_search"](so_far) == {"seed_query": "Acme"}
    with pytest.raises(NothingToAsk, match="no opening with a text"):
        TAKES["opening"](so_far)
    jobs = [{"title": "Cook", "text": "We cook."}, {"title": "ML Engineer", "text": "Python.", "is_ai_role": True}]
    told = so_far.model_copy(update={"answers": {"ashby_ingest": {"jobs": jobs}}})
    assert TAKES["opening"](told) == {"raw_jd": "Python.", "title": "ML Engineer"}
    assert [one["title"] for one in TAKES["openings"](told)["openings"]] == ["ML Engineer", "Cook"]


def test_somebody_of_a_topic_is_judged_by_the_words_that_name_the_person() -> None:
    person = {
        "name": "Ada Acme",
        "company_name": "Acme",
        "work": "On retrieval",
        "words": "We retrieve.",
        "person_id": "p",
    }
    output = {
        "people": [{**person, "url": "https://doi.example/1", "reasons": ["retrieval"]}],
        "vertical": "ingestible",
    }
    [lead] = FINDS["people_of_topic"](output)
    so_far = LeadSoFar(kind=lead.kind, key=lead.key, name=lead.name, found=lead.found)
    assert TAKES["fit"](so_far) == {
        "person": {"name": "Ada Acme", "about": "On retrieval We retrieve."},
        "company": {"name": "Acme", "description": "retrieval"},
        "vertical": "ingestible",
    }
    assert [each.person_id for each in PEOPLE["person"](so_far)] == ["p"]


def test_long_texts_and_lists_of_an_answer_are_cut() -> None:
    kept = kept_answer({"jobs": [{"text": "x" * 9_000}] * 90, "other": 1}, ["jobs", "missing"])
    assert list(kept) == ["jobs"]
    assert len(kept["jobs"]) == 25
    assert len(kept["jobs"][0]["text"]) == 4_000
