"""The commands about the book, against a facade that listens: what a person sees, and what a program gets."""

import csv
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agentic_sales.cli.main import main
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.support.ports import free_port
from tests.support.waiting import eventually


@dataclass
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[str]:
    """The URL of a facade with an empty book."""
    told = {"state_dir": tmp_path_factory.mktemp("book"), "REDIS_URL": redis_url, "dev": True}
    configuration = Settings.model_validate(told)
    upgrade(configuration)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(configuration, control_plane()), port=port, log_level="warning", lifespan="on")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually("the facade listens", lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def command(url: str) -> Command:
    """Run the command line in this process: a process of its own takes a second."""

    def run(*arguments: str, stdin: str = "") -> Ended:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["agentic-sales", *arguments, "--url", url])
            patch.setattr(sys, "stdin", given)
            patch.setattr(sys, "path", list(sys.path))
            patch.setenv("COLUMNS", "200")
            with pytest.raises(SystemExit) as ended:
                main()
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())
        return Ended(int(ended.value.code or 0), *texts)

    return run


@pytest.fixture(scope="module")
def filled(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The same, with two companies and a person."""
    file: Path = tmp_path_factory.mktemp("files") / "crm.csv"
    file.write_text("Company,Website,Country\nAcme GmbH,acme.de,Germany\n=Evil,evil.de,Spain\n,,Spain\n", "utf-8")
    told = command("companies", "import", str(file))
    assert (told.returncode, told.stderr.splitlines()[-1]) == (
        0,
        "3 lines: 2 added, 0 known, 0 duplicate, 1 refused",
    ), told.stderr
    people = "Name,Email,Company,Website,Job Title\nAda Lovelace,ada@acme.de,Acme,acme.de,CTO\n"
    assert command("people", "import", "-", stdin=people).returncode == 0
    return command


def data_of(command: Command, *arguments: str) -> Any:
    told = command(*arguments, "--json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_companies_are_listed_shown_and_exported(filled: Command) -> None:
    assert [row["name"] for row in data_of(filled, "companies", "list", "--country", "germany")] == ["Acme GmbH"]
    shown = filled("companies", "show", "acme.de").stdout
    assert all(word in shown for word in ("Acme GmbH", "1 people, 0 contacts", "Germany", "import crm.csv"))
    exported = list(csv.DictReader(io.StringIO(filled("companies", "export", "--text", "evil").stdout)))
    assert [row["name"] for row in exported] == ["'=Evil"]
    missing = filled("companies", "show", "nobody.example")
    assert (missing.returncode, "unknown company `nobody.example`" in missing.stderr) == (2, True)


def test_facts_are_told_with_their_sources(filled: Command) -> None:
    [fact] = data_of(filled, "facts", "acme.de")
    assert (fact["field"], fact["value"], fact["workflow"]) == ("country", "Germany", "crm.csv")
    assert "Germany" in filled("facts", "company:acme.de", "--history").stdout


def test_a_block_asks_who_and_why_and_a_merge_tells_what_has_moved(filled: Command) -> None:
    refused = filled("companies", "block", "evil.de")
    assert (refused.returncode, "--by NAME --why TEXT" in refused.stderr) == (2, True)
    assert (
        "nobody of `=Evil` is written to" in filled("companies", "block", "evil.de", "--by", "Ann", "--why", "x").stderr
    )
    assert [row["domain"] for row in data_of(filled, "companies", "list", "--blocked")] == ["evil.de"]
    lifted = filled("companies", "block", "evil.de", "--by", "Ann", "--why", "x", "--lift")
    assert "may be written to" in lifted.stderr
    told = filled("companies", "merge", "acme.de", "evil.de")
    assert "`Acme GmbH` has both now; moved: 1 facts" in told.stderr


def test_a_person_is_shown_promoted_and_forgotten(filled: Command) -> None:
    [ada] = data_of(filled, "people", "list", "--company", "acme.de")
    assert "no contact: nobody may write" in filled("people", "show", ada["person_id"]).stdout
    grounds = ("--basis", "contract", "--source", "their order", "--by", "Ann")
    unchecked = filled("people", "promote", ada["person_id"], *grounds)
    assert (unchecked.returncode, "the verdict on `ada@acme.de` is `unknown`" in unchecked.stderr) == (2, True)
    promoted = filled("people", "promote", ada["person_id"], *grounds, "--checked", "she wrote to us")
    assert promoted.stderr.startswith("the person is contact `")
    assert [row["name"] for row in data_of(filled, "people", "list", "--contacts")] == ["Ada Lovelace"]
    exported = filled("people", "export").stdout
    assert "Ada Lovelace,Acme GmbH,acme.de,CTO" in exported
    told = filled("people", "forget", "--name", "Ada Lovelace", "--company", "acme.de")
    assert ("people: 1 erased" in told.stderr, "contacts: 1 erased" in told.stderr) == (True, True)
    assert data_of(filled, "people", "list") == []
    assert filled("people", "forget", "--name", "Ada Lovelace").returncode == 2


def test_a_file_of_which_every_line_is_refused_fails(command: Command) -> None:
    told = command("people", "import", "-", stdin="Name,Company\nJo,\n")
    assert (told.returncode, "every line was refused" in told.stderr) == (1, True)
    assert command("companies", "import", "/no/such.csv").returncode == 2
