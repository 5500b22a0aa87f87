"""A campaign from a Sunday to its corrections, by the commands that a person types, against a facade that listens."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import ClockFile, VirtualClock
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings, settings
from agentic_sales.store.database import open_database
from agentic_sales.store.migrate import upgrade
from tests.integration.facade.test_book_commands import Command, command
from tests.support.ports import free_port
from tests.support.waiting import eventually

SUNDAY = datetime(2026, 3, 1, 10, tzinfo=UTC)
PLAN: dict[str, Any] = {"mailboxes": ["sales"], "steps": [{}, {"delay_days": 3}]}

__all__ = ["command"]


@dataclass
class Office:
    """The fleet whose workers are this process: it makes its visits when a test says so."""

    configuration: Settings
    clock: ClockFile

    def pass_until(self, at: datetime) -> None:
        """Let time pass, with every visit that is due in it."""

        async def visits() -> None:
            async with open_database(self.configuration) as database:
                clock = VirtualClock(self.clock.now())
                await rehearse(database, clock, MaildirTransport(self.configuration.state_dir / "mail"), until=at)

        asyncio.run(visits())
        self.clock.forward_to(at)

    def mails(self) -> int:
        """Count the mails that left."""
        return len(list((self.configuration.state_dir / "mail").glob("new/*")))

    def answers(self, text: str, event_id: str = "answer-1", about: str = "") -> None:
        """Let the person answer, also in the thread of a message."""

        async def arrive() -> None:
            now = self.clock.now()
            told: Any = {"address": "jo@example.com", "text": text, "is_signed": True}
            event = Inbound(event_id, "test", "reply", now, about_ids=(about,), **told)
            async with open_database(self.configuration) as database, database.writing() as connection:
                await record(connection, event, now=now)

        asyncio.run(arrive())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Office]:
    """An empty store, and a clock that shows a Sunday."""
    folder = tmp_path_factory.mktemp("office")
    clock = ClockFile(folder / "clock")
    clock.forward_to(SUNDAY)
    told = {"state_dir": folder, "REDIS_URL": redis_url, "dev": True}
    configuration = Settings.model_validate(told)
    upgrade(configuration)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTIC_SALES_VIRTUAL_CLOCK", str(clock.path))
        settings.cache_clear()
        yield Office(configuration, clock)
    settings.cache_clear()


@pytest.fixture(scope="module")
def url(office: Office) -> Iterator[str]:
    """The URL of its facade."""
    port = free_port()
    app = create_app(office.configuration, control_plane())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually("the facade listens", lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def done(command: Command, *arguments: str, stdin: str = "") -> str:
    """Type a command of campaigns that works. Return what it tells."""
    told = command("campaigns", *arguments, stdin=stdin)
    assert told.returncode == 0, told.stderr
    return told.stdout + told.stderr


def test_what_is_approved_on_a_sunday_goes_on_monday_and_is_corrected_under_way(
    office: Office, command: Command, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    made = command("mailboxes", "add", "sales", "--address", "ann@acme.example", "--postal-address", "1 Main Street")
    assert made.returncode == 0, made.stderr
    done(command, "create", "spring", "--plan", str(plan))
    people = "email,first name\njo@example.com,Jo\n"
    done(command, "import", "spring", "-", "--basis", "consent", "--source", "a fair", stdin=people)
    told = done(command, "start", "spring")
    assert "next: jo@example.com, step 0, not before 2026-03-02 " in told
    assert (
        "0 messages wait for a word, 1 more is written now: agentic-sales campaigns approve --campaign spring" in told
    )
    office.pass_until(SUNDAY)
    assert "nobody has approved this message" in done(command, "next", "spring")
    [question] = json.loads(done(command, "approve", "--campaign", "spring", "--json"))
    done(command, "approve", question["approval_id"][:8], "--by", "Ann")
    office.pass_until(SUNDAY + timedelta(hours=20))
    assert office.mails() == 0
    office.pass_until(SUNDAY + timedelta(days=1, hours=7))
    assert office.mails() == 1

    plan.write_text(json.dumps({**PLAN, "steps": [{}, {"delay_days": 5}]}))
    refused = command("campaigns", "edit", "spring", "--plan", str(plan), "--by", "Ann")
    assert (refused.returncode, "pause it first: agentic-sales campaigns pause spring" in refused.stderr) == (2, True)
    done(command, "pause", "spring")
    preview = done(command, "edit", "spring", "--plan", str(plan), "--preview", "--by", "Ann")
    assert "1 people under way stay on their version; --move lets them go by this one" in preview
    assert "nothing was changed" in preview
    assert "version 2 is the plan now" in done(command, "edit", "spring", "--plan", str(plan), "--move", "--by", "Ann")
    assert done(command, "versions", "spring").count("│") == 8
    done(command, "resume", "spring")

    done(command, "clone", "spring", "autumn", "--by", "Ann")
    done(command, "add", "autumn", "jo@example.com", "--by", "Ann")
    done(command, "remove", "autumn", "jo@example.com", "--by", "Ann", "--note", "one campaign is enough")
    assert "at step 1 of version 1" in done(
        command, "move", "spring", "jo@example.com", "--version", "1", "--by", "Ann"
    )

    office.answers("Not interested, thanks.")
    office.pass_until(office.clock.now() + timedelta(hours=1))
    assert "stopped" in done(command, "show", "spring")
    told = done(command, "reclassify", "answer-1", "out_of_office", "--until", "2026-03-10", "--by", "Ann")
    assert "the person goes on in spring" in told
    audit = json.loads(done(command, "audit", "--json"))
    assert [entry["act"] for entry in audit] == ["reclassify", "move", "remove", "add", "clone", "edit"]
    assert {entry["by"] for entry in audit} == {"Ann"}
    assert "one campaign is enough" in done(command, "audit", "autumn")


def test_a_person_that_an_answer_names_is_listed_and_accepted_or_declined_by_name(
    office: Office, command: Command
) -> None:
    plan = json.dumps({**PLAN, "steps": [{}], "needs_approval": False})
    done(command, "create", "named", "--plan", "-", stdin=plan)
    done(command, "import", "named", "-", "--basis", "consent", "--source", "a fair", stdin="email\nal@example.com\n")
    done(command, "start", "named")
    office.pass_until(office.clock.now() + timedelta(days=4))
    [sent] = json.loads(done(command, "touches", "named", "--json"))
    text = "Wrong person. Please ask Jane Doe (jane@example.com) or Bob Roe (bob@example.com)."
    office.answers(text, "answer-2", sent["message_id"])
    office.pass_until(office.clock.now() + timedelta(hours=1))
    assert "2 were named in answers" in done(command, "show", "named")
    jane, bob = sorted(json.loads(done(command, "suggestions", "named", "--json")), key=lambda row: str(row["email"]))[
        ::-1
    ]
    assert "name the person that decides: --by NAME" in command("campaigns", "accept", jane["suggestion_id"]).stderr
    assert "at step 0" in done(command, "accept", jane["suggestion_id"], "--by", "Ann")
    assert "nobody is enrolled" in done(command, "decline", bob["suggestion_id"], "--by", "Ann")
    again = command("campaigns", "accept", bob["suggestion_id"], "--by", "Ann")
    assert (again.returncode, "Ann has declined it already" in again.stderr) == (2, True)
    assert "accepted by Ann" in done(command, "suggestions", "named", "--state", "accepted")
    assert "no answer named such a person" in done(command, "suggestions", "named", "--state", "open")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("edit", "nothing", "--plan", "-"), "name the person that decides: --by NAME"),
        (("move", "nothing", "jo@example.com", "--by", "Ann"), "say where to: a step (--step)"),
        (("remove", "nothing", "ghost@example.com", "--by", "Ann"), "agentic-sales campaigns import"),
        (("reclassify", "no-answer", "interested", "--by", "Ann"), "unknown answer `no-answer`"),
        (("clone", "nothing", "copy", "--by", "Ann"), "unknown campaign `nothing`"),
        (("next", "nothing"), "unknown campaign `nothing`"),
    ],
)
def test_a_correction_that_cannot_be_made_says_what_to_do(
    office: Office, command: Command, arguments: tuple[str, ...], told: str
) -> None:
    del office
    ended = command("campaigns", *arguments, stdin="{}")
    assert ended.returncode != 0
    assert told in ended.stderr
