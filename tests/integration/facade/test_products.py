"""Products come into the store of the fleet, checked by the schema of the workflow that reads them."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

PRODUCT = {
    "name": "Acme QA",
    "url": "https://acme.example",
    "personas": [{"title": "Head of QA", "pain": "flaky tests"}],
}


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller of a facade with an empty store."""
    configuration = migrated.model_copy(update={"redis_url": redis_url, "dev": True})
    with TestClient(create_app(configuration, control_plane()), base_url="http://127.0.0.1") as client:
        yield client


def test_a_product_that_is_imported_twice_keeps_its_number_and_is_listed_as_it_is_now(client: TestClient) -> None:
    for url in ("https://old.example", "https://acme.example"):
        assert client.post("/products", json=[{**PRODUCT, "url": url}]).json() == {"Acme QA": 1}
    assert client.get("/products").json() == [{"product_id": 1, **PRODUCT}]


def test_a_list_with_one_wrong_product_changes_nothing_and_names_what_is_wrong(client: TestClient) -> None:
    refused = client.post("/products", json=[PRODUCT, {"name": "Bad", "personas": [{"seniority": "VP"}]}])
    assert refused.status_code == 422
    assert "product 1: /personas/0/title: required field is missing" in refused.text
    assert client.post("/products", json=[]).status_code == 422
    assert client.get("/products").json() == []
