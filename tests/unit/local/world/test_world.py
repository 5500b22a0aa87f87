"""The sample world: consistent everywhere, readable, and able to fail."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from agentic_sales.errors import ConfigurationError, FetchRefused, ProviderUnavailable
from agentic_sales.graphs.company_enrichment import Input
from agentic_sales.graphs.company_enrichment import graph as company_enrichment
from agentic_sales.local.world.companies import load_companies
from agentic_sales.local.world.meters import Meters
from agentic_sales.local.world.misbehaviour import KINDS, read_misbehaviour
from agentic_sales.local.world.server import WorldServer
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings, settings
from agentic_sales.sources.web import Fetcher
from tests.support.world import configured

COMPANIES = load_companies()


# What stands in it


def test_it_has_every_kind_of_company_that_a_flow_must_tell_apart() -> None:
    kinds, sites = Counter(c.kind for c in COMPANIES.all), {c.site for c in COMPANIES.all}
    assert len(COMPANIES.all) >= 30
    assert kinds["recruiter"] >= 3
    assert {"product", "consultancy", "lab", "creator"} <= kinds.keys()
    assert sites == {"sample", "plain", "script", "dead", "parked", "moved", "slow"}
    assert sum(c.opted_out for c in COMPANIES.all) == 1
    assert [c.duplicate_of for c in COMPANIES.all if c.duplicate_of] == ["quillmark", "tidewater-robotics"]


def test_every_address_in_it_is_one_that_nobody_can_have() -> None:
    hosts = [c.domain for c in COMPANIES.all]
    addresses = [p.email for _, p in COMPANIES.people if p.email]
    assert [host for host in [*hosts, *addresses] if not host.endswith(".example")] == []
    assert len(hosts) == len(set(hosts))


def test_a_paper_and_a_repository_name_only_people_of_their_company() -> None:
    for company in COMPANIES.all:
        people = {p.name: p for p in company.people}
        logins = {p.github for p in company.people}
        assert all(name in people and people[name].openalex for paper in company.papers for name in paper.authors)
        repositories = company.github.repositories if company.github else ()
        assert all(set(repository.contributors) <= logins for repository in repositories)


def test_every_identity_belongs_to_one() -> None:
    identities = [
        *(r.id for _, _, r in COMPANIES.repositories),
        *(p.openalex for _, p in COMPANIES.papers),
        *(p.openalex for _, p in COMPANIES.people if p.openalex),
        *(p.semantic_scholar for _, p in COMPANIES.people if p.semantic_scholar),
        *(p.orcid for _, p in COMPANIES.people if p.orcid),
        *(p.github for _, p in COMPANIES.people if p.github),
        *(p.name for _, p in COMPANIES.people),
        *(c.id for _, c in COMPANIES.channels),
        *(v.id for _, c in COMPANIES.channels for v in c.videos),
        *(o.id for c in COMPANIES.all if c.board for o in c.board.openings),
        *(c.lei for c in COMPANIES.all if c.lei),
    ]
    assert [identity for identity, times in Counter(identities).items() if times > 1] == []


def test_a_company_with_a_wrong_member_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "Mine"\nkind = "circus"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"`mine.toml` .*`kind`.*"):
        load_companies(tmp_path)


# Its sites


async def test_a_site_is_read_under_its_own_name(world: WorldServer) -> None:
    async with Fetcher(configured(world)) as web:
        page = await web.fetch("https://emberloom.example/")
        assert (page.final_url, page.title) == ("https://emberloom.example/", "Emberloom")
        assert "https://emberloom.example/pricing" in page.links
        assert "https://emberloom.example/careers" in await web.sitemap_urls("https://emberloom.example/")
        assert "pricing" in (await web.fetch("https://northwind-signals.example/")).links[2]


async def test_a_former_domain_leads_to_the_present_one(world: WorldServer) -> None:
    async with Fetcher(configured(world)) as web:
        page = await web.fetch("https://tidewaterrobotics.example/about")
    assert page.final_url == "https://tidewater-robotics.example/about"


async def test_bad_sites_are_bad_each_in_its_way(world: WorldServer) -> None:
    async with Fetcher(configured(world)) as web:
        assert (await web.fetch("https://glassotter.example/")).unreadable_reason
        assert (await web.fetch("https://pinecairn.example/")).unreadable_reason
        with pytest.raises(ProviderUnavailable):
            await web.fetch("https://dunmarrow.example/")
        with pytest.raises(FetchRefused, match="404"):
            await web.fetch("https://emberloom.example/nothing")


async def test_only_names_under_example_lead_into_the_world(world: WorldServer) -> None:
    async with Fetcher(configured(world)) as web:
        for url in ("http://127.0.0.1:1/", "https://example.localhost/", "https://notexample/"):
            with pytest.raises(FetchRefused):
                await web.fetch(url)
    async with Fetcher(Settings()) as web:
        with pytest.raises((FetchRefused, ProviderUnavailable)):
            await web.fetch("https://emberloom.example/")
    assert world.visits == []


# How it is started


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_misbehave_can_be_asked_for(kind: str) -> None:
    assert read_misbehaviour(f"{kind}:github:3") == (kind, "github", 3)
    assert read_misbehaviour(kind) == (kind, None, None)


@pytest.mark.parametrize("text", ["sulk", "429:github:often"])
def test_a_way_that_there_is_not_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"sulk|often"):
        read_misbehaviour(text)


def test_the_command_prints_the_settings_that_lead_into_it() -> None:
    program = str(Path(sys.executable).with_name("agentic-sales"))
    command = [
        program,
        "world",
        "up",
        "--port",
        "0",
        "--misbehave",
        "429:lever",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "companies at http://127.0.0.1:" in process.stderr.readline()  # The lines before are printed by now.
            assert process.stdout is not None
            lines = [
                process.stdout.readline().strip() for _ in WorldServer(COMPANIES, Meters(are_real=False)).environment()
            ]
            told = dict(line.split("=", 1) for line in lines)
            boards, refused = (
                httpx.get(f"{told[f'AGENTIC_SALES_{name}_URL']}{path}", trust_env=False)
                for name, path in (("GREENHOUSE", "/v1/boards/moonquay/jobs"), ("LEVER", "/v0/postings/quillmark"))
            )
            assert (boards.json()["meta"]["total"] > 0, refused.status_code) == (True, 429)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert Settings.model_validate(told).github_url.startswith("http://127.0.0.1:")


async def test_the_rules_of_enrichment_take_no_company_for_what_it_is_not(
    world: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    named = {"recruiter": "STAFFING", "consultancy": "CONSULTANCY", "product": "PRODUCT"}
    told = [c for c in world.companies.all if c.kind in named and c.site == "plain" and not c.duplicate_of][::3]
    found = await asyncio.gather(*(company_enrichment.ainvoke(Input(url=company.url)) for company in told))
    read = [(c.name, named[c.kind], out["classification"]["category"]) for c, out in zip(told, found, strict=True)]
    assert [each for each in read if each[2] not in {each[1], "UNKNOWN"}] == []
    assert sum(category == wanted for _, wanted, category in read) > len(read) / 2
