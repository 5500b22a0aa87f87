"""Start the facade under uvicorn. Refuse to start it open to the world."""

import resource

import structlog
from pydantic import SecretStr

from agentic_sales.celery import configuration_file
from agentic_sales.control import control_plane
from agentic_sales.errors import ConfigurationError
from agentic_sales.garbage import keep_for_life
from agentic_sales.observability.logs import configure_logs
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.settings import settings

log = structlog.get_logger()

MOST_FILES = 65_536


def serve(host: str, port: int, *, dev: bool) -> None:
    """Serve the facade until SIGINT or SIGTERM.

    Args:
        host: Address to bind.
        port: TCP port to bind.
        dev: Allow to start without a key on loopback only.

    Raises:
        ConfigurationError: There is no key and this is not a loopback address with `dev`. Or the database of
            `DATABASE_URL` cannot be reached or is not of this release.
    """
    configuration, control = settings(), control_plane()
    configure_logs(configuration.log_level, configuration.log_format)
    log.info("celery_configured", file=configuration_file())
    if not _is_key(configuration.auth_token):
        _refuse_open_door(host, dev=dev)
    import uvicorn  # noqa: PLC0415 - a start that is refused is refused at once, without seconds of imports

    from agentic_sales.facade.app import create_app  # noqa: PLC0415 - as above
    from agentic_sales.facade.connection import BoundedConnection  # noqa: PLC0415 - as above
    from agentic_sales.store.migrate import ensure_migrated  # noqa: PLC0415 - as above

    ensure_migrated(configuration)
    for warning in control.warnings:
        log.warning("routing_warning", detail=warning)
    _raise_file_limit()
    app = create_app(configuration.model_copy(update={"dev": dev}), control)
    keep_for_life()
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        http=BoundedConnection,
        ws="none",
    )


def _raise_file_limit() -> None:
    """Let this process hold as many connections as the machine permits. The usual soft limit is 1,024 files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_key(token: SecretStr | None) -> bool:
    """Tell whether this key keeps callers out. An empty variable (as in Compose files) does not."""
    return token is not None and token.get_secret_value().strip() != ""


def _refuse_open_door(host: str, *, dev: bool) -> None:
    if not dev:
        raise ConfigurationError(
            "LANGGRAPH_AUTH_TOKEN is not set or empty, so anyone could start runs; set it, or use --dev on a loopback "
            "address"
        )
    if not is_loopback(host):
        raise ConfigurationError(
            f"--dev without LANGGRAPH_AUTH_TOKEN binds loopback only, and `{host}` is not; set it or use 127.0.0.1"
        )
