"""List the services of the sample world and the settings that lead the clients to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agentic_sales.local.world import (
    archives,
    arxiv,
    boards,
    crossref,
    github,
    mail,
    openalex,
    orcid,
    registers,
    searches,
    semantic_scholar,
    sites,
    youtube,
)
from agentic_sales.local.world.exchange import Asked, WorldAnswer


@dataclass(frozen=True)
class Service:
    """A service of the world."""

    setting: str
    """Environment name of its base URL."""
    respond: Callable[[Asked], WorldAnswer]
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
    "youtube": Service("AGENTIC_SALES_YOUTUBE_URL", youtube.respond),
    "youtube_feeds": Service("AGENTIC_SALES_YOUTUBE_FEEDS_URL", youtube.feeds),
    "openalex": Service("AGENTIC_SALES_OPENALEX_URL", openalex.respond),
    "crossref": Service("AGENTIC_SALES_CROSSREF_URL", crossref.respond),
    "semantic_scholar": Service("AGENTIC_SALES_SEMANTIC_SCHOLAR_URL", semantic_scholar.respond),
    "arxiv": Service("AGENTIC_SALES_ARXIV_URL", arxiv.respond),
    "orcid": Service("AGENTIC_SALES_ORCID_URL", orcid.respond),
    "common_crawl": Service("AGENTIC_SALES_COMMON_CRAWL_URL", archives.common_crawl),
    "common_crawl_data": Service("AGENTIC_SALES_COMMON_CRAWL_DATA_URL", archives.common_crawl_data),
    "hugging_face": Service("AGENTIC_SALES_HUGGING_FACE_URL", archives.hugging_face),
    "gleif": Service("AGENTIC_SALES_GLEIF_URL", registers.gleif),
    "wikidata": Service("AGENTIC_SALES_WIKIDATA_URL", registers.wikidata),
    "reacher": Service("AGENTIC_SALES_REACHER_URL", mail.reacher),
    "wikidata_query": Service("AGENTIC_SALES_WIKIDATA_QUERY_URL", registers.wikidata_query),
}
"""The services by the name that begins their path."""
SITES: Callable[[Asked], WorldAnswer] = sites.respond
"""Answers for every host under `.example`."""
