"""Flows over HTTP: rounds are begun, planned, paused, resumed and reported, and what cannot run is named."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

MAILBOX = {"mailbox_id": "sales", "address": "ann@sales.example", "postal_address": "1 Main Street"}


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller of a facade with an empty store."""
    configuration = migrated.model_copy(update={"redis_url": redis_url, "dev": True})
    with TestClient(create_app(configuration, control_plane()), base_url="http://127.0.0.1") as client:
        yield client


def test_a_round_is_begun_once_under_its_id_and_is_reported(client: TestClient) -> None:
    body = {"round": "spring", "limit": 3, "budget_usd": 1.5, "dry_run": True}
    for _ in range(2):
        made = client.post("/flows/open_source/run", json=body)
        assert made.status_code == 201
        assert made.json()["round_id"] == "spring"
    told = client.get("/flows/spring/report").json()
    assert (told["state"], told["leads"], told["budget_usd"], told["is_dry"]) == ("running", {}, 1.5, True)
    assert [row["round_id"] for row in client.get("/flows/open_source").json()["rounds"]] == ["spring"]
    assert client.get("/flows/open_source").json()["stopped"] == []
    assert client.get("/flows/open_source/report").json()["rounds"] == 1
    assert client.get("/flows/spring/leads").json() == []


def test_a_mailbox_makes_a_campaign_of_the_flow_whose_messages_wait_for_a_word(client: TestClient) -> None:
    assert client.post("/campaigns/mailboxes", json=MAILBOX).status_code == 201
    rounds = [client.post("/flows/open_source/run", json={"mailbox_id": "sales"}).json() for _ in range(2)]
    assert len({row["round_id"] for row in rounds}) == 2
    [campaign_id] = {row["campaign_id"] for row in rounds}
    campaign = client.get(f"/campaigns/{campaign_id}").json()
    assert (campaign["state"], campaign["plan"]["needs_approval"]) == ("running", True)
    assert [step["delay_days"] for step in campaign["plan"]["steps"]] == [0, 4]


def test_the_material_of_a_flow_for_a_rehearsal_is_that_of_its_newest_campaign(client: TestClient) -> None:
    client.post("/flows/open_source/run", json={"round": "without"})
    refused = client.get("/flows/open_source/material")
    assert refused.status_code == 409
    assert "agentic-sales flows run open_source --mailbox NAME makes one" in refused.json()["detail"]
    client.post("/campaigns/mailboxes", json=MAILBOX)
    campaign_id = client.post("/flows/open_source/run", json={"mailbox_id": "sales"}).json()["campaign_id"]
    people = b"email,name,consent_basis,consent_source\nada@acme.example,Ada Acme,consent,a fair\n"
    client.post(f"/campaigns/{campaign_id}/import", content=people).raise_for_status()
    told = client.get("/flows/open_source/material?people=1").raise_for_status().json()
    assert told == client.get(f"/campaigns/{campaign_id}/material?people=1").json()
    assert [row["email"] for row in told["contacts"]] == ["ada@acme.example"]
    assert client.get("/flows/nothing/material").status_code == 404


def test_a_flow_is_paused_and_resumed_with_its_rounds(client: TestClient) -> None:
    client.post("/flows/open_source/run", json={"round": "one"})
    assert client.post("/flows/open_source/pause").json() == {"paused": ["one"]}
    assert client.post("/flows/one/pause").status_code == 409
    assert client.get("/flows/one/report").json()["reason"] == "a person paused it"
    assert client.post("/flows/one/resume", json={"budget_usd": 9}).json() == {"resumed": ["one"]}
    told = client.get("/flows/one/report").json()
    assert (told["state"], told["budget_usd"]) == ("running", 9)


def test_a_schedule_is_kept_with_its_next_slot(client: TestClient) -> None:
    body = {"cron": "0 6 * * 1-5", "time_zone": "Europe/Berlin", "missed": "skip", "limit": 5}
    made = client.post("/flows/open_source/run", json=body)
    assert made.status_code == 201
    plan = next(flow["plan"] for flow in client.get("/flows").json() if flow["flow_id"] == "open_source")
    assert (plan["cron"], plan["missed"], plan["next_at"]) == ("0 6 * * 1-5", "skip", made.json()["next_at"])
    assert client.post("/flows/open_source/pause").json() == {"paused": []}


REFUSED: list[tuple[str, Any, int, str]] = [
    ("nothing/run", {}, 404, "unknown flow `nothing`; this fleet has"),
    ("open_source/run", {"input": {"topics": "rag"}}, 422, "/topics"),
    ("open_source/run", {"input": {"topic": ["rag"]}}, 422, "/topic: unknown field"),
    ("open_source/run", {"campaign_id": "none"}, 404, "unknown campaign `none`"),
    ("open_source/run", {"mailbox_id": "none"}, 404, "unknown mailbox `none`"),
    ("open_source/run", {"round": "a/b"}, 422, "`a/b` is no id of a round"),
    ("open_source/run", {"cron": "0 25 * * *"}, 422, "the hour of a schedule is `25`"),
    ("open_source/run", {"cron": "0 6 * * *", "time_zone": "Mars"}, 422, "IANA name"),
    ("open_source/run", {"cron": "0 6 * * *", "round": "x"}, 422, "give one of them"),
    ("nothing/pause", None, 404, "unknown flow or round `nothing`"),
    ("open_source/pause", None, 409, "no round of it runs, and it has no plan"),
    ("open_source/arms/allow", {"kind": "query", "arm": "rag"}, 409, "it is not stopped"),
    ("open_source/arms/allow", {"kind": "colour", "arm": "rag"}, 422, "kind"),
    ("open_source/resume", {}, 409, "no round of it is paused or failed, and it has no plan"),
]


def test_what_cannot_be_is_refused_with_its_reason(client: TestClient) -> None:
    for path, body, status, told in REFUSED:
        refused = client.post(f"/flows/{path}", json=body) if body is not None else client.post(f"/flows/{path}")
        assert refused.status_code == status, refused.text
        assert told in refused.json()["detail"]


def test_a_round_of_another_flow_is_not_taken_over(client: TestClient) -> None:
    client.post("/flows/open_source/run", json={"round": "one"})
    refused = client.post("/flows/sales_tech/run", json={"round": "one"})
    assert refused.status_code == 409
    assert "it is a round of flow `open_source`" in refused.json()["detail"]
