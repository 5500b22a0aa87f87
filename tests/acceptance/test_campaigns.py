"""A campaign on a real fleet: beat ticks, core visits, the email pool writes, the send door sends."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollment
from agentic_sales.store.database import open_database
from agentic_sales.store.inbound import inbound
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.processes import run_command
from tests.support.receiver import Receiver, receiver
from tests.support.services import redis_server
from tests.support.small_campaign import CAMPAIGN, SmallCampaign, set_up
from tests.support.waiting import eventually

ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
SECRET = "whsec_YSBzZWNyZXQgb2YgdHdlbnR5LWZvdXI="
PLAN = {"steps": [{}, {"delay_days": 0.00002, "counts": "days"}], "window": ALWAYS}


@pytest.fixture(scope="module")
def listener() -> Iterator[Receiver]:
    """The endpoint that this module's campaigns may tell."""
    with receiver() as running:
        yield running


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory, listener: Receiver) -> Iterator[Fleet]:
    """A fleet with beat, and the pools that a campaign needs."""
    directory = tmp_path_factory.mktemp("campaigns")
    names = (WEB, "worker-core", "worker-email", "worker-classify", "beat")
    environment = {
        "DISCOVERY_WORKER_QUEUE": "",
        "AGENTIC_SALES_WEBHOOK_SECRET": SECRET,
        "AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": listener.netloc,
    }
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def test_a_sequence_is_sent_to_its_end_by_a_fleet_that_nobody_watches(ticking: Fleet) -> None:
    configuration = Settings(state_dir=ticking.directory)

    async def begin() -> str:
        async with open_database(configuration) as database:
            await set_up(database, plan=PLAN)
            campaign = SmallCampaign(database, ticking.directory / "mail")
            return await campaign.person("jo@example.com", first_name="Jo")

    async def standing(contact_id: str) -> EnrollmentRow | None:
        async with open_database(configuration) as database, database.reading() as connection:
            return await enrollment(connection, CAMPAIGN, contact_id)  # type: ignore[arg-type]  # its id

    contact_id = asyncio.run(begin())
    row = eventually(
        "the sequence is finished",
        lambda: asyncio.run(standing(contact_id)),
        lambda found: found is not None and found.state != "active",
        within_s=60,
    )
    assert row is not None
    assert (row.state, row.reason, row.step) == ("finished", "every message was sent", 2)
    mails = list((ticking.directory / "mail" / "new").iterdir())
    assert len(mails) == 2
    assert datetime.now(UTC) > row.updated_at


PEOPLE = """email,first name,company,time zone,plan
ada@example.com,Ada,Acme,Europe/Berlin,pro
not an address,Bob,Acme,,pro
eve@example.com,Eve,,Mars/Olympus,free
"""


@pytest.fixture(scope="module")
def made(ticking: Fleet) -> Fleet:
    """A fleet that has a mailbox and a careful campaign, whose people are in."""
    plan = ticking.directory / "plan.json"
    plan.write_text(json.dumps({"mailboxes": ["outreach"], "steps": [{}], "window": ALWAYS}))
    people = ticking.directory / "people.csv"
    people.write_text(PEOPLE)
    where = "--postal-address", "1 Main Street, Springfield"
    command(ticking, "mailbox", "outreach", "--address", "ann@acme.example", *where)
    command(ticking, "create", "careful", "--plan", str(plan))
    told = command(ticking, "import", "careful", str(people), "--basis", "consent", "--source", "a fair").stderr
    assert "line 3: refused (email: " in told
    assert "line 4: added (time zone: `Mars/Olympus` is no time zone; it was left out)" in told
    assert "3 lines: 2 added, 0 known, 0 duplicate, 1 refused; 2 people joined the campaign" in told
    return ticking


def test_an_import_of_which_every_line_is_refused_fails_and_names_what_is_missing(made: Fleet) -> None:
    people = made.directory / "nobody.csv"
    people.write_text("email\nida@example.com\numa@example.com\n")
    told = command(made, "import", "careful", str(people), fails=True).stderr
    assert "2 lines: 0 added, 0 known, 0 duplicate, 2 refused; 0 people joined the campaign" in told
    assert "--basis legitimate_interest --source" in told


def test_a_file_that_is_larger_than_other_bodies_is_taken_in(made: Fleet) -> None:
    people, plan = made.directory / "many.csv", made.directory / "plan.json"
    told = ",".join(["x" * 1_900] * 3)
    lines = [f"p{n}@many.example,Jo,no,{told}" for n in range(250)]
    people.write_text("\n".join(["email,first name,opt out,a,b,c", "gone@many.example,Jo,yes,,,", *lines]))
    assert people.stat().st_size > 1024 * 1024
    command(made, "create", "many", "--plan", str(plan))
    told = command(made, "import", "many", str(people), "--basis", "consent", "--source", "a fair").stderr
    assert "line 2: suppressed (opt out: `yes`: suppressed as unsubscribed)" in told
    assert "251 lines: 250 added, 0 known, 0 duplicate, 1 suppressed, 0 refused; 250 people joined the campaign" in told
    listed = made.get("/campaigns/suppressions").json()
    assert ("unsubscribed", "many.csv, column opt out") in {(row["reason"], row["source"]) for row in listed}
    command(made, "stop", "many")


def test_an_endpoint_is_told_of_a_campaign_and_doctor_of_an_event_that_nobody_took(
    made: Fleet, listener: Receiver
) -> None:
    def webhooks(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = ["agentic-sales", "webhooks", *arguments]
        environment = {**made.environment, "LANGGRAPH_URL": made.url}
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert webhooks("add", "crm", listener.url, "--event", "campaign.ended").returncode == 0
    assert webhooks("test", "crm").returncode == 0
    plan = made.directory / "plan.json"
    command(made, "create", "short", "--plan", str(plan))
    command(made, "stop", "short")
    ended = {"campaign_id": "short", "state": "stopped"}
    bodies = eventually(
        "both are told",
        lambda: [Webhook(SECRET).verify(one.body, dict(one.headers)) for one in list(listener.told)],
        lambda bodies: ended in [body["data"] for body in bodies],
        within_s=60,
    )
    # Campaigns of other tests of this fleet may end meanwhile, and are told, too.
    assert [body["type"] for body in bodies] == ["endpoint.test"] + ["campaign.ended"] * (len(bodies) - 1)
    listener.statuses.append(410)
    refused = webhooks("test", "crm")
    assert (refused.returncode, "the receiver answered 410" in refused.stderr) == (1, True)
    [listed] = made.get("/campaigns/webhooks").json()
    assert (listed["endpoint_id"], listed["dead"]) == ("crm", 1)
    assert webhooks("remove", "crm").returncode == 0


class TestByHand:
    """A person makes a campaign by the command line and follows it over HTTP."""

    def test_a_rehearsal_prints_every_message_and_changes_nothing(self, made: Fleet) -> None:
        messages = json.loads(command(made, "rehearse", "careful", "--json").stdout)
        assert sorted(message["to_email"] for message in messages) == ["ada@example.com", "eve@example.com"]
        assert {message["state"] for message in messages} == {"sent"}
        found = made.get("/campaigns/careful").json()
        assert (found["state"], found["people"], found["steps"]) == ("draft", {"active": 2}, [{}])

    def test_nothing_goes_before_a_person_agrees_and_what_is_refused_never_goes(self, made: Fleet) -> None:
        command(made, "start", "careful")
        waiting = eventually(
            "two messages wait for a word", lambda: approvals(made), lambda found: len(found) == 2, within_s=60
        )
        by_name = {question["message"]["to_email"]: question for question in waiting}
        assert made.get("/campaigns/approvals?campaign_id=careful").json() == waiting
        assert made.get("/campaigns/approvals?campaign_id=another").json() == []
        assert "no message waits" in command(made, "approve", "--campaign", "another").stderr
        yes, no = by_name["ada@example.com"], by_name["eve@example.com"]
        command(made, "approve", yes["approval_id"], "--by", "Ann")
        command(made, "approve", no["approval_id"], "--by", "Ann", "--reject")
        late = made.http.post(
            f"/campaigns/approvals/{yes['approval_id']}",
            json={"decision": "reject", "digest": yes["digest"], "by": "Bob"},
        )
        assert (late.status_code, late.json()["code"]) == (409, "state_conflict")
        found = eventually(
            "nobody is on the way any more",
            lambda: made.get("/campaigns/careful").json(),
            lambda campaign: "active" not in campaign["people"],
            within_s=60,
        )
        assert found["people"] == {"finished": 1, "stopped": 1}
        assert found["reasons"] == {"rejected by Ann": 1}
        [listed] = json.loads(command(made, "touches", "careful", "--state", "sent", "--json").stdout)
        begin = listed["touch_id"][:12]
        assert begin in command(made, "touches", "careful").stdout
        assert "message to ada@example.com, step 0: sent at " in command(made, "touch", listed["touch_id"]).stderr
        known = command(made, "resolve", listed["touch_id"], "failed", "--by", "Ann", fails=True)
        assert "only an ambiguous one can be resolved" in known.stderr
        picture = command(made, "show", "careful", "--timeline").stdout
        assert "step 0 sent" in picture
        assert "ada@example.com" in picture

    def test_a_mailbox_is_held_and_released_and_the_list_says_which_sends(self, made: Fleet) -> None:
        assert "mailbox `outreach` is held" in command(made, "hold", "outreach").stderr
        assert "no: it is held until somebody releases it" in command(made, "mailboxes").stdout
        assert "mailbox `outreach` sends" in command(made, "release", "outreach").stderr
        [listed] = [row for row in made.get("/campaigns/mailboxes").json() if row["mailbox_id"] == "outreach"]
        assert (listed["is_active"], listed["held_until_at"], listed["refusals"]) == (True, None, 0)
        assert "unknown mailbox `nowhere`" in command(made, "hold", "nowhere", fails=True).stderr

    def test_a_list_is_read_page_by_page_to_its_end(self, made: Fleet) -> None:
        whole = made.get("/campaigns/careful/enrollments").json()
        assert len(whole) == 2
        first, last = (made.get(f"/campaigns/careful/enrollments?limit=1&offset={offset}") for offset in (0, 1))
        assert [*first.json(), *last.json()] == whole
        assert (first.headers["x-pagination-next"], first.headers["x-pagination-total"]) == ("1", "2")
        assert (last.headers.get("x-pagination-next"), last.headers["x-pagination-total"]) == (None, "2")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("?state=asleep", "state"),
            ("?limit=0", "limit"),
            ("?limit=1001", "limit"),
            ("?offset=-1", "offset"),
            ("/approvals?state=maybe", "state"),
            ("/careful/enrollments?state=lost", "state"),
            ("/careful/touches?state=gone", "state"),
        ],
    )
    def test_a_page_that_cannot_be_is_refused_by_the_name_of_what_is_wrong(
        self, made: Fleet, query: str, field: str
    ) -> None:
        refused = made.get(f"/campaigns{query}")
        assert (refused.status_code, field in refused.json()["detail"]) == (422, True), refused.text

    @pytest.mark.parametrize(
        ("path", "body", "status", "code"),
        [
            ("", {"campaign_id": "no spaces", "plan": {}}, 422, "invalid_request"),
            ("", {"campaign_id": "x", "plan": {"steps": [], "mailboxes": ["outreach"]}}, 422, "invalid_request"),
            ("", {"campaign_id": "x", "plan": {"steps": [{}], "mailboxes": ["nobody"]}}, 422, "invalid_request"),
            ("/careful/start", None, 409, "state_conflict"),
            ("/unknown/start", None, 404, "unknown_record"),
            ("/careful/unpark?contact_id=nobody", None, 409, "state_conflict"),
            ("/unknown/unpark", None, 404, "unknown_record"),
            ("/touches/unknown/resolve", {"state": "sent", "by": "Ann"}, 404, "unknown_record"),
        ],
    )
    def test_what_cannot_be_done_is_refused_with_the_reason(
        self, made: Fleet, path: str, body: Any, status: int, code: str
    ) -> None:
        refused = made.http.post(f"/campaigns{path}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text


def approvals(fleet: Fleet) -> list[dict[str, Any]]:
    """Return the messages that wait for somebody's word."""
    found: list[dict[str, Any]] = fleet.get("/campaigns/approvals").json()
    return found


def command(fleet: Fleet, *arguments: str, fails: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run `agentic-sales campaigns …` against a fleet; it must end well, or, if so wanted, must not."""
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url, "COLUMNS": "200"}
    ended = run_command("agentic-sales", "campaigns", *arguments, environment=environment)
    assert (ended.returncode != 0) == fails, ended.stderr
    return ended


def test_a_reply_is_classified_by_the_fleet_and_ends_the_sequence(ticking: Fleet) -> None:
    plan, people = ticking.directory / "plan-reply.json", ticking.directory / "answering.csv"
    steps = [{}, {"delay_days": 9}]
    plan.write_text(json.dumps({"mailboxes": ["answers"], "steps": steps, "window": ALWAYS, "needs_approval": False}))
    people.write_text("email,first name\nkim@answering.example,Kim\n")
    where = "--postal-address", "1 Main Street, Springfield"
    command(ticking, "mailbox", "answers", "--address", "cem@acme.example", *where)
    command(ticking, "create", "answered", "--plan", str(plan))
    command(ticking, "import", "answered", str(people), "--basis", "consent", "--source", "a fair")
    command(ticking, "start", "answered")
    [sent] = eventually(
        "the first message is sent",
        lambda: ticking.get("/campaigns/answered/touches?state=sent").json(),
        lambda found: len(found) == 1,
        within_s=60,
    )

    async def answer() -> None:
        async with open_database(Settings(state_dir=ticking.directory)) as database:
            event = Inbound(
                event_id="reply-of-kim",
                source="test",
                kind="reply",
                received_at=datetime.now(UTC),
                about_ids=(sent["message_id"],),
                subject="Re: hello",
                text="Sounds good, can we have a call next week?",
            )
            async with database.writing() as connection:
                assert await record(connection, event, now=datetime.now(UTC)) == "recorded"

    async def reply_class() -> str | None:
        async with open_database(Settings(state_dir=ticking.directory)) as database, database.reading() as connection:
            found = await inbound(connection, "reply-of-kim")
        return found.reply_class if found else None

    asyncio.run(answer())
    assert eventually("the reply is classified", lambda: asyncio.run(reply_class()), within_s=60) == "interested"
    told = ticking.get("/campaigns/answered").json()
    assert (told["people"], told["reasons"]) == ({"stopped": 1}, {"replied": 1})
    assert told["variants"][0]["shares"]["interested"]["count"] == 1
    assert "interested" in command(ticking, "show", "answered").stdout
    [reply] = json.loads(command(ticking, "inbound", "--campaign", "answered", "--kind", "reply", "--json").stdout)
    about = (reply["event_id"], reply["email"], reply["campaign_id"], reply["touch_id"], reply["reply_class"])
    assert about == ("reply-of-kim", "kim@answering.example", "answered", sent["touch_id"], "interested")
    assert "Sounds good, can we have a call" in command(ticking, "inbound").stdout
    assert ticking.get("/campaigns/inbound?kind=bounced").json() == []
    assert ticking.get("/campaigns/inbound?kind=nonsense").status_code == 422


def test_who_is_on_the_list_is_shown_and_lifted_by_name_and_a_wish_only_with_consent(ticking: Fleet) -> None:
    lee = "lee@kept.example"
    command(ticking, "suppress", lee, "--by", "Ann")
    assert "Ann" in command(ticking, "suppressions", "--email", lee.upper()).stdout
    [found] = ticking.get("/campaigns/suppressions?reason=stopped&source=Ann").json()
    assert (found["reason"], found["source"], found["email"]) == ("stopped", "Ann", None)
    assert ticking.get(f"/campaigns/suppressions?reason=bounced&email_hash={found['email_hash']}").json() == []
    for wrong in ("reason=nonsense", "email_hash=lee", "limit=0"):
        assert ticking.get(f"/campaigns/suppressions?{wrong}").status_code == 422
    assert "give a name and a reason" in command(ticking, "lift", lee, "--by", "Bob", fails=True).stderr
    lifted = command(ticking, "lift", lee, "--by", "Bob", "--why", "she called")
    assert "may be written to again: stopped lifted" in lifted.stderr
    assert "she called" in command(ticking, "suppressions", "--lifted", "--email", lee).stdout
    assert "unknown suppression" in command(ticking, "lift", lee, "--by", "Bob", "--why", "again", fails=True).stderr
    command(ticking, "forget", lee)
    refused = ticking.http.post("/campaigns/suppressions/lift", json={"email": lee, "by": "Bob", "why": "a sale"})
    assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
    assert "--opted-in" in refused.json()["detail"]
    command(ticking, "lift", lee, "--by", "Bob", "--why", "signed up again", "--opted-in")
    assert [row["lifted_by"] for row in ticking.get("/campaigns/suppressions/lifts").json()] == ["Bob", "forgotten"]
