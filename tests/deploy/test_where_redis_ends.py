"""What the runbook says of Redis Cluster is so: the ledger's scripts touch keys of several hash slots."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import RUNNING_KEY, run_key
from tests.support.ports import free_port
from tests.support.services import end_group, start_redis
from tests.support.waiting import eventually

CLUSTER_PORTS_ABOVE = 10_000
"""A node of a cluster speaks to the others on its port and this many above."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Redis]:
    """A cluster of one node that owns every slot."""
    port = next(port for port in iter(free_port, None) if port + CLUSTER_PORTS_ABOVE < 65_536)
    server = start_redis(tmp_path, "--cluster-enabled", "yes", port=port)
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        eventually("the cluster is ready", lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))
        yield client
    end_group(server.process)


def test_a_claim_cannot_name_its_run_and_the_running_ones(cluster: Redis) -> None:
    run_id = secrets.token_hex(8)
    with pytest.raises(ResponseError, match="same slot"):
        cluster.eval(scripts.CLAIM, 2, run_key(run_id), RUNNING_KEY, run_id, "worker", "3", "12")
