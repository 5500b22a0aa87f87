"""Rounds of a flow learn from what became of the leads of earlier ones."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agentic_sales.campaigns.book.promotion import Grounds, promote
from agentic_sales.campaigns.leads import desk
from agentic_sales.campaigns.leads.arms import learnt_of, plan_of
from agentic_sales.campaigns.leads.report import described_flow, report_of_round
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import MailboxId, PersonId, Subject
from agentic_sales.control import control_plane
from agentic_sales.errors import StateConflict
from agentic_sales.flows import SearchArms, Template
from agentic_sales.settings import Settings
from agentic_sales.sources.mailboxes import MailboxChecks, MailboxVerdict
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.facts import Fact
from agentic_sales.store.flow_rounds import FlowRoundRow
from agentic_sales.store.inbound import add_inbound
from agentic_sales.store.leads import LeadRow
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.recording import record_facts
from agentic_sales.store.touches import add_touch
from tests.support.flow_rounds import BEGUN, Fate, Script, ScriptedRunner, go_on, leads_by_name

LATER = BEGUN + timedelta(days=40)
"""Silent leads are silent for good."""
ORDER = desk.RoundOrder("open_source", most_leads=8, mailbox_id="sales", promoted_by="Ann")


@pytest.fixture
async def store(migrated: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database with a mailbox, and a flow with two queries and two templates. No DNS is asked."""

    async def check(_: MailboxChecks, address: str) -> MailboxVerdict:
        return MailboxVerdict(address, "deliverable", ("of these tests",))

    monkeypatch.setattr(MailboxChecks, "check", check)
    flows: Any = control_plane().flows
    flow = flows["open_source"]
    discover = replace(flow.discover, arms=(SearchArms("query", "topics", ("good", "bad")),))
    templates = (Template("short", "Be short."), Template("long", "Tell all."))
    changed = replace(flow, discover=discover, outreach=replace(flow.outreach, templates=templates))
    monkeypatch.setitem(flows, "open_source", changed)
    async with open_database(migrated) as database:
        values = {"address": "ann@sales.example", "postal_address": "1 Main Street\nSpringfield"}
        async with database.writing() as connection:
            await add_mailbox(connection, MailboxId("sales"), values, now=BEGUN)
        yield database


def script_of(round_name: str, *, without_address: str = "") -> Script:
    """Answer a search with as many repositories of its topic as it asks for."""

    def found(values: Mapping[str, Any]) -> Mapping[str, Any]:
        [topic] = values["topics"]
        names = [f"{topic}/{round_name}{number}" for number in range(values["max_repos"])]
        return {"final_repos": [{"full_name": name, "url": f"https://github.com/{name}"} for name in names]}

    def dossier(values: Mapping[str, Any]) -> Mapping[str, Any]:
        name = str(values["full_name"])
        email = "" if name == without_address else f"{name.replace('/', '.')}@acme.example"
        words = f"Ada {name.replace('/', ' ').title().translate(str.maketrans('0123456789', 'abcdefghij'))}"
        person = {"name": words, "title": "Founder", "email": email, "source": f"https://github.com/{name}"}
        return {"brief": {"confidence": 0.8, "evidence": [], "decision_makers": [person]}, "summary": {}}

    return {"gh_ai_repos": found, "gh_lead_research": dossier, "contact_enrich": lambda _: {}}


async def through(
    database: Database, round_id: str, at: VirtualClock, script: Script, order: desk.RoundOrder = ORDER
) -> FlowRoundRow:
    """Let a round go to its end."""
    with clock.going_by(at.now):
        row = await desk.begin_round(database, round_id, order, trace={}, now=at.now())
    assert await go_on(database, ScriptedRunner(script), InMemorySaver(), at)
    return row


async def became(database: Database, lead: LeadRow, kind: str = "", reply_class: str | None = None) -> None:
    """Invent the message of a lead and what came back."""
    values = {
        "touch_id": lead.lead_id,
        "campaign_id": lead.campaign_id,
        "contact_id": lead.contact_id,
        "step": 0,
        "mailbox_id": "sales",
        "to_email": "x@acme.example",
        "email_hash": lead.lead_id,
        "subject": "s",
        "text": "t",
        "message_id": f"<{lead.lead_id}>",
        "digest": "d",
        "state": "sent",
        "not_before_at": BEGUN,
        "sent_at": BEGUN,
    }
    back = {"source": "test", "kind": kind, "touch_id": lead.lead_id, "contact_id": lead.contact_id}
    async with database.writing() as connection:
        assert await add_touch(connection, values, now=BEGUN)
        if kind:
            told = {**back, "reply_class": reply_class, "received_at": BEGUN}
            await add_inbound(connection, f"{lead.lead_id}-{kind}", told, now=BEGUN)


async def answered_by_the_good(database: Database) -> None:
    """Let every lead of the good query be interested, and the others be silent."""
    for name, lead in (await leads_by_name(database)).items():
        await became(database, lead, *(("reply", "interested") if name.startswith("good") else ()))


async def test_the_next_round_deals_more_to_the_arm_that_answered_and_says_why(store: Database) -> None:
    first = await through(store, "one", VirtualClock(BEGUN), script_of("a"))
    assert plan_of(first)["contacts"]["query"] == {"good": 4, "bad": 4}
    leads = await leads_by_name(store)
    assert {lead.stage for lead in leads.values()} == {"enrolled"}
    assert Counter(lead.arm["template"] for lead in leads.values()) == Counter(short=4, long=4)
    assert {(lead.arm["template"], lead.campaign_id) for lead in leads.values()} == {
        ("short", "flow-open_source-short-sales"),
        ("long", "flow-open_source-long-sales"),
    }
    assert {lead.arm["persona"] for lead in leads.values()} == {"C-level"}
    await answered_by_the_good(store)
    second = await through(store, "two", VirtualClock(LATER), script_of("b"))
    dealt = plan_of(second)["contacts"]["query"]
    assert dealt["good"] > dealt["bad"]
    mine = [name for name, lead in (await leads_by_name(store)).items() if lead.round_id == "two"]
    assert Counter(name.partition("/")[0] for name in mine) == +Counter(dealt)
    with clock.going_by(lambda: LATER):
        async with store.reading() as connection:
            told = await described_flow(connection, "open_source")
    [good] = [arm for arm in told["arms"] if arm["arm"] == "good"]
    assert [good[name] for name in ("contacted", "answered", "interested")] == [4, 4, 4]
    assert good["interested_share"]["low_ratio"] > 0.5
    assert any("Query `good`: " in said and "4 of 4 people were interested" in said for said in told["sentences"])
    assert told["threshold_why"].startswith("The score is left as it is: 8 outcomes are too few")


async def test_a_visit_that_dies_deals_the_same_arms_again(store: Database) -> None:
    await through(store, "one", VirtualClock(BEGUN), script_of("a"))
    for lead in (await leads_by_name(store)).values():
        await became(store, lead)
    runner, saver, at = ScriptedRunner(script_of("b")), InMemorySaver(), VirtualClock(LATER)
    with clock.going_by(at.now):
        dealt = plan_of(await desk.begin_round(store, "two", ORDER, trace={}, now=at.now()))
    runner.fate = Fate(4)
    assert not await go_on(store, runner, saver, at)
    for lead in (await leads_by_name(store)).values():
        if lead.round_id == "one" and lead.name.startswith("bad"):
            async with store.writing() as connection:
                told = {"source": "test", "kind": "reply", "touch_id": lead.lead_id, "reply_class": "interested"}
                await add_inbound(connection, f"{lead.lead_id}-late", {**told, "received_at": LATER}, now=LATER)
    assert await go_on(store, runner, saver, at)
    searched = {values["topics"][0]: values["max_repos"] for name, values in runner.asked if name == "gh_ai_repos"}
    assert searched == dealt["contacts"]["query"]
    assert runner.counts()["gh_ai_repos"] == 2
    assert (await report_of_round(store, "two"))["found"] == 8


async def test_a_complaint_stops_its_arm_at_once_also_for_leads_of_the_running_round(store: Database) -> None:
    script, at = script_of("a", without_address="bad/a1"), VirtualClock(BEGUN)
    await through(store, "one", at, script)
    leads = await leads_by_name(store)
    late = leads["bad/a1"]
    assert late.stage == "waiting"
    other = next(lead for name, lead in leads.items() if name.startswith("bad") and lead.stage == "enrolled")
    await became(store, other, "complained")
    await _promote(store, late.person_id or "")
    runner, saver = ScriptedRunner(script), InMemorySaver()
    assert await go_on(store, runner, saver, at)
    stopped = (await leads_by_name(store))["bad/a1"]
    assert stopped.stage == "waiting"
    assert stopped.reason.startswith(
        "query `bad` is stopped: 1 of 1 people complained of the mail; agentic-sales flows"
    )
    async with store.reading() as connection:
        told = (await learnt_of(connection, "open_source", now=BEGUN)).stopped_of(control_plane().flow("open_source"))
    assert {"kind": "query", "arm": "bad", "why": "1 of 1 people complained of the mail"} in told
    second = await through(store, "two", VirtualClock(LATER), script_of("b"))
    assert plan_of(second)["contacts"]["query"] == {"good": 8}
    assert not [name for name in await leads_by_name(store) if name.startswith("bad/b")]
    template = other.arm["template"]
    assert await desk.allow_arm(store, "open_source", "query", "bad", now=LATER) == ["one"]
    assert template in plan_of(second)["stopped"]["template"]


async def test_a_person_lets_a_stopped_arm_go_on_until_its_next_harm(store: Database) -> None:
    await through(store, "one", VirtualClock(BEGUN), script_of("a"))
    first, other = (lead for name, lead in (await leads_by_name(store)).items() if name in {"bad/a0", "bad/a1"})
    await became(store, first, "complained")
    await desk.allow_arm(store, "open_source", "query", "bad", now=BEGUN)
    with pytest.raises(StateConflict, match="it is not stopped"):
        await desk.allow_arm(store, "open_source", "query", "bad", now=BEGUN)
    await became(store, other, "complained")
    await desk.allow_arm(store, "open_source", "query", "bad", now=BEGUN)


async def test_a_reply_is_noted_by_its_class(store: Database) -> None:
    await through(store, "one", VirtualClock(BEGUN), script_of("a"))
    leads = list((await leads_by_name(store)).values())
    told = {"not_now": "not_now", "unsubscribe": "unsubscribed", "maybe_unsubscribe": "replied", "other": "other"}
    for lead, reply_class in zip(leads, told, strict=False):
        await became(store, lead, "reply", reply_class)
    assert await go_on(store, ScriptedRunner({}), InMemorySaver(), VirtualClock(LATER))
    after = {lead.lead_id: lead.outcome for lead in (await leads_by_name(store)).values()}
    assert [after[lead.lead_id] for lead in leads[:4]] == list(told.values())


async def _promote(database: Database, person_id: str) -> None:
    async with database.writing() as connection:
        told = {"address": "late@acme.example", "verdict": "deliverable", "reasons": []}
        await record_facts(connection, [Fact(Subject("person", person_id), "email_verdict", told, "api", BEGUN)])

    async def nobody(_: str) -> Any:
        raise AssertionError("a recorded verdict decides")

    grounds = Grounds("legitimate_interest", "their page", "Ann")
    await promote(database, PersonId(person_id), grounds, check=nobody, now=BEGUN, email="late@acme.example")
