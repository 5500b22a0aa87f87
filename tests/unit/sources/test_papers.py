"""Papers and researchers in the sample world, by five services that each have habits of their own."""

from collections.abc import AsyncIterator
from datetime import date
from typing import TypeVar

import pytest

from agentic_sales.errors import BadQuery, CredentialRefused, NotFound, QuotaSpent, RateLimited
from agentic_sales.local.world.companies import WorldCompany, WorldPaper, WorldPerson
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.outbound.limits import Bucket, Quota
from agentic_sales.sources.arxiv import ArXiv
from agentic_sales.sources.crossref import Crossref
from agentic_sales.sources.openalex import OpenAlex
from agentic_sales.sources.orcid import Orcid
from agentic_sales.sources.semantic_scholar import SemanticScholar
from agentic_sales.sources.service import Place
from tests.support.world import configured

T = TypeVar("T")


async def listed(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


@pytest.fixture
def lab(shared_world: WorldServer) -> WorldCompany:
    return shared_world.companies.by_file["copperwren-institute"]


@pytest.fixture
def paper(lab: WorldCompany) -> WorldPaper:
    return next(paper for paper in lab.papers if paper.doi and paper.arxiv)


@pytest.fixture
def author(lab: WorldCompany, paper: WorldPaper) -> WorldPerson:
    """An author with an ORCID iD."""
    people = {person.name: person for person in lab.people}
    return next(people[name] for name in paper.authors if people[name].orcid)


# One paper is the same paper everywhere


async def test_five_services_tell_one_paper_alike(
    world: WorldServer, place: Place, lab: WorldCompany, paper: WorldPaper, author: WorldPerson
) -> None:
    settings = configured(world)
    assert paper.doi
    assert paper.arxiv
    assert author.orcid
    async with (
        OpenAlex(settings, place=place) as openalex,
        Crossref(settings, place=place) as crossref,
        SemanticScholar(settings, place=place) as scholar,
        ArXiv(settings, place=place) as arxiv,
        Orcid(settings, place=place) as orcid,
    ):
        work, published = await openalex.work(paper.doi), await crossref.work(paper.doi)
        scholars, (preprint,) = await scholar.paper(f"DOI:{paper.doi}"), await arxiv.preprints([paper.arxiv])
        researcher = await orcid.researcher(author.orcid)
    assert {work.title, published.title, scholars.title, preprint.title} == {paper.title}
    assert work.abstract == scholars.abstract == preprint.abstract == paper.abstract
    assert [a.name for a in work.authorships] == [a.name for a in scholars.authors] == list(paper.authors)
    assert [f"{a.given} {a.family}" for a in published.authors if a.family] == list(paper.authors)
    assert (published.authors[-1].name, published.authors[-1].family) == (f"The {lab.name} group", None)
    assert [a.name for a in preprint.authors] == list(paper.authors)
    assert (preprint.id, preprint.doi, preprint.category) == (paper.arxiv, paper.doi, "cs.IR")
    assert f"{researcher.given_names} {researcher.family_name}" == author.name
    assert (researcher.employments[0].organization, researcher.employments[0].ended_year) == (lab.name, None)


# OpenAlex


async def test_names_are_resolved_to_ids_and_lists_are_paged_by_cursor(
    world: WorldServer, place: Place, lab: WorldCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.sources.openalex._LARGEST_PAGE", 2)
    async with OpenAlex(configured(world), place=place) as openalex:
        (institution,) = [i for i in await listed(openalex.search_institutions(lab.name)) if i.name == lab.name]
        works = await listed(openalex.works_of_institution(institution.id))
        since = await listed(openalex.works_of_institution(institution.id, since=date(2025, 1, 1)))
    assert {work.id for work in works} == {told.openalex for told in lab.papers}
    assert {work.id for work in since} == {told.openalex for told in lab.papers if told.published >= "2025"}
    assert works[0].authorships[0].institutions[0].name == lab.name


async def test_an_author_is_found_by_the_orcid_id_and_may_have_no_institution(
    world: WorldServer, place: Place, author: WorldPerson
) -> None:
    silent = next(p for _, p in world.companies.people if p.openalex and not p.orcid)
    async with OpenAlex(configured(world), place=place) as openalex:
        assert (await openalex.author(author.orcid or "")).name == author.name
        assert (await openalex.author(silent.openalex or "")).institutions == ()
        with pytest.raises(NotFound):
            await openalex.author("A0")
        assert await listed(openalex.search_works("zzzyyy")) == []


async def test_the_credits_of_a_day_end_before_the_service_is_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.sources.openalex._WITHOUT_KEY", Bucket("credits", quota=Quota(21)))
    with serve_world(has_real_limits=True) as world:
        async with OpenAlex(configured(world, OPENALEX_API_KEY=None), place=place) as openalex:
            await listed(openalex.search_authors("one"))
            await listed(openalex.search_authors("two"))
            with pytest.raises(QuotaSpent, match="credits"):
                await listed(openalex.search_authors("three"))
            await listed(openalex.works_of_author("A1"))  # It costs the last credit.
            assert (await openalex.author("A9900000001")).id == "A9900000001"  # It costs none.
        assert [visit.status for visit in world.visits] == [200] * 4


async def test_credits_that_the_service_counts_as_spent_are_a_quota(world: WorldServer, place: Place) -> None:
    with serve_world(has_real_limits=True) as strict:
        settings = configured(strict, OPENALEX_API_KEY=None, AGENTIC_SALES_SOURCE_LIMITS="*=100000/1")
        async with OpenAlex(settings, place=place) as openalex:
            for number in range(100):
                await listed(openalex.search_authors(f"name{number}"))
            with pytest.raises(QuotaSpent) as spent:
                await listed(openalex.search_authors("one more"))
    assert (spent.value.retry_after_s or 0) > 3600
    async with OpenAlex(configured(world, OPENALEX_API_KEY="wrong"), place=place) as openalex:
        with pytest.raises(CredentialRefused, match="OPENALEX_API_KEY"):
            await openalex.work("W1")


# Crossref


async def test_crossref_is_paged_by_cursor_until_a_short_page(
    world: WorldServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.sources.crossref._LARGEST_PAGE", 4)
    wanted = {p.doi for _, p in world.companies.papers if p.doi and p.published >= "2024-01-01"}
    async with Crossref(configured(world), place=place) as crossref:
        found = await listed(crossref._listed({"filter": "from-pub-date:2024-01-01"}, 500))
    assert {work.doi for work in found} == wanted
    assert len(wanted) > 4


async def test_crossref_finds_by_author_and_by_orcid(
    world: WorldServer, place: Place, lab: WorldCompany, author: WorldPerson
) -> None:
    mine = {told.doi for told in lab.papers if told.doi and author.name in told.authors}
    async with Crossref(configured(world), place=place) as crossref:
        by_name = await listed(crossref.works_of_author(author.name, affiliation=lab.name))
        by_orcid = await listed(crossref.works_of_orcid(author.orcid or ""))
        with pytest.raises(NotFound):
            await crossref.work("10.5555/none")
    assert {work.doi for work in by_orcid} == mine <= {work.doi for work in by_name}


async def test_the_rate_of_crossref_answers_html_and_is_a_rate(place: Place) -> None:
    with serve_world(has_real_limits=True) as world:
        settings = configured(world, AGENTIC_SALES_SOURCE_LIMITS="*=100000/1")
        async with Crossref(settings, place=place) as crossref:
            for number in range(3):
                await listed(crossref.search_works(f"text{number}"))
            with pytest.raises(RateLimited):
                await listed(crossref.search_works("one more"))


# Semantic Scholar


async def test_semantic_scholar_leaves_unknown_authors_out_and_no_hits_are_empty(
    world: WorldServer, place: Place, author: WorldPerson
) -> None:
    async with SemanticScholar(configured(world), place=place) as scholar:
        found = await scholar.authors([author.semantic_scholar or "", "0", "1"])
        assert await listed(scholar.search_papers("zzzyyy")) == []
        pages = await listed(scholar.search_authors("", page_size=4))
        assert pages == []
        papers = await listed(scholar.search_papers("retrieval", page_size=2, most=5))
        with pytest.raises(NotFound):
            await scholar.paper("DOI:10.5555/none")
    assert [one.name for one in found] == [author.name]
    assert len({one.id for one in papers}) == 5


async def test_a_wrong_key_of_semantic_scholar_is_a_403(world: WorldServer, place: Place) -> None:
    async with SemanticScholar(configured(world, SEMANTIC_SCHOLAR_API_KEY="wrong"), place=place) as scholar:
        with pytest.raises(CredentialRefused, match="SEMANTIC_SCHOLAR_API_KEY"):
            await scholar.paper("DOI:10.5555/none")


async def test_two_calls_of_semantic_scholar_are_more_than_a_second_apart(place: Place) -> None:
    with serve_world(has_real_limits=True) as world:
        async with SemanticScholar(configured(world), place=place) as scholar:
            await listed(scholar.search_papers("one"))
            await listed(scholar.search_papers("two"))
        first, second = world.visits
    assert (first.status, second.status) == (200, 200)
    assert second.at_s - first.at_s > 1.0


# arXiv


async def test_arxiv_is_paged_to_its_end(world: WorldServer, place: Place) -> None:
    async with ArXiv(configured(world), place=place) as arxiv:
        found = await listed(arxiv.search("cat:cs.IR", page_size=4))
        by_author = await listed(arxiv.search(f'au:"{found[0].authors[0].name}" AND cat:cs.IR'))
        assert await listed(arxiv.search("cat:none")) == []
        assert await arxiv.preprints(["9500.99999"]) == ()
    assert {p.id for p in found} == {p.arxiv for _, p in world.companies.papers if p.arxiv}
    assert [p.published_at for p in found] == sorted((p.published_at for p in found), key=str, reverse=True)
    assert found[0].id in {p.id for p in by_author}


async def test_the_error_feed_of_arxiv_is_a_refusal_with_its_reason(world: WorldServer, place: Place) -> None:
    async with ArXiv(configured(world), place=place) as arxiv:
        with pytest.raises(BadQuery, match="incorrect id format for nonsense"):
            await arxiv.preprints(["nonsense"])
        world.misbehave("error-feed")
        with pytest.raises(BadQuery, match="incorrect id format for 1234"):
            await listed(arxiv.search("cat:cs.LG"))


async def test_a_second_request_to_arxiv_within_three_seconds_is_not_sent(place: Place) -> None:
    with serve_world(has_real_limits=True) as world:
        async with ArXiv(configured(world), place=place) as arxiv:
            await arxiv.preprints(["9500.99999"])
            with pytest.raises(RateLimited) as limited:
                await arxiv.preprints(["9500.99998"])
        assert len(world.visits) == 1
    assert 2.0 < (limited.value.retry_after_s or 0) <= 3.1


# ORCID


async def test_orcid_finds_a_researcher_by_name_and_organisation(
    world: WorldServer, place: Place, lab: WorldCompany, author: WorldPerson
) -> None:
    family = author.name.rpartition(" ")[2]
    async with Orcid(configured(world), place=place) as orcid:
        hits = await listed(orcid.search(family_name=family, organization=lab.name))
        everybody = await listed(orcid.search(family_name="", organization=lab.name, page_size=1))
        assert await listed(orcid.search(family_name='No"body', organization=lab.name)) == []
        with pytest.raises(NotFound):
            await orcid.researcher("0000-0000-0000-0000")
    assert author.orcid in {hit.orcid for hit in hits}
    assert {hit.orcid for hit in everybody} == {person.orcid for person in lab.people if person.orcid}
