"""The facade tells how receivers see a mailbox, and what a campaign would break before its start."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings
from tests.support.dns_server import Zone, dns_server

MAILBOX = {
    "mailbox_id": "sales",
    "address": "ann@acme.example",
    "postal_address": "1 Main Street",
    "daily_cap": 5000,
    "login": "google",
}
PLAN = {"mailboxes": ["sales"], "steps": [{}], "guardrail": {"most_complained_ratio": 0.02}}


@pytest.fixture
def zone() -> Iterator[Zone]:
    with dns_server() as zone:
        zone.txt("acme.example", "v=spf1 include:_spf.google.com +all")
        zone.txt("_spf.google.com", "v=spf1 ip4:35.190.247.0/24 ~all")
        zone.records["acme.example", "MX"] = ["10 aspmx.google.com."]
        yield zone


@pytest.fixture
def client(migrated: Settings, redis_url: str, zone: Zone) -> Iterator[TestClient]:
    """A caller with the key."""
    told = {"dns_servers": (zone.address,), "redis_url": redis_url, "auth_token": SecretStr("key")}
    app = create_app(migrated.model_copy(update=told), control_plane())
    with TestClient(app, headers={"authorization": "Bearer key"}) as client:
        client.post("/campaigns/mailboxes", json=MAILBOX).raise_for_status()
        yield client


def test_a_mailbox_and_a_campaign_are_told_what_receivers_refuse(client: TestClient, zone: Zone) -> None:
    found = client.get("/campaigns/mailboxes/sales/deliverability").raise_for_status().json()
    status = {finding["check"]: finding["status"] for finding in found}
    assert status | {"SPF": "fail", "SPF way out": "ok", "DMARC": "fail", "DKIM": "unknown", "MX": "ok"} == status
    named = client.get("/campaigns/mailboxes/sales/deliverability", params={"selector": ["k1", "k2"]}).json()
    assert [finding["status"] for finding in named if finding["check"] == "DKIM"] == ["fail", "fail"]
    assert "k2._domainkey.acme.example TXT over udp" in zone.asked

    client.post("/campaigns", json={"campaign_id": "spring", "plan": PLAN}).raise_for_status()
    warned: list[dict[str, Any]] = client.get("/campaigns/spring/deliverability").raise_for_status().json()["warnings"]
    checks = {(warning["mailbox_id"], warning["check"]) for warning in warned}
    # 5,000 a day: what is unknown is warned of too.
    assert checks == {("", "complaints"), *(("sales", name) for name in ("SPF", "DMARC", "DKIM", "one-click"))}
    assert all(warning["fix"] for warning in warned)


@pytest.mark.parametrize("path", ["mailboxes/nobody/deliverability", "nothing/deliverability"])
def test_what_is_not_there_is_told_as_that(client: TestClient, path: str) -> None:
    assert client.get(f"/campaigns/{path}").status_code == 404
