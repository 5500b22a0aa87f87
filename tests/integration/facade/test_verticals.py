"""The routes of verticals change rows alone, and refuse with the reason what cannot be."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller of a facade with an empty store."""
    configuration = migrated.model_copy(update={"redis_url": redis_url, "dev": True})
    with TestClient(create_app(configuration, control_plane()), base_url="http://127.0.0.1") as client:
        yield client


def test_a_vertical_is_activated_once_and_named_by_any_of_its_names(client: TestClient) -> None:
    assert [row["slug"] for row in client.get("/verticals").json()] == [
        "compliance_audit",
        "ingestible",
        "onboarding_tutor",
    ]
    made = client.post("/verticals/ingestion/activate", json={"dry_run": True, "sample": 3})
    assert made.status_code == 201, made.text
    told = client.get("/verticals/ingest").json()
    assert (told["slug"], told["sample"], told["leads"]) == ("ingestible", [], {})
    assert {search["stack"] for search in told["searches"]} >= {"docling", "unstructured"}
    row = told["activation"]
    assert (row["state"], row["stage"], row["is_dry"], row["found"]) == ("running", "seed", True, None)
    assert row["next"] == "agentic-sales verticals status ingestible"


REFUSED: list[tuple[str, Any, int, str]] = [
    ("nothing/activate", {}, 422, "there is no vertical `nothing`; there are: compliance_audit"),
    ("ingestible/activate", {"campaign_id": "none"}, 404, "unknown campaign `none`"),
    ("ingestible/activate", {"mailbox_id": "none"}, 404, "unknown mailbox `none`"),
    ("ingestible/activate", {"sample": 0}, 422, "sample"),
    ("ingestible/confirm", {"by": " "}, 422, "by"),
    ("ingestible/confirm", {"by": "Ann"}, 404, "unknown activation of vertical `ingestible`"),
    ("ingestible/refuse", {"by": "Ann", "because": "x"}, 422, "because"),
    ("ingestible/resume", None, 404, "unknown activation of vertical `ingestible`"),
]


def test_what_cannot_be_is_refused_with_its_reason(client: TestClient) -> None:
    for path, body, status, told in REFUSED:
        refused = (
            client.post(f"/verticals/{path}", json=body) if body is not None else client.post(f"/verticals/{path}")
        )
        assert refused.status_code == status, refused.text
        assert told in refused.json()["detail"]
