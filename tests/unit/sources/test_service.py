"""What a run does when a source asks for a pause or cannot serve."""

import pytest
from redis.asyncio import Redis

from agentic_sales.errors import BrokerUnavailable, CredentialMissing, NotFound, QuotaSpent, RateLimited
from agentic_sales.local.world.server import WorldServer
from agentic_sales.outbound.limits import Bucket, Limit, with_limits
from agentic_sales.runs.pauses import Pauses, current_pauses
from agentic_sales.settings import Settings
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.service import Place, Unavailable
from tests.support.world import configured


@pytest.fixture(params=[True, False], ids=["batch", "interactive"])
def pauses(request: pytest.FixtureRequest) -> Pauses:
    """What a worker gives a run. Nobody listens at its Redis, and nothing here asks it."""
    return Pauses(Redis(port=1), is_patient=request.param)


async def test_a_pause_puts_a_batch_run_back_and_is_told_by_an_interactive_one(
    world: WorldServer, place: Place, pauses: Pauses
) -> None:
    world.misbehave("429")
    unavailable, token = Unavailable(), current_pauses.set(pauses)
    try:
        async with GitHub(configured(world), place=place) as github:
            with pytest.raises(RateLimited) as limited:
                await github.organization("emberloom")
        assert pauses.met_s == limited.value.retry_after_s == 60.0
        if pauses.is_patient:
            with pytest.raises(RateLimited):
                unavailable.note("github", limited.value)
        else:
            unavailable.note("github", limited.value)
            assert unavailable.told == ("github: `github` asked for a pause of 60 s",)
    finally:
        current_pauses.reset(token)


def test_no_run_is_put_back_for_a_pause_that_is_too_long_to_wait_for(pauses: Pauses) -> None:
    unavailable, token = Unavailable(), current_pauses.set(pauses)
    try:
        unavailable.note("github", RateLimited("github", 7200.0))
    finally:
        current_pauses.reset(token)
    assert unavailable.told == ("github: `github` asked for a pause of 7200 s",)
    assert not pauses.has_declined_rules


def test_a_source_without_its_key_is_told_in_one_line() -> None:
    unavailable = Unavailable()
    unavailable.note("youtube", CredentialMissing("youtube", "YOUTUBE_API_KEY"))
    unavailable.note("openalex", QuotaSpent("openalex", "search", 3600.0))
    assert unavailable.told == (
        "youtube: YOUTUBE_API_KEY is not set",
        "openalex: the quota of `openalex` for search is used up; back in 3600 s",
    )


@pytest.mark.parametrize("exc", [NotFound("github", "`/orgs/no`"), BrokerUnavailable("counting", "away")])
def test_what_is_no_failure_of_a_source_is_raised(exc: NotFound | BrokerUnavailable) -> None:
    with pytest.raises(type(exc)):
        Unavailable().note("github", exc)


def test_the_limit_of_a_bucket_goes_before_that_of_its_service_and_that_before_the_general_one() -> None:
    told = Settings.model_validate({"AGENTIC_SALES_SOURCE_LIMITS": "*=1/1, github=2/1, github.search=3/60"})
    limits = {name: Limit(*limit) for name, limit in told.source_limits.items()}
    own = Bucket("search", (Limit(30, 60.0),), at_once=1)
    assert with_limits(own, limits, "github").limits == (Limit(3, 60.0),)
    assert with_limits(Bucket("core"), limits, "github").limits == (Limit(2, 1.0),)
    assert with_limits(own, limits, "arxiv").limits == (Limit(1, 1.0),)
    assert with_limits(own, {}, "github") == own


@pytest.mark.parametrize("text", ["github", "github=", "github=0/1", "github=1/0", "=1/1", "github=1/inf"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="calls/seconds"):
        Settings.model_validate({"AGENTIC_SALES_SOURCE_LIMITS": text})


def test_a_search_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="`goggle` is no web search"):
        Settings.model_validate({"AGENTIC_SALES_SEARCH": "brave,goggle"})
