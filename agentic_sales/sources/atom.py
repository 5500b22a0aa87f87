"""Read the Atom feeds of arXiv and YouTube. An entity in one leads nowhere."""

from collections.abc import Iterator
from datetime import datetime

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from agentic_sales.errors import AnswerChanged, ProviderUnavailable
from agentic_sales.outbound.api import Reply
from agentic_sales.wire import clean_text

NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "arxiv": "http://arxiv.org/schemas/atom",
    "opensearch": "http://a9.com/-/spec/opensearch/1.1/",
    "yt": "http://www.youtube.com/xml/schemas/2015",
}
"""Prefixes in paths."""


class Element:
    """An element of a feed."""

    def __init__(self, element: etree._Element, reply: Reply) -> None:
        self._element, self._reply = element, reply

    def all(self, path: str) -> Iterator["Element"]:
        """Yield the elements of a path."""
        for found in self._element.findall(path, NAMESPACES):
            yield Element(found, self._reply)

    def text(self, path: str) -> str | None:
        """Return the text of an element in one line, or None where it is missing or empty."""
        found = self._element.find(path, NAMESPACES)
        text = None if found is None else " ".join("".join(found.itertext()).split())
        return clean_text(text) if text else None

    def needed(self, path: str) -> str:
        """Return the text of an element.

        Raises:
            AnswerChanged: It is missing.
        """
        text = self.text(path)
        if text is None:
            raise AnswerChanged(self._reply.service, f"`{self._reply.path}`", [(path, "is missing")])
        return text

    def number(self, path: str) -> int:
        """Return the whole number in an element.

        Raises:
            AnswerChanged: It is missing or no number.
        """
        text = self.needed(path)
        if not text.isdecimal():
            raise AnswerChanged(self._reply.service, f"`{self._reply.path}`", [(path, "is no whole number")])
        return int(text)

    def attribute(self, path: str, name: str) -> str | None:
        """Return an attribute of an element, or None."""
        found = self._element.find(path, NAMESPACES)
        value = None if found is None else found.get(name)
        return clean_text(str(value)) if value else None

    def moment(self, path: str) -> datetime | None:
        """Return the moment in an element, or None.

        Raises:
            AnswerChanged: It is no moment.
        """
        text = self.text(path)
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError:
            problem = (path, "is no date and time")
            raise AnswerChanged(self._reply.service, f"`{self._reply.path}`", [problem]) from None


def read_feed(reply: Reply) -> Element:
    """Return the feed in an answer.

    Raises:
        ProviderUnavailable: It is no whole XML, for example because it breaks off.
        AnswerChanged: It is another document.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(reply.body, parser)
    except etree.XMLSyntaxError as exc:
        reason = f"its answer to `{reply.path}` is no whole feed ({len(reply.body)} bytes)"
        raise ProviderUnavailable(reply.service, reason) from exc
    if root.tag != f"{{{NAMESPACES['atom']}}}feed":
        problem = ("the answer", f"should be a feed, not `{etree.QName(root).localname[:40]}`")
        raise AnswerChanged(reply.service, f"`{reply.path}`", [problem])
    return Element(root, reply)
