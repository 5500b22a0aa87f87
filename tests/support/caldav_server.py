"""Run Radicale as a CalDAV server of the tests' own: one user, one collection, one port."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from tests.support.ports import free_port
from tests.support.services import end_group, spawn
from tests.support.waiting import eventually

USER, PASSWORD = "ann", "ge:heim"
_MAKE = """<?xml version="1.0"?><c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"/>"""


@dataclass(frozen=True)
class CaldavServer:
    """A collection that takes events."""

    url: str
    """Its URL."""

    @property
    def place(self) -> str:
        """Its place, as `AGENTIC_SALES_CALENDARS` tells it, without the place of the password."""
        return f"caldav+{self.url.replace('://', f'://{USER}@')}"

    def put(self, name: str, content: bytes) -> None:
        """Write an event."""
        put = httpx.put(f"{self.url}{name}.ics", content=content, auth=(USER, PASSWORD), trust_env=False)
        put.raise_for_status()


@contextmanager
def caldav_server(folder: Path) -> Iterator[CaldavServer]:
    """Start the server, with an empty collection."""
    port = free_port()
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    (folder / "config").write_text(
        f"[server]\nhosts = {LOOPBACK}:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {folder}/collections\n[logging]\nlevel = warning\n"
    )
    log = folder / "log"
    process = spawn(sys.executable, "-m", "radicale", "--config", str(folder / "config"), cwd=folder, log=log)
    url = f"http://{LOOPBACK}:{port}"
    try:
        eventually("Radicale answers", lambda: _answers(url))
        collection = f"{url}/{USER}/work/"
        made = httpx.request("MKCALENDAR", collection, content=_MAKE, auth=(USER, PASSWORD), trust_env=False)
        made.raise_for_status()
        yield CaldavServer(collection)
    finally:
        end_group(process)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.web/", trust_env=False).status_code > 0
    except httpx.TransportError:
        return False
