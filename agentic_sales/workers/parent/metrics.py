"""Serve one worker's own numbers from its parent process, for Prometheus and for probes.

The work of its children is counted in the ledger, where the counts outlive a child (`observability.metrics`). This
server tells about the parent alone: its children, the runs under way, and the age of its sign of life. It is a thread
that starts after the fork and only reads. Without `AGENTIC_SALES_METRICS_PORT` there is none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import structlog
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agentic_sales.runs.publisher import task_name
from agentic_sales.workers import carried
from agentic_sales.workers.parent.presence import seconds_since_sign

log = structlog.get_logger()

PORTS = 16
"""How many ports are tried, from the configured one on: so many workers of one host have a port each."""


def serve_metrics(consumer: Consumer, host: str, first_port: int) -> None:
    """Serve this worker's numbers on the first free port; a worker that finds none works without."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector):
        collector(registry=registry)
    registry.register(WorkerNumbers(consumer, carried.carried_assistants()))
    for port in range(first_port, first_port + PORTS):
        try:
            start_http_server(port, host, registry)
        except OSError as exc:  # taken: by another worker of this host, as a rule
            log.debug("metrics_port_not_bound", worker=consumer.hostname, port=port, reason=str(exc))
        else:
            log.info("metrics_served", worker=consumer.hostname, host=host, port=port)
            return
    log.error("metrics_not_served", worker=consumer.hostname, host=host, first_port=first_port, ports=PORTS)


class WorkerNumbers(Collector):
    """Reads Celery's state of this worker at each scrape."""

    def __init__(self, consumer: Consumer, assistants: Iterable[str]) -> None:
        self._consumer = consumer
        self._assistants = tuple(assistants)

    def collect(self) -> Iterator[Metric]:
        """Yield the worker's numbers; a series for every assistant that it carries."""
        active = Counter(request.name for request in tuple(worker_state.active_requests))
        runs = GaugeMetricFamily("agentic_worker_active_runs", "Runs that children execute.", labels=["assistant_id"])
        begun = CounterMetricFamily("agentic_worker_deliveries", "Runs given to children.", labels=["assistant_id"])
        for assistant_id in self._assistants:
            runs.add_metric([assistant_id], active[task_name(assistant_id)])
            begun.add_metric([assistant_id], worker_state.total_count[task_name(assistant_id)])
        yield runs
        yield begun
        children = self._consumer.pool.info.get("processes", ())
        yield GaugeMetricFamily("agentic_worker_children", "Child processes that live.", value=len(children))
        yield GaugeMetricFamily(
            "agentic_worker_last_sign_age_seconds",
            "Since this worker last said that it consumes; more than 3.5: it does not.",
            value=seconds_since_sign(),
        )
