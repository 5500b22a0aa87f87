"""Examine the base of a fleet: broker settings that lose work, the collector and the database."""

import asyncio
import platform
from collections.abc import Iterator, Mapping
from email.policy import EmailPolicy
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from agentic_sales.celery import app
from agentic_sales.control import ControlPlane
from agentic_sales.errors import ConfigurationError
from agentic_sales.outbound.http import httpx
from agentic_sales.rules.findings import Finding, fail, ok, warn
from agentic_sales.settings import Settings

SHORTEST_VISIBILITY_S = 10.0
"""Workers renew their messages every four seconds. A shorter timeout redelivers a message during its execution."""
LONGEST_VISIBILITY_S = 60.0
"""A longer one keeps the runs of a dead worker back for as long."""
RABBITMQ_ACK_TIMEOUT_S = 1800.0
"""RabbitMQ's default wait for an acknowledgement, after which it takes the message away."""
_TIMEOUT_S = 5.0


async def examine_deployment(configuration: Settings, control: ControlPlane) -> list[Finding]:
    """Look at the settings of this release and environment and at the services that they name."""
    return [
        _python(),
        *_celery(configuration, control),
        *await _redis(configuration),
        *await _exporter(configuration),
        await asyncio.to_thread(_database, configuration),
    ]


def _python() -> Finding:
    """Look for the patch of CVE-2024-6923 by its additions. Distributions carry it under older version numbers."""
    version = platform.python_version()
    if hasattr(EmailPolicy, "verify_generated_headers"):
        return ok("python", f"{version}; its mail library refuses headers that would end early")
    told = f"{version} lacks the patch of CVE-2024-6923, which 3.11.10, 3.12.5, 3.13 and patched packages have"
    return ok("python", f"{told}; every mail is read once more before it goes, and that holds without it")


def _celery(configuration: Settings, control: ControlPlane) -> Iterator[Finding]:
    conf, check = app.conf, "broker settings"
    if not (conf.task_acks_late and conf.task_reject_on_worker_lost):
        told = "runs are acknowledged before they end: a dying worker loses them"
        yield fail(check, told, "set task_acks_late and task_reject_on_worker_lost in celeryconfig.py")
    elif configuration.broker_url.startswith(("amqp", "pyamqp")):
        longest = max(control.rows.values(), key=lambda row: row.time_limit_s)
        if longest.time_limit_s >= RABBITMQ_ACK_TIMEOUT_S:
            told = f"`{longest.assistant_id}` may take {longest.time_limit_s:g} s, and RabbitMQ takes it back before"
            yield warn(check, told, "raise consumer_timeout in rabbitmq.conf above the longest time limit")
        else:
            yield ok(check, "late acknowledgement, every time limit below RabbitMQ's acknowledgement timeout")
    else:
        yield _visibility(check, conf.broker_transport_options)


def _visibility(check: str, options: Mapping[str, Any]) -> Finding:
    timeout_s = float(options.get("visibility_timeout", 3600))
    if timeout_s < SHORTEST_VISIBILITY_S:
        told = f"visibility timeout {timeout_s:g} s: runs are delivered again while a worker executes them"
    elif timeout_s > LONGEST_VISIBILITY_S:
        told = f"visibility timeout {timeout_s:g} s: the runs of a dead worker stay away for so long"
    else:
        return ok(check, f"late acknowledgement, visibility timeout {timeout_s:g} s, kept young by the workers")
    return fail(check, told, "set visibility_timeout to 15 in celeryconfig.broker_transport_options")


async def _redis(configuration: Settings) -> list[Finding]:
    if "redis_url" not in configuration.model_fields_set:
        return [warn("redis", "REDIS_URL is not set here, so its settings were not looked at", "set the fleet's")]
    redis = Redis.from_url(configuration.redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
    try:
        async with redis:
            info = await redis.info("everything")
            default_user = await _default_user(redis)
    except (RedisError, ValueError) as exc:
        fix = "run the doctor where REDIS_URL reaches it, with a user that may ask INFO"
        return [warn("redis", f"its settings cannot be seen from here: {exc}", fix)]
    return [*_redis_settings(info), *replay_findings(info, default_user)]


async def _default_user(redis: Redis) -> Mapping[str, Any] | None:
    """Return the rights of the server's default user. None means that the server has none or hides it from our user."""
    try:
        return dict(await redis.acl_getuser("default") or {}) or None
    except ResponseError:
        return None


def replay_findings(info: Mapping[str, Any], default_user: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Report a default user that may not do everything. The server replays its append-only file as that user."""
    if default_user is None or not info.get("aof_enabled"):
        return
    check, is_on = "redis replay", "on" in default_user.get("flags", ())
    has_all = "+@all" in default_user.get("categories", ()) and "~*" in str(default_user.get("keys", ""))
    if is_on and has_all and not default_user.get("commands"):
        yield ok(check, "the default user may do everything, so a restart replays every transaction")
        return
    told = "the user `default` may not do everything: a restart drops every transaction of the append-only file"
    fix = "give it every right behind a long password: user default on >PASSWORD ~* &* +@all (redis#14541, valkey#3983)"
    yield fail(check, told, fix)


def _redis_settings(info: Mapping[str, Any]) -> Iterator[Finding]:
    policy, limit = info.get("maxmemory_policy", "unknown"), int(info.get("maxmemory", 0))
    if policy != "noeviction":
        told = f"maxmemory-policy is {policy}: a full Redis throws runs away instead of refusing new ones"
        yield fail("redis memory", told, "CONFIG SET maxmemory-policy noeviction, and in redis.conf")
    elif limit and int(info["used_memory"]) > 0.8 * limit:
        told = "more than 80 % of maxmemory are used; when it is full, runs are refused"
        yield warn("redis memory", told, "raise maxmemory, or lower AGENTIC_SALES_RUN_TTL_S")
    else:
        yield ok("redis memory", f"noeviction, {info['used_memory_human']} used")
    if not info.get("aof_enabled"):
        told = "the append-only file is off: a crash of Redis loses every run since the last snapshot"
        yield warn("redis durability", told, "CONFIG SET appendonly yes, and in redis.conf, with appendfsync everysec")
    elif info.get("aof_last_write_status") != "ok":
        yield fail("redis durability", "the append-only file cannot be written", "look at the disk and at Redis' log")
    else:
        yield ok("redis durability", "append-only file on")
    if info.get("role") == "slave":
        yield fail("redis role", "REDIS_URL names a replica, which takes no run", "name the primary")


async def _exporter(configuration: Settings) -> list[Finding]:
    if configuration.otlp_endpoint is None:
        return [ok("exporter", "OpenTelemetry is off")]
    url = f"{configuration.otlp_endpoint.rstrip('/')}/v1/traces"
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
            # An empty export is a valid one: it asks nothing but whether it would be taken.
            answer = await http.post(url, content=b"", headers={"content-type": "application/x-protobuf"})
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        told = f"{url} cannot be reached ({type(exc).__name__}): spans are dropped"
        return [fail("exporter", told, "start the collector, or mend OTEL_EXPORTER_OTLP_ENDPOINT")]
    if answer.is_error:
        told = f"{url} answers {answer.status_code}: spans are dropped"
        return [fail("exporter", told, "check the collector's OTLP/HTTP receiver, and OTEL_EXPORTER_OTLP_HEADERS")]
    return [ok("exporter", f"{url} takes spans")]


def _database(configuration: Settings) -> Finding:
    from agentic_sales.store.migrate import current_revision, newest_revision  # noqa: PLC0415 - SQL is slow to import

    if not configuration.database_url:
        return ok("database", "SQLite in the state directory, brought up to date by the first process that needs it")
    try:
        found, needed = current_revision(configuration), newest_revision()
    except ConfigurationError as exc:
        return fail("database", str(exc), "start it, or mend DATABASE_URL")
    if found != needed:
        told = f"at revision {found or 'none'}, this release needs {needed}: processes refuse to start"
        return fail("database", told, "agentic-sales db upgrade")
    return ok("database", f"reachable, at revision {found}")
