"""The parts of the benchmark: each yields what it measured, line by line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest
import uvloop

from agentic_sales.registry import BY_ID, index_rows
from agentic_sales.workers.loader import load_graph
from tests.bench.book import FIELDS, fact_rates, large_book, show_companies, world_mb
from tests.bench.campaigns import tick_cost
from tests.bench.ceiling import bare_processes
from tests.bench.checkpoints import bytes_per_step
from tests.bench.discovery import CRAWLS, blast, enrichment_costs
from tests.bench.documents import SEARCHERS, many_passages, matrix_cost, search_times
from tests.bench.flows import visit_times
from tests.bench.imports import import_cost
from tests.bench.load import Ask, Load, Measured, OpenCaller, Question, http_caller, measure
from tests.bench.processes import Target, core_fleet, cpu_s, fleet_of_two_pools, floor, langgraph_dev, span_sink
from tests.bench.report import CEILING, DEV, FLEET, FLOOR, IN_PROCESS, SLOTTED, TUNED, Fact, Result
from tests.bench.resumes import resumes_per_s
from tests.bench.streams import first_events
from tests.bench.traces import off_us_per_run
from tests.bench.works import (
    BURN,
    BUSY_CALLERS,
    ECHO,
    LIGHT_CALLERS,
    LONG_WAIT,
    MOST_TIMES_SLOWER,
    WORKS,
    Work,
)
from tests.workflows.registry import GRAPHS

PARTS = (
    "echo",
    "cpu",
    "waits",
    "slots",
    "blast",
    "stream",
    "memory",
    "checkpoints",
    "campaigns",
    "discovery",
    "imports",
    "traces",
    "book",
)
LONG_PARTS = ("large_book", "documents", "flows")
"""Parts that take minutes, so that they are measured where they are asked for by name."""
WARM_UP_S = 1.0
MANY_CHILDREN_WARM_UP_S = 3.0
"""Each of many children must have run a few times, or what is measured is the copying of their first pages."""
REFERENCE_SHARE = 0.5
"""What the fleet is held against has less to settle, so it is measured for a part of the time."""
FEW_CHILDREN, MANY_CHILDREN = 2, 128
SLOTTED_CHILDREN, SLOTS = 4, 300
LONG_WAIT_WARM_UP_S = 5.0
"""Two of the longest waits, and what the first callers cost."""
MOST_FLEET_MB = 1000.0
TUNING = ("--n-jobs-per-worker", "32", "--allow-blocking")
QUIET, BUSY = "light, quiet", "light, busy"
IMPORT_ROWS = (len(BY_ID), 5000)
IMPORT_ROUNDS = 15
MOST_IMPORT_MS = 20.0
PADDINGS = (0, 10_000)
SLEEPING = (1_000, 100_000)
DUE = 5_000
STORES = ("SQLite", "PostgreSQL")
WOKEN = 200
"""Sleeping people who are woken at once, and visited by the workers of a real fleet."""
COLLECTOR = "collector"
"""Role of what takes the spans. It is no part of the fleet."""
LEAST_TRACED_SHARE = 0.85
MOST_TIMES_A_TICK = 2.0
MOST_TIMES_A_MAIL = {50: 1.5, 95: 2.0}
"""How much slower mails may be beside crawls, by percentile."""
MOST_TIMES_A_VISIT = 1.5
"""How much slower visits of campaigns may be beside a round of every flow."""
MANY_COMPANIES = 100_000
MOST_SHOW_MS = 50.0
MANY_PASSAGES = 100_000
MOST_SEARCH_MS = 80.0
MOST_OF_MATRIX = 0.25
"""Share of the matrix that a process which has searched it may have for itself."""

Line = Result | Fact


@dataclass(frozen=True)
class Bench:
    """What is to be measured, and for how long."""

    parts: Collection[str]
    """Parts that were asked for."""
    seconds: float
    """Length of each measurement of the fleet."""
    has_peer: bool
    """Measure `langgraph dev` too."""
    say: Callable[[str], None]
    """Tells what is going on."""

    def lines(self) -> Iterator[Line]:
        """Measure everything; what serves several parts is started once for all of them."""
        if self._wants("echo", "cpu", "waits", "slots", "blast"):
            yield from self._references()
        if self._wants("echo", "cpu", "blast", "stream"):
            self.say(f"a fleet of two pools of {FEW_CHILDREN} children …")
            with fleet_of_two_pools(children=FEW_CHILDREN) as target:
                yield from self._few(target)
        if self._wants("waits", "memory"):
            self.say(f"a fleet of {MANY_CHILDREN} children …")
            with core_fleet(children=MANY_CHILDREN) as target:
                yield from self._many(target)
        if self._wants("slots"):
            self.say(f"a fleet of {SLOTTED_CHILDREN} children of {SLOTS} slots …")
            with core_fleet(children=SLOTTED_CHILDREN, environment={"CORE_WORKER_SLOTS": str(SLOTS)}) as target:
                yield from self._slotted(target)
        yield from self._stores()
        if self._wants("discovery"):
            yield from self._discovery()
        if self._wants("imports"):
            self.say("importing the control plane …")
            yield from (_import_fact(rows) for rows in IMPORT_ROWS)
        if self._wants("traces"):
            yield from self._traces()
        if self._wants("flows"):
            yield from self._flows()

    def _flows(self) -> Iterator[Line]:
        self.say("visits of a campaign beside a round of every flow …")
        seen = visit_times()
        yield Fact("p95 of a campaign's visit, quiet", seen.quiet_ms, "ms")
        yield Fact("p95 of a campaign's visit, ten flows under way", seen.busy_ms, "ms")
        ratio = seen.busy_ms / seen.quiet_ms
        most = MOST_TIMES_A_VISIT
        yield Fact("p95 of a visit, ten flows over quiet", ratio, "times", f"≤ {most:g}", is_met=ratio <= most)
        yield Fact("rounds that were still under way after the last visit", seen.rounds_under_way, "rounds")

    def _stores(self) -> Iterator[Line]:
        if self._wants("checkpoints"):
            self.say("checkpoints …")
            yield from (_checkpoint_fact(padding) for padding in PADDINGS)
        if self._wants("campaigns"):
            yield from self._in_each_store("campaigns", _campaign_lines)
        if self._wants("book"):
            yield from self._in_each_store("the book", _book_lines)
            yield Fact("memory of the sample world after a visit to every site, PSS", world_mb(), "MB")
        if self._wants("large_book"):
            yield from self._in_each_store("a large book", _large_book_lines)
        if self._wants("documents"):
            yield from self._in_each_store(f"{MANY_PASSAGES:,} passages", _document_lines)

    def _in_each_store(self, what: str, lines: Callable[[str], Iterator[Line]]) -> Iterator[Line]:
        for where in STORES:
            self.say(f"{what} in {where} …")
            try:
                yield from lines(where)
            except pytest.skip.Exception as exc:
                self.say(str(exc))

    def _discovery(self) -> Iterator[Line]:
        self.say(f"mails beside {CRAWLS} crawls and a hostile site …")
        seen = blast(children=FEW_CHILDREN, seconds=max(2 * self.seconds, LONG_WAIT_WARM_UP_S), warm_up_s=WARM_UP_S)
        yield Result("first mail, quiet", FLEET, seen.quiet, {})
        yield Result(f"first mail beside {CRAWLS} crawls", FLEET, seen.busy, {})
        for percent, most in MOST_TIMES_A_MAIL.items():
            ratio = seen.busy.percentile_ms(percent) / seen.quiet.percentile_ms(percent)
            what = f"p{percent} of a first mail, {CRAWLS} crawls and a hostile site over quiet"
            yield Fact(what, ratio, "times", f"≤ {most:g}", is_met=ratio <= most)
        yield Fact("crawls that ended meanwhile", seen.crawls, "runs")
        self.say("companies enriched …")
        for cost in enrichment_costs(children=FEW_CHILDREN):
            of = f"of {cost.companies:,}"
            yield Fact(f"companies enriched by a child, {of}", cost.a_minute, "a minute")
            yield Fact(f"processor time of the children per company, {of}", cost.cpu_ms, "ms")
            yield Fact(f"memory of a child after {cost.companies:,} companies, USS", cost.child_mb, "MB")

    def _traces(self) -> Iterator[Line]:
        self.say("the fleet without and with tracing …")
        work = replace(WORKS[1], goal=None)
        with core_fleet(children=FEW_CHILDREN) as target:
            off = _loaded(work, FLEET, target, self.seconds, WARM_UP_S)
        with span_sink() as sink:
            environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
            with core_fleet(children=FEW_CHILDREN, environment=environment) as target:
                seen = replace(target, roles={**target.roles, COLLECTOR: [sink.process]})
                on = _loaded(replace(work, name=f"{work.name}, traced"), FLEET, seen, self.seconds, WARM_UP_S)
            assert sink.taken() > 0, "no span came"
        yield from (off, on)
        share, goal = on.measured.runs_per_s / off.measured.runs_per_s, f"≥ {LEAST_TRACED_SHARE:g}"
        is_met = share >= LEAST_TRACED_SHARE
        yield Fact("runs/s of the fleet, tracing on over off", share, "times", goal, is_met=is_met)
        yield Fact("processor time of a run, tracing off over on", _cpu_ms(off) / _cpu_ms(on), "times")
        yield Fact("tracing that is off, per run", off_us_per_run(), "µs")

    def _wants(self, *parts: str) -> bool:
        return any(part in self.parts for part in parts)

    def _works(self, *parts: str) -> list[Work]:
        return [work for work in WORKS if work.part in parts and work.part in self.parts]

    def _references(self) -> Iterator[Line]:
        seconds = REFERENCE_SHARE * self.seconds
        for work in self._works("echo"):
            self.say("the graph in this process …")
            yield _direct(work, IN_PROCESS, in_process, seconds)
        for work in self._works("cpu"):
            self.say("as many bare processes as processors …")
            yield _direct(work, CEILING, bare_processes, seconds)
        if works := self._works("echo", "waits", "slots"):
            self.say("the FastAPI floor …")
            with floor() as target:
                yield from (_loaded(work, FLOOR, target, seconds, _warm_up_s(work)) for work in works)
        if self.has_peer and find_spec("langgraph_api"):
            for where, options in ((DEV, ()), (TUNED, TUNING)):
                self.say(" ".join(("langgraph dev", *options, "…")))
                with langgraph_dev(*options) as target:
                    yield from self._peer(target, where)

    def _peer(self, target: Target, where: str) -> Iterator[Line]:
        works, seconds = self._works("echo", "cpu", "waits"), max(REFERENCE_SHARE * self.seconds, 3.0)
        yield from (_loaded(work, where, target, seconds, WARM_UP_S / 2) for work in works if work.part != "waits")
        if "blast" in self.parts:
            yield from _blast(target, where, seconds)
        yield from (_loaded(work, where, target, seconds, WARM_UP_S / 2) for work in works if work.part == "waits")

    def _few(self, target: Target) -> Iterator[Line]:
        yield from (_loaded(work, FLEET, target, self.seconds, WARM_UP_S) for work in self._works("echo", "cpu"))
        if "stream" in self.parts:
            measured = _run(first_events(target, seconds=self.seconds / 2))
            yield Result("first event", FLEET, measured, {})
        if "blast" in self.parts:
            yield from _blast(target, FLEET, self.seconds)

    def _many(self, target: Target) -> Iterator[Line]:
        works = self._works("waits") or [work for work in WORKS if work.part == "waits"][:1]
        results = [_loaded(work, FLEET, target, self.seconds, MANY_CHILDREN_WARM_UP_S) for work in works]
        if "waits" in self.parts:
            yield from results
        if "memory" in self.parts:
            for kind, mb in target.child_mb().items():
                yield Fact(f"memory of a worker child of {MANY_CHILDREN}, {kind}", mb, "MB")

    def _slotted(self, target: Target) -> Iterator[Line]:
        for work in self._works("slots"):
            yield _loaded(work, SLOTTED, target, max(self.seconds, LONG_WAIT_WARM_UP_S), LONG_WAIT_WARM_UP_S)
        mb = target.fleet_mb()
        goal = f"≤ {MOST_FLEET_MB:g} MB"
        yield Fact("memory of the whole fleet with slots, PSS", mb, "MB", goal, is_met=mb <= MOST_FLEET_MB)


class CpuMeter:
    """Takes the processor time of every role between the end of the warm-up and the end of a load."""

    def __init__(self, roles: dict[str, list[psutil.Process]]) -> None:
        self._roles = {**roles, "load": [psutil.Process()]}
        self._begun_s: dict[str, float] = {}
        self._spent_s: dict[str, float] = {}

    def begin(self) -> None:
        """Take the times before."""
        self._begun_s = {role: cpu_s(processes) for role, processes in self._roles.items()}

    def end(self) -> None:
        """Take the times after."""
        self._spent_s = {role: cpu_s(p) - self._begun_s[role] for role, p in self._roles.items()}

    def ms_per_run(self, measured: Measured) -> dict[str, float]:
        """Share the times among the runs."""
        runs = max(len(measured.latencies_s), 1)
        return {role: 1000 * spent_s / runs for role, spent_s in self._spent_s.items()}


def _direct(work: Work, where: str, open_caller: OpenCaller, seconds: float) -> Result:
    load = Load(work.callers, seconds, WARM_UP_S / 2)
    return Result(work.name, where, _run(measure(open_caller, work.question, load)), {})


def _loaded(work: Work, where: str, target: Target, seconds: float, warm_up_s: float) -> Result:
    meter, load = CpuMeter(target.roles), Load(work.callers, seconds, warm_up_s)
    opener = _opener(target, work.question)
    measured = _run(measure(opener, work.question, load, on_begin=meter.begin, on_end=meter.end))
    goal = work.goal if where in {FLEET, SLOTTED} else None
    return Result(work.name, where, measured, meter.ms_per_run(measured), goal)


def _cpu_ms(result: Result) -> float:
    """Return the processor time that the fleet spends on a run."""
    return sum(ms for role, ms in result.cpu_ms_per_run.items() if role not in {"load", COLLECTOR})


def _warm_up_s(work: Work) -> float:
    return LONG_WAIT_WARM_UP_S if work.question is LONG_WAIT else WARM_UP_S / 2


def _blast(target: Target, where: str, seconds: float) -> Iterator[Line]:
    quiet = _run(_light(target, seconds / 2))
    busy = _run(_light_beside_heavy(target, seconds))
    yield Result(QUIET, where, quiet, {})
    yield Result(BUSY, where, busy, {})
    ratio = busy.percentile_ms(50) / quiet.percentile_ms(50)
    goal = f"≤ {MOST_TIMES_SLOWER:g}" if where == FLEET else ""
    yield Fact(f"p50 of a light run, busy over quiet, {where}", ratio, "times", goal, is_met=ratio <= MOST_TIMES_SLOWER)


async def _light(target: Target, seconds: float) -> Measured:
    return await measure(_opener(target, ECHO), ECHO, Load(LIGHT_CALLERS, seconds, WARM_UP_S / 2))


async def _light_beside_heavy(target: Target, seconds: float) -> Measured:
    heavy = Load(BUSY_CALLERS, seconds + WARM_UP_S / 2, 0.0)
    light, _ = await asyncio.gather(_light(target, seconds), measure(_opener(target, BURN), BURN, heavy))
    return light


def _opener(target: Target, question: Question) -> OpenCaller:
    return partial(http_caller, target.port, question.assistant_id, target.key)


def _run(measuring: Any) -> Measured:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured: Measured = runner.run(measuring)
        return measured


def _checkpoint_fact(padding: int) -> Fact:
    return Fact(
        f"checkpoints in SQLite, a step of a state of {padding} bytes", bytes_per_step(padding=padding), "bytes"
    )


def _tick_facts(where: str) -> Iterator[Fact]:
    few, many = (tick_cost(where, sleeping=sleeping, due=DUE) for sleeping in SLEEPING)
    beside = f"beside {SLEEPING[1]:,} asleep, in {where}"
    yield Fact(f"visits claimed by a tick, {DUE:,} due {beside}", DUE / many.busy_s, "a second")
    yield Fact(f"a tick that finds nobody due, {beside}", 1000 * many.idle_s, "ms")
    ratio = many.busy_s / few.busy_s
    goal, is_met = f"≤ {MOST_TIMES_A_TICK:g}", ratio <= MOST_TIMES_A_TICK
    yield Fact(f"a tick {beside} over one beside {SLEEPING[0]:,}", ratio, "times", goal, is_met=is_met)


def _campaign_lines(where: str) -> Iterator[Line]:
    yield from _tick_facts(where)
    yield Fact(f"sleeping people visited by a fleet, in {where}", resumes_per_s(where, people=WOKEN), "a second")


def _book_lines(where: str) -> Iterator[Line]:
    rates = fact_rates(where)
    yield Fact(f"facts written, new, in transactions of a thousand, {where}", rates.written, "a second")
    yield Fact(f"facts written that are known alike, {where}", rates.seen_again, "a second")
    yield Fact(f"facts read, the current ones of a thousand companies at once, {where}", rates.read, "a second")


def _large_book_lines(where: str) -> Iterator[Line]:
    with large_book(where, companies=MANY_COMPANIES) as configuration:
        shown = show_companies(configuration, companies=MANY_COMPANIES)
    beside = f"of {MANY_COMPANIES:,} and {MANY_COMPANIES * FIELDS:,} facts, in {where}"
    goal, is_met = f"≤ {MOST_SHOW_MS:g}", shown.p50_ms <= MOST_SHOW_MS
    yield Fact(f"a company is shown {beside}, p50", shown.p50_ms, "ms", goal, is_met=is_met)
    yield Fact(f"a company is shown {beside}, p95", shown.p95_ms, "ms")


def _document_lines(where: str) -> Iterator[Line]:
    with many_passages(where, passages=MANY_PASSAGES) as configuration:
        found, cost = search_times(configuration), matrix_cost(configuration)
    among = f"among {MANY_PASSAGES:,} passages, in {where}"
    goal, is_met = f"≤ {MOST_SEARCH_MS:g}" if where == "SQLite" else "", found.p50_ms <= MOST_SEARCH_MS
    yield Fact(f"a search by full text {among}, p50", found.p50_ms, "ms", goal, is_met=is_met)
    yield Fact(f"a search by full text {among}, p95", found.p95_ms, "ms")
    yield Fact(f"a search by meaning {among}, p50", cost.searched.p50_ms, "ms")
    yield Fact(f"a search by meaning {among}, p95", cost.searched.p95_ms, "ms")
    yield Fact(f"matrix of {MANY_PASSAGES:,} embeddings", cost.file_mb, "MB")
    most = MOST_OF_MATRIX * cost.file_mb
    what = "memory of a process by its searches in the matrix, its own"
    yield Fact(what, cost.own_mb, "MB", f"≤ {most:.0f}", is_met=cost.own_mb <= most)
    yield Fact(f"the matrix in the memory of {SEARCHERS} processes together, PSS", cost.together_mb, "MB")


def _import_fact(rows: int) -> Fact:
    cost = import_cost(rows, rounds=IMPORT_ROUNDS)
    what = f"registry + routing at {rows} rows, over bare Python's {cost.bare_ms:.0f} ms"
    return Fact(what, cost.over_bare_ms, "ms", f"≤ {MOST_IMPORT_MS:g}", is_met=cost.over_bare_ms <= MOST_IMPORT_MS)


@asynccontextmanager
async def in_process() -> AsyncIterator[Ask]:
    """Await the graph in this process."""
    yield load_graph(index_rows(GRAPHS)["echo"]).graph.ainvoke
