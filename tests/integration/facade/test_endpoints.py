"""Over HTTP: endpoints of campaigns' events, the files of a campaign, and one word on many messages."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.visits import clock
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings
from tests.support.small_campaign import small_campaign

SECRET = "whsec_YSBzZWNyZXQgb2YgdHdlbnR5LWZvdXI="
ENDPOINT = {"endpoint_id": "crm", "url": "http://10.1.2.3:8080/hooks"}


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller with the key, of a facade that may tell one private host."""
    told: dict[str, Any] = {"redis_url": redis_url, "auth_token": SecretStr("key"), "approvals_per_day": 2}
    told |= {"allow_private_hosts": ("10.1.2.3:8080",), "webhook_secret": SecretStr(SECRET)}
    app = create_app(migrated.model_copy(update=told), control_plane())
    with TestClient(app, headers={"authorization": "Bearer key"}) as client:
        yield client


def test_an_endpoint_is_added_tried_listed_and_removed(client: TestClient) -> None:
    client.post("/campaigns/webhooks", json=ENDPOINT).raise_for_status()
    assert client.post("/campaigns/webhooks", json=ENDPOINT).status_code == 409
    event_id = client.post("/campaigns/webhooks/crm/test").raise_for_status().json()["event_id"]
    [told] = client.get("/campaigns/webhooks/crm/messages", params={"state": "pending"}).json()
    assert (told["event_id"], told["kind"], told["attempts"]) == (event_id, "endpoint.test", 0)
    [listed] = client.get("/campaigns/webhooks").json()
    assert (listed["endpoint_id"], listed["pending"], listed["dead"]) == ("crm", 1, 0)
    assert client.post("/campaigns/webhooks/crm/retry").json() == {"retried": 0}
    assert client.delete("/campaigns/webhooks/crm").status_code == 204
    assert client.delete("/campaigns/webhooks/crm").status_code == 404
    assert client.get("/campaigns/webhooks/crm/messages").json() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://10.1.2.3:22/",
        "ftp://a.example/",
        "https://u:p@a.example/",
    ],
)
def test_an_address_that_leads_inside_or_nowhere_is_refused(client: TestClient, url: str) -> None:
    answer = client.post("/campaigns/webhooks", json={**ENDPOINT, "url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert client.get("/campaigns/webhooks").json() == []


def test_a_secret_by_itself_is_refused_and_not_repeated(client: TestClient) -> None:
    answer = client.post("/campaigns/webhooks", json={**ENDPOINT, "secret": SECRET})
    assert (answer.status_code, SECRET in answer.text) == (422, False)


@pytest.fixture
def written(migrated: Settings) -> list[str]:
    """The ids of questions about four messages of a campaign, one of them to a person with a wicked name."""

    async def write() -> list[str]:
        async with small_campaign(migrated, plan={"fields": {"team": {"if_missing": "empty"}}}) as spring:
            asked = []
            for number in range(4):
                values = {"first_name": "=HYPERLINK(1)" if number == 0 else "Jo", "fields": {"team": f"Team {number}"}}
                contact_id = await spring.person(f"p{number}@acme.example", **values)
                row = await spring.row(await spring.write(contact_id))
                async with spring.database.writing() as connection:
                    now = clock.now() + timedelta(seconds=number)
                    asked.append(await ask_approval(connection, row, expires_at=now + timedelta(days=1), now=now))
            return [question.approval_id for question in asked]

    return asyncio.run(write())


def test_many_messages_are_approved_one_by_one_up_to_the_limit_of_a_day_and_the_rest_says_why(
    client: TestClient, written: list[str]
) -> None:
    waiting = client.get("/campaigns/approvals", params={"campaign_id": "spring"}).json()
    seen = [{name: question[name] for name in ("approval_id", "digest")} for question in waiting]
    assert [one["approval_id"] for one in seen] == written
    seen[0]["digest"] = "another message"
    done = client.post("/campaigns/approve-many", json={"approvals": seen, "by": "Ann"}).raise_for_status().json()
    assert [row["approval_id"] for row in done["approved"]] == written[1:3]
    assert all((row["state"], row["decided_by"]) == ("approved", "Ann") for row in done["approved"])
    reasons = {one["approval_id"]: one["reason"] for one in done["left"]}
    assert list(reasons) == [written[0], written[3]]
    assert "is about another" in reasons[written[0]]
    assert "Ann has approved 2 messages today" in reasons[written[3]]
    other = client.post("/campaigns/approve-many", json={"approvals": [seen[3]], "by": "Bob"}).json()
    assert [row["approval_id"] for row in other["approved"]] == [written[3]]
    left = client.get("/campaigns/approvals", params={"campaign_id": "spring"}).json()
    assert [question["approval_id"] for question in left] == [written[0]]


@pytest.mark.usefixtures("written")
def test_a_campaign_is_exported_and_no_cell_is_one_that_a_spreadsheet_executes(client: TestClient) -> None:
    answers = {name: client.get(f"/campaigns/spring/export/{name}") for name in ("people", "touches", "outcomes")}
    assert {answer.headers["content-type"] for answer in answers.values()} == {"text/csv; charset=utf-8"}
    people = list(csv.DictReader(io.StringIO(answers["people"].text)))
    people.sort(key=lambda person: person["Email"])
    assert [person["Email"] for person in people] == [f"p{number}@acme.example" for number in range(4)]
    assert people[0]["First Name"] == "'=HYPERLINK(1)"
    assert (people[1]["team"], people[1]["Lawful Basis"]) == ("Team 1", "legitimate_interest")
    assert len(list(csv.DictReader(io.StringIO(answers["touches"].text)))) == 4
    assert list(csv.DictReader(io.StringIO(answers["outcomes"].text))) == []


@pytest.mark.usefixtures("written")
def test_the_exported_people_of_a_campaign_are_read_back_by_an_import(client: TestClient) -> None:
    exported = client.get("/campaigns/spring/export/people")
    plan = {"mailboxes": ["sales"], "steps": [{}]}
    client.post("/campaigns", json={"campaign_id": "again", "plan": plan}).raise_for_status()
    told = client.post("/campaigns/again/import?file=people.csv", content=exported.content)
    assert told.status_code == 200, told.text
    again = csv.DictReader(io.StringIO(client.get("/campaigns/again/export/people").text))
    assert sorted(person["Email"] for person in again) == [f"p{number}@acme.example" for number in range(4)], told.text


def test_a_file_that_is_none_is_refused(client: TestClient) -> None:
    assert client.get("/campaigns/nothing/export/people").status_code == 404
    assert client.get("/campaigns/nothing/export/secrets").status_code == 422
