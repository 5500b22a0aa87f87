"""A fleet whose campaigns wrote to people, and where in its stores a person is to be found.

It asks the stores themselves, byte by byte, and nothing of the product: what the product says is what is compared.
"""

import asyncio
import sqlite3
import subprocess
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.inbound import InboundRow, inbound_of
from tests.support.fleet import Fleet
from tests.support.processes import run_command

CAREFUL, HASTY = "careful", "hasty"
"""A campaign whose messages somebody agrees to, and one whose messages go at once."""


@dataclass(frozen=True)
class Person:
    """Somebody who was written to in both campaigns, and answered in one."""

    first_name: str
    """A word that nothing else in the fleet holds."""

    @property
    def email(self) -> str:
        """Address."""
        return f"{self.first_name.lower()}@remember.example"

    @property
    def answer(self) -> str:
        """What the person wrote."""
        return f"Sounds good, can we have a call? The secret of {self.first_name[::-1]} is plum jam."

    @property
    def words(self) -> tuple[str, ...]:
        """What must be found nowhere."""
        return self.email, self.first_name, self.first_name[::-1]


@dataclass(frozen=True)
class Remembering:
    """A fleet, and the people whom it wrote to."""

    fleet: Fleet
    """The fleet."""
    settings: Settings
    """Names its database."""

    def get(self, path: str) -> Any:
        """Ask for a list or a thing below `/campaigns`."""
        return self.fleet.get(f"/campaigns{path}").raise_for_status().json()

    def post(self, path: str, body: Any = None, **query: str) -> Any:
        """Change something below `/campaigns`."""
        given: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.fleet.http.post(f"/campaigns{path}", params=query, **given).raise_for_status().json()

    def join(self, campaign: str, *people: Person) -> None:
        """Take people into a campaign."""
        lines = ["email,first name", *(f"{person.email},{person.first_name}" for person in people)]
        self.post(f"/{campaign}/import", "\n".join(lines).encode(), basis="consent", source="a fair")

    def find(self, person: Person) -> None:
        """Take a person into the book, too, and let a fact of the company name him or her."""
        name = f"{person.first_name} Remember"
        file = f"Full Name,Email,Company,Website\n{name},{person.email},Remember,remember.example\n"
        self.fleet.http.post("/people/import", content=file).raise_for_status()
        told = {"subject": "remember.example", "field": f"team_{len(person.first_name)}", "by": "Ann"}
        self.fleet.http.post("/facts", json={**told, "value": [name, "Bob Noyce"]}).raise_for_status()

    def messages(self, person: Person) -> list[dict[str, Any]]:
        """Return what was written to a person."""
        found = [touch for campaign in (CAREFUL, HASTY) for touch in self.get(f"/{campaign}/touches?limit=1000")]
        return [touch for touch in found if touch["to_email"] == person.email]

    def id_of(self, person: Person) -> str:
        """Return a person's id."""
        return str(self.messages(person)[0]["contact_id"])

    def answers(self, contact_id: str) -> list[InboundRow]:
        """Return what came back from a person."""

        async def read() -> list[InboundRow]:
            async with open_database(self.settings) as database, database.reading() as connection:
                return await inbound_of(connection, contact_id)  # type: ignore[arg-type]  # its id

        return asyncio.run(read())

    def forget(self, person: Person) -> httpx.Response:
        """Forget a person over HTTP."""
        return self.fleet.http.post("/campaigns/forget", json={"email": person.email})

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `agentic-sales campaigns …`."""
        environment = {**self.fleet.environment, "LANGGRAPH_URL": self.fleet.url, "COLUMNS": "200"}
        return run_command("agentic-sales", "campaigns", *arguments, environment=environment, timeout_s=90)

    def threads_of(self, contact_id: str) -> list[str]:
        """Return the threads of a person."""
        return [f"campaign-{campaign}-{contact_id}" for campaign in (CAREFUL, HASTY)]

    def runs(self) -> dict[str, dict[str, str]]:
        """Return the record of every run."""
        redis: Any = self.fleet.redis
        return {key.rpartition(":")[2]: redis.hgetall(key) for key in redis.scan_iter("agentic:run:*")}

    def runs_of(self, contact_id: str) -> dict[str, dict[str, str]]:
        """Return the records of every run on a person's threads, and of those that they asked for."""
        every = self.runs()
        threads = self.threads_of(contact_id)
        mine = {run_id for run_id, run in every.items() if run["thread_id"] in threads}
        while more := {run_id for run_id, run in every.items() if run["parent_run_id"] in mine} - mine:
            mine |= more
        return {run_id: every[run_id] for run_id in sorted(mine)}

    def checkpoints_of(self, contact_id: str) -> int:
        """Count the checkpoints of a person's threads."""
        return sum(self.rows_with("checkpoints", thread_id) for thread_id in self.threads_of(contact_id))

    def rows_with(self, table: str, thread_id: str) -> int:
        """Count the rows of a table of the checkpointer that belong to a thread."""
        if (url := self.settings.database_url) is not None:
            with psycopg.connect(url) as connection:
                found = connection.execute(
                    SQL("SELECT count(*) FROM {} WHERE thread_id = %s").format(Identifier(table)), (thread_id,)
                )
                return int((found.fetchone() or (0,))[0])
        with sqlite3.connect(self.settings.state_dir / "checkpoints.sqlite") as file:
            [(count,)] = file.execute(f"SELECT count(*) FROM {table} WHERE thread_id = ?", (thread_id,))  # noqa: S608 - ours
            return int(count)

    def places_with(self, word: str, *, by_id: bool = False) -> list[str]:
        """Return the keys of Redis, the files and the tables that hold a word; an id, where it means anything."""
        wanted = word.lower()
        keys = [key for key in self.fleet.redis.scan_iter() if wanted in f"{key} {self._dumped(key)}".lower()]
        return [*keys, *self._files_with(wanted.encode(), by_id=by_id), *self._tables_with(wanted.encode())]

    def places_of(self, person: Person) -> dict[str, list[str]]:
        """Return where the words of a person are found, without those that are found nowhere."""
        places = {word: self.places_with(word) for word in person.words}
        return {word: found for word, found in places.items() if found}

    def _dumped(self, key: str) -> str:
        redis: Any = self.fleet.redis
        read: dict[str, Any] = {
            "hash": redis.hgetall,
            "stream": redis.xrange,
            "list": lambda key: redis.lrange(key, 0, -1),
            "set": redis.smembers,
            "zset": lambda key: redis.zrange(key, 0, -1),
            "string": redis.get,
            "none": lambda _: "",
        }
        return str(read[redis.type(key)](key))

    def _files_with(self, word: bytes, *, by_id: bool) -> list[str]:
        """Search the databases with their logs, the maildir and what processes write, but not Redis' own files."""
        root = self.fleet.directory
        files = [path for path in root.rglob("*") if path.is_file() and "appendonlydir" not in path.parts]
        return [
            str(path.relative_to(root))
            for path in files
            if not (by_id and (path.suffix == ".log" or path.name == "checkpoints.sqlite"))
            and word in path.read_bytes().lower() + path.name.encode()
        ]

    def _tables_with(self, word: bytes) -> list[str]:
        if (url := self.settings.database_url) is None:
            return []
        with psycopg.connect(url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return [table for (table,) in tables if word in self._content_of(connection, table).lower()]

    def _content_of(self, connection: "psycopg.Connection[Any]", table: str) -> bytes:
        """Return what a table holds: as text, and its byte strings as the bytes that they are."""
        rows = connection.execute(SQL("SELECT * FROM {}").format(Identifier(table))).fetchall()
        return b" ".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
