"""Measure what discovery costs, and what it costs the callers of another pool, with real work in the sample world."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.examples import example_of
from tests.bench.load import Ask, Load, Measured, Question, WrongAnswer, http_caller, measure
from tests.bench.processes import CHILDREN, Target, cpu_s, discovery_fleet
from tests.support.fleet import PROJECT
from tests.support.services import MACHINE_ENVIRONMENT, end_group

CRAWLS = 20
PAGES = 15
MAIL_CALLERS = 2
PAUSE_S = 0.1
"""Pause of a caller of EMAIL between two mails. Callers without one would measure their own crowd."""
ENRICHED = (10, 100, 1_000)
AT_ONCE = 8


@dataclass(frozen=True)
class BenchWorld:
    """The sample world and a hostile site, in a process of their own."""

    environment: dict[str, str]
    """What leads a fleet into it."""
    sites: list[str]
    """Home pages of its companies."""
    hostile: str
    """Home page of a site without end."""


@dataclass(frozen=True)
class Blast:
    """What callers of EMAIL saw."""

    quiet: Measured
    """While nothing else ran."""
    busy: Measured
    """Beside the crawls."""
    crawls: int
    """Crawls that ended meanwhile."""


@dataclass(frozen=True)
class EnrichmentCost:
    """What it took to enrich some companies."""

    companies: int
    """Their number."""
    a_minute: float
    """Companies a minute of one worker child."""
    cpu_ms: float
    """Processor time of the children for one company."""
    child_mb: float
    """Memory of a child afterwards (USS)."""


def blast(*, children: int, seconds: float, warm_up_s: float) -> Blast:
    """Time first mails while nothing else runs, then beside twenty crawls and one of a hostile site.

    Raises:
        WrongAnswer: A mail failed.
    """
    with bench_world() as world, discovery_fleet(children=children, environment=_environment(world)) as target:
        return asyncio.run(_blast(target, world, seconds, warm_up_s))


def enrichment_costs(*, children: int) -> Iterator[EnrichmentCost]:
    """Enrich 10, 100 and 1,000 companies, one after the other on one fleet.

    Raises:
        WrongAnswer: A company could not be enriched.
    """
    with bench_world() as world, discovery_fleet(children=children, environment=_environment(world)) as target:
        # Every child has run a few then, and the sites that are down by design are left out.
        gone = asyncio.run(_enrich(target, world.sites, len(world.sites)))
        sites = [site for site in world.sites if site not in gone]
        for companies in ENRICHED:
            begun_s, cpu_begun_s = time.monotonic(), cpu_s(target.roles[CHILDREN])
            if failed := asyncio.run(_enrich(target, sites, companies)):
                raise WrongAnswer(f"sites that could be read before failed: {', '.join(sorted(failed))}")
            took_s, cpu_took_s = time.monotonic() - begun_s, cpu_s(target.roles[CHILDREN]) - cpu_begun_s
            yield EnrichmentCost(
                companies, 60 * companies / took_s / children, 1000 * cpu_took_s / companies, target.child_mb()["USS"]
            )


@contextmanager
def bench_world() -> Iterator[BenchWorld]:
    """Serve the world in a process of its own, so that it does not share the interpreter of the load."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.world"],
        cwd=PROJECT,
        env=MACHINE_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a crawler that leaves a page is a traceback of the server
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield BenchWorld(**json.loads(process.stdout.readline()))
    finally:
        end_group(process)
        process.stdout.close()


def _environment(world: BenchWorld) -> dict[str, str]:
    allowed = world.environment.get("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", "")
    hosts = ",".join(filter(None, (allowed, urlsplit(world.hostile).netloc)))
    return {**world.environment, "AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": hosts}


async def _blast(target: Target, world: BenchWorld, seconds: float, warm_up_s: float) -> Blast:
    quiet = await _mails(target, seconds, warm_up_s)
    ended = count()
    starts = [world.sites[number % len(world.sites)] for number in range(CRAWLS)]
    crawls = [asyncio.ensure_future(_crawl(target, url, ended)) for url in (*starts, world.hostile)]
    try:
        busy = await _mails(target, seconds, warm_up_s)
    finally:
        for crawl in crawls:
            crawl.cancel()
        await asyncio.gather(*crawls, return_exceptions=True)
    return Blast(quiet, busy, next(ended))


async def _mails(target: Target, seconds: float, warm_up_s: float) -> Measured:
    example = example_of("email_compose")
    question = Question("email_compose", lambda _: example, lambda _: {"is_mail": True})

    @asynccontextmanager
    async def caller() -> AsyncIterator[Ask]:
        async with http_caller(target.port, "email_compose", target.key) as ask:

            async def compose(values: dict[str, Any]) -> dict[str, Any]:
                answer = await ask(values)
                return {"is_mail": bool(answer["subject"] and answer["body"])}

            yield compose

    return await measure(caller, question, Load(MAIL_CALLERS, seconds, warm_up_s, PAUSE_S))


async def _crawl(target: Target, url: str, ended: "count[int]") -> None:
    """Crawl a site again and again. A crawl that fails is no fault here: its site may be hostile."""
    while True:
        async with http_caller(target.port, "deep_scrape", target.key) as ask:
            try:
                await ask({"url": url, "max_pages": PAGES})
            except WrongAnswer:
                await asyncio.sleep(PAUSE_S)
            next(ended)


async def _enrich(target: Target, sites: list[str], companies: int) -> set[str]:
    """Enrich so many companies. Return the sites whose runs failed."""
    left, failed = iter(range(companies)), set[str]()

    async def work() -> None:
        async with http_caller(target.port, "company_enrichment", target.key) as ask:
            for number in left:
                site = sites[number % len(sites)]
                try:
                    await ask({"url": site})
                except WrongAnswer:
                    failed.add(site)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return failed
