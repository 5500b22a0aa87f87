"""An address is checked before somebody becomes a contact. In the sample world, whose DNS and Reacher answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.local.world.server import WorldServer
from agentic_sales.settings import Settings, settings

KEY = {"authorization": "Bearer key"}
GROUNDS = {"basis": "legitimate_interest", "source": "her team's page", "by": "Ann"}
NERYS = "nerys.vanterpool@emberloom.example"


@pytest.fixture
def client(
    migrated: Settings, redis_url: str, world: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A caller with the key, of a facade in the sample world."""
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()  # No kept answer of another test.
    names = ("dns_servers", "reacher_url", "source_limits")
    told = {name: getattr(settings(), name) for name in names}
    configuration = migrated.model_copy(update={**told, "redis_url": redis_url, "auth_token": SecretStr("key")})
    with TestClient(create_app(configuration, control_plane()), headers=KEY) as client:
        yield client


def person(client: TestClient, email: str) -> str:
    file = f"Full Name,Company,Website,Email\nNerys Vanterpool,Acme,acme.example,{email}\n"
    client.post("/people/import?file=people.csv", content=file).raise_for_status()
    [row] = client.get("/people").raise_for_status().json()
    return str(row["person_id"])


def verdict_on(client: TestClient, person_id: str) -> dict[str, Any] | None:
    facts = client.get("/facts", params={"subject": f"person:{person_id}", "field": "email_verdict"}).json()
    return facts[0] if facts else None


def test_a_mailbox_that_is_there_needs_nobodys_word_and_the_check_is_recorded(
    client: TestClient, world: WorldServer
) -> None:
    person_id = person(client, NERYS)
    told = client.post(f"/people/{person_id}/promote", json=GROUNDS).raise_for_status().json()
    assert (told["is_new"], told["verdict"]) == (True, "deliverable")
    fact = verdict_on(client, person_id)
    assert fact is not None
    assert (fact["method"], fact["value"]) == (
        "api",
        {"address": NERYS, "verdict": "deliverable", "reasons": told["reasons"]},
    )
    assert [visit.service for visit in world.visits] == ["reacher"]


@pytest.mark.parametrize("email", ["jo@pinecairn.example", "nobody@emberloom.example"])
def test_an_address_that_takes_no_mail_is_refused_with_the_reason_whatever_a_person_says(
    client: TestClient, email: str
) -> None:
    person_id = person(client, email)
    refused = client.post(f"/people/{person_id}/promote", json={**GROUNDS, "checked": "a colleague said so"})
    assert refused.status_code == 409
    assert f"`{email}` takes no mail: " in refused.json()["detail"]
    assert "null MX" in refused.json()["detail"] or "is not there" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("email", "verdict"), [("ann@glassotter.example", "risky"), ("jo@basaltine.example", "unknown")]
)
def test_a_doubt_is_told_and_a_persons_word_outweighs_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, email: str, verdict: str
) -> None:
    monkeypatch.setattr("agentic_sales.sources.mail_servers.LOOKUP_S", 0.2)
    person_id = person(client, email)
    refused = client.post(f"/people/{person_id}/promote", json=GROUNDS)
    assert (refused.status_code, f"is `{verdict}`: " in refused.json()["detail"]) == (409, True)
    told = client.post(f"/people/{person_id}/promote", json={**GROUNDS, "checked": "she wrote"})
    assert told.raise_for_status().json()["verdict"] == verdict
    fact = verdict_on(client, person_id)
    assert fact is not None
    assert (fact["method"], fact["value"]["reasons"]) == ("person", ["she wrote"])
