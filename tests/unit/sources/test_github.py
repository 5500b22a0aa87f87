"""The client of GitHub in the sample world: lists to their end, and every refusal by its meaning."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from agentic_sales.effects import acting_as
from agentic_sales.errors import (
    AgenticSalesError,
    AnswerChanged,
    BadQuery,
    CredentialMissing,
    CredentialRefused,
    EffectExceeded,
    NotFound,
    ProviderUnavailable,
    RateLimited,
)
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.registry import GraphSpec
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.service import Place
from tests.support.world import configured

T = TypeVar("T")


@pytest.fixture
async def github(world: WorldServer, place: Place) -> AsyncIterator[GitHub]:
    async with GitHub(configured(world), place=place) as client:
        yield client


async def listed(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


# Reading


async def test_a_repository_is_read_with_its_readme(github: GitHub) -> None:
    found = await github.repository("emberloom/emberloom-core")
    assert (found.full_name, found.owner, found.owner_type) == ("emberloom/emberloom-core", "emberloom", "Organization")
    assert found.homepage == "https://emberloom.example"
    assert "Hosted version: https://emberloom.example/pricing" in await github.readme("emberloom/emberloom-core")


async def test_a_former_name_leads_to_the_present_repository(github: GitHub) -> None:
    assert (await github.repository("emberloom/emberloom-core-old")).full_name == "emberloom/emberloom-core"


async def test_an_organisation_that_tells_little_has_none_where_it_tells_nothing(github: GitHub) -> None:
    told, silent = await github.organization("quillmark"), await github.organization("northwind-signals")
    assert (told.name, told.is_verified, silent.email) == ("Quillmark", True, None)


async def test_the_address_of_a_user_is_told_to_a_key_alone(world: WorldServer, github: GitHub, place: Place) -> None:
    login = next(p.github for c in world.companies.all for p in c.people if p.github and p.email)
    async with GitHub(configured(world, GITHUB_TOKEN=None), place=place) as keyless:
        assert ((await keyless.user(login)).email, (await github.user(login)).website) == (None, None)
    assert (await github.user(login)).email is not None


async def test_text_of_any_script_arrives_as_it_is(github: GitHub) -> None:
    assert "工場" in ((await github.organization("yukimori-systems")).description or "")


async def test_a_list_is_paged_to_its_end(world: WorldServer, github: GitHub) -> None:
    names = [repository.full_name for repository in await listed(github.repositories("corvidlane", page_size=5))]
    wanted = world.companies.by_file["corvidlane"].github
    assert wanted is not None
    assert names == [f"corvidlane/{repository.name}" for repository in wanted.repositories]
    assert len(world.visits) == 3


async def test_a_search_is_paged_and_stops_where_enough_is_found(world: WorldServer, github: GitHub) -> None:
    every = await listed(github.search_repositories("stars:>=0", page_size=20))
    assert len({repository.id for repository in every}) == len(world.companies.repositories)
    world.visits.clear()
    assert len(await listed(github.search_repositories("stars:>=0", page_size=10, most=25))) == 25
    assert len(world.visits) == 3


async def test_a_code_search_tells_the_places_that_match(github: GitHub) -> None:
    hits = await listed(github.search_code("langchain filename:pyproject.toml", page_size=100))
    assert {hit.path for hit in hits} == {"pyproject.toml"}
    assert all("langchain" in hit.fragments[0] for hit in hits)


async def test_graphql_is_paged_by_its_cursor(github: GitHub) -> None:
    by_rest = await listed(github.search_repositories("topic:rag"))
    by_graphql = await listed(github.find_repositories("topic:rag", page_size=2))
    assert [r.id for r in by_graphql] == [r.id for r in by_rest]
    assert len(by_graphql) > 4


async def test_contributors_without_an_account_have_no_login(github: GitHub) -> None:
    found = await listed(github.contributors("emberloom/emberloom-core"))
    assert (found[-1].login, found[-1].type) == (None, "Anonymous")


async def test_graphql_tells_the_members_of_an_organisation(github: GitHub) -> None:
    assert (await github.organization_overview("emberloom")).members == 3


# Missing, empty and failed are three things


async def test_what_is_not_there_is_missing(github: GitHub) -> None:
    for call in (
        github.repository("nobody/nothing"),
        github.organization("nobody"),
        github.organization_overview("no"),
    ):
        with pytest.raises(NotFound, match="github"):
            await call


async def test_a_search_without_results_is_empty(github: GitHub) -> None:
    assert await listed(github.search_repositories("surelynobodywritesthis")) == []


async def test_a_name_leads_to_no_other_path(world: WorldServer, github: GitHub) -> None:
    with pytest.raises(NotFound):
        await github.organization("../users/emberloom")
    with pytest.raises(NotFound):
        await github.organization("..")
    assert [visit.target for visit in world.visits] == ["/orgs/..%2Fusers%2Femberloom", "/orgs/-"]


async def test_a_query_that_github_does_not_take_is_refused_with_its_reason(github: GitHub) -> None:
    with pytest.raises(BadQuery, match="Validation Failed"):
        await listed(github.search_repositories("x" * 300))


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [
        ("429", RateLimited, "github"),
        ("secondary-limit", RateLimited, "github"),
        ("5xx", ProviderUnavailable, "503"),
        ("cut-off", ProviderUnavailable, r"/repos/emberloom/emberloom-core"),
        ("broken-json", ProviderUnavailable, "no whole JSON"),
        ("html", ProviderUnavailable, "no whole JSON"),
        ("changed-field", AnswerChanged, r"`github`.*`full_name`"),
    ],
)
async def test_a_failure_says_what_it_is(
    world: WorldServer, github: GitHub, kind: Kind, error: type[AgenticSalesError], told: str
) -> None:
    world.misbehave(kind)
    with pytest.raises(error, match=told):
        await github.repository("emberloom/emberloom-core")
    assert len(world.visits) == 1


async def test_a_short_pause_that_is_asked_for_is_kept_and_the_call_repeated(
    world: WorldServer, github: GitHub
) -> None:
    world.misbehave("429-with-retry-after", times=1)
    await github.repository("emberloom/emberloom-core")
    first, second = world.visits
    assert second.at_s - first.at_s >= 1.0


async def test_a_secondary_limit_stops_every_call_of_the_key_and_doubles(world: WorldServer, github: GitHub) -> None:
    world.misbehave("secondary-limit")
    with pytest.raises(RateLimited) as first:
        await github.repository("emberloom/emberloom-core")
    with pytest.raises(RateLimited) as second:
        await listed(github.search_repositories("topic:rag"))
    assert first.value.retry_after_s == 60.0
    assert second.value.retry_after_s == pytest.approx(60.0, abs=5)
    assert len(world.visits) == 1


async def test_a_limit_of_graphql_is_told_though_it_answers_200(world: WorldServer, github: GitHub) -> None:
    world.misbehave("graphql-limit")
    with pytest.raises(RateLimited):
        await github.organization_overview("emberloom")


async def test_a_wrong_key_is_refused_once_and_not_sent_again(world: WorldServer, place: Place) -> None:
    async with GitHub(configured(world, GITHUB_TOKEN="wrong-key"), place=place) as github:
        for _ in range(2):
            with pytest.raises(CredentialRefused, match="GITHUB_TOKEN") as refused:
                await github.repository("emberloom/emberloom-core")
            assert "wrong-key" not in str(refused.value)
    assert len(world.visits) == 1


async def test_what_needs_a_key_says_so_without_asking(world: WorldServer, place: Place) -> None:
    async with GitHub(configured(world, GITHUB_TOKEN=None), place=place) as github:
        with pytest.raises(CredentialMissing, match="GITHUB_TOKEN is not set"):
            await listed(github.search_code("langchain"))
        with pytest.raises(CredentialMissing):
            await github.organization_overview("emberloom")
    assert world.visits == []


async def test_an_answer_is_used_again_while_it_is_fresh_and_asked_for_by_its_etag_later(
    world: WorldServer, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await github.organization("emberloom")
    assert await github.organization("emberloom") == first
    assert len(world.visits) == 1
    monkeypatch.setattr(GitHub, "fresh_s", 0.0)
    assert await github.organization("emberloom") == first
    assert [visit.status for visit in world.visits] == [200, 304]


async def test_a_run_whose_row_reads_nothing_asks_nobody(world: WorldServer, github: GitHub) -> None:
    with acting_as(GraphSpec("quiet", "tests.workflows.echo", effect="pure")), pytest.raises(EffectExceeded):
        await github.repository("emberloom/emberloom-core")
    assert world.visits == []


async def test_the_primary_limit_names_the_moment_of_its_reset(place: Place) -> None:
    """The client is given wider limits than the world, as a token is that another program uses too."""
    with serve_world(has_real_limits=True) as world:
        settings = configured(world, GITHUB_TOKEN=None, AGENTIC_SALES_SOURCE_LIMITS="*=1000/1")
        async with GitHub(settings, place=place) as github:
            for number in range(10):
                await listed(github.search_repositories(f"topic:rag stars:>{number}"))
            with pytest.raises(RateLimited) as limited:
                await listed(github.search_repositories("topic:rag stars:>10"))
            assert 50 < (limited.value.retry_after_s or 0) <= 62
            assert (await github.organization("emberloom")).name == "Emberloom"  # Another limit.


async def test_the_documented_limit_keeps_the_client_from_asking_too_often(place: Place) -> None:
    with serve_world(has_real_limits=True) as world:
        async with GitHub(configured(world, GITHUB_TOKEN=None), place=place) as github:
            for number in range(10):
                await listed(github.search_repositories(f"topic:rag stars:>{number}"))
            with pytest.raises(RateLimited):
                await listed(github.search_repositories("topic:rag stars:>10"))
        assert [visit.status for visit in world.visits] == [200] * 10
