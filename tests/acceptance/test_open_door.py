"""The facade does not start in a way that lets anyone in."""

import pytest

from agentic_sales.outbound.http import httpx
from tests.support.fleet import Fleet
from tests.support.ports import free_port
from tests.support.processes import run_command

REFUSED = 2
WITHOUT_KEY = {"LANGGRAPH_AUTH_TOKEN": None}


def refusal(fleet: Fleet, *arguments: str, key: str | None = None) -> str:
    """Start a facade that must not start; return what it says. One that starts is killed by the time limit."""
    environment = {name: value for name, value in fleet.environment.items() if name != "LANGGRAPH_AUTH_TOKEN"}
    told = environment if key is None else {**environment, "LANGGRAPH_AUTH_TOKEN": key}
    done = run_command("agentic-sales", "serve", "--port", str(free_port()), *arguments, environment=told)
    assert done.returncode == REFUSED, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_without_a_key_and_without_dev_it_does_not_start(fleet: Fleet) -> None:
    assert "LANGGRAPH_AUTH_TOKEN" in refusal(fleet, "--host", "127.0.0.1")


@pytest.mark.parametrize("key", ["", "  "], ids=["empty", "blank"])
def test_an_empty_key_is_no_key(fleet: Fleet, key: str) -> None:
    assert "LANGGRAPH_AUTH_TOKEN" in refusal(fleet, "--host", "127.0.0.1", key=key)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_dev_without_a_key_does_not_start_on_an_address_that_others_reach(fleet: Fleet, host: str) -> None:
    assert f"`{host}`" in refusal(fleet, "--dev", "--host", host)


def test_dev_on_loopback_lets_a_caller_in_without_a_key_but_not_to_internal_paths(fleet: Fleet) -> None:
    url = fleet.start_facade("web-open", WITHOUT_KEY, options="--dev")
    with httpx.Client(base_url=url, trust_env=False) as http:
        response = http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}})
        internal = http.get("/_ml/models")
    fleet.retire("web-open")
    assert (response.status_code, internal.status_code) == (200, 403)
