"""Examine the answers of the facade and the workers: pools, clocks, agreement, and the passage of a trace."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from agentic_sales.control import ControlPlane
from agentic_sales.observability.tracing import traceparent
from agentic_sales.outbound.http import httpx
from agentic_sales.rules.findings import Finding, fail, ok, warn
from agentic_sales.runs.canary import CANARY_LIMIT_S
from agentic_sales.settings import Settings

MOST_SKEW_S = 1.0
"""Largest skew of a clock against Redis's. Leases use Redis's clock alone, but people and collectors compare others."""
_TIMEOUT_S = 20.0
_Fleet = Mapping[str, Any]


async def examine_fleet(url: str, configuration: Settings, control: ControlPlane) -> list[Finding]:
    """Ask a facade for everything that it and the workers know, and send a probe through every pool."""
    token = configuration.auth_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S) as http:
        try:
            ready, fleet = await http.get("/ready"), await http.get("/fleet")
        except httpx.HTTPError as exc:
            return [_unreached(url, f"{type(exc).__name__} {exc}".strip())]
        if fleet.status_code != httpx.codes.OK:
            return [_unreached(url, f"status {fleet.status_code}: {fleet.text[:200]}")]
        told, pools = fleet.json(), ready.json()["pools"]
        return [
            ok("facade", f"{url} answers, version {told['facade']['version']}"),
            *_pools(ready.json()),
            *_clocks(told),
            *_agreement(told, control),
            *await asyncio.gather(*(_probe(http, *place, told) for place in _one_of_each_pool(told, pools))),
        ]


def _unreached(url: str, reason: str) -> Finding:
    fix = "start the facade, or name it with --url or LANGGRAPH_URL; its key is LANGGRAPH_AUTH_TOKEN"
    return fail("facade", f"{url} does not answer as it should: {reason}", fix)


def _pools(ready: _Fleet) -> Iterator[Finding]:
    if not ready["pools"]:
        yield fail("broker", str(ready["broker"]), "start Redis (and the broker of CELERY_BROKER_URL)")
    for queue, workers in ready["pools"].items():
        check, canary_age_s = f"pool {queue}", ready["canary_ages_s"][queue]
        if not workers:
            fix = f"start one: celery -A agentic_sales worker -Q {queue}; if one runs, look for errors in its log"
            yield fail(check, "no worker consumes it, so its runs are refused with 503", fix)
        elif canary_age_s is None or canary_age_s > CANARY_LIMIT_S:
            seen = "no message" if canary_age_s is None else f"the last message {canary_age_s:.0f} s ago"
            fix = "wait half a minute after a start; then restart its workers"
            yield warn(check, f"{workers} worker(s) live, but {seen} was seen taken off it", fix)
        else:
            yield ok(check, f"{workers} worker(s), a message came through {canary_age_s:.0f} s ago")


def _clocks(told: _Fleet) -> Iterator[Finding]:
    clocks = {"facade": told["facade"]["clock_skew_s"], **{w["name"]: w["clock_skew_s"] for w in told["workers"]}}
    wrong = {name: skew_s for name, skew_s in clocks.items() if abs(skew_s) > MOST_SKEW_S}
    if wrong:
        names = ", ".join(f"{name} {skew_s:+.1f} s" for name, skew_s in wrong.items())
        yield warn(
            "clocks",
            f"{names} from Redis: spans and log lines stand in the wrong order, delivery may come early or late",
            "run NTP (chrony, systemd-timesyncd) on these hosts",
        )
    else:
        yield ok("clocks", f"{len(clocks)} processes within {MOST_SKEW_S:g} s of Redis")


def _agreement(told: _Fleet, control: ControlPlane) -> Iterator[Finding]:
    facade, workers = told["facade"], told["workers"]
    if other := sorted(worker["name"] for worker in workers if worker["digest"] != facade["digest"]):
        told_of = f"{', '.join(other)} do not agree with the facade on rows and routes: runs end as `misrouted`"
        variables = "*_WORKER_QUEUE, *_WORKER_ASSISTANTS, AGENTIC_SALES_EXTRA_REGISTRIES"
        yield fail("routing", told_of, f"give every process the same release and {variables}, and restart them")
    else:
        yield ok("routing", f"the facade and {len(workers)} worker(s) agree on rows and routes ({facade['digest']})")
    if control.digest != facade["digest"]:
        told_of = "rows or routes are others here than in the fleet: `agentic-sales routes` does not show the fleet's"
        yield warn("this shell", told_of, "set the fleet's *_WORKER_* variables and registries here too")
    if other := sorted(worker["name"] for worker in workers if worker["version"] != facade["version"]):
        yield warn("versions", f"{', '.join(other)} are not of the facade's release", "finish the rollout")
    for worker in workers:
        for assistant_id, reason in worker["unavailable"].items():
            yield fail(f"graph {assistant_id}", reason, f"mend it and restart {worker['name']}")


def _one_of_each_pool(told: _Fleet, pools: Mapping[str, int]) -> list[tuple[str, str]]:
    unavailable = {name for worker in told["workers"] for name in worker["unavailable"]}
    placed = ((queue, name) for name, queue in told["facade"]["queues"].items() if name not in unavailable)
    return sorted({queue: name for queue, name in placed if pools.get(queue)}.items())


async def _probe(http: httpx.AsyncClient, queue: str, assistant_id: str, told: _Fleet) -> Finding:
    """Send trace headers with a probe and compare them with the headers in a worker's child."""
    trace_id, check = secrets.token_hex(16), f"trace through {queue}"
    sent = {"traceparent": traceparent(trace_id, secrets.token_hex(8), is_sampled=False), "baggage": "doctor=probe"}
    try:
        answer = await http.post(f"/fleet/probe/{assistant_id}", headers=sent)
    except httpx.HTTPError as exc:
        return fail(
            check, f"the probe got no answer: {type(exc).__name__}", "look at `agentic-sales runs dead`, and the log"
        )
    if answer.status_code != httpx.codes.OK:
        return fail(
            check, f"the probe ended with {answer.status_code}: {answer.text[:200]}", "mend the fault that it names"
        )
    return _arrived(check, trace_id, answer, told)


def _arrived(check: str, trace_id: str, answer: httpx.Response, told: _Fleet) -> Finding:
    arrived: Mapping[str, str] = answer.json()["headers"]
    if answer.headers.get("x-trace-id") != trace_id:
        fix = "let proxies before the facade pass `traceparent`, `tracestate`, `baggage` and `langsmith-trace`"
        return fail(check, "the facade did not take the caller's trace: one action gets two trace ids", fix)
    if arrived.get("traceparent", "")[3:35] != trace_id or "doctor=probe" not in arrived.get("baggage", ""):
        return fail(
            check, "the trace headers did not reach the worker, which would begin a trace of its own", "report it"
        )
    dark = [name for name in ("otlp", "langsmith") if told["facade"][name] and not answer.json()[name]]
    if dark:
        names = {"otlp": "OTEL_EXPORTER_OTLP_ENDPOINT", "langsmith": "LANGSMITH_TRACING"}
        missing = ", ".join(names[name] for name in dark)
        return fail(
            check, "the facade exports and this pool does not: its part is missing", f"set {missing} for its workers"
        )
    return ok(check, f"headers arrived in a child of {answer.json()['worker']}")
