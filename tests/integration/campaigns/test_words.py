"""What a message is written from: who sends it, the fields of the person, and the thread that it goes on with."""

import io
from typing import Any, ClassVar

import pytest
from sqlalchemy import update

from agentic_sales.campaigns.people.import_contacts import ContactImport
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.campaigns.plan.check import read_plan
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.visits.machine import decide
from agentic_sales.campaigns.visits.situation import Commission, commission_of, sender_of, situation_of
from agentic_sales.campaigns.visits.visit import keep_draft
from agentic_sales.contracts import ContactId, MailboxId
from agentic_sales.control import control_plane
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.runs.validation import InputValidator
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import CampaignRow, change_enrollment
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.touches import TouchRow
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, PLAN, SmallCampaign, small_campaign

SECOND = MailboxId("second")


async def commissioned(campaign: SmallCampaign, contact_id: ContactId) -> Commission:
    """Return what the present step's workflow is asked."""
    async with campaign.database.reading() as connection:
        return await commission_of(connection, await situation_of(connection, (CAMPAIGN, contact_id)))


async def written(campaign: SmallCampaign, contact_id: ContactId, subject: str) -> TouchRow:
    """Store a workflow's message for the present step."""
    async with campaign.database.reading() as connection:
        situation = await situation_of(connection, (CAMPAIGN, contact_id))
    told = {"subject": subject, "text": "Hello,\n\nshall we talk?"}
    return await keep_draft(campaign.database, situation, told, run_id="run", langsmith_run_id=None, now=NOW)


async def go_on(campaign: SmallCampaign, contact_id: ContactId, row: TouchRow) -> None:
    """Send a message, and go to the next step."""
    assert (await campaign.door().send(row.touch_id, now=NOW)).state == "sent"  # type: ignore[arg-type]  # a column
    async with campaign.database.writing() as connection:
        await change_enrollment(connection, CAMPAIGN, contact_id, {"step": row.step + 1}, now=NOW)


async def replan(campaign: SmallCampaign, **changes: Any) -> None:
    """Change the plan of the campaign."""
    plan = CampaignPlan.model_validate({**PLAN, **changes}).model_dump(mode="json")
    async with campaign.database.writing() as connection:
        await connection.execute(update(CampaignRow).where(CampaignRow.campaign_id == CAMPAIGN).values(plan=plan))


class TestTheSender:
    async def test_name_role_and_signature_of_the_mailbox_reach_the_workflow(self, migrated: Settings) -> None:
        about: dict[str, Any] = {"display_name": "Ann Miller", "sender_role": "Head of Sales", "signature": "Best\nAnn"}
        async with small_campaign(migrated, **about) as campaign:
            told = (await commissioned(campaign, await campaign.person("jo@example.com"))).input
        assert (told["sender_name"], told["sender_role"], told["signature"]) == (
            "Ann Miller",
            "Head of Sales",
            "Best\nAnn",
        )

    async def test_a_mailbox_without_a_name_signs_by_its_address(self, migrated: Settings) -> None:
        async with small_campaign(migrated, display_name="", address="ann.miller@sales.example") as campaign:
            told = (await commissioned(campaign, await campaign.person("jo@example.com"))).input
        assert told["sender_name"] == "Ann Miller"

    async def test_the_input_of_a_step_goes_before_what_the_mailbox_says(self, migrated: Settings) -> None:
        plan = {"steps": [{"input": {"sender_name": "The team"}}]}
        async with small_campaign(migrated, plan=plan) as campaign:
            told = (await commissioned(campaign, await campaign.person("jo@example.com"))).input
        assert told["sender_name"] == "The team"


class TestFields:
    PLAN: ClassVar[dict[str, Any]] = {
        "steps": [{"input": {"instructions": "Mention {{city}} and {{ size }}; call them {{name}}."}}],
        "fields": {
            "city": {},
            "size": {"if_missing": "default", "default": "your team"},
            "tool": {"if_missing": "empty"},
        },
    }

    async def test_a_step_names_fields_and_the_plan_says_what_stands_for_those_that_are_missing(
        self, migrated: Settings
    ) -> None:
        async with small_campaign(migrated, plan=self.PLAN) as campaign:
            contact_id = await campaign.person("jo@example.com", fields={"city": "Ulm", "secret note": "x"})
            told = (await commissioned(campaign, contact_id)).input
        assert told["instructions"] == "Mention Ulm and your team; call them {{name}}."
        assert told["recipient_fields"] == {"city": "Ulm", "size": "your team"}, (
            "and nothing that the plan does not name"
        )
        InputValidator(control_plane()).check("email_outreach", told)

    async def test_a_person_without_a_needed_field_is_parked_with_the_reason(self, migrated: Settings) -> None:
        async with small_campaign(migrated, plan=self.PLAN) as campaign:
            contact_id = await campaign.person("jo@example.com", fields={"city": " "})
            async with campaign.database.reading() as connection:
                found = decide(await situation_of(connection, (CAMPAIGN, contact_id)), NOW)
        assert (found.act, "`city` is empty" in found.why) == ("park", True)

    async def test_an_import_refuses_a_line_without_a_needed_field(self, migrated: Settings) -> None:
        raw = b"email,first name,city\njo@example.com,Jo,Ulm\numa@example.com,Uma,\n"
        async with small_campaign(migrated, plan=self.PLAN) as campaign:
            needed = CampaignPlan.model_validate({**PLAN, **self.PLAN}).needed_fields
            defaults = ConsentDefaults("consent", "a fair")
            opened = ContactImport(io.BytesIO(raw), now=NOW, defaults=defaults, needed=needed)
            lines = [line async for batch in opened.batches(campaign.database) for line in batch]
        assert [line.status for line in lines] == ["added", "refused"]
        assert [problem.column for problem in lines[1].problems] == ["city"]

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            (
                {"steps": [{"input": {"tone": "{{town}}"}}]},
                "`steps[0]` names the field `{{town}}`, which",
            ),
            ({"fields": {"city": {"if_missing": "default"}}}, "`default` is given if and only if"),
            ({"fields": {"city": {"if_missing": "guess"}}}, "`fields.city.if_missing` is"),
        ],
    )
    def test_a_field_that_the_plan_does_not_declare_is_a_mistake_of_the_plan(
        self, wrong: dict[str, Any], told: str
    ) -> None:
        control = control_plane()
        with pytest.raises(InvalidRequest) as refused:
            read_plan({**PLAN, **wrong}, control=control, check_input=InputValidator(control).check, now=NOW)
        assert told in str(refused.value)


class TestTheThread:
    async def test_a_follow_up_is_a_reply_with_the_subject_of_the_first_also_from_another_mailbox(
        self, migrated: Settings
    ) -> None:
        async with small_campaign(migrated) as campaign:
            contact_id = await campaign.person("jo@example.com")
            first = await written(campaign, contact_id, "Your forecasts")
            await go_on(campaign, contact_id, first)
            values = {"address": "bob@other.example", "postal_address": "1 Main Street"}
            async with campaign.database.writing() as connection:
                await add_mailbox(connection, SECOND, values, now=NOW)
            await replan(campaign, mailboxes=[SECOND])
            second = await written(campaign, contact_id, "One more thought")
            await go_on(campaign, contact_id, second)
            third = await written(campaign, contact_id, "The last one")
            assert (second.mailbox_id, second.subject) == (SECOND, "Re: Your forecasts")
            assert third.subject == "Re: Your forecasts"
            assert third.references == f"{first.message_id} {second.message_id}"
            await go_on(campaign, contact_id, third)
            mail = campaign.mails()[-1] if campaign.mails()[-1]["In-Reply-To"] else campaign.mails()[0]
            assert mail["Subject"].startswith("Re: Your forecasts")

    async def test_a_person_keeps_the_mailbox_while_the_plan_names_it(self, migrated: Settings) -> None:
        async with small_campaign(migrated) as campaign:
            people = [await campaign.person(f"p{number}@example.com") for number in range(6)]
            for contact_id in people:
                await go_on(campaign, contact_id, await written(campaign, contact_id, "Your forecasts"))
            async with campaign.database.writing() as connection:
                values = {"address": "bob@other.example", "postal_address": "1 Main Street"}
                await add_mailbox(connection, SECOND, values, now=NOW)
            await replan(campaign, mailboxes=[SECOND, MAILBOX])
            async with campaign.database.reading() as connection:
                chosen = {sender_of(await situation_of(connection, (CAMPAIGN, contact_id))) for contact_id in people}
        assert chosen == {MAILBOX}

    async def test_a_step_may_begin_a_thread_of_its_own(self, migrated: Settings) -> None:
        async with small_campaign(migrated, plan={"steps": [{}, {"thread": "new"}, {}]}) as campaign:
            contact_id = await campaign.person("jo@example.com")
            await go_on(campaign, contact_id, await written(campaign, contact_id, "Your forecasts"))
            second = await written(campaign, contact_id, "Another matter")
            await go_on(campaign, contact_id, second)
            third = await written(campaign, contact_id, "More")
        assert (second.subject, second.in_reply_to) == ("Another matter", "")
        assert (third.subject, third.references) == ("Re: Another matter", second.message_id)
