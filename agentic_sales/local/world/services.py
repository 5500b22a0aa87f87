"""List the services of the sample world and the settings that lead the clients to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agentic_sales.local.world import boards, github, searches, sites
from agentic_sales.local.world.exchange import Answer, Asked


@dataclass(frozen=True)
class Service:
    """A service of the world."""

    setting: str
    """Environment name of its base URL."""
    respond: Callable[[Asked], Answer]
    """Answers a request."""


SERVICES: Mapping[str, Service] = {
    "github": Service("AGENTIC_SALES_GITHUB_URL", github.respond),
    "ashby": Service("AGENTIC_SALES_ASHBY_URL", boards.ashby),
    "greenhouse": Service("AGENTIC_SALES_GREENHOUSE_URL", boards.greenhouse),
    "lever": Service("AGENTIC_SALES_LEVER_URL", boards.lever),
    "brave": Service("AGENTIC_SALES_BRAVE_URL", searches.brave),
    "searxng": Service("AGENTIC_SALES_SEARXNG_URL", searches.searxng),
    "tavily": Service("AGENTIC_SALES_TAVILY_URL", searches.tavily),
    "serper": Service("AGENTIC_SALES_SERPER_URL", searches.serper),
}
"""The services by the name that begins their path."""
SITES: Callable[[Asked], Answer] = sites.respond
"""Answers for every host under `.example`."""
