"""Examine the endpoints that are told of campaigns' events: is anything dead, or waiting for a long time?"""

from agentic_sales.outbound.http import httpx
from agentic_sales.rules.findings import Finding, ok, warn
from agentic_sales.settings import Settings

_TIMEOUT_S = 20.0


async def examine_endpoints(url: str, configuration: Settings) -> list[Finding]:
    """Ask a facade about each endpoint. Nothing is found of a facade that does not answer: `examine_fleet` tells it."""
    token = configuration.auth_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S) as http:
        try:
            answer = await http.get("/campaigns/webhooks")
        except httpx.HTTPError:
            return []
    if answer.status_code != httpx.codes.OK:
        told = f"the endpoints cannot be seen: status {answer.status_code}: {answer.text[:200]}"
        return [warn("webhooks", told, "look at the facade's log, and at `agentic-sales db upgrade`")]
    return [_judged(row["endpoint_id"], row["dead"], row["pending"]) for row in answer.json()]


def _judged(endpoint_id: str, dead: int, pending: int) -> Finding:
    check = f"webhook {endpoint_id}"
    if not dead:
        return ok(check, f"nothing is dead, {pending} event(s) wait for their next try")
    told = f"{dead} event(s) were taken by nobody after all tries"
    fix = f"agentic-sales webhooks list {endpoint_id} --dead says why; then: agentic-sales webhooks retry {endpoint_id}"
    return warn(check, told, fix)
