"""Every source says how it fails, by the same few errors, and never with its key."""

import pytest

from agentic_sales.errors import AgenticSalesError, AnswerChanged, ProviderUnavailable, RateLimited
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer
from agentic_sales.local.world.services import SERVICES
from agentic_sales.settings import Settings
from agentic_sales.sources.service import Place
from tests.support.source_calls import SOURCE_CALLS
from tests.support.world import configured

WITHOUT_MEMBERS = {"common_crawl_data"}
"""Those that answer with no record whose member could be renamed."""


async def _fail(service: str, settings: Settings, place: Place) -> AgenticSalesError:
    with pytest.raises(AgenticSalesError) as failed:
        await SOURCE_CALLS[service].found(settings, place=place)
    return failed.value


def test_every_service_of_the_world_is_asked_by_a_source() -> None:
    assert SOURCE_CALLS.keys() == SERVICES.keys()


@pytest.mark.parametrize("service", sorted(SOURCE_CALLS))
async def test_a_source_that_behaves_answers(world: WorldServer, place: Place, service: str) -> None:
    assert await SOURCE_CALLS[service].found(configured(world), place=place)


@pytest.mark.parametrize("service", sorted(SOURCE_CALLS))
async def test_a_refusal_without_a_length_pauses_the_source_for_a_minute(
    world: WorldServer, place: Place, service: str
) -> None:
    world.misbehave("429", service)
    for _ in range(2):
        failure = await _fail(service, configured(world), place)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == pytest.approx(60.0, abs=5)
        assert service in str(failure)
    assert [visit.service for visit in world.visits].count(service) == 1


@pytest.mark.parametrize("kind", ["5xx", "cut-off"])
@pytest.mark.parametrize("service", sorted(SOURCE_CALLS))
async def test_a_service_that_breaks_is_unavailable_and_not_empty(
    world: WorldServer, place: Place, service: str, kind: Kind
) -> None:
    world.misbehave(kind, service)
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, ProviderUnavailable)
    assert f"`{service}`" in str(failure)
    assert "sample-world" not in str(failure)


@pytest.mark.parametrize("service", sorted(SOURCE_CALLS))
async def test_half_an_answer_is_no_answer(world: WorldServer, place: Place, service: str) -> None:
    world.misbehave("broken-json", service)
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, ProviderUnavailable)


@pytest.mark.parametrize("service", sorted(SOURCE_CALLS.keys() - WITHOUT_MEMBERS))
async def test_a_member_that_was_renamed_is_named_with_its_service(
    world: WorldServer, place: Place, service: str
) -> None:
    world.misbehave("changed-field", service)
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, AnswerChanged)
    assert failure.service == service
    assert failure.problems
