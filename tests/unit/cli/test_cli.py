"""The command line: what it prints, where, and with which exit status."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import agentic_sales
from agentic_sales.cli.main import main
from agentic_sales.control import control_plane
from agentic_sales.facade.outreach.mailboxes import NewMailbox
from agentic_sales.registry import BY_ID
from agentic_sales.settings import child_environment
from tests.support.ports import free_port
from tests.support.small_facade import Facade, answering, facade, finished
from tests.support.team import Team, team

__all__ = ["facade", "team"]  # pytest finds the fixtures here

SCHEMAS = {
    "input": {
        "type": "object",
        "additionalProperties": False,
        "required": ["company_name"],
        "properties": {
            "company_name": {"type": "string", "description": "Company that is written to."},
            "tries": {"type": "integer", "description": "How often."},
        },
    },
    "output": {},
}


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process."""

    def run(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["agentic-sales", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_package(command: Command, option: str) -> None:
    assert command(option) == Ended(0, f"agentic-sales {version('agentic-sales')}\n", "")


@pytest.fixture
def compose(facade: Facade, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Run `run email_compose` against the small facade, with a schema of this test."""
    monkeypatch.setenv("LANGGRAPH_URL", facade.url)
    monkeypatch.setitem(vars(control_plane()), "schemas", {"email_compose": SCHEMAS})
    return lambda *arguments, **options: command("run", "email_compose", *arguments, **options)


ACME = '{"company_name": "Acme"}'


# --- run


def test_the_output_is_on_standard_output_and_the_ids_are_not(facade: Facade, compose: Command) -> None:
    facade.answer = answering(200, {"subject": "Grüße"}, {"x-run-id": "r1", "x-trace-id": "t1"})
    ended = compose("--input", ACME)
    assert (ended.status, ended.json) == (0, {"subject": "Grüße"})
    assert "Grüße" in ended.out
    assert ended.err == "run r1\ntrace t1\n"


def test_the_input_may_come_from_a_file_or_from_standard_input(
    facade: Facade, compose: Command, tmp_path: Path
) -> None:
    (tmp_path / "acme.json").write_text(ACME)
    assert compose("--input", f"@{tmp_path}/acme.json").status == 0
    assert compose("--input", "-", stdin=ACME).status == 0
    assert [body["input"] for _, body in facade.requests if body] == [{"company_name": "Acme"}] * 2


def test_json_gives_one_document_with_the_ids(facade: Facade, compose: Command) -> None:
    facade.answer = answering(200, {"a": 1}, {"x-run-id": "r1"})
    ended = compose("--input", ACME, "--json")
    assert (ended.json["output"], ended.json["run_id"], ended.json["trace_id"]) == ({"a": 1}, "r1", None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{}", "company_name: required field is missing (Company that is written to.)"),
        ('{"company_name": "A", "nmae": 1}', "nmae: unknown field; the input has company_name, tries"),
        ('{"company_name": "A", "tries": "x"}', 'tries: "x" is not of type "integer" (How often.)'),
    ],
)
def test_a_wrong_input_is_told_with_the_description_and_not_sent(
    facade: Facade, compose: Command, given: str, told: str
) -> None:
    ended = compose("--input", given)
    assert ended.status == 2
    assert told in ended.err
    assert (ended.out, facade.requests) == ("", [])


@pytest.mark.parametrize("given", ["{", "[1]", "@/no/such/file"])
def test_an_input_that_cannot_be_read_is_told(compose: Command, given: str) -> None:
    ended = compose("--input", given)
    assert ended.status == 2
    assert ended.err.startswith("--input ")


def test_an_assistant_that_is_not_known_here_is_left_to_the_fleet(
    facade: Facade, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_URL", facade.url)
    facade.answer = answering(404, {"detail": "unknown assistant `nobody`; this fleet has email_compose"})
    ended = command("run", "nobody")
    assert ended.status == 2
    assert "this fleet has email_compose" in ended.err


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [
        (402, 1),
        (500, 1),
        (401, 2),
        (403, 2),
        (404, 2),
        (409, 2),
        (413, 2),
        (422, 2),
        (429, 3),
        (502, 3),
        (503, 3),
        (504, 3),
    ],
)
def test_the_exit_status_says_whose_turn_it_is(facade: Facade, compose: Command, status: int, exit_status: int) -> None:
    facade.answer = answering(status, {"detail": "told"})
    ended = compose("--input", ACME)
    assert (ended.status, ended.out) == (exit_status, "")
    assert "told" in ended.err


def test_a_failure_after_the_answer_began_is_a_failed_run(facade: Facade, compose: Command) -> None:
    facade.answer = finished(__error__={"error": "RunTimeout", "message": "over its limit"})
    assert compose("--input", ACME).status == 1


def test_a_fleet_that_is_not_there_is_unreached(compose: Command) -> None:
    ended = compose("--input", ACME, "--url", f"http://127.0.0.1:{free_port()}")
    assert ended.status == 3
    assert "cannot be reached" in ended.err


def test_a_fleet_that_does_not_answer_in_time_is_unreached(facade: Facade, compose: Command) -> None:
    facade.answer = lambda handler: finished()(handler) if handler.rfile.read(1) else None
    ended = compose("--input", ACME, "--timeout", "0.2")
    assert ended.status == 3
    assert "no answer after 0.2 s" in ended.err


def test_an_error_is_data_too_with_json(facade: Facade, compose: Command) -> None:
    facade.answer = answering(503, {"detail": "no worker"})
    ended = compose("--input", ACME, "--json")
    assert ended.status == 3
    assert ended.json == {
        "error": {"kind": "backend", "status": 503, "assistant_id": "email_compose", "detail": "no worker"}
    }


# --- runs

RUN = {
    "run_id": "r1",
    "graph_id": "echo",
    "queue": "email",
    "status": "error",
    "losses": 3,
    "updated_at": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture
def runs(facade: Facade, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Run `runs …` against the small facade."""
    monkeypatch.setenv("LANGGRAPH_URL", facade.url)
    return lambda *arguments: command("runs", *arguments)


def test_the_dead_runs_are_listed_for_people_and_for_programs(facade: Facade, runs: Command) -> None:
    facade.answer = answering(200, [RUN])
    told = runs("dead", "--limit", "7").out
    assert all(value in told for value in ("r1", "echo", "email", "3", "2026-01-02"))
    assert runs("dead", "--json").json == [RUN]
    assert [headers[":path"] for headers, _ in facade.requests] == ["/runs/dead?limit=7", "/runs/dead?limit=100"]


def test_no_dead_run_is_told_too(facade: Facade, runs: Command) -> None:
    facade.answer = answering(200, [])
    assert (runs("dead").err, runs("dead", "--json").json) == ("no run is dead\n", [])


def test_a_run_is_shown_as_the_fleet_describes_it(facade: Facade, runs: Command) -> None:
    facade.answer = answering(200, RUN)
    assert runs("show", "r1").json == RUN
    assert facade.last_headers[":path"] == "/runs/r1"


@pytest.mark.parametrize("action", ["retry", "discard", "cancel"])
def test_a_run_is_changed_and_where_it_stands_is_told(facade: Facade, runs: Command, action: str) -> None:
    facade.answer = answering(200, RUN)
    ended = runs(action, "r1")
    assert (ended.status, ended.out, ended.err) == (0, "", "run r1 of `echo` on `email`: error\n")
    assert runs(action, "r1", "--json").json == RUN
    assert {headers[":path"] for headers, _ in facade.requests} == {f"/runs/r1/{action}"}


def test_a_run_id_cannot_name_another_path(facade: Facade, runs: Command) -> None:
    facade.answer = answering(404, {"detail": "unknown run"})
    runs("discard", "../assistants/search?x=")
    assert facade.last_headers[":path"] == "/runs/..%2Fassistants%2Fsearch%3Fx%3D/discard"


@pytest.mark.parametrize(("status", "exit_status"), [(404, 2), (409, 2), (503, 3)])
def test_a_refusal_is_told_with_the_request_and_the_reason(
    facade: Facade, runs: Command, status: int, exit_status: int
) -> None:
    facade.answer = answering(status, {"detail": "not on the dead list"})
    ended = runs("retry", "r1")
    assert (ended.status, ended.out) == (exit_status, "")
    assert "`POST /runs/r1/retry` failed" in ended.err
    assert "not on the dead list" in ended.err
    assert runs("retry", "r1", "--json").json["error"]["status"] == status


def test_a_fleet_that_is_not_there_cannot_be_asked_for_runs(runs: Command) -> None:
    ended = runs("dead", "--url", f"http://127.0.0.1:{free_port()}")
    assert ended.status == 3
    assert "cannot be reached" in ended.err


# --- routes


def sources(ended: Ended) -> dict[str, tuple[str, str]]:
    return {row["assistant_id"]: (row["queue"], row["source"]) for row in ended.json["routes"]}


def test_routes_tells_queue_and_source_of_every_assistant(command: Command) -> None:
    told = sources(command("routes", "--json"))
    assert told["email_compose"] == ("email", "default")
    assert told["pipeline"] == ("core", "CORE")
    assert told.keys() == BY_ID.keys()


def test_routes_names_the_override_that_decided(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_WORKER_ASSISTANTS", "-email_reply")
    monkeypatch.setenv("CLASSIFY_WORKER_ASSISTANTS", "classify_recruitment")
    monkeypatch.setenv("DISCOVERY_WORKER_QUEUE", "")
    told = sources(command("routes", "--json"))
    assert told["email_compose"] == ("email", "default")
    assert told["email_reply"] == ("core", "CORE (EMAIL_WORKER_ASSISTANTS)")
    assert told["classify_recruitment"] == ("classify", "CLASSIFY_WORKER_ASSISTANTS")
    assert told["deep_scrape"] == ("core", "CORE (DISCOVERY_WORKER_QUEUE is empty)")


def test_routes_names_the_override_that_took_an_assistant_over(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_WORKER_ASSISTANTS", "+pipeline")
    assert sources(command("routes", "--json"))["pipeline"] == ("email", "EMAIL_WORKER_ASSISTANTS")


def test_routes_warns_of_a_list_on_a_pool_that_is_off(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_WORKER_ASSISTANTS", "email_compose")
    monkeypatch.setenv("EMAIL_WORKER_QUEUE", "")
    ended = command("routes")
    assert "email_compose" in ended.out
    assert ended.err.startswith("warning: EMAIL_WORKER_ASSISTANTS is set, but EMAIL_WORKER_QUEUE is empty")


def test_a_route_that_contradicts_the_registry_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_WORKER_ASSISTANTS", "nobody")
    ended = command("routes")
    assert ended.status == 2
    assert ended.err.splitlines() == [
        "EMAIL_WORKER_ASSISTANTS lists `nobody`, which no registry has; add its row or remove it"
    ]


# --- check and gen


def test_gen_then_check_of_a_further_registry_is_fine(command: Command, team: Team) -> None:
    generated = command("gen", "--registry", team.registry)
    written = f"wrote {team.schemas}\nwrote {team.schemas.with_name('graphs.json')}\n"
    assert (generated.status, generated.err) == (0, written)
    checked = command("check", "--registry", team.registry)
    assert (checked.status, checked.err) == (0, "nothing to mend\n")


def test_check_ends_with_1_and_one_line_per_problem(command: Command, team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.gone")')
    ended = command("check", "--registry", team.registry)
    assert (ended.status, ended.out) == (1, "")
    problem, schemas, total = ended.err.splitlines()
    assert problem.startswith(f"`greet`: module={team.package}.gone: ")
    assert schemas.startswith("`schemas.json`: file=")
    assert total == "2 to mend"


def test_check_gives_problems_as_data_too(command: Command, team: Team) -> None:
    ended = command("check", "--registry", team.registry, "--json")
    assert ended.status == 1
    (problem,) = ended.json
    assert (problem["row"], problem["field"], problem["value"]) == ("schemas.json", "file", str(team.schemas))
    assert "run `agentic-sales gen`" in problem["advice"]


def test_check_of_what_is_right_gives_an_empty_list(command: Command, team: Team) -> None:
    command("gen", "--registry", team.registry)
    ended = command("check", "--registry", team.registry, "--json")
    assert (ended.status, ended.json) == (0, [])


def test_gen_of_a_graph_that_does_not_load_is_one_line(command: Command, team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.gone")')
    ended = command("gen", "--registry", team.registry)
    assert ended.status == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("the graph of `greet` cannot be loaded")


def test_a_registry_in_the_working_directory_can_be_named(team: Team) -> None:
    program = [str(Path(sys.executable).with_name("agentic-sales")), "gen", "--registry", team.registry]
    environment = child_environment({"PYTHONPATH": None})
    subprocess.run(program, cwd=team.folder.parent, env=environment, check=True, capture_output=True)
    assert team.schemas.exists()


# --- flows


def test_the_flows_are_listed_with_what_keeps_a_lead(command: Command) -> None:
    listed = {flow["flow_id"]: flow["score"]["threshold"] for flow in command("flows", "list", "--json").json}
    assert listed == {flow.flow_id: flow.score.threshold for flow in control_plane().flows.values()}
    assert all(flow_id in command("flows", "list").out for flow_id in listed)


def test_a_flow_is_shown_with_the_pool_of_each_step(command: Command) -> None:
    shown = [line.split() for line in command("flows", "show", "open_source").out.splitlines()]
    assert ["discover", "gh_ai_repos", "discovery", "finds", "repositories"] in shown
    assert ["score", "gh_lead_research", "discovery", "keeps", "a", "lead", "from", "0.6"] in shown


def test_a_flow_is_shown_with_its_stopped_arms_and_the_command_that_lets_each_go_on(
    facade: Facade, command: Command
) -> None:
    arm = {"kind": "query", "arm": "bad words", "why": "1 of 1 people complained of the mail"}
    facade.answer = answering(200, {"stopped": [arm]})
    shown = command("flows", "show", "open_source", "--url", facade.url)
    told = "query `bad words` is stopped: 1 of 1 people complained of the mail; "
    assert f"{told}agentic-sales flows allow open_source query 'bad words'" in " ".join(shown.out.split())
    assert command("flows", "show", "open_source", "--url", facade.url, "--json").json["stopped"] == [arm]
    alone = command("flows", "show", "open_source", "--url", f"http://127.0.0.1:{free_port()}")
    assert (alone.status, "stopped arms: no facade tells them" in alone.out) == (0, True)


def test_a_rehearsal_of_a_flow_asks_the_fleet_for_the_material_of_its_campaign(
    facade: Facade, command: Command
) -> None:
    facade.answer = answering(409, {"code": "state_conflict", "detail": "no round of it has a campaign"})
    ended = command("flows", "rehearse", "open_source", "--people", "3", "--url", facade.url)
    assert (ended.status, "no round of it has a campaign" in ended.err) == (2, True)
    assert facade.last_headers[":path"] == "/flows/open_source/material?people=3"


def test_a_flow_that_is_not_there_is_one_line_with_those_that_are(command: Command) -> None:
    ended = command("flows", "show", "nothing")
    assert ended.status == 1
    assert ended.err.strip() == f"unknown flow `nothing`; this fleet has {', '.join(control_plane().flows)}"


# --- every command


@pytest.mark.parametrize("name", ["run", "routes", "up", "demo", "check", "gen", "serve"])
def test_every_help_teaches_with_an_example(command: Command, name: str) -> None:
    ended = command(name, "--help")
    assert ended.status == 0
    assert any(line.strip(" │").startswith(("agentic-sales ", "EMAIL_")) for line in ended.out.splitlines())


def test_help_imports_no_graph_library() -> None:
    program = (
        "import sys; sys.argv = ['agentic-sales', '--help']\n"
        "from agentic_sales.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name.startswith(('langgraph', 'celery', 'fastapi')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_a_wrong_environment_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTIC_SALES_WORKER_CONCURRENCY", "many")
    ended = command("routes")
    assert ended.status == 2
    (line,) = ended.err.splitlines()
    assert "AGENTIC_SALES_WORKER_CONCURRENCY='many'" in line


def test_a_registry_that_cannot_be_imported_is_one_line(tmp_path: Path) -> None:
    """Break a copy of our own registry, as a person who edits it would."""
    package = Path(agentic_sales.__path__[0])
    copy = tmp_path / "agentic_sales"
    copy.mkdir()
    for source in package.iterdir():
        if source.suffix == ".py":
            (copy / source.name).write_bytes(source.read_bytes())
        elif source.is_dir() and source.name != "__pycache__":
            (copy / source.name).symlink_to(source)
    text = (copy / "registry.py").read_text()
    (copy / "registry.py").write_text(text.replace('"email_reply", "agentic', '"email_compose", "agentic'))
    program = "from agentic_sales.cli.main import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "check"],
        cwd=tmp_path,
        env=child_environment({"PYTHONPATH": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("assistant_id `email_compose` has two registry rows")


def test_serve_refuses_to_be_open_without_a_token() -> None:
    """In a process of its own, because `serve` configures the logs of the whole process."""
    program = [str(Path(sys.executable).with_name("agentic-sales")), "serve", "--port", str(free_port())]
    ended = subprocess.run(program, env=child_environment({}), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "LANGGRAPH_AUTH_TOKEN is not set" in ended.stderr


def test_up_refuses_a_port_that_is_taken_before_it_starts_anything(
    command: Command, facade: Facade, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTIC_SALES_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FLOWER_PORT", str(free_port()))
    port = facade.url.rpartition(":")[2]
    ended = command("up", "--port", port)
    assert ended.status == 2
    (line,) = ended.err.splitlines()
    assert line.startswith(f"127.0.0.1:{port} for the facade (choose another with --port) cannot be used: ")
    assert line.endswith(os.strerror(errno.EADDRINUSE))
    assert not (tmp_path / "state").exists()


def test_up_refuses_a_redis_that_does_not_answer(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("AGENTIC_SALES_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FLOWER_PORT", str(free_port()))
    ended = command("up", "--port", str(free_port()))
    assert ended.status == 2
    assert "the Redis that REDIS_URL names does not answer" in ended.err
    assert "secret" not in ended.err


def test_feedback_is_sent_to_the_run_and_its_id_is_printed(
    facade: Facade, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_URL", facade.url)
    facade.answer = answering(202, {"feedback_id": "f1"})
    ended = command("feedback", "r 1", "--key", "user_score", "--score", "-0.5", "--comment", "no")
    assert (ended.status, json.loads(ended.out)) == (0, {"feedback_id": "f1"})
    headers, body = facade.requests[0]
    assert (headers[":path"], body) == ("/runs/r%201/feedback", {"key": "user_score", "score": -0.5, "comment": "no"})


# --- campaigns


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show",), "there is no campaign yet: agentic-sales campaigns create --help"),
        (("mailboxes",), "there is no mailbox yet: agentic-sales mailboxes add --help"),
        (("touches", "spring"), "campaign `spring` has no message yet"),
        (("touches", "spring", "--state", "ambiguous"), "campaign `spring` has no message that is ambiguous"),
        (("approve",), "no message waits for anybody's word"),
        (("suppressions",), "the list has no entry"),
        (("suppressions", "--reason", "bounced"), "the list has no such entry"),
        (("suppressions", "--lifted"), "nothing was taken off the list"),
        (("inbound", "--kind", "reply"), "nothing such came back"),
    ],
)
def test_a_list_of_nothing_is_a_sentence_and_for_programs_a_list(
    facade: Facade, command: Command, arguments: tuple[str, ...], told: str
) -> None:
    facade.answer = answering(200, [])
    ended = command("campaigns", *arguments, "--url", facade.url)
    assert (ended.status, ended.out, ended.err) == (0, "", f"{told}\n")
    assert command("campaigns", *arguments, "--url", facade.url, "--json").json == []


def test_who_reaches_no_facade_is_told_how_to_get_one(command: Command) -> None:
    ended = command("campaigns", "show", "--url", f"http://127.0.0.1:{free_port()}")
    assert ended.status == 3
    assert "start a fleet with `agentic-sales up`, or name its facade with --url" in ended.err


def test_a_rehearsal_asks_the_fleet_and_opens_no_store_of_its_own(
    facade: Facade, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTIC_SALES_STATE_DIR", str(tmp_path / "fresh"))
    facade.answer = answering(404, {"code": "unknown_record", "detail": "unknown campaign `spring`"})
    ended = command("campaigns", "rehearse", "spring", "--people", "3", "--url", facade.url)
    assert (ended.status, "unknown campaign `spring`" in ended.err) == (2, True)
    assert facade.last_headers[":path"] == "/campaigns/spring/material?people=3"
    assert not (tmp_path / "fresh").exists()


def test_who_changes_a_message_is_told_the_id_under_which_it_waits_now(
    facade: Facade, command: Command, tmp_path: Path
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = {"digest": "d", "message": {"to_email": "jo@example.com"}, "state": "pending"}
        old, new = {**asked, "approval_id": "5f2b"}, {**asked, "approval_id": "77aa"}
        answering(200, [old] if handler.command == "GET" else new)(handler)

    facade.answer = answer
    better = tmp_path / "better.txt"
    better.write_bytes(b"Subject: Better\n\nHello")
    given = ("campaigns", "approve", "5f", "--url", facade.url, "--by", "Ann", "--edit", str(better))
    both = command(*given, "--reject")
    assert (both.status, both.err) == (2, "a message is refused or changed, not both: --reject or --edit\n")
    ended = command(*given, "--note", "shorter")
    assert ended.err == "message to jo@example.com: pending as `77aa`: the changed message waits for a word\n"
    sent = {"decision": "edit", "digest": "d", "by": "Ann", "note": "shorter", "subject": "Better", "text": "Hello"}
    assert facade.requests[-1][1] == sent
    better.write_bytes(b"Subject: Better\n\nHello \xff")
    assert "is not UTF-8" in command(*given).err


def test_a_mailbox_can_be_given_by_hand_all_that_it_can_be_given_over_http(facade: Facade, command: Command) -> None:
    facade.answer = answering(201, {})
    options = {
        "name": "Ann",
        "role": "Head of Sales",
        "signature": "Ann",
        "postal-address": "1 Main Street",
        "reply-to": "desk@acme.example",
        "time-zone": "Europe/Berlin",
        "window": '{"starts": "08:00"}',
        "daily-cap": "40",
        "ramp-start": "5",
        "ramp-per-day": "3",
        "spacing-s": "90",
        "login": "password",
        "smtp": "smtps://smtp.acme.example",
        "imap": "imaps://imap.acme.example",
        "secret": "env:ANN",
        "booking-link": "https://calendar.example/ann",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    for way in (("mailboxes", "add"), ("campaigns", "mailbox")):
        ended = command(*way, "sales", "--address", "ann@acme.example", *given, "--url", facade.url)
        assert ended.status == 0, ended.err
        sent = facade.requests[-1][1]
        assert sent.keys() == NewMailbox.model_fields.keys()
        made = NewMailbox.model_validate(sent)
        assert (made.daily_cap, made.spacing_s, made.secret, made.window and made.window.starts.hour) == (
            40,
            90.0,
            "env:ANN",
            8,
        )


def test_an_edit_sends_only_what_was_named(facade: Facade, command: Command) -> None:
    facade.answer = answering(200, {"is_active": True})
    ended = command("mailboxes", "edit", "sales", "--daily-cap", "7", "--signature", "", "--url", facade.url)
    assert (ended.status, facade.requests[-1][1]) == (0, {"daily_cap": 7, "signature": ""}), ended.err
    nothing = command("mailboxes", "edit", "sales", "--url", facade.url)
    assert (nothing.status, "nothing to change" in nothing.err) == (2, True)


def test_products_are_those_of_the_fleet(facade: Facade, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text('{"name": "Acme QA"}')
    facade.answer = answering(200, {"Acme QA": 1})
    told = command("products", "import", str(file), "--url", facade.url)
    assert (told.err, facade.requests[-1][1]) == ("product 1: Acme QA\n", {"name": "Acme QA"})
    facade.answer = answering(200, [])
    assert command("products", "list", "--url", facade.url).err.startswith("there is no product yet")
