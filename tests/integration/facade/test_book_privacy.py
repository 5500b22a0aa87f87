"""What the book holds of a person is handed out and erased, also of one whose address nobody knows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from redis import Redis
from starlette.testclient import TestClient

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.outbound.answer_cache import ENTRY_PREFIX, INDEX_KEY
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store import statements
from agentic_sales.store.analyses import Analysis, save_analysis
from agentic_sales.store.companies import company_ids
from agentic_sales.store.database import open_database
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import SourcedPerson, person_ids
from agentic_sales.store.recording import record_facts
from agentic_sales.store.subjects import Thing, save_things

KEY = {"authorization": "Bearer key"}
NOW = datetime(2026, 11, 30, tzinfo=UTC)
ACME = Firm("Acme", "acme.de")
WORDS = "Wilhelmina", "Kunigundis", "wilhelmina@acme.de", "github.com/wilma"
BY_PROFILE = {"profile": "https://www.github.com/Wilma/"}
BY_NAME = {"name": "wilhelmina kunigundis", "company": "acme.de"}
BY_EMAIL = {"email": "Wilhelmina+x@acme.de"}
EVERYWHERE = {"people": 1, "facts": 4, "analyses": 2, "things": 2}
"""What there is of her, and of others that names her."""


@pytest.fixture
def client(migrated: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A caller with the key. The search looks at two rows at once, so that it takes several statements."""
    monkeypatch.setattr(statements, "ROWS_SEARCHED_AT_ONCE", 2)
    told = {"redis_url": redis_url, "auth_token": SecretStr("key")}
    with TestClient(create_app(migrated.model_copy(update=told), control_plane()), headers=KEY) as client:
        yield client


@pytest.fixture
async def known(migrated: Settings) -> str:
    """A person that workflows found, a colleague, and what they wrote of both; the person's id."""
    async with open_database(migrated) as database, database.writing() as connection:
        acme = (await company_ids(connection, [ACME], now=NOW))[ACME]
        her = SourcedPerson("Wilhelmina Kunigundis", acme, profile="github.com/wilma")
        colleague = SourcedPerson("Bob Noyce", acme, profile="github.com/bob")
        ids = await person_ids(connection, [her, colleague], now=NOW)
        person, firm = Subject("person", ids[her]), Subject("company", acme)
        await record_facts(connection, _facts(person, firm, Subject("person", ids[colleague])))
        for subject in (person, firm):
            told = {"summary": "WILHELMINA KUNIGUNDIS decides"}
            await save_analysis(connection, Analysis(subject, "dossier", told, "gh_lead_research"), now=NOW)
        await save_analysis(connection, Analysis(firm, "icp", {"summary": "tools"}, "deep_icp"), now=NOW)
        await save_things(connection, _things(acme), now=NOW)
    return ids[her]


def _facts(person: Subject, firm: Subject, colleague: Subject) -> list[Fact]:
    return [
        Fact(person, "position", "CTO", "api", NOW),
        Fact(person, "email", ["wilhelmina@acme.de"], "llm", NOW),
        Fact(firm, "team", ["Wilhelmina Kunigundis", "Bob Noyce"], "llm", NOW, workflow="contact_discovery"),
        Fact(firm, "contact", "see the page", "rules", NOW, quote="Ask Wilhelmina Kunigundis"),
        Fact(firm, "team", ["Bob Noyce"], "rules", NOW, confidence=0.5, workflow="company_enrichment"),
        Fact(firm, "country", "Germany", "rules", NOW),
        Fact(colleague, "position", "CEO", "api", NOW, source_url="https://github.com/wilmas/other"),
    ]


def _things(acme: CompanyId) -> list[Thing]:
    return [
        Thing("repository", "github.com/wilma/tool", "tool", company_id=acme),
        Thing("channel", "UC1", "Wilhelmina Kunigundis"),
        Thing("repository", "github.com/wilmas/other", "other"),
    ]


def bytes_of(configuration: Settings) -> str:
    """Return every byte of the files of SQLite, or every row of PostgreSQL as text."""
    if configuration.database_url is None:
        folder = configuration.state_dir
        return b"".join(path.read_bytes() for path in folder.glob("agentic_sales.sqlite*")).decode("latin-1")
    found = []
    with psycopg.connect(configuration.database_url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            found += connection.execute(SQL("SELECT t::text FROM {} AS t").format(Identifier(name))).fetchall()
    return str(found)


def left(configuration: Settings) -> list[str]:
    text = bytes_of(configuration).lower().replace("github.com/wilmas", "")  # Somebody else's.
    return [word for word in WORDS if word.lower() in text]


@pytest.mark.parametrize("whom", [BY_PROFILE, BY_NAME, BY_EMAIL], ids=["profile", "name", "email"])
def test_a_person_without_a_contact_is_handed_out_and_forgotten_by_every_name(
    client: TestClient, migrated: Settings, known: str, whom: dict[str, str]
) -> None:
    told = client.post("/people/disclose", json=whom).raise_for_status().json()
    held = {kind: rows for kind, rows in told["held"].items() if rows}
    assert (told["known"], {kind: len(rows) for kind, rows in held.items()}) == (True, EVERYWHERE)
    assert held["people"][0]["person_id"] == known
    assert left(migrated) == list(WORDS)
    erased = client.post("/people/forget", json=whom).raise_for_status().json()
    assert (erased["known"], erased["erased"]) == (True, EVERYWHERE)
    assert left(migrated) == []
    team = client.get("/facts", params={"subject": "acme.de"}).json()
    assert [(fact["field"], fact["value"]) for fact in team] == [("country", "Germany"), ("team", ["Bob Noyce"])]
    assert [row["name"] for row in client.get("/people").json()] == ["Bob Noyce"]
    again = client.post("/people/forget", json=whom).raise_for_status().json()
    assert (again["known"], again["erased"]) == (False, {})


def test_a_forgotten_person_is_refused_by_the_next_file_and_the_colleague_is_not(
    client: TestClient, known: str
) -> None:
    assert known
    client.post("/people/forget", json=BY_PROFILE).raise_for_status()
    file = "Name,Company,Website\nWilhelmina Kunigundis,Acme,acme.de\nBob Noyce,Acme,acme.de\n"
    told = client.post("/people/import", content=file).raise_for_status().json()
    assert [line["status"] for line in told["lines"]] == ["refused", "known"]
    assert told["lines"][0]["problems"][0]["reason"] == "the person asked to be forgotten"


@pytest.mark.parametrize("door", ["/campaigns/forget", "/people/forget"])
def test_a_promoted_person_is_forgotten_with_the_contact_and_keeps_a_digest(
    client: TestClient, migrated: Settings, known: str, door: str
) -> None:
    grounds = {"basis": "contract", "source": "their order", "by": "Ann", "checked": "she wrote"}
    client.post(f"/people/{known}/promote", json=grounds).raise_for_status()
    whom = {"email": "wilhelmina@acme.de"} if "campaigns" in door else BY_NAME
    held = client.post("/people/disclose", json=whom).json()["held"]
    assert [row["email"] for row in held["contacts"]] == ["wilhelmina@acme.de"]
    told: dict[str, Any] = client.post(door, json=whom).raise_for_status().json()
    assert (told["known"], told["suppressed"]) == (True, True)
    assert told["erased"]["contacts"] == told["erased"]["people"] == 1
    assert left(migrated) == []
    again = client.post("/people/disclose", json=BY_EMAIL).json()["held"]
    assert [(row["reason"], row["source"]) for row in again["suppressions"]] == [("stopped", "forgotten")]


@pytest.mark.parametrize("door", ["/campaigns/forget", "/people/forget"])
def test_who_is_forgotten_is_in_no_kept_answer_of_a_source(
    client: TestClient, redis_url: str, known: str, door: str
) -> None:
    assert known
    with Redis.from_url(redis_url) as redis:
        redis.set(f"{ENTRY_PREFIX}a", "Wilhelmina")
        redis.zadd(INDEX_KEY, {"a": 1})
        client.post(door, json=BY_EMAIL).raise_for_status()
        assert redis.keys("agentic:answers:*") == []


def test_who_names_nobody_is_told_what_is_needed(client: TestClient, known: str) -> None:
    assert known
    nothing = client.post("/people/forget", json={"name": "Wilhelmina Kunigundis"})
    assert (nothing.status_code, "`name` with `company`" in nothing.json()["detail"]) == (422, True)
    assert client.post("/people/forget", json={"profile": "wilma"}).status_code == 422
    assert client.post("/people/forget", json={**BY_NAME, "company": "nobody.example"}).status_code == 404
