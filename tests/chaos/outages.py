"""Take the servers away under load: Redis dies and comes back, RabbitMQ cuts its connections."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.arena import Arena
from tests.chaos.asked import asking, naps
from tests.chaos.report import Report
from tests.fleet import ONLY_CORE, WEB, fleet_of
from tests.services import rabbitmq_host, redis_server

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
    report, cuts = Report(), max(1, arena.runs // (2 * RUNS_PER_OUTAGE))
    with TemporaryDirectory(prefix="agentic-sales-chaos-") as folder, rabbitmq_host() as rabbitmq:
        directory, environment = Path(folder), {**ONLY_CORE, "CELERY_BROKER_URL": rabbitmq.url}
        names = (WEB, "worker-core")
        with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
            fleet.wait_until_ready()
            with asking(fleet, naps(fleet, arena.runs // 4, seconds=NAPS_S)) as asked:
                for _ in range(cuts):
                    time.sleep(arena.rng.uniform(0.3, 1.0))
                    rabbitmq.control("close_all_connections", "--vhost", rabbitmq.vhost, "chaos")
            report.count(connection_cuts=cuts)
            asked.settle(report)
            fleet.stop()
    return report
