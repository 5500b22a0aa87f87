"""Say what a site's robots.txt allows us (RFC 9309); never fetch it."""

import re

from protego import Protego

from agentic_sales.outbound.connections import PRODUCT

MAX_ROBOTS_BYTES = 500 * 1024
"""What is read of a robots.txt, in bytes; the rest is ignored, as the standard says."""

_MAX_CRAWL_DELAY_S = 5.0
_AGENT_LINE = re.compile(r"\A(\s*user[ -]?agent\s*:?)\s*(.*)", re.IGNORECASE)


class Robots:
    """The rules of one origin. An empty text allows everything."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse("\n".join(map(_fold_agent, text.splitlines())))

    def allows(self, url: str) -> bool:
        """Tell whether this crawler may read the URL."""
        return self._rules.can_fetch(url, PRODUCT)

    @property
    def delay_s(self) -> float:
        """Seconds that the site asks for between two requests, at most 5; 0.0: it asks for none."""
        return min(self._rules.crawl_delay(PRODUCT) or 0.0, _MAX_CRAWL_DELAY_S)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """URLs of the sitemaps that the file names, as written."""
        return tuple(self._rules.sitemaps)


def _fold_agent(line: str) -> str:
    """Give every agent that is not us one name.

    The parser copies each rule to each agent of its group: half a megabyte of agents and rules would become
    gigabytes.
    """
    found = _AGENT_LINE.fullmatch(line)
    if found is None or found[2].strip() == "*" or found[2].lower().startswith(PRODUCT.lower()):
        return line
    return f"{found[1]} somebody-else"
