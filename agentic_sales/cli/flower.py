"""Start Flower, which shows the pools and their tasks by assistant. Refuse to start it open to others.

The only argument of a task is the id of a run, so Flower shows no payload. But a visitor could stop workers. So
Flower has users (`FLOWER_BASIC_AUTH`), or it listens on loopback and changes nothing. Flower leaves `/metrics` and
`/healthcheck` open to all who reach its port. They tell names of workers and tasks, and counts.
"""

from pathlib import Path

from flower.urls import settings as flower_settings  # type: ignore[import-untyped]  # Flower ships no types
from pydantic import SecretStr
from tornado.template import Loader, Template

from agentic_sales.celery import app
from agentic_sales.errors import ConfigurationError
from agentic_sales.observability.logs import configure_logs
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.settings import Settings

HIDDEN = (
    "#worker-pool-restart",
    ".worker-autoscale-row",
    "label[for=min-autoscale]",
    "#add-consumer-name",
    "#worker-add-consumer",
    "#worker-tab-limits",
)
"""Elements of Flower's pages that send a command that a worker refuses (`workers.parent.commands`)."""


class Pages(Loader):
    """Flower's own templates without the buttons that cannot work here."""

    def _create_template(self, name: str) -> Template:
        source = (Path(self.root) / name).read_bytes()
        style = f"<style>{', '.join(HIDDEN)} {{ display: none }}</style></head>".encode()
        return Template(source.replace(b"</head>", style), name=name, loader=self)


def serve_flower(host: str, port: int, configuration: Settings) -> None:
    """Serve Flower until SIGINT or SIGTERM.

    Args:
        host: Address to bind.
        port: TCP port to bind.
        configuration: Holds its users. Flower reads them from the environment itself.

    Raises:
        ConfigurationError: Nobody would be kept out.
    """
    has_users = _has_users(configuration.flower_basic_auth)
    if not has_users and not is_loopback(host):
        raise ConfigurationError(
            f"FLOWER_BASIC_AUTH is not set, so anyone who reaches `{host}` could stop workers; set it to "
            "`user:password`, or bind 127.0.0.1"
        )
    configure_logs(configuration.log_level, configuration.log_format)
    app.conf.broker_transport = None  # Flower's page of the broker knows the schemes of kombu's own transports alone
    flower_settings["template_loader"] = Pages(flower_settings["template_path"])
    app.start(["flower", f"--address={host}", f"--port={port}", *(() if has_users else ("--read_only=true",))])


def _has_users(users: SecretStr | None) -> bool:
    """Tell whether there are users, each with a password.

    Raises:
        ConfigurationError: An entry is not a user with a password.
    """
    if users is None:
        return False
    for entry in users.get_secret_value().split(","):
        name, _, password = entry.strip().partition(":")
        if not name or not password:
            raise ConfigurationError("FLOWER_BASIC_AUTH is a CSV of `user:password`, and an entry is not")
    return True
