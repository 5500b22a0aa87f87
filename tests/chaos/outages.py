"""Take the servers away under load: Redis dies and comes back, RabbitMQ and PostgreSQL cut their connections."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.chaos.arena import Arena
from tests.chaos.asked import asking, naps
from tests.chaos.report import Report
from tests.support.databases import new_postgresql
from tests.support.fleet import ONLY_CORE, WEB, fleet_of
from tests.support.services import RabbitMQ, rabbitmq_host, redis_server

NAPS_S = (0.3, 0.1, 0.5)
AWAY_S = 1.0
RUNS_PER_OUTAGE = 40


def redis_restarts(arena: Arena) -> Report:
    """Kill Redis, which is broker and ledger, and start it again from its append-only file, in the middle of a load."""
    report, outages = Report(), max(1, arena.runs // (2 * RUNS_PER_OUTAGE))
    arena.fleet.wait_until_ready()
    with asking(arena.fleet, naps(arena.fleet, arena.runs // 2, seconds=NAPS_S)) as asked:
        for _ in range(outages):
            time.sleep(arena.rng.uniform(0.3, 1.0))
            arena.redis.kill()
            time.sleep(AWAY_S)
            arena.redis.restart()
            arena.fleet.wait_until_ready()
    report.count(redis_kills=outages)
    asked.settle(report)
    return report


def rabbitmq_cuts(arena: Arena) -> Report:
    """Let RabbitMQ close every connection under load, while it is the broker and Redis the ledger alone."""
    with rabbitmq_host() as rabbitmq:
        return _cuts(arena, {"CELERY_BROKER_URL": rabbitmq.url}, partial(close_connections, rabbitmq))


def close_connections(rabbitmq: RabbitMQ) -> int:
    """End every connection to a virtual host; return how many there were."""
    listed = rabbitmq.control("--quiet", "--no-table-headers", "list_connections", "vhost").split()
    rabbitmq.control("close_all_connections", "--vhost", rabbitmq.vhost, "chaos")
    return listed.count(rabbitmq.vhost)


def postgresql_cuts(arena: Arena) -> Report:
    """Terminate every backend of PostgreSQL under load, while it keeps the state of resumable runs."""
    with new_postgresql() as url:
        upgrade(Settings(database_url=url))
        return _cuts(arena, {"DATABASE_URL": url}, partial(terminate_backends, url))


def terminate_backends(url: str) -> int:
    """End every connection to a database but the own; return how many those were."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).rowcount


def _cuts(arena: Arena, environment: Mapping[str, str], cut: Callable[[], int]) -> Report:
    """Run a small fleet on a server of its own, and cut its connections to that a few times."""
    report, cuts, ended = Report(), max(2, arena.runs // RUNS_PER_OUTAGE), 0
    with TemporaryDirectory(prefix="agentic-sales-chaos-") as folder:
        directory, names = Path(folder), (WEB, "worker-core")
        with (
            redis_server(directory) as redis,
            fleet_of(directory, redis, {**ONLY_CORE, **environment}, names=names) as fleet,
        ):
            fleet.wait_until_ready()
            with asking(fleet, naps(fleet, arena.runs // 4, seconds=NAPS_S)) as asked:
                for _ in range(cuts):
                    time.sleep(arena.rng.uniform(0.3, 1.0))
                    ended += cut()
            report.count(cuts=cuts, connections_ended=ended)
            report.hold("there was something to cut", holds=ended > 0)
            asked.settle(report)
            fleet.stop()
    return report
