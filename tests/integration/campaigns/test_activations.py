"""An activation of a vertical goes from the search to a person's word and to a round, wherever its process dies."""

from collections import Counter
from collections.abc import AsyncIterator, Hashable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer
from sqlalchemy import func, select

from agentic_sales.campaigns.activations import desk
from agentic_sales.campaigns.activations.tick import LEASE, tick_activations
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.effects import acting_as
from agentic_sales.errors import InvalidRequest, RunFailed, StateConflict, UnknownRecord
from agentic_sales.runs.subruns import current_sub_runner
from agentic_sales.settings import Settings
from agentic_sales.store.activations import ActivationRow, activation
from agentic_sales.store.database import Database, as_current, open_database
from agentic_sales.store.flow_rounds import FlowRoundRow
from agentic_sales.store.statements import every
from agentic_sales.workers.child.resume import woken
from agentic_sales.workers.child.verticals import VERTICAL_ACTIVATION
from agentic_sales.workers.loader import Graph, load_graph
from tests.support.flow_rounds import BEGUN, Fate, Killed, Script, ScriptedRunner, empty

SLUG = "ingestible"
ORDER = desk.ActivationOrder(sample=2, most_leads=7)


def org(name: str, score: float) -> dict[str, Any]:
    return {"name": name, "domain": f"{name.lower()}.example", "score": score, "stacks": ["docling"], "login": name}


def site(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what a site says, by its address."""
    says = "We parse contracts and scans." if "harbor" in values["url"] else "We bake bread."
    return {"readable": True, "company": {"url": values["url"]}, "home_markdown": says, "careers_markdown": ""}


SCRIPT: Script = {
    "vertical_discovery": lambda _: {"resolved_orgs": [org("Harbor", 0.9), org("Mill", 0.5), org("Third", 0.3)]},
    "company_enrichment": site,
}


class Visits:
    """Drives the threads in this process, with a saver that outlives it."""

    def __init__(self, saver: Checkpointer, graph: Graph | None = None) -> None:
        self._graph = graph or load_graph(VERTICAL_ACTIVATION, saver).graph

    async def visit(self, row: ActivationRow) -> None:
        thread_id = desk.thread_of(row.activation_id)
        start = await woken(self._graph, thread_id, {"vertical": row.slug})
        with acting_as(VERTICAL_ACTIVATION):
            config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
            await self._graph.ainvoke(start.values, config, durability="sync")


def next_release(saver: Checkpointer) -> Graph:
    """Return the graph with another name for the node that asks a person."""
    module: Any = load_graph(VERTICAL_ACTIVATION).module
    builder = StateGraph(module.State, input_schema=module.Input)
    for node in (module.seed, module.sample, module.rest, module.roll_out):
        builder.add_node(node)
    builder.add_node("ask", module.confirm)
    ways: dict[Hashable, str] = {name: name for name in ("seed", "sample", "rest", "roll_out", END)}
    ways["confirm"] = "ask"
    builder.add_edge(START, "seed")
    builder.add_conditional_edges("seed", module.route_after_seed, ways)
    builder.add_conditional_edges("sample", module.route_after_sample, ways)
    builder.add_conditional_edges("rest", module.route_after_rest, ways)
    builder.add_conditional_edges("ask", module.route_by_word, ways)
    builder.add_edge("roll_out", END)
    return builder.compile(checkpointer=saver, name="vertical_activation")


class Desk:
    """A person, and a fleet whose workflows answer by a script."""

    def __init__(self, database: Database, script: Script = SCRIPT, fate: Fate | None = None) -> None:
        self.database, self.saver, self.at = database, InMemorySaver(), VirtualClock(BEGUN)
        self.runner = ScriptedRunner(script)
        self.graph: Graph | None = None
        """The graph of another release. None: that of this one."""
        self.runner.fate = fate or Fate()

    async def activate(self, *, is_dry: bool = False, order: desk.ActivationOrder = ORDER) -> ActivationRow:
        return await desk.activate(self.database, SLUG, order, is_dry=is_dry, trace={}, now=self.at.now())

    async def say(self, word: desk.Word) -> ActivationRow:
        return await desk.say(self.database, SLUG, word, by="Ann", now=self.at.now())

    async def go_on(self) -> bool:
        """Let time pass until nothing is due. False: the process died before."""
        token, visits = current_sub_runner.set(self.runner), Visits(self.saver, self.graph)
        try:
            with clock.going_by(self.at.now):
                async with as_current(self.database), self.runner.fate.watching(self.database):
                    for _ in range(50):
                        await tick_activations(self.database, visits, now=self.at.now())
                        async with self.database.reading() as connection:
                            wake_at = (await connection.execute(select(func.min(ActivationRow.wake_at)))).scalar()
                        if wake_at is None:
                            return True
                        self.at.forward_to(max(wake_at, self.at.now() + timedelta(seconds=1)))
        except Killed:
            self.at.forward_to(self.at.now() + LEASE)
            return False
        finally:
            current_sub_runner.reset(token)
        raise AssertionError("the activation was not through")

    async def row(self) -> ActivationRow:
        async with self.database.reading() as connection:
            row = await activation(connection, SLUG)
        assert row is not None
        return row

    async def rounds(self) -> list[FlowRoundRow]:
        async with self.database.reading() as connection:
            return await every(connection, FlowRoundRow, select(FlowRoundRow))


@pytest.fixture
async def store(migrated: Settings) -> AsyncIterator[Database]:
    async with open_database(migrated) as database:
        yield database


async def test_a_vertical_is_rolled_out_only_after_a_person_has_confirmed_the_sample(store: Database) -> None:
    at = Desk(store)
    begun = await at.activate()
    assert await at.go_on()
    waiting = await at.row()
    assert (waiting.state, waiting.stage, waiting.found, await at.rounds()) == ("waiting", "confirm", 3, [])
    assert [(one["name"], one["fit"]) for one in waiting.sample] == [("Harbor", 0.5), ("Mill", 0.0)]
    assert {reason["text"] for reason in waiting.sample[0]["reasons"]} == {"documents", "parsing_pain"}
    assert all(values["dry_run"] for _, values in at.runner.asked), "the book was written before the confirmation"

    await at.say("confirmed")
    assert await at.go_on()
    active, [row] = await at.row(), await at.rounds()
    assert (active.state, active.round_id, active.reason) == ("active", begun.activation_id, "Ann confirmed it")
    assert (row.flow_id, row.round_id, row.most_leads, row.is_dry) == ("code", begun.activation_id, 7, False)
    assert row.given["vertical_slug"] == SLUG
    assert at.runner.counts() == Counter(vertical_discovery=1, company_enrichment=2)


async def test_the_round_of_a_dry_run_is_dry(store: Database) -> None:
    at = Desk(store)
    await at.activate(is_dry=True)
    assert await at.go_on()
    await at.say("confirmed")
    assert await at.go_on()
    assert [row.is_dry for row in await at.rounds()] == [True]


async def test_a_refused_vertical_begins_no_round_and_can_be_activated_anew(store: Database) -> None:
    at = Desk(store)
    first = await at.activate()
    assert await at.go_on()
    await desk.say(store, SLUG, "refused", by="Ann", why="too small", now=at.at.now())
    assert await at.go_on()
    row = await at.row()
    assert (row.state, row.reason, await at.rounds()) == ("refused", "Ann refused it: too small", [])
    again = await at.activate()
    assert again.activation_id != first.activation_id
    assert (again.state, again.word, again.sample, again.found) == ("running", "", [], None)


async def test_a_word_that_is_said_during_a_visit_is_not_lost(store: Database) -> None:
    at = Desk(store)
    await at.activate()
    assert await at.go_on()

    class Hasty(Visits):
        async def visit(self, row: ActivationRow) -> None:
            await super().visit(row)
            if not row.word:
                await at.say("confirmed")

    token = current_sub_runner.set(at.runner)
    async with as_current(store), store.writing() as connection:
        await connection.execute(ActivationRow.__table__.update().values(wake_at=at.at.now()))  # type: ignore[attr-defined]
    try:
        async with as_current(store):
            assert await tick_activations(store, Hasty(at.saver), now=at.at.now()) == 2
    finally:
        current_sub_runner.reset(token)
    assert (await at.row()).state == "active"


async def test_a_death_at_any_ninth_moment_repeats_no_finished_stage_and_doubles_nothing(store: Database) -> None:
    """Look at other moments on either database. The long test looks at all of them."""
    await _sweep(store, first=4 if store.engine.dialect.name == "postgresql" else 0, every_nth=9)


@pytest.mark.long
async def test_a_death_at_any_moment_repeats_no_finished_stage_and_doubles_nothing(store: Database) -> None:
    await _sweep(store, first=0, every_nth=1)


async def _sweep(database: Database, *, first: int, every_nth: int) -> None:
    undisturbed = Desk(database)
    await _to_the_end(undisturbed)
    wanted, moments = await _told(undisturbed), undisturbed.runner.fate.reached
    assert moments > 25
    for moment in range(first, moments, every_nth):
        await empty(database)
        at = Desk(database, fate=Fate(moment))
        deaths = await _to_the_end(at)
        assert deaths == 1, f"nothing died at moment {moment}"
        assert at.runner.counts() == undisturbed.runner.counts(), f"a stage was repeated after a death at {moment}"
        assert await _told(at) == wanted, f"after a death at moment {moment}"


async def _to_the_end(at: Desk) -> int:
    """Activate and confirm. Return how often the process died."""
    await at.activate()
    deaths = 0
    while not await at.go_on():
        deaths += 1
    await at.say("confirmed")
    while not await at.go_on():
        deaths += 1
    return deaths


async def _told(at: Desk) -> Any:
    row = await at.row()
    told = [(one["name"], one["fit"], one["tries"]) for one in row.sample]
    rounds = [(one.flow_id, one.state, one.round_id == row.activation_id) for one in await at.rounds()]
    return row.state, row.stage, row.found, row.tries, row.fruitless, told, rounds


async def test_a_search_that_finds_nobody_fails_with_the_reason_and_is_made_anew_on_resume(store: Database) -> None:
    answers = iter([{"unavailable_sources": ["github: GITHUB_TOKEN is not set"]}, SCRIPT["vertical_discovery"]({})])
    at = Desk(store, {**SCRIPT, "vertical_discovery": lambda _: next(answers)})
    await at.activate()
    assert await at.go_on()
    failed = await at.row()
    why = "its code searches found no company (github: GITHUB_TOKEN is not set)"
    assert (failed.state, failed.reason) == ("failed", why)
    await desk.resume(store, SLUG, now=at.at.now())
    assert await at.go_on()
    assert (await at.row()).state == "waiting"


async def test_a_site_that_cannot_be_read_is_told_and_stops_no_other_one(store: Database) -> None:
    def read(values: Mapping[str, Any]) -> Any:
        if "mill" in values["url"]:
            return RunFailed("r", "bug", "it broke", is_retryable=False)
        return site(values)

    at = Desk(store, {**SCRIPT, "company_enrichment": read})
    await at.activate()
    assert await at.go_on()
    row = await at.row()
    assert row.state == "waiting"
    assert [one["why_not"] for one in row.sample] == ["", "its site was not read: it broke"]


async def test_what_may_be_retried_is_tried_three_times(store: Database) -> None:
    at = Desk(
        store, {**SCRIPT, "vertical_discovery": lambda _: RunFailed("r", "rate_limited", "later", is_retryable=True)}
    )
    await at.activate()
    assert await at.go_on()
    row = await at.row()
    assert (row.state, row.reason) == ("failed", "the search failed: later")
    assert at.runner.counts() == Counter(vertical_discovery=3)


async def test_a_rollout_whose_campaign_has_gone_says_so_and_goes_on_when_it_is_resumed(store: Database) -> None:
    at = Desk(store)
    await at.activate()
    assert await at.go_on()
    order = {**(await at.row()).given, "campaign_id": "gone"}
    async with store.writing() as connection:
        await connection.execute(ActivationRow.__table__.update().values(given=order))  # type: ignore[attr-defined]
    await at.say("confirmed")
    assert await at.go_on()
    row = await at.row()
    assert (row.state, row.stage, row.reason) == ("failed", "roll_out", "unknown campaign `gone`")
    async with store.writing() as connection:
        given = {**order, "campaign_id": ""}
        await connection.execute(ActivationRow.__table__.update().values(given=given))  # type: ignore[attr-defined]
    await desk.resume(store, SLUG, now=at.at.now())
    assert await at.go_on()
    assert (await at.row()).state == "active"


async def test_wrong_commands_say_what_to_do_instead(store: Database) -> None:
    at = Desk(store)
    with pytest.raises(InvalidRequest, match="there is no vertical `nothing`; there are: compliance_audit, ingestible"):
        await desk.activate(store, "nothing", ORDER, is_dry=False, trace={}, now=BEGUN)
    with pytest.raises(UnknownRecord, match="unknown activation of vertical `ingestible`"):
        await at.say("confirmed")
    with pytest.raises(UnknownRecord, match="unknown mailbox `none`"):
        await at.activate(order=desk.ActivationOrder(mailbox_id="none"))
    await at.activate()
    with pytest.raises(StateConflict, match="its activation is running; agentic-sales verticals status ingestible"):
        await at.activate()
    with pytest.raises(StateConflict, match="its activation is running"):
        await at.say("confirmed")
    assert await at.go_on()
    with pytest.raises(StateConflict, match="is waiting; agentic-sales verticals confirm ingestible --by NAME"):
        await at.activate()
    with pytest.raises(StateConflict, match="its activation is waiting"):
        await desk.resume(store, SLUG, now=BEGUN)
    await at.say("confirmed")
    with pytest.raises(StateConflict, match="Ann has confirmed it already"):
        await at.say("refused")


async def test_a_thread_that_waits_is_confirmed_in_a_release_whose_node_has_another_name(store: Database) -> None:
    at = Desk(store)
    await at.activate()
    assert await at.go_on()
    await at.say("confirmed")

    at.graph = next_release(at.saver)
    assert await at.go_on()
    assert ((await at.row()).state, len(await at.rounds())) == ("active", 1)
    assert at.runner.counts() == Counter(vertical_discovery=1, company_enrichment=2)
