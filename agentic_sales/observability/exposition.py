"""Write the counts in Prometheus' exposition format."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from agentic_sales.observability.metrics import BEYOND, BUCKETS_S, SUM, Family, Labels


@dataclass(frozen=True, slots=True)
class Counts:
    """All counts in Redis at one moment."""

    by_name: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """Name of a family to the values of its series."""

    @classmethod
    def parse(cls, fields: Mapping[Any, Any]) -> "Counts":
        """Read the hash of `COUNTS_KEY` as Redis returns it, bytes to bytes."""
        by_name: dict[str, dict[Labels, float]] = defaultdict(dict)
        for key, value in fields.items():
            name, *labels = key.decode().split("\t")
            by_name[name][tuple(labels)] = float(value)
        return cls(by_name)

    def counter(self, family: Family, zeros: Iterable[Labels]) -> Metric:
        """Return a counter. Series that were never counted stand at 0."""
        found = CounterMetricFamily(family.name, family.text, labels=family.labels)
        for labels, value in {**dict.fromkeys(zeros, 0.0), **self.by_name.get(family.name, {})}.items():
            found.add_metric(labels, value)
        return found

    def histogram(self, family: Family, zeros: Iterable[Labels]) -> Metric:
        """Return a histogram. Series that were never observed are empty."""
        observed: dict[Labels, dict[str, float]] = {labels: {} for labels in zeros}
        for (*labels, bucket), value in self.by_name.get(family.name, {}).items():
            observed.setdefault(tuple(labels), {})[bucket] = value
        found = HistogramMetricFamily(family.name, family.text, labels=family.labels)
        for series, buckets in observed.items():
            found.add_metric(series, list(_cumulated(buckets)), buckets.get(SUM, 0.0) / 1_000_000)
        return found


def gauge(family: Family, values: Mapping[Labels, float]) -> Metric:
    """Return a gauge with these series."""
    found = GaugeMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in values.items():
        found.add_metric(labels, value)
    return found


def _cumulated(buckets: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    total = 0.0
    for bound in (*(f"{bound:g}" for bound in BUCKETS_S), BEYOND):
        total += buckets.get(bound, 0.0)
        yield bound, total
