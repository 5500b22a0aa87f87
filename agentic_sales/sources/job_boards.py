"""Recognise a company's job board, and read it at any host."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from agentic_sales.outbound.closing import Closing
from agentic_sales.settings import Settings
from agentic_sales.sources.job_board_vendors import Ashby, Greenhouse, Lever, Opening, Pay, Vendor
from agentic_sales.sources.service import Place

BOARD_HOSTS: Mapping[Vendor, str] = {
    "ashby": "jobs.ashbyhq.com",
    "greenhouse": "boards.greenhouse.io",
    "lever": "jobs.lever.co",
}
"""Host of each vendor's boards, by which a web search is narrowed."""
_GREENHOUSE_HOSTS = frozenset({"boards.greenhouse.io", "job-boards.greenhouse.io", "job-boards.eu.greenhouse.io"})
_LEVER_HOSTS = frozenset({"jobs.lever.co", "jobs.eu.lever.co"})
_EMBEDDED = re.compile(r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/embed/job_board(?:/js)?\?for=([\w-]{1,100})")


@dataclass(frozen=True, slots=True)
class Board:
    """A company's job board."""

    vendor: Vendor
    """Host of the board."""
    token: str
    """The company's name at the vendor, in the vendor's case."""
    in_eu: bool = False
    """True for a board on Lever's host in the EU."""

    @property
    def url(self) -> str:
        """Return its address for people. One board has one."""
        host = "jobs.eu.lever.co" if self.in_eu else BOARD_HOSTS[self.vendor]
        return f"https://{host}/{quote(self.token)}"

    @property
    def key_prefix(self) -> str:
        """Return the beginning of the keys of its openings in the book. The vendors' own case of names varies."""
        return f"{self.vendor}/{self.token.lower()}/"


def board_of(url: str) -> Board | None:
    """Return the board that a URL leads to. None: it is none of a vendor that we read. The host has to be exact."""
    parts = urlsplit(url)
    path = [unquote(part) for part in parts.path.split("/") if part]
    host = (parts.hostname or "").lower()
    if host in _GREENHOUSE_HOSTS:
        named = parse_qs(parts.query).get("for", [""])[0] if path[:1] == ["embed"] else "".join(path[:1])
        return Board("greenhouse", named) if named else None
    if not path:
        return None
    if host == "jobs.ashbyhq.com":
        return Board("ashby", path[0])
    return Board("lever", path[0], in_eu=".eu." in host) if host in _LEVER_HOSTS else None


def board_named(text: str, vendor: Vendor) -> Board:
    """Return the board of an address, or the one that has a name at a vendor.

    Raises:
        ValueError: It is an address of no board that we read.
    """
    if "://" not in text:
        return Board(vendor, text)
    if board := board_of(text):
        return board
    raise ValueError(f"`{text}` is no address of a board at {', '.join(BOARD_HOSTS.values())}")


def board_in(html: str) -> Board | None:
    """Return Greenhouse's board that a page embeds. Its token is nowhere else on such a page."""
    found = _EMBEDDED.search(html)
    return Board("greenhouse", found[1]) if found else None


class JobBoards(Closing):
    """Reads the boards of all vendors. An async context manager."""

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self._ashby = Ashby(configuration, place=place)
        self._greenhouse = Greenhouse(configuration, place=place)
        self._lever = Lever(configuration, place=place)
        self._lever_eu = Lever(configuration, in_eu=True, place=place)

    async def aclose(self) -> None:
        """Close its connections."""
        for client in (self._ashby, self._greenhouse, self._lever, self._lever_eu):
            await client.aclose()

    def openings(self, board: Board) -> AsyncIterator[Opening]:
        """Yield the openings of a board.

        Raises:
            NotFound: There is no such board. A board without openings is no error.
        """
        match board.vendor:
            case "ashby":
                return self._ashby.openings(board.token)
            case "greenhouse":
                return self._greenhouse.openings(board.token)
            case "lever":
                return (self._lever_eu if board.in_eu else self._lever).openings(board.token)

    async def pay(self, opening: Opening) -> Pay | None:
        """Return the printed pay of an opening. Greenhouse tells it on demand only."""
        if opening.pay is None and opening.vendor == "greenhouse":
            return await self._greenhouse.pay(opening.board, opening.id)
        return opening.pay
