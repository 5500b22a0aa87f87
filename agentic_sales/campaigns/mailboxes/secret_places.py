"""Read a secret from where a row says that it is: `env:NAME` or `file:/path`. A row never holds the secret itself."""

from pathlib import Path

from agentic_sales.errors import InvalidRequest
from agentic_sales.settings import environment_secret

ENVIRONMENT, FILE = "env:", "file:"


def check_place(place: str, of: str) -> None:
    """Refuse a text that names no place of a secret.

    Args:
        place: The text.
        of: Whose secret it is, in the message.

    Raises:
        InvalidRequest: It names none. The text is not repeated, because it may be a secret.
    """
    if not (place.startswith((ENVIRONMENT, FILE)) and place.partition(":")[2].strip()):
        raise InvalidRequest(f"{of} is told by where it is, `env:NAME` or `file:/path`, and never by itself")
    if place.startswith(FILE) and not Path(place.removeprefix(FILE)).is_absolute():
        raise InvalidRequest("the file of a secret needs its whole path, because many processes read it")


def secret_at(place: str) -> str:
    """Return the secret of a place.

    Raises:
        ValueError: It is not there. The message names the variable or the file.
    """
    kind, _, name = place.partition(":")
    if f"{kind}:" == ENVIRONMENT:
        if not (found := environment_secret(name)):
            raise ValueError(f"the variable {name} is not set in this process")
        return found
    try:
        found = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"the file of its secret cannot be read: {exc}") from exc
    if not found:
        raise ValueError(f"the file `{name}` of its secret is empty")
    return found
