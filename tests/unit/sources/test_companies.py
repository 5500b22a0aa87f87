"""What registers and sites say of companies, in the sample world."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from agentic_sales.errors import BadQuery, Blocked, CredentialMissing, NotFound
from agentic_sales.local.world.server import WorldServer
from agentic_sales.outbound.http import httpx
from agentic_sales.sources.companies import Gleif, Wikidata, WikidataQuery
from agentic_sales.sources.linked_data import SiteOrganization, organizations_in
from agentic_sales.sources.service import Place
from tests.support.world import configured

T = TypeVar("T")


async def listed(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


async def test_the_register_is_searched_by_name_and_paged(world: WorldServer, place: Place) -> None:
    german = [c for c in world.companies.all if c.lei and c.country == "DE"]
    async with Gleif(configured(world), place=place) as gleif:
        found = await listed(gleif.search("GmbH", country="DE", page_size=1))
        (entity,) = await listed(gleif.search("Emberloom B.V."))
        assert await gleif.entity(entity.lei) == entity
        assert [name.lei for name in await gleif.names_like("Emberloom")] == [entity.lei]
        assert await listed(gleif.search("Nobody At All")) == []
        with pytest.raises(NotFound):
            await gleif.entity("0" * 20)
    assert {one.lei for one in found} == {c.lei for c in german}
    assert len(german) == 3
    assert (entity.legal_name, entity.city, entity.country, entity.registered_as) == (
        *("Emberloom B.V.", "Utrecht", "NL"),
        None,
    )


async def test_wikidata_knows_the_large_ones(world: WorldServer, place: Place) -> None:
    told = world.companies.by_file["quillmark"]
    settings = configured(world)
    async with Wikidata(settings, place=place) as wikidata, WikidataQuery(settings, place=place) as query:
        (item,) = await wikidata.search("Quillmark")
        (facts,) = await query.facts([item.id])
        assert await wikidata.search("Nobody") == ()
        assert await query.facts(["Q1"]) == ()
    assert (facts.item_id, facts.site, facts.employees) == (told.wikidata, told.url, told.employees)
    assert (facts.industry, facts.country, facts.lei) == (told.category, told.country, told.lei)


async def test_wikidata_is_not_asked_without_a_contact(world: WorldServer, place: Place) -> None:
    settings = configured(world, AGENTIC_SALES_CONTACT_EMAIL=None)
    async with Wikidata(settings, place=place) as wikidata:
        with pytest.raises(CredentialMissing, match="AGENTIC_SALES_CONTACT_EMAIL is not set"):
            await wikidata.search("Quillmark")
    assert world.visits == []
    refused = httpx.get(f"{world.base_url}/wikidata/w/api.php", trust_env=False)
    assert refused.status_code == 403


async def test_an_error_that_wikidata_answers_with_200_is_an_error(world: WorldServer, place: Place) -> None:
    async with Wikidata(configured(world), place=place) as wikidata:
        with pytest.raises(BadQuery, match='The "search" parameter must be set'):
            await wikidata.search("")
        world.misbehave("secondary-limit")  # A 403 for any reason.
        with pytest.raises(Blocked, match="User-Agent"):
            await wikidata.search("Quillmark")


async def test_an_item_that_is_none_reaches_no_query(world: WorldServer, place: Place) -> None:
    async with WikidataQuery(configured(world), place=place) as query:
        with pytest.raises(BadQuery, match="Q1 }"):
            await query.facts(["Q1 } DROP"])
    assert world.visits == []


async def test_a_site_says_who_it_is_to_machines(world: WorldServer) -> None:
    told = world.companies.by_file["emberloom"]
    html = httpx.get(world.base_url, headers={"Host": told.domain}, trust_env=False).text
    (found,) = organizations_in(html)
    assert found == SiteOrganization(
        name=told.name,
        legal_name=told.legal_name,
        url=f"{told.url}/",
        same_as=("https://github.com/emberloom",),
        country="NL",
        city="Utrecht",
        founded="2020",
        employees_min=44,
        employees_max=44,
        lei=told.lei,
    )


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ('"numberOfEmployees": "11-50"', {"employees_min": 11, "employees_max": 50}),
        ('"numberOfEmployees": {"minValue": "1,000"}', {"employees_min": 1000, "employees_max": None}),
        ('"numberOfEmployees": 7', {"employees_min": 7, "employees_max": 7}),
        ('"numberOfEmployees": "many"', {"employees_min": None}),
        ('"address": [{"addressCountry": {"name": "FR"}}]', {"country": "FR"}),
        ('"sameAs": "https://a.example", "naics": 5415', {"same_as": ("https://a.example",), "naics": "5415"}),
        ('"name": ["One", "Two"], "foundingDate": null', {"name": "One", "founded": None}),
        ('"name": "Zo\\u00eb \\ud83d"', {"name": "Zoë \N{REPLACEMENT CHARACTER}"}),
    ],
)
def test_the_forms_in_which_sites_write_it_are_read(members: str, wanted: dict[str, object]) -> None:
    (found,) = organizations_in(f'<script type="application/ld+json">{{"@type": "Organization", {members}}}</script>')
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "block",
    ["{", "[[[[", "null", '{"@type": "Product"}', "[" * 5000, '{"@graph": ' * 200 + "1" + "}" * 200],
)
def test_a_block_that_is_broken_or_of_something_else_is_passed_over(block: str) -> None:
    good = '<script type="application/ld+json">[{"@type": ["Thing", "Corporation"], "name": "Good"}]</script>'
    found = organizations_in(f'<script type="application/ld+json">{block}</script>{good}')
    assert [one.name for one in found] == ["Good"]
