"""The book over HTTP: lists with pages and filters, files in and out, merges, blocks, facts and promotions."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

KEY = {"authorization": "Bearer key"}
COMPANIES = """Account Name,Website,Billing Country,Employees
Acme GmbH,https://www.acme.de,Germany,120
"=HYPERLINK(""http://x"")",evil.example,Spain,3
ACME,acme.de,Germany,120
,,,
Other Ltd,other.co.uk,,
,,France,
"""
PEOPLE = """Full Name,Company,Website,Job Title,Person Linkedin Url,Email,Email Opt Out
Dr. Ada Lovelace,Acme,acme.de,CTO,https://www.linkedin.com/in/ada/,ada@acme.de,
Ada Lovelace,Acme GmbH,acme.de,,,,
Bob Noyce,Acme,acme.de,-Head,,bob@acme.de,yes
Cy Young,,,Writer,,,
"""


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller with the key."""
    told = {"redis_url": redis_url, "auth_token": SecretStr("key"), "max_body_bytes": 5_000}
    with TestClient(create_app(migrated.model_copy(update=told), control_plane()), headers=KEY) as client:
        yield client


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    """The same, with three companies and a person."""
    client.post("/companies/import?file=crm.csv", content=COMPANIES).raise_for_status()
    client.post("/people/import?file=people.csv", content=PEOPLE).raise_for_status()
    return client


def rows_of(client: TestClient, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path, params=query).raise_for_status().json()
    return found


def names_of(client: TestClient, path: str, **query: Any) -> list[str]:
    return [row["name"] for row in rows_of(client, path, **query)]


def table_of(client: TestClient, path: str) -> list[dict[str, str]]:
    answer = client.get(path).raise_for_status()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def ada_of(client: TestClient) -> str:
    [person_id] = [row["person_id"] for row in rows_of(client, "/people")]
    return str(person_id)


def test_an_import_of_companies_tells_of_every_line_and_a_second_one_adds_nobody(client: TestClient) -> None:
    first = client.post("/companies/import?file=crm.csv", content=COMPANIES).raise_for_status().json()
    assert [(line["line"], line["status"]) for line in first["lines"]] == [
        (2, "added"),
        (3, "added"),
        (4, "duplicate"),
        (6, "added"),
        (7, "refused"),
    ]
    assert first["counts"] == {"added": 3, "known": 0, "duplicate": 1, "refused": 1}
    assert first["columns"]["Billing Country"] == "country"
    assert "names no company" in first["lines"][-1]["problems"][0]["reason"]
    second = client.post("/companies/import?file=crm.csv", content=COMPANIES).raise_for_status().json()
    assert second["counts"] == {"added": 0, "known": 3, "duplicate": 1, "refused": 1}
    assert len(rows_of(client, "/facts", subject="acme.de", history=True)) == 2


def test_a_file_of_companies_may_be_larger_than_other_bodies_and_is_told_of_as_it_goes(client: TestClient) -> None:
    raw = "\n".join(["Company,Website", *(f"Firm {n},firm{n}.com" for n in range(1_200))])
    answer = client.post("/companies/import", content=raw, headers={"accept": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    assert [line for line in answer.text.splitlines() if '"end"' in line]
    first = client.get("/companies", params={"limit": 1000})
    assert (len(first.json()), first.headers["x-pagination-next"]) == (1000, "1000")
    assert len(rows_of(client, "/companies", limit=1000, offset=1000)) == 200


def test_companies_are_listed_by_filters_and_shown_by_site_or_name(filled: TestClient) -> None:
    assert names_of(filled, "/companies", country="germany") == ["Acme GmbH"]
    assert names_of(filled, "/companies", missing_field="country") == ["Other Ltd"]
    assert names_of(filled, "/companies", text="oth") == ["Other Ltd"]
    assert rows_of(filled, "/companies", country="Germany")[0]["facts"] == {"country": "Germany"}
    for name in ("https://acme.de/x".replace("/", "%2F"), "acme.de", "ACME Ltd"):
        shown = filled.get(f"/companies/{name}")
        assert shown.status_code == (404 if "%2F" in name else 200), shown.text
    shown = filled.get("/companies/acme.de").json()
    assert [(fact["field"], fact["value"], fact["method"], fact["workflow"]) for fact in shown["facts"]] == [
        ("country", "Germany", "import", "crm.csv"),
        ("employees", 120, "import", "crm.csv"),
    ]
    assert [each["name"] for each in shown["people"]] == ["Ada Lovelace"]
    missing = filled.get("/companies/nobody.example")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_record")


def test_an_export_holds_no_cell_that_a_spreadsheet_would_execute(filled: TestClient) -> None:
    rows = {row["domain"]: row for row in table_of(filled, "/companies/export")}
    assert rows["evil.example"]["name"] == '\'=HYPERLINK("http://x")'
    assert (rows["acme.de"]["country"], rows["acme.de"]["employees"], rows["acme.de"]["blocked"]) == (
        "Germany",
        "120",
        "no",
    )
    assert [row["domain"] for row in table_of(filled, "/companies/export?country=spain")] == ["evil.example"]
    [ada] = table_of(filled, "/people/export?company=acme.de")
    assert (ada["name"], ada["company"], ada["position"], ada["email"]) == (
        "Ada Lovelace",
        "Acme GmbH",
        "CTO",
        "ada@acme.de",
    )


def test_a_block_and_a_merge_are_recorded_with_who_and_why(filled: TestClient) -> None:
    blocked = filled.post("/companies/acme.de/block", json={"by": "Ann", "why": "a partner"}).raise_for_status().json()
    assert (blocked["blocked_by"], blocked["blocked_why"]) == ("Ann", "a partner")
    assert names_of(filled, "/companies", blocked=True) == ["Acme GmbH"]
    filled.post("/companies/acme.de/unblock", json={"by": "Bob", "why": "no longer"}).raise_for_status()
    assert names_of(filled, "/companies", blocked=True) == []
    merged = filled.post("/companies/merge", json={"into": "other.co.uk", "other": "acme.de"}).raise_for_status().json()
    assert (merged["name"], merged["moved"]["facts"]) == ("Other Ltd", 2)
    assert filled.get("/companies/acme.de").json()["former_keys"] == ["acme.de"]
    again = filled.post("/companies/merge", json={"into": "other.co.uk", "other": "acme.de"})
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")


def test_a_persons_word_counts_more_than_a_file_and_the_file_stays_as_history(filled: TestClient) -> None:
    word = {"subject": "company:acme.de", "field": "country", "value": "Austria", "by": "Ann"}
    assert filled.post("/facts", json=word).status_code == 201
    [fact] = rows_of(filled, "/facts", subject="company:acme.de", field="country")
    assert (fact["value"], fact["method"], fact["workflow"], fact["is_current"]) == ("Austria", "person", "Ann", True)
    history = rows_of(filled, "/facts", subject="acme.de", field="country", history=True)
    assert [row["value"] for row in history] == ["Austria", "Germany"]
    assert filled.get("/facts", params={"subject": "firm:acme.de"}).status_code == 422
    assert filled.get("/facts", params={"subject": "opening:none"}).status_code == 404
    assert filled.post("/facts", json={**word, "value": None}).status_code == 422
    assert rows_of(filled, "/facts", subject=f"person:{ada_of(filled)}", field="position")[0]["value"] == "CTO"
    assert filled.get("/facts", params={"subject": "person:linkedin.com/in/ada"}).status_code == 404


def test_an_import_of_people_makes_no_contacts_and_heeds_who_must_not_be_written_to(client: TestClient) -> None:
    told = client.post("/people/import?file=people.csv", content=PEOPLE).raise_for_status().json()
    assert [line["status"] for line in told["lines"]] == ["added", "duplicate", "suppressed", "refused"]
    assert "give a profile, an address or a company" in told["lines"][-1]["problems"][0]["reason"]
    assert [(row["name"], row["contact_id"], row["company"]) for row in rows_of(client, "/people")] == [
        ("Ada Lovelace", None, "Acme")
    ]
    [entry] = rows_of(client, "/campaigns/suppressions")
    assert (entry["reason"], entry["source"]) == ("unsubscribed", "people.csv, column Email Opt Out")


def test_a_person_becomes_a_contact_by_a_checked_address_and_a_basis_alone(filled: TestClient) -> None:
    person_id = ada_of(filled)
    grounds = {"basis": "legitimate_interest", "source": "her team's page", "by": "Ann"}
    unchecked = filled.post(f"/people/{person_id}/promote", json=grounds)
    assert (unchecked.status_code, unchecked.json()["code"]) == (409, "state_conflict")
    assert "the verdict on `ada@acme.de` is `unknown`: no DNS server is configured" in unchecked.json()["detail"]
    assert filled.post(f"/people/{person_id}/promote", json={**grounds, "source": " "}).status_code == 422
    known = {**grounds, "checked": "it is printed on the page"}
    told = filled.post(f"/people/{person_id}/promote", json=known).raise_for_status().json()
    again = filled.post(f"/people/{person_id}/promote", json=known).raise_for_status().json()
    assert (told["is_new"], told["verdict"], told["reasons"]) == (True, "unknown", ["no DNS server is configured"])
    assert (again["contact_id"], again["is_new"], again["verdict"]) == (told["contact_id"], False, None)
    held = filled.post("/campaigns/export", json={"email": "ada@acme.de"}).json()["held"]
    [contact] = held["contacts"]
    assert (contact["first_name"], contact["last_name"], contact["position"]) == ("Ada", "Lovelace", "CTO")
    assert (contact["consent_basis"], contact["consent_source"]) == ("legitimate_interest", "her team's page")
    assert names_of(filled, "/people", contact=True) == ["Ada Lovelace"]


@pytest.mark.parametrize(
    ("verdict", "email", "status"),
    [
        ("undeliverable", None, 409),
        ("risky", None, 409),
        ("deliverable", None, 200),
        ("deliverable", "al@acme.de", 409),
    ],
)
def test_a_recorded_verdict_on_the_very_address_decides(
    filled: TestClient, verdict: str, email: str | None, status: int
) -> None:
    person_id = ada_of(filled)
    value = {"address": "ada@acme.de", "verdict": verdict, "reasons": ["no mail server"]}
    word = {"subject": f"person:{person_id}", "field": "email_verdict", "value": value, "by": "Ann"}
    filled.post("/facts", json=word).raise_for_status()
    grounds = {"basis": "contract", "source": "their order", "by": "Ann", "email": email}
    assert filled.post(f"/people/{person_id}/promote", json=grounds).status_code == status


def test_nobody_of_a_blocked_company_and_nobody_suppressed_becomes_a_contact(filled: TestClient) -> None:
    person_id = ada_of(filled)
    grounds = {"basis": "contract", "source": "their order", "by": "Ann", "checked": "they wrote"}
    filled.post("/companies/acme.de/block", json={"by": "Ann", "why": "a partner"}).raise_for_status()
    told = filled.post(f"/people/{person_id}/promote", json={**grounds, "email": "ada@home.example"})
    assert (told.status_code, "is blocked: a partner" in told.json()["detail"]) == (409, True)
    filled.post("/companies/acme.de/unblock", json={"by": "Ann", "why": "over"}).raise_for_status()
    filled.post("/campaigns/suppressions", json={"email": "ada@acme.de", "by": "Ann"}).raise_for_status()
    told = filled.post(f"/people/{person_id}/promote", json=grounds)
    assert (told.status_code, "stopped" in told.json()["detail"]) == (409, True)


def test_people_without_any_column_of_addresses_are_taken_in_by_name_and_company(client: TestClient) -> None:
    file = "First Name;Last Name;Firma\nAda;Lovelace;Acme GmbH\nBob;Noyce;\n"
    told = client.post("/people/import", content=file).raise_for_status().json()
    assert [(line["status"], line["name"]) for line in told["lines"]] == [
        ("added", "Ada Lovelace"),
        ("refused", "Bob Noyce"),
    ]


def test_a_linkedin_export_of_connections_keeps_the_profiles(client: TestClient) -> None:
    file = "Notes:\n\nFirst Name,Last Name,URL,Email Address,Company,Position\n"
    file += "Ada,Lovelace,https://www.linkedin.com/in/ada,,Acme,CTO\n"
    client.post("/people/import", content=file).raise_for_status()
    [row] = rows_of(client, "/people")
    assert (row["profile"], row["company"], row["facts"]) == ("linkedin.com/in/ada", "Acme", {"position": "CTO"})
