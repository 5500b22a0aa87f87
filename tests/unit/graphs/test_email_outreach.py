"""One mail of an outreach: nothing against a stop condition, the nearest persona, a reason to write now."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import ContactId, StopReason
from agentic_sales.errors import InvalidInput
from agentic_sales.graphs.email_outreach import EXAMPLE, Output, graph
from agentic_sales.rules.personas import GENERIC, Persona, best_match, score_of
from agentic_sales.rules.wording import html_of
from agentic_sales.settings import Settings
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import Database, close_current_database, open_database
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.products import save_product
from agentic_sales.store.suppressions import suppress
from tests.support.graph_runs import assert_is_complete, run_by_rules, run_with_model
from tests.support.model_server import answer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
GRACE = "grace@harbor.example"
HEAD_OF_TESTING = Persona(title="Head of Testing", seniority="Director", department="Engineering", pain="Slow tests.")
BUYER = Persona(title="Purchasing Manager", seniority="Manager", department="Other")
MAIL = {"subject": "Rigs for Harbor", "body": "Hi Grace,\n\nYour tests take three days. Would a call help?"}


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A store in which nobody is known yet."""
    monkeypatch.setenv("AGENTIC_SALES_STATE_DIR", str(tmp_path))
    configuration = Settings()
    await asyncio.to_thread(upgrade, configuration)
    async with open_database(configuration) as database:
        yield database
    await close_current_database()


async def known(database: Database, **values: Any) -> ContactId:
    """Write Grace down."""
    person = {
        "email": GRACE,
        "email_hash": email_hash(GRACE),
        "first_name": "Grace",
        "last_name": "Example",
        "position": "Head of Firmware Testing",
        "company_id": None,
        "consent_basis": "legitimate_interest",
        "consent_source": "a fair",
        "consent_at": NOW,
        "fields": {},
        **values,
    }
    async with database.writing() as connection:
        contact_id = await add_contact(connection, person, now=NOW)
    assert contact_id is not None
    return contact_id


async def test_a_person_of_the_store_is_greeted_and_matched_by_what_is_known(store: Database) -> None:
    contact_id = await known(store)
    final = await run_by_rules(graph, {"recipient_email": GRACE, "product": EXAMPLE["product"]})
    assert final["contact_id"] == contact_id
    assert final["text"].startswith("Hi Grace,")
    assert final["persona_match"]["title"] == "Head of Testing"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("unsubscribed", "unsubscribed"),
        ("complained", "unsubscribed"),
        ("bounced", "bounced"),
        ("suppressed", "stopped"),
        ("stopped", "stopped"),
        ("replied", "replied"),
    ],
)
async def test_nothing_is_written_against_a_stop_condition(store: Database, reason: StopReason, told: str) -> None:
    async with store.writing() as connection:
        await suppress(connection, email_hash(GRACE), reason, source="test", now=NOW)
    run = await run_with_model(graph, {**EXAMPLE, "recipient_email": GRACE}, answer(MAIL))
    assert (run.final["skip_reason"], run.final["subject"], run.final["text"]) == (told, "", "")
    assert run.requests == []


async def test_a_product_of_the_store_is_read_by_its_number(store: Database) -> None:
    async with store.writing() as connection:
        content = {"description": "Test rigs.", "personas": [HEAD_OF_TESTING.model_dump()]}
        number = await save_product(connection, "Rigbench", content, now=NOW)
    final = await run_by_rules(graph, {"recipient_role": "Head of Testing", "product_id": number})
    assert final["product_aware"]
    assert final["personas"] == [HEAD_OF_TESTING.model_dump()]
    assert "Rigbench: Test rigs." in final["text"]


@pytest.mark.usefixtures("store")
async def test_a_product_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(InvalidInput, match="no product has the number 7"):
        await run_by_rules(graph, {"product_id": 7})


@pytest.mark.usefixtures("store")
async def test_an_address_that_is_none_is_a_clear_error() -> None:
    with pytest.raises(InvalidInput, match="/recipient_email"):
        await run_by_rules(graph, {"recipient_email": "grace at harbor"})


class TestPersonas:
    def test_the_score_is_seven_parts_title_and_a_part_and_a_half_each_of_seniority_and_department(self) -> None:
        assert score_of("Head of Testing", HEAD_OF_TESTING) == pytest.approx(1.0)
        assert score_of("Head of Testing", Persona(title="Head of Testing")) == pytest.approx(0.70)

    def test_the_nearest_one_matches(self) -> None:
        found = best_match("Head of Firmware Testing", [BUYER, HEAD_OF_TESTING], 0.55)
        assert found is not None
        assert found.title == "Head of Testing"

    def test_below_the_threshold_the_match_is_generic_and_says_how_near_it_was(self) -> None:
        found = best_match("Florist", [BUYER, HEAD_OF_TESTING], 0.55)
        assert found is not None
        assert found.title == GENERIC
        assert 0 < found.score < 0.55

    def test_without_personas_there_is_no_match(self) -> None:
        assert best_match("Florist", [], 0.55) is None


@pytest.mark.parametrize(
    ("role", "hook"), [("Head of Testing", "for testers"), ("Purchasing Manager", "any mail"), ("Florist", "any mail")]
)
async def test_the_template_is_the_personas_else_the_first_for_mails(role: str, hook: str) -> None:
    templates = [
        {"channel": "linkedin_dm", "persona": "Head of Testing", "hook": "no mail"},
        {"channel": "cold_email", "persona": "", "hook": "any mail"},
        {"channel": "cold_email", "persona": "Head of Testing", "hook": "for testers"},
    ]
    product = {"name": "Rigbench", "personas": [HEAD_OF_TESTING.model_dump()], "templates": templates}
    final = await run_by_rules(graph, {"recipient_role": role, "product": product})
    assert final["template"]["hook"] == hook


async def test_a_follow_up_says_something_new_and_looks_for_no_hook() -> None:
    given = {**EXAMPLE, "earlier_mails": [{"subject": "Rigs", "text": "Hi Grace, our rigs …"}]}
    run = await run_with_model(graph, given, answer(MAIL))
    [request] = run.requests
    assert "Hi Grace, our rigs" in str(request)
    assert run.final["hook"] == ""


async def test_a_model_finds_the_hook_and_writes_the_mail_and_code_signs_it() -> None:
    run = await run_with_model(graph, EXAMPLE, answer({"hook": "You test by hand for three days."}), answer(MAIL))
    assert run.final["hook"] == "You test by hand for three days."
    assert run.final["text"] == f"{MAIL['body']}\n\nThanks,\nAda Example"
    assert run.final["source"] == "llm"


def test_html_takes_nothing_of_the_text_for_markup() -> None:
    assert html_of("Hi <b>\n\na & b\nc") == "<p>Hi &lt;b&gt;</p>\n<p>a &amp; b<br>\nc</p>"


@pytest.mark.parametrize("given", [EXAMPLE, {}], ids=["example", "nothing"])
async def test_an_answer_is_complete(given: dict[str, Any]) -> None:
    final = await run_by_rules(graph, given)
    assert_is_complete(final, Output)
    assert final["subject"]
    assert final["html"].startswith("<p>Hi")


async def test_a_mail_or_hook_with_a_number_that_nobody_gave_gives_way_to_the_rules() -> None:
    hook = {"hook": "You lose 4,000 hours a year."}
    lie = {"subject": "Rigs for Harbor", "body": "Hi Grace,\n\nRigs are 3x faster. Would a call help?"}
    run = await run_with_model(graph, EXAMPLE, answer(hook), answer(lie))
    assert run.final["hook"].startswith("You wrote:")
    assert (run.final["source"], "3x" in run.final["text"]) == ("rules", False)
    assert "Rigbench" in run.final["text"]
