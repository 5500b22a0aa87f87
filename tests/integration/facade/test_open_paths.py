"""The paths that need no key: what recipients open and post, and what a mail provider signs."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.errors import CharsetError
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from agentic_sales.campaigns.answers import arrivals
from agentic_sales.campaigns.answers.arrivals import read_due
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.answers.resend_events import with_content
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.plan.desk import move
from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.sending.links import Links, open_links
from agentic_sales.contracts import ContactId, TouchId
from agentic_sales.control import control_plane
from agentic_sales.errors import ConfigurationError
from agentic_sales.facade.app import create_app
from agentic_sales.facade.outreach import events
from agentic_sales.settings import Settings
from agentic_sales.store.arrivals import due_arrivals
from agentic_sales.store.contacts import contact_by_hash
from agentic_sales.store.inbound import inbound_messages
from agentic_sales.store.suppressions import suppressions
from tests.support import mails
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, small_campaign
from tests.support.web_server import Answer, web_server

SECRET = "unsubscribe secret"
SIGNING = f"whsec_{b64encode(b'k' * 24).decode()}"
LINKS = Links("", SECRET.encode())
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@contextmanager
def facade(migrated: Settings, redis_url: str, **values: Any) -> Iterator[TestClient]:
    """Run a facade that has a key, and return a client that does not know it."""
    told = {
        "redis_url": redis_url,
        "auth_token": SecretStr("key"),
        "unsubscribe_secret": SecretStr(SECRET),
        "resend_webhook_secret": SecretStr(SIGNING),
        "resend_api_key": SecretStr("re_test"),
    }
    configuration = migrated.model_copy(update={**told, **values})
    with TestClient(create_app(configuration, control_plane())) as client:
        yield client


async def sent(campaign: SmallCampaign) -> tuple[ContactId, TouchId, TouchId]:
    """Send a first message to a person and write a second one."""
    contact_id = await campaign.person("jo@gmail.example")
    first = await campaign.write(contact_id)
    await campaign.door().send(first, now=NOW)
    return contact_id, first, await campaign.write(contact_id, 1)


async def reasons(campaign: SmallCampaign) -> list[str]:
    """Return why people are left alone."""
    async with campaign.database.reading() as connection:
        return [row.reason for row in await suppressions(connection)]


async def test_opening_the_link_changes_nothing_and_posting_to_it_is_the_wish(
    migrated: Settings, redis_url: str
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, _, second = await sent(campaign)
        path = LINKS.unsubscribe_url(CAMPAIGN, contact_id)
        with facade(migrated, redis_url) as client:
            shown = client.get(path)
            assert (shown.status_code, "<form" in shown.text, await reasons(campaign)) == (200, True, [])
            assert client.head(path).status_code in {200, 405}
            done = client.post(path, data=ONE_CLICK, follow_redirects=False)
            assert (done.status_code, "set-cookie" in done.headers) == (200, False)
            assert await reasons(campaign) == ["unsubscribed"]
            assert (await campaign.row(second)).state == "suppressed"
            assert client.post(path).text == done.text


@pytest.mark.parametrize("token", ["nonsense", "a.b", "%00.%ff", "x" * 3000])
async def test_a_token_that_is_not_ours_gets_the_same_answers(migrated: Settings, redis_url: str, token: str) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, *_ = await sent(campaign)
        path = LINKS.unsubscribe_url(CAMPAIGN, contact_id)
        with facade(migrated, redis_url) as client:
            forged, real = client.post(f"/unsubscribe/{token}"), client.post(path)
            assert (forged.status_code, forged.text) == (real.status_code, real.text)
            assert client.get(f"/unsubscribe/{token}").text == client.get(path).text


@pytest.mark.parametrize(("text", "told"), [(r"\ud83d", "surrogate"), (r"\u0000", "NUL"), ("", "it is empty")])
async def test_an_edit_of_which_no_mail_can_be_made_is_422(
    migrated: Settings, redis_url: str, text: str, told: str
) -> None:
    async with small_campaign(migrated, plan={"needs_approval": True}) as campaign:
        touch_id = await campaign.message()
        async with campaign.database.writing() as connection:
            row = await campaign.row(touch_id)
            question = await ask_approval(connection, row, expires_at=datetime.now(UTC) + timedelta(days=1), now=NOW)
        with facade(migrated, redis_url) as client:
            body = f'{{"decision": "edit", "digest": "{row.digest}", "by": "Ann", "subject": "Hi", "text": "{text}"}}'
            headers = {"authorization": "Bearer key", "content-type": "application/json"}
            answer = client.post(f"/campaigns/approvals/{question.approval_id}", content=body, headers=headers)
        assert answer.status_code == 422
        assert "text" in answer.json()["detail"]
        assert told in answer.json()["detail"]


async def test_nobody_is_taken_in_for_a_campaign_that_was_stopped(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated) as campaign:
        await move(campaign.database, CAMPAIGN, "stop", now=NOW)
        with facade(migrated, redis_url) as client:
            where = f"/campaigns/{CAMPAIGN}/import?basis=consent&source=a+fair"
            answer = client.post(where, content="email\njo@example.com\n", headers={"authorization": "Bearer key"})
        assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")
        async with campaign.database.reading() as connection:
            assert await contact_by_hash(connection, email_hash("jo@example.com")) is None


def signed(
    event: dict[str, Any], *, event_id: str = "msg_1", secret: str = SIGNING, age_s: float = 0
) -> dict[str, Any]:
    """Return the arguments of a request that Resend would send."""
    body = json.dumps(event)
    sent_at = datetime.now(UTC) - timedelta(seconds=age_s)
    headers = {
        "svix-id": event_id,
        "svix-timestamp": str(int(sent_at.timestamp())),
        "svix-signature": Webhook(secret).sign(event_id, sent_at, body),
    }
    return {"content": body, "headers": headers}


def bounced(touch_id: TouchId) -> dict[str, Any]:
    """Return Resend's event of a message that nobody can get."""
    data = {
        "email_id": "re_1",
        "to": ["jo@gmail.example"],
        "tags": {"touch": touch_id},
        "bounce": {"type": "Permanent"},
    }
    return {"type": "email.bounced", "created_at": "2026-03-02T10:00:00.000Z", "data": data}


async def test_a_signed_event_counts_once(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated) as campaign:
        _, first, _ = await sent(campaign)
        with facade(migrated, redis_url) as client:
            for status in ("recorded", "known"):
                answer = client.post("/webhooks/resend", **signed(bounced(first)))
                assert (answer.status_code, answer.json()) == (200, {"status": status})
            opened = client.post("/webhooks/resend", **signed({"type": "email.opened", "data": {}}, event_id="msg_2"))
            assert opened.json() == {"status": "ignored"}
        assert await reasons(campaign) == ["bounced"]


async def test_links_and_events_outlive_the_key_that_made_them(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, first, _ = await sent(campaign)
        newest = f"whsec_{b64encode(b'n' * 24).decode()}"
        keys = {
            "unsubscribe_secret": SecretStr(f"a new one, {SECRET}"),
            "resend_webhook_secret": SecretStr(f"{newest},{SIGNING}"),
        }
        with facade(migrated, redis_url, **keys) as client:
            for number, secret in enumerate((newest, SIGNING)):
                event = signed(bounced(first), event_id=f"msg_{number}", secret=secret)
                assert client.post("/webhooks/resend", **event).json() == {"status": "recorded"}
            client.post(LINKS.unsubscribe_url(CAMPAIGN, contact_id), data=ONE_CLICK)
        assert sorted(await reasons(campaign)) == ["bounced", "unsubscribed"]


def test_the_first_of_several_keys_makes_the_links_and_the_others_only_open_them() -> None:
    links = open_links(Settings(unsubscribe_secret=SecretStr("new, old"), public_url="https://sales.example"))
    person = ContactId("jo")
    tokens = [
        Links("", secret).unsubscribe_url(CAMPAIGN, person).rpartition("/")[2] for secret in (b"new", b"old", b"x")
    ]
    assert [links.read(token) for token in tokens] == [(CAMPAIGN, person), (CAMPAIGN, person), None]
    assert links.unsubscribe_url(CAMPAIGN, person).endswith(tokens[0])
    assert "old" not in repr(links)


async def test_a_forged_an_old_and_an_unsigned_event_are_refused(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated) as campaign:
        _, first, _ = await sent(campaign)
        event = bounced(first)
        other = f"whsec_{b64encode(b'x' * 24).decode()}"
        altered = {**signed(event), "content": json.dumps({**event, "type": "email.complained"})}
        broken = signed(event)
        broken["headers"] = {**broken["headers"], "svix-signature": "v1,no-base64!"}
        odd = signed(event)
        odd["headers"] = {**odd["headers"], "svix-signature": "nonsense"}
        attempts: list[dict[str, Any]] = [
            *(signed(event, secret=other), signed(event, age_s=600), signed(event, age_s=-600)),
            *(altered, broken, odd, {"json": event}, {"content": b"\xff"}),
        ]
        with facade(migrated, redis_url) as client:
            answers = [client.post("/webhooks/resend", **attempt) for attempt in attempts]
            assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "bad_signature")}
        with facade(migrated, redis_url, resend_webhook_secret=None) as client:
            assert client.post("/webhooks/resend", **signed(event)).status_code == 401
        assert await reasons(campaign) == []


async def test_a_received_mail_is_fetched_because_its_event_has_no_headers(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated) as campaign:
        _, first, _ = await sent(campaign)
        data = {"email_id": "in/1", "from": "Jo <jo@gmail.example>", "to": ["ann@sales.example"], "subject": "Re: Hi"}
        headers = {"In-Reply-To": mails.OURS.replace("0123456789abcdef0123456789abcdef", first)}
        pages = {
            "/emails/receiving/in%2F1": Answer(json.dumps({"headers": headers, "text": "Yes!"}).encode()),
            "/emails/receiving/in%2F2": Answer(
                json.dumps({"headers": {**headers, "Auto-Submitted": "auto-replied"}, "text": "away"}).encode()
            ),
        }
        with web_server(pages) as server, facade(migrated, redis_url, resend_url=server.url) as client:

            def post(email_id: str) -> Any:
                event = {"type": "email.received", "data": {**data, "email_id": email_id}}
                return client.post("/webhooks/resend", **signed(event, event_id=f"msg_{email_id}"))

            assert [post(name).json() for name in ("in/2", "in/3", "in/1", "in/1")] == [
                *([{"status": "queued"}] * 3),
                {"status": "known"},
            ]
            assert await reasons(campaign) == []
            configuration = migrated.model_copy(
                update={"resend_url": server.url, "resend_api_key": SecretStr("re_test")}
            )
            now = datetime.now(UTC)
            assert await read_due(configuration, campaign.database, now=now) == 2
            assert await read_due(configuration, campaign.database, now=now) == 0
            assert post("in/1").json() == {"status": "known"}
        assert await reasons(campaign) == ["replied"]
        async with campaign.database.reading() as connection:
            [left] = await due_arrivals(connection, now=now + timedelta(seconds=15), limit=10)
        assert (left.event_id, left.tries) == ("msg_in/3", 1)


async def test_of_received_mails_one_that_raises_is_kept_for_people_and_the_others_are_read(
    migrated: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(event: Inbound, content: dict[str, Any]) -> Inbound:
        if "poison" in content["text"]:
            raise CharsetError("no letters")
        return with_content(event, content)

    monkeypatch.setattr(arrivals, "with_content", raising)
    async with small_campaign(migrated) as campaign:
        await sent(campaign)
        texts = {"1": "poison", "2": "Yes!"}
        pages = {f"/emails/receiving/{n}": Answer(json.dumps({"text": text}).encode()) for n, text in texts.items()}
        with web_server(pages) as server, facade(migrated, redis_url, resend_url=server.url) as client:
            for number in texts:
                data = {"email_id": number, "from": "Jo <jo@gmail.example>", "subject": "Re: Hi"}
                event = signed({"type": "email.received", "data": data}, event_id=f"msg_{number}")
                assert client.post("/webhooks/resend", **event).json() == {"status": "queued"}
            configuration = migrated.model_copy(
                update={"resend_url": server.url, "resend_api_key": SecretStr("re_test")}
            )
            assert await read_due(configuration, campaign.database, now=datetime.now(UTC)) == 1
        assert await reasons(campaign) == ["replied"]
        async with campaign.database.reading() as connection:
            [kept] = await inbound_messages(connection, kind="unreadable")
            assert await due_arrivals(connection, now=datetime.now(UTC) + timedelta(days=1), limit=10) == []
        assert kept.text.startswith("CharsetError: no letters")


async def test_an_event_that_raises_is_kept_for_people_and_does_not_come_again(
    migrated: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def raising(*_: Any, **__: Any) -> str:
        raise ValueError("a value that nobody foresaw")

    monkeypatch.setattr(events, "record", raising)
    async with small_campaign(migrated) as campaign:
        _, first, _ = await sent(campaign)
        with facade(migrated, redis_url) as client:
            answer = client.post("/webhooks/resend", **signed(bounced(first)))
            assert (answer.status_code, answer.json()) == (200, {"status": "unreadable"})
            shown = client.get("/campaigns/inbound?kind=unreadable", headers={"authorization": "Bearer key"}).json()
        assert [row["text"].partition("\n")[0] for row in shown] == ["ValueError: a value that nobody foresaw"]


def test_a_facade_whose_recipients_could_not_unsubscribe_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="AGENTIC_SALES_UNSUBSCRIBE_SECRET"):
        create_app(Settings(mail="resend"), control_plane())


def test_a_database_that_is_away_is_a_503_that_says_so_without_its_password(migrated: Settings, redis_url: str) -> None:
    away = "postgresql://sales:secret-word@127.0.0.1:1/sales"
    with facade(migrated, redis_url, database_url=away) as client:
        answer = client.get("/campaigns", headers={"authorization": "Bearer key"})
    assert (answer.status_code, answer.json()["code"]) == (503, "state_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "secret-word" not in answer.text
