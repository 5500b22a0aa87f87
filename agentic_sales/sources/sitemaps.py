"""Read sitemap documents (sitemaps.org); never fetch one, never expand an entity."""

import zlib
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types


@dataclass(frozen=True)
class Sitemap:
    """What one sitemap document lists, as written."""

    pages: tuple[str, ...] = ()
    """URLs of pages."""
    sitemaps: tuple[str, ...] = ()
    """URLs of further sitemaps, when the document is an index."""


_GZIP_MARK = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31


def unpacked(content: bytes, max_bytes: int) -> bytes:
    """Return a sitemap file that is packed by gzip, up to so many bytes; one that is not is returned as it is."""
    if not content.startswith(_GZIP_MARK):
        return content
    try:
        return zlib.decompressobj(_GZIP_WINDOW_BITS).decompress(content, max_bytes)
    except zlib.error:  # A damaged file lists nothing.
        return b""


def parse_sitemap(content: bytes) -> Sitemap:
    """Return what a sitemap, a sitemap index or a list of addresses lists; what is none of them lists nothing."""
    if content.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(b"http"):
        return Sitemap(pages=tuple(content.decode("utf-8", errors="replace").lstrip("\ufeff").split()))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:  # Many sites answer with a page, or with nothing, where a sitemap would be.
        return Sitemap()
    if root is None:
        return Sitemap()
    locations = tuple(location for loc in root.iter("{*}loc") if (location := _location(loc)))
    is_index = root.tag.rpartition("}")[2] == "sitemapindex"
    return Sitemap(sitemaps=locations) if is_index else Sitemap(pages=locations)


def _location(loc: etree._Element) -> str | None:
    """Return the address in a `loc`; None: it holds none, or an entity or a half character with it."""
    try:
        return None if len(loc) else (loc.text or "").strip()
    except UnicodeDecodeError:
        return None
