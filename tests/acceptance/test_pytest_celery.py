"""The fleet in pytest-celery's vocabulary: on processes everywhere, on its Docker nodes where an engine is."""

from uuid import uuid4

import pytest
from celery import Celery
from kombu import Exchange, Queue
from pytest_celery import (  # type: ignore[import-untyped]  # pytest-celery ships no types
    CeleryTestBackend,
    CeleryTestBroker,
    CeleryTestSetup,
    CeleryTestWorker,
)

from tests.acceptance.messages import QUEUE_KEYPREFIX
from tests.support.containers import RedisContainer, WorkerContainer, why_no_docker
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

WITHIN_S = 30
AFTER_A_KILLED_WORKER, AFTER_A_KILLED_BROKER = str(uuid4()), str(uuid4())
NO_DOCKER = why_no_docker()
CORE = Queue("core", Exchange("agentic_sales", type="direct"), routing_key="core")


class FleetSetup(CeleryTestSetup):  # type: ignore[misc]  # its class is untyped
    """A setup whose app speaks as the product's does."""

    @classmethod
    def update_app_config(cls, app: Celery) -> None:
        """Use the product's key prefix and queues, and JSON alone."""
        app.conf.update(
            broker_transport_options={"global_keyprefix": QUEUE_KEYPREFIX},
            task_queues=[CORE],
            accept_content=["json"],
        )


class TestOnProcesses:
    @pytest.fixture
    def celery_setup_cls(self) -> type[CeleryTestSetup]:
        return FleetSetup

    @pytest.fixture
    def celery_broker(self, small_redis: RedisContainer) -> CeleryTestBroker:
        return CeleryTestBroker(small_redis)

    @pytest.fixture
    def celery_backend(self, small_redis: RedisContainer) -> CeleryTestBackend:
        return CeleryTestBackend(small_redis)

    @pytest.fixture
    def celery_worker(self, small_fleet: Fleet, celery_setup_app: Celery) -> CeleryTestWorker:
        return CeleryTestWorker(WorkerContainer(small_fleet, "worker-core", queue="core"), celery_setup_app)

    def test_a_setup_is_ready_and_its_worker_answers_to_its_name(self, celery_setup: CeleryTestSetup) -> None:
        celery_setup.worker.assert_log_exists(" ready.", timeout=WITHIN_S)
        assert celery_setup.ready(control=True)
        # Celery's broadcasts are published once to whoever listens, so an answer may be lost.
        [answer] = eventually(
            "the worker answers a ping",
            lambda: celery_setup.app.control.ping(timeout=5.0, limit=1),
            bool,
            within_s=WITHIN_S,
        )
        assert answer.keys() == {celery_setup.worker.hostname()}

    def test_the_worker_has_loaded_its_graphs(self, celery_setup: CeleryTestSetup) -> None:
        celery_setup.worker.assert_log_exists("graphs_loaded", timeout=WITHIN_S)

    def test_a_killed_worker_takes_messages_again_after_a_restart(self, celery_setup: CeleryTestSetup) -> None:
        celery_setup.worker.kill()
        send(celery_setup.app, AFTER_A_KILLED_WORKER)
        celery_setup.worker.restart()
        celery_setup.worker.assert_log_exists(f'"run_id": "{AFTER_A_KILLED_WORKER}"', timeout=WITHIN_S)

    def test_a_worker_outlives_the_death_of_its_broker(self, celery_setup: CeleryTestSetup) -> None:
        celery_setup.worker.assert_log_exists(" ready.", timeout=WITHIN_S)
        celery_setup.broker.kill()
        celery_setup.worker.assert_log_exists("Connection to broker lost", timeout=WITHIN_S)
        celery_setup.broker.restart()
        send(celery_setup.app, AFTER_A_KILLED_BROKER)
        celery_setup.worker.assert_log_exists(f'"run_id": "{AFTER_A_KILLED_BROKER}"', timeout=WITHIN_S)
        assert celery_setup.worker.container.status == "running"


@pytest.mark.skipif(NO_DOCKER is not None, reason=str(NO_DOCKER))
class TestOnDocker:
    @pytest.mark.parametrize(
        ("node", "variable"), [("celery_redis_broker", "REDIS_URL"), ("celery_rabbitmq_broker", "CELERY_BROKER_URL")]
    )
    def test_a_run_goes_through_a_broker_in_a_container(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, node: str, variable: str
    ) -> None:
        broker: CeleryTestBroker = request.getfixturevalue(node)
        assert broker.ready()
        directory = tmp_path_factory.mktemp("docker")
        environment = {**ONLY_CORE, variable: broker.config()["host_url"]}
        with (
            redis_server(directory) as redis,
            fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet,
        ):
            fleet.wait_until_ready()
            assert fleet.call("echo", {"x": 3}).json()["y"] == 3
            fleet.stop()


def send(app: Celery, run_id: str) -> None:
    """Send a run that the ledger does not know, which the worker then logs."""
    with app.connection_for_write() as connection:
        app.send_task("run.echo", args=(run_id,), queue=CORE, connection=connection)  # type: ignore[arg-type]  # a Queue is fine
