"""Read the permissions in a site's robots.txt (RFC 9309). This module never fetches it."""

import re

from protego import Protego

from agentic_sales.outbound.connections import PRODUCT

MAX_ROBOTS_BYTES = 500 * 1024
"""Most bytes of a robots.txt that are read. The standard lets the rest be ignored."""

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
        """Seconds between two requests by the site's wish, at most 5. 0.0 without a wish."""
        return min(self._rules.crawl_delay(PRODUCT) or 0.0, _MAX_CRAWL_DELAY_S)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """URLs of the sitemaps that the file names, as written."""
        return tuple(self._rules.sitemaps)


def _fold_agent(line: str) -> str:
    """Give all other agents one name.

    The parser copies each rule to each agent of its group. Half a megabyte of agents and rules would become gigabytes.
    """
    found = _AGENT_LINE.fullmatch(line)
    if found is None or found[2].strip() == "*" or found[2].lower().startswith(PRODUCT.lower()):
        return line
    return f"{found[1]} somebody-else"
