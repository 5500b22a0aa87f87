"""Whoever is forgotten is nowhere any more, by every byte of every store of a real fleet; everybody else is as before.

The stores are searched for the address, the name, what the person wrote, and for the id; the last not in the logs of
processes and not in the free space of SQLite's checkpoints, where it leads nowhere any more.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.runs.feedback import FEEDBACK_ENTRIES_KEY, FEEDBACK_KEY
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.threads import Threads
from tests.acceptance.remembering import CAREFUL, HASTY, Person, Remembering
from tests.support.databases import new_postgresql
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
STEPS = [{}, {"delay_days": 9}]
WRITERS = "worker-email"
NAMES = "Wilhelmina", "Kunigunde", "Adelheid", "Ottokar", "Hildegard"
WILHELMINA, KUNIGUNDE, ADELHEID, OTTOKAR, HILDEGARD = map(Person, NAMES)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def remembering(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remembering]:
    """A fleet with everything that a campaign needs, on a database of each kind, and two campaigns that run."""
    directory = tmp_path_factory.mktemp("remembering")
    if request.param == "sqlite":
        yield from _remembering(Settings(state_dir=directory))
        return
    with new_postgresql() as url:
        configuration = Settings(state_dir=directory, database_url=url)
        upgrade(configuration)
        yield from _remembering(configuration)


def _remembering(configuration: Settings) -> Iterator[Remembering]:
    directory = configuration.state_dir
    names = (WEB, "worker-core", WRITERS, "worker-classify", "beat")
    environment = {
        "DISCOVERY_WORKER_QUEUE": "",
        "DATABASE_URL": configuration.database_url,
        "AGENTIC_SALES_CAMPAIGN_TICK_S": "1.0",
    }
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        made = Remembering(fleet, configuration)
        made.post(
            "/mailboxes",
            {"mailbox_id": "sales", "address": "bob@acme.example", "postal_address": "1 Main Street, Springfield"},
        )
        for campaign in (CAREFUL, HASTY):
            plan = {
                "mailboxes": ["sales"],
                "steps": STEPS,
                "window": ALWAYS,
                "needs_approval": campaign == CAREFUL,
                "answers": False,
            }
            made.post("", {"campaign_id": campaign, "plan": plan})
        yield made
        fleet.stop()


@pytest.fixture(scope="module")
def people(remembering: Remembering) -> Remembering:
    """Four people who were written to twice each, by hand and by campaigns, and who answered."""
    everybody = (WILHELMINA, KUNIGUNDE, ADELHEID, OTTOKAR)
    for campaign in (CAREFUL, HASTY):
        remembering.join(campaign, *everybody)
        remembering.post(f"/{campaign}/start")
    waiting = eventually(
        "the careful messages wait for a word",
        lambda: remembering.get("/approvals"),
        lambda found: len(found) == len(everybody),
        within_s=60,
    )
    for question in waiting:
        answer = {"decision": "approve", "digest": question["digest"], "by": "Ann"}
        remembering.post(f"/approvals/{question['approval_id']}", answer)
    for person in everybody:
        eventually(
            f"both messages to {person.first_name} are sent",
            lambda person=person: [touch["state"] for touch in remembering.messages(person)],  # type: ignore[misc]  # bound
            lambda states: states == ["sent", "sent"],
            within_s=60,
        )
    for person in everybody:
        remembering.find(person)  # before they answer: nobody who has answered is imported
    asyncio.run(_answer(remembering, everybody))
    for person in everybody:
        contact_id = remembering.id_of(person)
        eventually(
            f"the answer of {person.first_name} is classified",
            lambda contact_id=contact_id: [row.reply_class for row in remembering.answers(contact_id)],  # type: ignore[misc]  # bound
            lambda classes: classes == ["interested"],
            within_s=60,
        )
        _look_by_hand(remembering, contact_id)
        feedback = {"feedback_id": contact_id, "run_id": remembering.messages(person)[0]["run_id"]}
        said = {"key": "user_score", "score": 1.0, "comment": f"{person.first_name} would love it"}
        remembering.fleet.redis.zadd(FEEDBACK_KEY, {contact_id: 1e12})
        remembering.fleet.redis.hset(FEEDBACK_ENTRIES_KEY, contact_id, json.dumps({**feedback, **said}))
    return remembering


async def _answer(remembering: Remembering, people: tuple[Person, ...]) -> None:
    async with open_database(remembering.settings) as database:
        for person in people:
            event = Inbound(
                event_id=f"imap:sales:{person.first_name[0]}",
                source="imap:sales",
                kind="reply",
                received_at=datetime.now(UTC),
                about_ids=(remembering.messages(person)[0]["message_id"],),
                address=person.email,
                subject="Re: hello",
                text=person.answer,
            )
            async with database.writing() as connection:
                assert await record(connection, event, now=datetime.now(UTC)) == "recorded"


def _look_by_hand(remembering: Remembering, contact_id: str) -> None:
    """Visit a person by hand, on a thread that an earlier release let a caller make, and let the visit be streamed."""
    [thread_id, _] = remembering.threads_of(contact_id)
    asyncio.run(_make_thread(remembering, thread_id))
    given = {"campaign_id": CAREFUL, "contact_id": contact_id}
    body = {"assistant_id": "campaign", "input": given, "if_not_exists": "create", "stream_mode": ["values"]}
    with remembering.fleet.http.stream("POST", f"/threads/{thread_id}/runs/stream", json=body) as answer:
        assert "event: values" in answer.read().decode()


async def _make_thread(remembering: Remembering, thread_id: str) -> None:
    async with open_database(remembering.settings) as database:
        await Threads(database).create(thread_id, {}, now=datetime.now(UTC))


def expected_of(remembering: Remembering, contact_id: str) -> dict[str, int]:
    """Count what there is of a person, without asking the product."""
    in_the_store = {
        "contacts": 1,
        "enrollments": 2,
        "messages": 2,
        "approvals": 1,
        "inbound_messages": 1,
        "audit_entries": 0,
        "suggestions": 0,
        "webhook_messages": 0,
    }
    in_the_book = {"people": 1, "facts": 2}
    beside_it = {
        "threads": 2,
        "checkpoints": remembering.checkpoints_of(contact_id),
        "runs": len(remembering.runs_of(contact_id)),
        "feedback": 1,
        "local_mails": 2,
    }
    return in_the_store | in_the_book | beside_it


def standing_of(remembering: Remembering, person: Person) -> dict[str, Any]:
    """Return everything that a fleet holds of a person."""
    contact_id = remembering.id_of(person)
    mails = [path for path in (remembering.fleet.directory / "mail").rglob("*") if path.is_file()]
    return {
        "messages": remembering.messages(person),
        "enrollments": [
            row
            for campaign in (CAREFUL, HASTY)
            for row in remembering.get(f"/{campaign}/enrollments")
            if row["contact_id"] == contact_id
        ],
        "answers": [(row.text, row.reply_class) for row in remembering.answers(contact_id)],
        "checkpoints": remembering.checkpoints_of(contact_id),
        "runs": remembering.runs_of(contact_id),
        "mails": sorted(path.name for path in mails if person.email.encode() in path.read_bytes()),
        "feedback": remembering.fleet.redis.hget(FEEDBACK_ENTRIES_KEY, contact_id),
    }


@pytest.mark.parametrize("door", ["http", "command"])
def test_whoever_asks_is_handed_out_all_rows_that_would_be_erased_and_nobody_elses(
    people: Remembering, door: str
) -> None:
    if door == "http":
        told = people.post("/export", {"email": OTTOKAR.email})
    else:
        told = json.loads(people.command("export", OTTOKAR.email).stdout)
    expected = expected_of(people, people.id_of(OTTOKAR))
    rows = {kind: len(found) for kind, found in told["held"].items() if kind in expected}
    assert (told["known"], rows) == (True, {kind: expected[kind] for kind in rows})
    assert set(rows) == {
        "contacts",
        "enrollments",
        "messages",
        "approvals",
        "inbound_messages",
        "audit_entries",
        "suggestions",
        "webhook_messages",
        "people",
        "facts",
    }
    assert [answer["text"] for answer in told["held"]["inbound_messages"]] == [OTTOKAR.answer]
    assert all(word in json.dumps(told) for word in OTTOKAR.words)
    assert not any(word in json.dumps(told) for word in WILHELMINA.words)
    assert people.post("/export", {"email": HILDEGARD.email}) | {"copies": ""} == {
        "known": False,
        "held": {"suppressions": [], "lifted_suppressions": [], "suggestions": []},
        "copies": "",
    }


@pytest.mark.parametrize(("person", "door"), [(WILHELMINA, "http"), (KUNIGUNDE, "command")])
def test_no_store_holds_a_byte_of_who_was_forgotten_and_what_was_erased_is_told(
    people: Remembering, person: Person, door: str
) -> None:
    contact_id, before = people.id_of(person), standing_of(people, OTTOKAR)
    expected = expected_of(people, contact_id)
    assert expected["runs"] >= 6, "two visits and two writers, a classification, and a visit by hand"
    assert expected["checkpoints"] > 2
    for word in (*person.words, contact_id):
        assert len(people.places_with(word)) > 1, f"`{word}` is there to be erased"

    if door == "http":
        told = people.forget(person).raise_for_status().json()
    else:
        told = json.loads(people.command("forget", person.email, "--json").stdout)

    assert (told["known"], told["erased"]) == (True, expected)
    assert people.checkpoints_of(contact_id) == 0
    assert people.places_of(person) == {}
    assert people.places_with(contact_id, by_id=True) == []
    assert standing_of(people, OTTOKAR) == before
    again = people.command("forget", person.email)
    assert (again.returncode, "nobody of this address is known" in again.stderr) == (0, True)


def test_who_is_forgotten_twice_at_once_is_erased_once_and_both_are_told_so(people: Remembering) -> None:
    contact_id = people.id_of(ADELHEID)
    expected = expected_of(people, contact_id)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(people.forget, [ADELHEID] * 3))
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
    erased = [answer.json()["erased"] for answer in answers]
    assert {kind: sum(each.get(kind, 0) for each in erased) for kind in expected} == expected
    assert people.places_of(ADELHEID) == {}
    assert people.places_with(contact_id, by_id=True) == []
    assert people.forget(ADELHEID).json()["known"] is False


def test_who_was_forgotten_and_comes_with_an_import_is_not_written_to(people: Remembering) -> None:
    assert people.forget(HILDEGARD).json()["known"] is False
    people.join(CAREFUL, HILDEGARD)
    eventually(
        "whoever came back is stopped",
        lambda: [row["state"] for row in people.get(f"/{CAREFUL}/enrollments")],
        lambda states: "active" not in states,
        within_s=60,
    )
    assert people.messages(HILDEGARD) == []


def freeze(fleet: Fleet, how: signal.Signals) -> None:
    """Freeze the processes that write messages, or let them go on; their worker lives all the same."""
    for pid in fleet.children(WRITERS):
        os.kill(pid, how)


class TestWhileAVisitIsAtWork:
    """The pool that writes is frozen, so a visit waits for it and holds its thread."""

    @pytest.fixture
    def visited(self, people: Remembering, request: pytest.FixtureRequest) -> Iterator[Person]:
        """Somebody whom a visit is at work on."""
        person = Person(f"Z{request.node.name[5:9]}{int(time.time()) % 10_000}".title())
        freeze(people.fleet, signal.SIGSTOP)
        try:
            people.join(HASTY, person)
            eventually(
                f"a message to {person.first_name} is to be written",
                lambda: [run for run in people.runs().values() if person.email in run["request"]],
                within_s=30,
            )
            yield person
        finally:
            freeze(people.fleet, signal.SIGCONT)

    def test_nothing_is_erased_before_it_ends_and_then_everything(self, people: Remembering, visited: Person) -> None:
        began_s = time.monotonic()
        refused = people.forget(visited)
        assert (refused.status_code, refused.json()["code"]) == (409, "thread_busy"), refused.text
        assert 14 < time.monotonic() - began_s < 25
        freeze(people.fleet, signal.SIGCONT)
        told = people.forget(visited)
        assert (told.status_code, told.json()["known"]) == (200, True), told.text
        assert people.places_of(visited) == {}

    def test_a_pool_that_is_dead_is_said_to_be(self, people: Remembering, visited: Person) -> None:
        people.fleet.kill("worker-core")
        began_s = time.monotonic()
        refused = people.command("forget", visited.email)
        assert "no live worker consumes the queue `core`" in refused.stderr
        assert (refused.returncode, time.monotonic() - began_s < 30) == (3, True)
        at_once_s = time.monotonic()
        assert people.forget(visited).json()["code"] == "pool_unavailable"
        assert time.monotonic() - at_once_s < 2
        freeze(people.fleet, signal.SIGCONT)
        people.fleet.revive("worker-core")
        told = eventually(
            "the visit has ended, and the person is forgotten",
            lambda: people.forget(visited),
            lambda answer: answer.status_code == 200,
            within_s=90,
        )
        assert told.json()["known"]
        assert people.places_of(visited) == {}
