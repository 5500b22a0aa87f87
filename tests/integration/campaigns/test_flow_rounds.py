"""A round of a flow in process: its leads come to their ends, and a process may die anywhere on the way."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from sqlalchemy import select

from agentic_sales.campaigns.book.privacy import Whom, erase_from_book, meant
from agentic_sales.campaigns.leads import desk
from agentic_sales.campaigns.leads.report import report_of_round
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import CampaignId, MailboxId, PersonId
from agentic_sales.errors import RunFailed
from agentic_sales.flows import BY_FLOW
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow, add_campaign
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.facts import Fact
from agentic_sales.store.flow_rounds import FlowPlanRow, FlowRoundRow
from agentic_sales.store.leads import LeadRow
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.merge import merge_people
from agentic_sales.store.people import PersonRow, SourcedPerson, recognise_people
from agentic_sales.store.recording import record_facts
from agentic_sales.store.statements import every
from tests.support.flow_rounds import BEGUN, Fate, Script, ScriptedRunner, empty, go_on, leads_by_name

ROUND = "spring-1"
ORDER = desk.RoundOrder("open_source", mailbox_id="sales", promoted_by="Ann")
PEOPLE = {"acme/tool": ("Ada Acme", "ada@acme.example"), "beta/kit": ("Bo Beta", "bo@beta.example")}


def dossier(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer as `gh_lead_research` does: two owners fit, one has investors, one is hardly known."""
    name = values["full_name"]
    person, email = PEOPLE.get(name, ("", ""))
    people = [{"name": person, "title": "Founder", "email": email, "source": f"https://github.com/{name}"}]
    brief = {"confidence": 0.3 if name == "dim/lamp" else 0.8, "evidence": [], "decision_makers": people}
    against = "funded" if name == "rich/app" else ""
    return {"brief": brief, "summary": {"icp_disqualifier": against}, "owner": {"name": name.partition("/")[0]}}


def found(*names: str) -> Mapping[str, Any]:
    """Answer as `gh_ai_repos` does."""
    return {"final_repos": [{"full_name": name, "url": f"https://github.com/{name}"} for name in names]}


SCRIPT: Script = {
    "gh_ai_repos": lambda _: found("acme/tool", "beta/kit", "rich/app", "dim/lamp"),
    "gh_lead_research": dossier,
    "contact_enrich": lambda _: {"github_handle": "ada", "tags": ["RAG"]},
}
LIST_SCRIPT: Script = {
    "company_enrichment": lambda _: {},
    "contact_enrich_sales": lambda _: {"seniority": "C-level"},
    "score_contact": lambda _: {"score": 0.7, "tier": "B", "reasons": ["it fits"]},
}
STAGES = {"acme/tool": "enrolled", "beta/kit": "enrolled", "rich/app": "dropped", "dim/lamp": "dropped"}


@pytest.fixture
async def store(migrated: Settings) -> AsyncIterator[Database]:
    """A database of each kind with a mailbox."""
    async with open_database(migrated) as database:
        await prepare(database)
        yield database


async def prepare(database: Database) -> None:
    """Write the mailbox."""
    values = {"address": "ann@sales.example", "postal_address": "1 Main Street\nSpringfield"}
    async with database.writing() as connection:
        await add_mailbox(connection, MailboxId("sales"), values, now=BEGUN)


async def through(database: Database, order: desk.RoundOrder = ORDER, script: Script = SCRIPT) -> ScriptedRunner:
    """Let a round go to its end."""
    runner = ScriptedRunner(script)
    await desk.begin_round(database, ROUND, order, trace={}, now=BEGUN)
    assert await go_on(database, runner, InMemorySaver(), VirtualClock(BEGUN))
    return runner


async def rows(database: Database, kind: Any) -> list[Any]:
    """Return every row of a table."""
    async with database.reading() as connection:
        return await every(connection, kind, select(kind))


@pytest.fixture(autouse=True)
def addresses_take_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the check of an address say that mail arrives there: no DNS is asked in these tests."""
    from agentic_sales.sources.mailboxes import MailboxChecks, MailboxVerdict  # noqa: PLC0415 - of this fixture alone

    async def check(_: MailboxChecks, address: str) -> MailboxVerdict:
        return MailboxVerdict(address, "deliverable", ("of these tests",))

    monkeypatch.setattr(MailboxChecks, "check", check)


async def test_a_lead_goes_from_the_source_to_a_campaign_that_asks_before_it_sends(store: Database) -> None:
    runner = await through(store)
    leads = await leads_by_name(store)
    assert {name: lead.stage for name, lead in leads.items()} == STAGES
    assert leads["rich/app"].reason == "ruled out: funded"
    assert leads["dim/lamp"].reason == "score 0.30, kept from 0.6"
    assert runner.counts() == Counter(gh_ai_repos=1, gh_lead_research=4, contact_enrich=2)
    [campaign] = await rows(store, CampaignRow)
    assert (campaign.state, campaign.plan["needs_approval"]) == ("running", True)
    assert {row.email for row in await rows(store, ContactRow)} == {"ada@acme.example", "bo@beta.example"}
    assert {row.consent_basis for row in await rows(store, ContactRow)} == {"legitimate_interest"}
    assert len(await rows(store, EnrollmentRow)) == 2
    [row] = await rows(store, FlowRoundRow)
    assert (row.state, row.found, row.wake_at) == ("finished", 4, None)


async def test_a_death_between_two_steps_repeats_no_finished_step_and_doubles_nothing(store: Database) -> None:
    """Look at every ninth moment, others on either database. The long test looks at all of them."""
    script = {**SCRIPT, "gh_ai_repos": lambda _: found("acme/tool", "rich/app")}
    await _sweep(store, script, first=4 if store.engine.dialect.name == "postgresql" else 0, every_nth=9)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_death_between_any_two_steps_repeats_no_finished_step_and_doubles_nothing(store: Database) -> None:
    await _sweep(store, SCRIPT, first=0, every_nth=1)


async def _sweep(database: Database, script: Script, *, first: int, every_nth: int) -> None:
    undisturbed = await through(database, script=script)
    wanted, moments = await _told(database), undisturbed.fate.reached
    assert moments > 40
    for moment in range(first, moments, every_nth):
        await empty(database)
        await prepare(database)
        runner, saver, at = ScriptedRunner(script), InMemorySaver(), VirtualClock(BEGUN)
        await desk.begin_round(database, ROUND, ORDER, trace={}, now=BEGUN)
        runner.fate = Fate(moment)
        assert not await go_on(database, runner, saver, at), f"nothing died at moment {moment}"
        assert await go_on(database, runner, saver, at)
        assert runner.counts() == undisturbed.counts(), f"a step was repeated after a death at moment {moment}"
        assert await _told(database) == wanted, f"after a death at moment {moment}"


async def _told(database: Database) -> Any:
    leads = [
        (row.name, row.stage, row.step, row.score, row.tries, row.outcome) for row in await rows(database, LeadRow)
    ]
    people = [row.name for row in await rows(database, PersonRow)]
    contacts = [row.email for row in await rows(database, ContactRow)]
    enrolled = len(await rows(database, EnrollmentRow))
    states = [(row.state, row.found) for row in await rows(database, FlowRoundRow)]
    return sorted(leads), sorted(people), sorted(contacts), enrolled, states


async def test_a_lead_that_fails_stops_no_other_and_what_may_be_retried_is(store: Database) -> None:
    failures = iter([True, True, False])

    def research(values: Mapping[str, Any]) -> Any:
        if values["full_name"] == "beta/kit":
            return RunFailed("r", "bug", "it broke", is_retryable=False)
        if values["full_name"] == "acme/tool" and next(failures):
            return RunFailed("r", "rate_limited", "later", is_retryable=True)
        return dossier(values)

    runner = await through(store, script={**SCRIPT, "gh_lead_research": research})
    leads = await leads_by_name(store)
    assert {name: lead.stage for name, lead in leads.items()} == {**STAGES, "beta/kit": "failed"}
    assert leads["beta/kit"].reason == "gh_lead_research: it broke"
    assert runner.counts()["gh_lead_research"] == 6


async def test_a_discovery_that_fails_for_good_ends_the_round_with_its_reason(store: Database) -> None:
    broken = {**SCRIPT, "gh_ai_repos": lambda _: RunFailed("r", "bad_query", "no such topic", is_retryable=False)}
    await through(store, script=broken)
    [row] = await rows(store, FlowRoundRow)
    assert (row.state, row.reason) == ("failed", "discovery failed: no such topic")


async def test_a_dry_round_writes_no_book_and_enrolls_nobody(store: Database) -> None:
    runner = await through(store, desk.RoundOrder("open_source", mailbox_id="sales", is_dry=True))
    leads = await leads_by_name(store)
    assert {lead.stage for lead in leads.values()} == {"waiting", "dropped"}
    assert all(values["dry_run"] for _, values in runner.asked)
    assert await rows(store, PersonRow) == await rows(store, ContactRow) == await rows(store, EnrollmentRow) == []


async def test_a_round_whose_budget_is_spent_pauses_and_goes_on_with_a_larger_one(store: Database) -> None:
    runner, saver, at = ScriptedRunner(SCRIPT), InMemorySaver(), VirtualClock(BEGUN)
    runner.usd = 1.0
    order = desk.RoundOrder("open_source", mailbox_id="sales", promoted_by="Ann", budget_usd=2.0)
    await desk.begin_round(store, ROUND, order, trace={}, now=BEGUN)
    assert await go_on(store, runner, saver, at)
    [row] = await rows(store, FlowRoundRow)
    assert row.state == "paused"
    assert row.reason == "its budget of 2 USD is spent; resume it with a larger one"
    assert await desk.resume(store, "open_source", now=at.now(), budget_usd=20.0) == [ROUND]
    assert await go_on(store, runner, saver, at)
    assert {name: lead.stage for name, lead in (await leads_by_name(store)).items()} == STAGES
    assert runner.counts() == Counter(gh_ai_repos=1, gh_lead_research=4, contact_enrich=2)


async def test_nothing_promotes_by_itself_and_a_lead_goes_on_when_its_person_is_a_contact(store: Database) -> None:
    runner, saver, at = ScriptedRunner(SCRIPT), InMemorySaver(), VirtualClock(BEGUN)
    order = desk.RoundOrder("open_source", mailbox_id="sales")
    await desk.begin_round(store, ROUND, order, trace={}, now=BEGUN)
    assert await go_on(store, runner, saver, at)
    leads = await leads_by_name(store)
    waiting = leads["acme/tool"]
    assert (waiting.stage, waiting.reason) == (
        "waiting",
        f"Ada Acme is no contact; agentic-sales people promote {waiting.person_id}",
    )
    assert await rows(store, ContactRow) == []
    await _promote(store, waiting.person_id or "")
    assert await go_on(store, runner, saver, at)
    assert (await leads_by_name(store))["acme/tool"].stage == "enrolled"


async def _promote(database: Database, person_id: str) -> None:
    from agentic_sales.campaigns.book.promotion import Grounds, promote  # noqa: PLC0415 - of this test alone
    from agentic_sales.contracts import PersonId, Subject  # noqa: PLC0415 - as above

    async with database.writing() as connection:
        told = {"address": "ada@acme.example", "verdict": "deliverable", "reasons": []}
        await record_facts(connection, [Fact(Subject("person", person_id), "email_verdict", told, "api", BEGUN)])

    async def nobody(_: str) -> Any:
        raise AssertionError("a recorded verdict decides")

    grounds = Grounds("legitimate_interest", "their page", "Ann")
    await promote(database, PersonId(person_id), grounds, check=nobody, now=BEGUN)


async def test_a_suppressed_person_never_joins_the_campaign(store: Database) -> None:
    async with store.writing() as connection:
        await stop_person(connection, email_hash("ada@acme.example"), "unsubscribed", source="test", now=BEGUN)
    await through(store)
    leads = await leads_by_name(store)
    assert leads["acme/tool"].stage == "waiting"
    assert "must not be written to: unsubscribed" in leads["acme/tool"].reason
    assert [row.email for row in await rows(store, ContactRow)] == ["bo@beta.example"]
    assert len(await rows(store, EnrollmentRow)) == 1


async def test_a_person_in_the_campaign_of_one_flow_joins_no_campaign_of_another_one_meanwhile(store: Database) -> None:
    await through(store)
    line = {"company": "Acme", "domain": "acme.example", "person": "Ada Acme", "email": "ada@acme.example"}
    order = desk.RoundOrder("list", mailbox_id="sales", promoted_by="Ann", given={"leads": [line]})
    await desk.begin_round(store, "list-1", order, trace={}, now=BEGUN)
    assert await go_on(store, ScriptedRunner(LIST_SCRIPT), InMemorySaver(), VirtualClock(BEGUN))
    lead = (await leads_by_name(store))["Acme"]
    assert (lead.stage, lead.campaign_id) == ("dropped", None)
    assert "in campaign `flow-open_source-sales` of a flow already" in lead.reason
    assert {row.campaign_id for row in await rows(store, EnrollmentRow)} == {"flow-open_source-sales"}


async def test_a_campaign_that_somebody_named_for_the_round_takes_the_person_in_any_case(store: Database) -> None:
    await through(store)
    plan = desk.campaign_plan(BY_FLOW["list"], "sales").model_dump(mode="json")
    async with store.writing() as connection:
        await add_campaign(connection, CampaignId("autumn"), name="Autumn", plan=plan, now=BEGUN)
    line = {"company": "Acme", "domain": "acme.example", "person": "Ada Acme", "email": "ada@acme.example"}
    order = desk.RoundOrder("list", campaign_id="autumn", promoted_by="Ann", given={"leads": [line]})
    await desk.begin_round(store, "list-1", order, trace={}, now=BEGUN)
    assert await go_on(store, ScriptedRunner(LIST_SCRIPT), InMemorySaver(), VirtualClock(BEGUN))
    assert (await leads_by_name(store))["Acme"].campaign_id == "autumn"


async def test_a_later_round_finds_no_lead_anew(store: Database) -> None:
    await through(store)
    runner = ScriptedRunner({**SCRIPT, "gh_ai_repos": lambda _: found("acme/tool", "new/one")})
    await desk.begin_round(store, "spring-2", ORDER, trace={}, now=BEGUN)
    assert await go_on(store, runner, InMemorySaver(), VirtualClock(BEGUN))
    assert [values["full_name"] for name, values in runner.asked if name == "gh_lead_research"] == ["new/one"]
    report = await report_of_round(store, "spring-2")
    assert (report["found"], report["leads"]) == (2, {"waiting": 1})


async def test_a_paused_round_begins_nothing_until_it_is_resumed(store: Database) -> None:
    runner, saver, at = ScriptedRunner(SCRIPT), InMemorySaver(), VirtualClock(BEGUN)
    await desk.begin_round(store, ROUND, ORDER, trace={}, now=BEGUN)
    assert await desk.pause(store, ROUND, now=BEGUN) == [ROUND]
    assert await go_on(store, runner, saver, at)
    assert runner.asked == []
    assert await desk.resume(store, ROUND, now=BEGUN) == [ROUND]
    assert await go_on(store, runner, saver, at)
    assert {name: lead.stage for name, lead in (await leads_by_name(store)).items()} == STAGES


async def test_the_leads_of_a_list_need_no_discovery_and_their_companies_are_in_the_book(store: Database) -> None:
    lines = [{"company": "Acme", "domain": "acme.example", "person": "Ada Acme", "title": "CTO"}, {"company": "Empty"}]
    runner = await through(store, desk.RoundOrder("list", given={"leads": lines}), LIST_SCRIPT)
    leads = await leads_by_name(store)
    assert {name: (lead.stage, lead.reason) for name, lead in leads.items()} == {
        "Acme": ("waiting", f"Ada Acme is no contact; agentic-sales people promote {leads['Acme'].person_id}"),
        "Empty": ("dropped", "nothing to judge: nobody of it is known by a whole name"),
    }
    assert runner.counts() == Counter(company_enrichment=2, contact_enrich_sales=1, score_contact=1)
    assert leads["Acme"].company_id is not None


async def test_whoever_is_forgotten_is_in_no_lead_any_more_also_not_as_a_name_in_one(store: Database) -> None:
    await through(store)
    whom = Whom(email="ada@acme.example")
    async with store.reading() as connection:
        held = (await meant(connection, whom)).traces
    assert [row.name for row in held.leads] == ["acme/tool"]
    erased, _ = await erase_from_book(store, whom, now=BEGUN)
    assert erased["leads"] == 1
    told = repr([row.as_data() for row in await rows(store, LeadRow)])
    assert "Ada Acme" not in told
    assert "ada@acme.example" not in told
    assert set(await leads_by_name(store)) == {"beta/kit", "rich/app", "dim/lamp"}


async def test_a_forgotten_person_is_in_no_list_that_a_flow_was_given(store: Database) -> None:
    lines = [{"company": "Acme", "person": "Ada Acme", "email": "ada@acme.example"}, {"company": "Beta"}]
    order = desk.RoundOrder("list", given={"leads": lines})
    await desk.begin_round(store, ROUND, order, trace={}, now=BEGUN)
    await desk.plan_rounds(store, order, "0 6 * * 1", time_zone="UTC", missed="skip", now=BEGUN)
    whom = Whom(email="ada@acme.example")
    async with store.reading() as connection:
        held = (await meant(connection, whom)).traces
    assert [line.told for line in held.lines] == [lines[0], lines[0]]
    erased, _ = await erase_from_book(store, whom, now=BEGUN)
    assert erased["lines"] == 2
    [row], [plan] = await rows(store, FlowRoundRow), await rows(store, FlowPlanRow)
    assert row.given["leads"] == plan.request["given"]["leads"] == [lines[1]]


async def test_the_visits_to_people_whom_a_round_enrolls_belong_to_the_trace_of_the_round(store: Database) -> None:
    await through(store)
    [row] = await rows(store, FlowRoundRow)
    assert parse_inbound(row.trace).is_decided
    assert [joined.trace for joined in await rows(store, EnrollmentRow)] == [row.trace, row.trace]


async def test_a_lead_of_a_person_who_was_merged_into_another_one_goes_on_with_that_one(store: Database) -> None:
    await through(store, desk.RoundOrder("open_source", mailbox_id="sales"))
    lead = (await leads_by_name(store))["acme/tool"]
    async with store.writing() as connection:
        other = SourcedPerson("Ada A. Acme", profile="https://github.com/ada-acme")
        [into] = (await recognise_people(connection, [other], now=BEGUN)).ids.values()
        await merge_people(connection, into=into, other=PersonId(lead.person_id or ""), now=BEGUN)
    assert (await leads_by_name(store))["acme/tool"].person_id == into
