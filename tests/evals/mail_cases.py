"""Let the labelled mails come back to a campaign, and say which of them went as their labels say."""

from collections.abc import Mapping
from typing import Any

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.campaigns.answers.replies import asked_of, note_class
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.visits.situation import zone_of
from agentic_sales.campaigns.visits.visit import begin, unread
from agentic_sales.contracts import ContactId
from agentic_sales.graphs.classify_reply import Input, graph
from agentic_sales.store.inbound import InboundRow, inbound_of
from agentic_sales.store.suppressions import suppressions_of
from tests.evals.tally import Tally, cases
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, SmallCampaign, later

SUBJECT = "Waybill for In Ltd"
MUST_NOT_BE_IGNORED = frozenset({"unsubscribed", "complained", "bounced"})


async def run(campaign: SmallCampaign, name: str) -> tuple[Tally, list[str]]:
    """Let a set come back; return how many cases went right, and the opt-outs, bounces and complaints ignored."""
    tally, ignored = Tally(name), []
    for case in cases(name):
        faults = await _faults(campaign, case)
        expected = case["expect"]
        tally.count(expected["kind"], f"{case['id']} {case['what']}", faults)
        if any("suppressed" in fault for fault in faults) and MUST_NOT_BE_IGNORED & {*expected["suppressed_any_of"]}:
            ignored.append(case["id"])
    return tally, ignored


async def _faults(campaign: SmallCampaign, case: Mapping[str, Any]) -> list[str]:
    number = case["id"].rpartition("-")[2]
    email = f"r{number}@in{number}.example"
    contact_id = await campaign.person(email)
    touch_id = await campaign.write(contact_id, subject=SUBJECT)
    assert (await campaign.door().send(touch_id, now=NOW)).state == "sent"
    await _come_back(campaign, _raw(case, f"{touch_id}@sales.example"))
    await _classify(campaign, contact_id)
    async with campaign.database.reading() as connection:
        rows = await inbound_of(connection, contact_id)
        reasons = {row.reason for row in await suppressions_of(connection, email_hash(email))}
    return _differences(case["expect"], rows, reasons)


def _differences(expected: Mapping[str, Any], rows: list[InboundRow], reasons: set[str]) -> list[str]:
    kinds, classes = [row.kind for row in rows], [row.reply_class for row in rows if row.reply_class]
    wanted = {*expected["suppressed_any_of"]}
    differences = {
        f"kind {kinds}, not {expected['kind']}": kinds != [expected["kind"]],
        f"suppressed {sorted(reasons)}, not {sorted(wanted)}": not (reasons & wanted if wanted else not reasons),
        f"class {classes}, not {expected['reply_class_any_of']}": bool(expected["reply_class_any_of"])
        and not {*classes} & {*expected["reply_class_any_of"]},
    }
    return [told for told, is_one in differences.items() if is_one]


def _raw(case: Mapping[str, Any], message_id: str) -> bytes:
    text = case.get("mail") or case["mail_latin1"]
    whole = text.replace("{{OUR_MESSAGE_ID}}", message_id).replace("ann.field@acme.example", "ann@sales.example")
    return bytes(whole.encode("latin-1" if "mail_latin1" in case else "utf-8"))


async def _come_back(campaign: SmallCampaign, raw: bytes) -> None:
    event = parse_mail(raw, source=f"imap:{MAILBOX}", received_at=later(days=1))
    async with campaign.database.writing() as connection:
        await record(connection, event, now=later(days=1))


async def _classify(campaign: SmallCampaign, contact_id: ContactId) -> None:
    zone = await zone_of(campaign.database, (CAMPAIGN, contact_id))
    for reply in unread((await begin(campaign.database, (CAMPAIGN, contact_id)))[1]):
        told = await graph.ainvoke(Input.model_validate(asked_of(reply)))
        await note_class(campaign.database, reply, contact_id, dict(told), zone=zone, now=later(days=1))
