"""Make and read the tokens of unsubscribe links. They are HMACs, so nothing is stored and nothing can be guessed."""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings, secrets_of

MAILDIR = "maildir"
UNSUBSCRIBE_PATH = "/unsubscribe"
SECRET_BYTES = 32
MAC_BYTES = 16
LONGEST_TOKEN_CHARS = 512


@dataclass(frozen=True, slots=True)
class Links:
    """The maker and reader of this deployment's links."""

    public_url: str
    """Where recipients reach the facade."""
    secret: bytes = field(repr=False)
    """Key of the HMACs."""
    former: tuple[bytes, ...] = field(default=(), repr=False)
    """Earlier keys, for links in mails that were sent before the present key. They verify links and make none."""

    def unsubscribe_url(self, campaign_id: CampaignId, contact_id: ContactId) -> str:
        """Return a person's unsubscribe link. A GET changes nothing, a POST unsubscribes."""
        payload = f"{campaign_id}\n{contact_id}".encode()
        mac = _mac(self.secret, payload)
        return f"{self.public_url.rstrip('/')}{UNSUBSCRIBE_PATH}/{_text(payload)}.{_text(mac)}"

    def read(self, token: str) -> tuple[CampaignId, ContactId] | None:
        """Return the campaign and the person of a token. None if we did not make the token."""
        payload_text, _, mac_text = token[:LONGEST_TOKEN_CHARS].partition(".")
        try:
            payload, mac = _bytes(payload_text), _bytes(mac_text)
        except (NotBase64, ValueError):
            return None
        if not any(hmac.compare_digest(mac, _mac(secret, payload)) for secret in (self.secret, *self.former)):
            return None
        campaign_id, _, contact_id = payload.decode().partition("\n")
        return CampaignId(campaign_id), ContactId(contact_id)


def check_links(configuration: Settings) -> None:
    """Refuse a configuration by which mail leaves this machine without a way to unsubscribe.

    Raises:
        ConfigurationError: It is one.
    """
    if configuration.mail != MAILDIR:
        check_leaving(configuration)


def check_leaving(configuration: Settings) -> None:
    """Refuse to let mail leave this machine without a way to unsubscribe.

    Raises:
        ConfigurationError: The configuration names none.
    """
    if configuration.unsubscribe_secret is None:
        raise ConfigurationError("mail that leaves this machine needs AGENTIC_SALES_UNSUBSCRIBE_SECRET")
    if not (configuration.public_url or "").startswith("https://"):
        raise ConfigurationError(
            "mail that leaves this machine needs AGENTIC_SALES_PUBLIC_URL: the https:// address to unsubscribe at"
        )


def open_links(configuration: Settings) -> Links:
    """Return the links of a configuration.

    Mail that stays on this machine gets a secret of its own, kept in the state directory.

    Raises:
        ConfigurationError: Mail leaves this machine, and recipients could not unsubscribe.
    """
    check_links(configuration)
    configured = [secret.encode() for secret in secrets_of(configuration.unsubscribe_secret)]
    secret, *former = configured or [_kept_secret(configuration.state_dir)]
    return Links(configuration.public_url or configuration.langgraph_url, secret, tuple(former))


def _kept_secret(folder: Path) -> bytes:
    """Return the secret of this state directory. The first caller makes it."""
    path = folder / "unsubscribe.secret"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"unsubscribe.{os.getpid()}.{token_bytes(4).hex()}"
    if not path.exists():
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(token_bytes(SECRET_BYTES))
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
        unfinished.unlink()
    return path.read_bytes()


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, b"unsubscribe\0" + payload, sha256)[:MAC_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
