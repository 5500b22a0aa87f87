"""Read sitemap documents (sitemaps.org). This module never fetches one and never expands an entity."""

import zlib
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types


@dataclass(frozen=True)
class Sitemap:
    """The addresses of one sitemap document, as written."""

    pages: tuple[str, ...] = ()
    """URLs of pages."""
    sitemaps: tuple[str, ...] = ()
    """URLs of further sitemaps if the document is an index."""


_GZIP_MARK = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31


def unpacked(content: bytes, max_bytes: int) -> bytes:
    """Unpack a sitemap file in gzip up to a number of bytes. Any other file is returned as it is."""
    if not content.startswith(_GZIP_MARK):
        return content
    try:
        return zlib.decompressobj(_GZIP_WINDOW_BITS).decompress(content, max_bytes)
    except zlib.error:  # A damaged file lists nothing.
        return b""


def parse_sitemap(content: bytes) -> Sitemap:
    """Return the addresses of a sitemap, a sitemap index or a list of addresses. Any other document has none."""
    if content.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(b"http"):
        return Sitemap(pages=tuple(content.decode("utf-8", errors="replace").lstrip("\ufeff").split()))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:  # Many sites answer with a page or with nothing in place of a sitemap.
        return Sitemap()
    if root is None:
        return Sitemap()
    locations = tuple(location for loc in root.iter("{*}loc") if (location := _location(loc)))
    is_index = root.tag.rpartition("}")[2] == "sitemapindex"
    return Sitemap(sitemaps=locations) if is_index else Sitemap(pages=locations)


def _location(loc: etree._Element) -> str | None:
    """Return the address in a `loc`. None if it holds an entity or half a character."""
    try:
        return None if len(loc) else (loc.text or "").strip()
    except UnicodeDecodeError:
        return None
