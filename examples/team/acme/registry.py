"""The workflows of the team: one row each. `AGENTIC_SALES_EXTRA_REGISTRIES=acme.registry` adds them to a fleet."""

from agentic_sales.registry import GraphSpec

GRAPHS = (GraphSpec("acme_discount", "acme.discount", resumable=True, effect="pure", time_limit_s=60.0),)
