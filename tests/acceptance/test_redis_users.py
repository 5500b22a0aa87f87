"""Each process runs under its own Redis user, does its work, and can do nothing else.

The ACL file is the one that `deploy/make-secrets` makes of `deploy/redis-users.acl`, loaded by a real server.
"""

import hashlib
import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from agentic_sales.doctor.deployment import replay_findings
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.local.redis import carried_binary, redis_binary
from agentic_sales.outbound.http import httpx
from agentic_sales.rules.findings import Finding
from tests.deploy.files import DEPLOY, document, environment_file, make_secrets
from tests.support.fleet import MISBEHAVING, PROCFILE, STOP_WITHIN_S, WORKERS, Fleet, fleet_of
from tests.support.ports import free_port
from tests.support.processes import run_command
from tests.support.services import RedisServer, end_group, missing, start_redis
from tests.support.waiting import eventually

POOLS = {name: name.removeprefix("worker-") for name in WORKERS}
KEDA_SCRIPT = """
local kind = redis.call('type', KEYS[1]).ok
local command = {zset = 'zcard', set = 'scard', list = 'llen', hash = 'hlen', none = 'llen'}
return redis.call(command[kind], KEYS[1])
"""
"""How KEDA's scaler reads the length of whatever a key holds."""


def credentials_of(secrets: Path, user: str) -> dict[str, str]:
    """Return how a user logs in."""
    url = urlsplit(environment_file(secrets / f"{user}.env")["REDIS_URL"])
    return {"username": str(url.username), "password": str(url.password)}


@contextmanager
def guarded_redis(directory: Path) -> Iterator[tuple[RedisServer, Path]]:
    """Run a Redis that knows the users of a deployment; also return where their secrets are."""
    told = subprocess.run([redis_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    if "v=6" in told:
        missing(f"rights on keys by command need Redis 7; this is {told.strip()}")
    port = free_port()
    secrets = make_secrets(directory, f"{LOOPBACK}:{port}")
    options = ("--aclfile", str(secrets / "redis-users.acl"))
    server = start_redis(directory, *options, port=port, credentials=credentials_of(secrets, "admin"))
    try:
        yield server, secrets
    finally:
        end_group(server.process)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, Path]]:
    with guarded_redis(tmp_path_factory.mktemp("guarded")) as made:
        yield made


@pytest.fixture(scope="module")
def fleet(guarded: tuple[RedisServer, Path], sample_site: str) -> Iterator[Fleet]:
    """Every line of the Procfile, each under its own user."""
    redis, secrets = guarded
    environment = {
        **MISBEHAVING,
        "AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": urlsplit(sample_site).netloc,
        "AGENTIC_SALES_TASK_EVENTS": "1",
        "REMAP_SIGTERM": "SIGQUIT",
    }
    with fleet_of(secrets.parent, redis, environment, names=()) as fleet:
        for name, command in PROCFILE.items():
            url = environment_file(secrets / f"{name}.env")["REDIS_URL"]
            consuming = str(secrets.parent / f"{name}.consuming")
            fleet.start_command(name, command, {"REDIS_URL": url, "AGENTIC_SALES_CONSUMING_FILE": consuming})
        fleet.wait_until_ready()
        yield fleet


def denied(redis: RedisServer) -> list[tuple[str, str, str, str]]:
    """Return what Redis refused since it was asked last: who, why, what, and in which context."""
    with redis.client() as admin:
        log = [(e["username"], e["reason"], e["object"], e["context"]) for e in admin.acl_log()]
        admin.acl_log_reset()
    return log


class TestEveryProcessDoesItsWorkUnderItsOwnUser:
    def test_a_run_through_every_pool(self, fleet: Fleet, guarded: tuple[RedisServer, Path]) -> None:
        denied(guarded[0])
        answers = [
            fleet.call("echo", {"x": 1}),
            fleet.call("sleepy", {"wait_s": 0.01}),
            fleet.call("poison", {"lethal": False}),
            fleet.call("burn", {}),
        ]
        assert [answer.status_code for answer in answers] == [200] * len(POOLS), answers
        assert denied(guarded[0]) == []

    def test_a_run_that_asks_other_pools(
        self, fleet: Fleet, guarded: tuple[RedisServer, Path], sample_site: str
    ) -> None:
        answer = fleet.call("pipeline", {"domains": [sample_site]})
        assert answer.status_code == 200, answer.text
        [company] = answer.json()["companies"]
        assert all(company[step] for step in ("deep_scrape", "country_classify", "email_compose")), company
        assert denied(guarded[0]) == []

    def test_streams_idempotency_cancelling_and_the_dead_list(
        self, fleet: Fleet, guarded: tuple[RedisServer, Path]
    ) -> None:
        body = {"assistant_id": "echo", "input": {"x": 1}}
        streamed = fleet.http.post("/runs/stream", json={**body, "stream_mode": "values"})
        assert "event: end" in streamed.text, streamed.text
        once = [fleet.http.post("/runs/wait", json=body, headers={"idempotency-key": "k"}) for _ in range(2)]
        assert len({answer.headers["x-run-id"] for answer in once}) == 1
        slow = fleet.begun("sleepy", {"wait_s": 60.0})
        run_id = fleet.record(slow.trace_id)["run_id"]
        assert fleet.http.post(f"/runs/{run_id}/cancel", params={"wait": "1"}).json()["status"] == "interrupted"
        dead = fleet.call("poison_send", {"lethal": True}).json()["run_id"]
        assert fleet.http.post(f"/runs/{dead}/retry").status_code == 200
        eventually("it is dead again", lambda: [run["run_id"] for run in fleet.get("/runs/dead").json()])
        assert fleet.http.post(f"/runs/{dead}/discard").status_code == 200
        assert denied(guarded[0]) == []

    def test_runs_of_the_batch_lane_and_later_ones_and_the_numbers(
        self, fleet: Fleet, guarded: tuple[RedisServer, Path]
    ) -> None:
        answers = [
            fleet.call("echo", {"x": 1}, priority="batch"),
            fleet.call("sleepy", {"wait_s": 0.01}, after_seconds=0.5),
        ]
        assert [answer.status_code for answer in answers] == [200, 200], answers
        numbers = fleet.get("/metrics").text
        assert "agentic_ledger_up 1.0" in numbers
        assert denied(guarded[0]) == []

    def test_the_run_of_a_worker_that_died_comes_back(self, fleet: Fleet, guarded: tuple[RedisServer, Path]) -> None:
        call = fleet.begun("sleepy", {"wait_s": 3.0})
        fleet.kill("worker-classify")
        fleet.revive("worker-classify")
        assert call.response().status_code == 200
        assert fleet.record(call.trace_id)["attempt"] == "2"
        assert denied(guarded[0]) == []

    def test_a_clean_stop_and_a_start(self, fleet: Fleet, guarded: tuple[RedisServer, Path]) -> None:
        for name in ("worker-email", "beat"):
            fleet.kill(name, signal.SIGTERM)
            fleet.services[name].process.wait(STOP_WITHIN_S)
        fleet.revive(*PROCFILE)
        assert denied(guarded[0]) == []

    def test_flower_sees_every_worker(self, fleet: Fleet, guarded: tuple[RedisServer, Path]) -> None:
        url = f"http://{LOOPBACK}:{fleet.environment['FLOWER_PORT']}/workers?json=1"
        for queue in POOLS.values():
            eventually(f"Flower lists a worker of {queue}", lambda q=queue: f"{q}@" in flower_page(url), within_s=30)  # type: ignore[misc]  # the default binds it
        assert denied(guarded[0]) == []


def test_the_doctor_examines_the_fleet_as_the_facade_may_and_finds_what_is_broken(
    fleet: Fleet, guarded: tuple[RedisServer, Path]
) -> None:
    url = environment_file(guarded[1] / "web.env")["REDIS_URL"]
    told = {**fleet.environment, "REDIS_URL": url}
    done = run_command("agentic-sales", "doctor", "--json", "--url", fleet.url, environment=told, cwd=fleet.directory)
    broken = {finding["check"] for finding in json.loads(done.stdout) if finding["status"] == "fail"}
    assert broken == {"graph broken_import"}, done.stdout + done.stderr
    denied(guarded[0])  # asking for more than one may is no fault of the fleet


def test_the_probe_of_a_worker_fails_when_it_is_frozen_and_passes_when_it_consumes_again(fleet: Fleet) -> None:
    service = document(DEPLOY / "compose.yml")["services"]["worker-email"]
    probe = service["healthcheck"]["test"][1].replace("$$", "$").replace("15 seconds", "2 seconds")
    name = "AGENTIC_SALES_CONSUMING_FILE"
    probe = probe.replace(service["environment"][name], fleet.services["worker-email"].environment[name])

    def passes() -> bool:
        return subprocess.run(["/bin/sh", "-c", probe], timeout=10, check=False).returncode == 0

    eventually("it passes", passes)
    fleet.kill("worker-email", signal.SIGSTOP)
    eventually("it fails", lambda: not passes(), within_s=10)
    fleet.kill("worker-email", signal.SIGCONT)
    eventually("it passes again", passes, within_s=10)


def flower_page(url: str) -> str:
    """Return a page of Flower; empty while it does not answer."""
    try:
        return httpx.get(url, timeout=10, trust_env=False).text
    except httpx.TransportError:
        return ""


FORBIDDEN_TO_ALL = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("DEBUG", "SLEEP", "0"),
    ("SHUTDOWN", "NOSAVE"),
    ("MODULE", "LIST"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("REPLICAOF", "NO", "ONE"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "FLUSH"),
    ("SWAPDB", "0", "1"),
    ("SELECT", "1"),
    ("GET", "another:application"),
)
FORBIDDEN_IN_SCRIPTS = ("'FLUSHALL'", "'GET', 'another:application'", "'KEYS', '*'", "'RPOP', 'agentic:queue:no-pool'")


def test_a_password_is_changed_without_a_gap_as_the_runbook_says(
    guarded: tuple[RedisServer, Path], tmp_path: Path
) -> None:
    redis_cli = shutil.which("redis-cli")
    if redis_cli is None:
        missing("redis-cli is not on this machine")
    server, secrets = guarded
    shutil.copytree(secrets, tmp_path / "deploy/secrets")
    before = credentials_of(secrets, "worker-email")
    section = (DEPLOY / "README.md").read_text("utf-8").split("## Rotate the key", 1)[1]
    script = section.split("```sh\n", 1)[1].split("```", 1)[0]
    admin_url = environment_file(secrets / "admin.env")["REDIS_URL"]
    functions = f'admin() {{ {redis_cli} -u {admin_url} --no-auth-warning "$@"; }}\ncompose() {{ :; }}\n'
    subprocess.run(["/bin/sh", "-ec", functions + script], cwd=tmp_path, check=True, timeout=30, capture_output=True)
    after = credentials_of(tmp_path / "deploy/secrets", "worker-email")
    with server.client(**after) as new, server.client(**before) as old:
        assert new.ping()
        with pytest.raises(AuthenticationError):
            old.ping()
    [line] = [u for u in (tmp_path / "deploy/secrets/redis-users.acl").read_text().splitlines() if "worker-email" in u]
    assert hashlib.sha256(after["password"].encode()).hexdigest() in line
    with server.client() as admin:
        admin.acl_load()  # what the server was started with is as it was, for the tests that follow


@pytest.mark.parametrize("kind", ["redis-server", "valkey"])
def test_a_restart_under_load_loses_no_run(kind: str, tmp_path: Path) -> None:
    binary = shutil.which(kind) or carried_binary()
    if binary is None:
        missing(f"there is no {kind} on this machine")
    port = free_port()
    secrets = make_secrets(tmp_path, f"{LOOPBACK}:{port}")
    admin, web = credentials_of(secrets, "admin"), credentials_of(secrets, "web")
    options = ("--aclfile", str(secrets / "redis-users.acl"), "--appendfsync", "always")
    server = start_redis(tmp_path, *options, port=port, credentials=admin, binary=binary)
    written: list[str] = []
    writer = threading.Thread(target=write_until_it_ends, args=(server, web, written))
    writer.start()
    eventually("runs were written", lambda: len(written) > 200)
    end_group(server.process)
    writer.join()
    server = start_redis(tmp_path, *options, port=port, credentials=admin, binary=binary)
    try:
        with server.client() as client:
            kept = [client.hget(key, "status") for key in written]
            [replay] = _replay_findings(client)
    finally:
        end_group(server.process)
    assert kept == ["pending"] * len(written)
    assert replay.status == "ok", replay
    assert "DENIED" not in server.log.read_text()


def write_until_it_ends(server: RedisServer, user: dict[str, str], written: list[str]) -> None:
    """Write runs as the ledger does, several keys in one transaction, until the server is gone."""
    with server.client(**user) as client:
        for number in count():
            key = f"agentic:run:{number}"
            try:
                with client.pipeline(transaction=True) as both:
                    both.hset(key, "status", "pending")
                    both.zadd("agentic:pending:email", {key: number})
                    both.execute()
            except RedisConnectionError:
                return
            written.append(key)


def _replay_findings(client: Redis) -> list[Finding]:
    return list(replay_findings(client.info("everything"), client.acl_getuser("default")))


def test_the_doctor_tells_of_a_default_user_for_whom_a_restart_drops_transactions(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    try:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "default", "-flushall")
            [replay] = _replay_findings(client)
    finally:
        end_group(server.process)
    assert replay.status == "fail"
    assert "drops every transaction" in replay.told


class TestNobodyMayDoMore:
    @pytest.mark.parametrize("user", [*PROCFILE, "scaler"])
    def test_no_process_has_a_dangerous_command(self, guarded: tuple[RedisServer, Path], user: str) -> None:
        with guarded[0].client() as admin:
            told = {" ".join(c): admin.execute_command("ACL", "DRYRUN", user, *c) for c in FORBIDDEN_TO_ALL}
        assert [command for command, answer in told.items() if answer == "OK"] == []

    @pytest.mark.parametrize("user", [*PROCFILE, "scaler"])
    def test_a_script_may_do_no_more_than_its_caller(self, guarded: tuple[RedisServer, Path], user: str) -> None:
        scripts = [f"return redis.call({arguments})" for arguments in FORBIDDEN_IN_SCRIPTS]
        assert [script for script in scripts if not is_refused(guarded, user, "EVAL", script, "0")] == []

    @pytest.mark.parametrize("user", [*PROCFILE, "scaler"])
    @pytest.mark.parametrize("pool", POOLS.values())
    def test_nobody_takes_from_a_queue_but_its_own_workers(
        self, guarded: tuple[RedisServer, Path], user: str, pool: str
    ) -> None:
        queue = f"agentic:queue:{pool}"
        takes = (
            *(("RPOP", queue), ("LPOP", queue), ("BRPOP", queue, "0.01"), ("LTRIM", queue, "1", "0"), ("DEL", queue)),
            ("EVAL", f"return redis.call('RPOP', '{queue}')", "1", queue),
        )
        assert {is_refused(guarded, user, *command) for command in takes} == {POOLS.get(user) != pool}

    def test_a_worker_does_not_sign_for_another_pool(self, guarded: tuple[RedisServer, Path]) -> None:
        assert is_refused(guarded, "worker-email", "ZADD", "agentic:alive:classify", "XX", "1", "me")
        assert not is_refused(guarded, "worker-email", "ZCOUNT", "agentic:alive:classify", "0", "1")

    @pytest.mark.parametrize("user", [name for name in PROCFILE if name != "flower"])
    def test_only_flower_may_give_orders_to_workers(self, guarded: tuple[RedisServer, Path], user: str) -> None:
        assert is_refused(guarded, user, "PUBLISH", "agentic:queue:/0.celery.pidbox", "{}")

    @pytest.mark.parametrize("user", ["flower", "scaler"])
    def test_what_runs_were_asked_is_for_those_who_run_them(self, guarded: tuple[RedisServer, Path], user: str) -> None:
        assert is_refused(guarded, user, "HGETALL", "agentic:run:x")

    def test_a_health_check_may_ask_whether_redis_is_there_and_nothing_else(
        self, guarded: tuple[RedisServer, Path]
    ) -> None:
        with guarded[0].client(username="health", password="any") as stranger:
            assert stranger.ping()
            with pytest.raises(NoPermissionError):
                stranger.get("agentic:running")

    def test_without_a_password_one_may_ask_nothing(self, guarded: tuple[RedisServer, Path]) -> None:
        with Redis(host=LOOPBACK, port=guarded[0].port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()

    def test_the_scaler_reads_lengths_by_command_and_by_its_script(self, guarded: tuple[RedisServer, Path]) -> None:
        assert not is_refused(guarded, "scaler", "LLEN", "agentic:queue:email")
        assert not is_refused(guarded, "scaler", "EVAL", KEDA_SCRIPT, "1", "agentic:queue:email")
        assert not is_refused(guarded, "scaler", "EVAL", KEDA_SCRIPT, "1", "agentic:batch:email")
        assert not is_refused(guarded, "scaler", "ZCARD", "agentic:batch:email")
        assert is_refused(guarded, "scaler", "LPUSH", "agentic:queue:email", "x")


def is_refused(guarded: tuple[RedisServer, Path], user: str, *command: str) -> bool:
    """Tell whether Redis refuses a command to a user for lack of a right."""
    server, secrets = guarded
    with server.client(**credentials_of(secrets, user)) as client:
        try:
            client.execute_command(*command)
        except NoPermissionError:
            return True
        except ResponseError as exc:
            if "The user executing the script can't" not in str(exc):
                raise
            return True
    return False
