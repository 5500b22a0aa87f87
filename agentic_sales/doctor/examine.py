"""Examine a running fleet. Report each problem with its effect and its remedy.

It needs the facade's URL and key, as any caller does. Some things cannot be seen from here, such as a Redis that
this machine may not ask or a database behind a wall. It reports these instead of guessing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from agentic_sales.control import ControlPlane
from agentic_sales.doctor.deployment import examine_deployment
from agentic_sales.doctor.endpoints import examine_endpoints
from agentic_sales.doctor.fleet import examine_fleet
from agentic_sales.doctor.senders import examine_senders
from agentic_sales.rules.findings import Finding
from agentic_sales.settings import Settings


def examine(url: str | None, configuration: Settings, control: ControlPlane) -> list[Finding]:
    """Make every check.

    Args:
        url: The facade's URL. None: the configured one.
        configuration: This process's configuration, with the key and the addresses of Redis, collector and database.
        control: The control plane that this process would have.
    """
    return asyncio.run(_examine(url or configuration.langgraph_url, configuration, control))


async def _examine(url: str, configuration: Settings, control: ControlPlane) -> list[Finding]:
    base = url.rstrip("/")
    fleet, deployment = await asyncio.gather(
        examine_fleet(base, configuration, control), examine_deployment(configuration, control)
    )
    if any(finding.check == "facade" and finding.status == "fail" for finding in fleet):
        return [*fleet, *deployment]
    senders, told = await asyncio.gather(examine_senders(base, configuration), examine_endpoints(base, configuration))
    return [*fleet, *deployment, *senders, *told]


def has_failed(findings: Sequence[Finding]) -> bool:
    """Return whether something is broken, as opposed to worth a look."""
    return any(finding.status == "fail" for finding in findings)


def as_data(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the findings as plain data for programs."""
    return [finding.as_data() for finding in findings]
