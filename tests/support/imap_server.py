"""Run Debian's dovecot as an IMAP server of the tests' own: one directory, one port, ended with all that it started."""

import getpass
import imaplib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import BinaryIO

import pytest

from agentic_sales.campaigns.answers.imap_accounts import ImapAccount
from agentic_sales.local.ports import LOOPBACK
from tests.support.ports import free_port
from tests.support.services import end_group, missing, spawn
from tests.support.waiting import eventually

PASSWORD = "geheim"
_CONFIGURATION = """\
protocols = imap
base_dir = {folder}/run
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
listen = {host}
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
auth_mechanisms = plain login{token_mechanism}
auth_failure_delay = 0
{token_passdb}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={folder}/mail/%u
}}
"""


_TOKEN_PASSDB = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/tokens.conf
}}
"""
_TOKENS = """\
introspection_mode = get
introspection_url = {url}
username_attribute = email
active_attribute = active
active_value = true
"""


@dataclass(frozen=True)
class ImapServer:
    """A running server, which makes an inbox for whoever logs in."""

    port: int
    """TCP port on loopback."""

    def account(self, username: str) -> ImapAccount:
        """Return the account of a user."""
        return ImapAccount(LOOPBACK, self.port, username, PASSWORD, is_clear=True)

    @contextmanager
    def session(self, username: str) -> Iterator[imaplib.IMAP4]:
        """Log a user in, as a mail reader does."""
        with imaplib.IMAP4(LOOPBACK, self.port, timeout=10) as client:
            client.login(username, PASSWORD)
            yield client

    def put(self, username: str, *mails: bytes) -> None:
        """Put mails into a user's inbox."""
        with self.session(username) as client:
            for mail in mails:
                assert client.append("INBOX", "", "", mail)[0] == "OK"

    def unread(self, username: str) -> int:
        """Count the unread mails of a user."""
        with self.session(username) as client:
            client.select("INBOX", readonly=True)
            return len(client.search(None, "UNSEEN")[1][0].split())


@contextmanager
def hangs_up_after(server_port: int, *, fetches: int) -> Iterator[int]:
    """Run a line to a server that breaks when more mails are fetched in one session; yield its port."""

    class Line(StreamRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((LOOPBACK, server_port)) as server:
                back = Thread(target=_carry, args=(server, self.wfile))
                back.start()
                left = fetches
                for command in self.rfile:
                    left -= b" fetch " in command.lower()
                    if left < 0:
                        break
                    server.sendall(command)
                server.shutdown(socket.SHUT_RDWR)
                back.join()

    with ThreadingTCPServer((LOOPBACK, 0), Line) as line:
        thread = Thread(target=line.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield line.server_address[1]
        finally:
            line.shutdown()
            thread.join()


def _carry(server: socket.socket, client: BinaryIO) -> None:
    with suppress(OSError):
        while answer := server.recv(65_536):
            client.write(answer)


@pytest.fixture(scope="session")
def imap_server() -> Iterator[ImapServer]:
    """An IMAP server for the tests."""
    with running_dovecot() as server:
        yield server


@contextmanager
def running_dovecot(*, introspection_url: str = "") -> Iterator[ImapServer]:
    """Run a server. With the URL of a token endpoint it takes XOAUTH2, too."""
    dovecot = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
    if dovecot is None:
        missing("no dovecot on this machine (Debian: apt-get install dovecot-imapd)")
    # Not in pytest's folder: dovecot's own users must be able to come in, and its sockets have short names only.
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    server = ImapServer(free_port())
    tokens = {"token_mechanism": "", "token_passdb": ""}
    if introspection_url:
        tokens = {"token_mechanism": " xoauth2", "token_passdb": _TOKEN_PASSDB.format(folder=folder)}
        (folder / "tokens.conf").write_text(_TOKENS.format(url=introspection_url))
    settings = _CONFIGURATION.format(folder=folder, port=server.port, **tokens, **_users())
    (folder / "dovecot.conf").write_text(settings)
    _open_to_mail(folder)
    process = spawn(dovecot, "-F", "-c", str(folder / "dovecot.conf"), cwd=folder, log=folder / "output")
    try:
        eventually(f"dovecot on port {server.port} answers", lambda: _why_silent(server), lambda reason: not reason)
        yield server
    finally:
        end_group(process)
        shutil.rmtree(folder)


def _users() -> dict[str, str]:
    """Return who runs it: the package's own users where we may become them, else nobody but ourselves."""
    known = {"host": LOOPBACK, "password": PASSWORD}
    if os.geteuid() == 0:
        owner = {"owner": "mail", "owner_group": "mail"}
        return {**known, **owner, "internal": "dovecot", "group": "dovecot", "login": "dovenull"}
    me, group = getpass.getuser(), str(os.getegid())
    return {**known, "owner": me, "owner_group": group, "internal": me, "group": group, "login": me}


def _open_to_mail(folder: Path) -> None:
    (folder / "mail").mkdir()
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder / "mail", "mail", "mail")


def _why_silent(server: ImapServer) -> str:
    try:
        with server.session("probe"):
            return ""
    except (OSError, imaplib.IMAP4.error) as exc:
        return repr(exc)
