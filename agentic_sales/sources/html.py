"""Turn HTML into the text that a person would read, in bounded time.

Strangers write the pages. Scripts, comments, hidden elements and invisible characters are dropped. Text that only
machines see can smuggle instructions to a model. Text that a style sheet hides cannot be told apart here. So a prompt
must fence the result of this module.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

from agentic_sales.rules.page_signs import why_unreadable
from agentic_sales.sources.consent import drop_consent_dialogs
from agentic_sales.sources.emails import find_emails, protected_emails
from agentic_sales.sources.links import absolute
from agentic_sales.sources.words import known_sites

# A normal page has some thousand tags, nested some dozen deep. The two limits keep the worst page of 2 MB under about
# 4 s. Without them a list of 20,000 items takes half a minute, and deep nesting ends in RecursionError.
_MAX_TAGS = 20_000
_MAX_DEPTH = 100
_MAX_TITLE_CHARS = 300
_MAX_CHARS = 500_000
"""Most characters of Markdown and of text that are kept of one page. Absolute links make a page longer."""
_MAX_LINKS = 1_000
"""Most links that are taken from one page."""
_MAX_FRAMES = 4
"""Most frames of a frameset that are read."""

_UNSEEN_TAGS = frozenset(
    {"head", "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "audio", "video"}
)
# Transparent elements stay. Many sites fade in their main text.
_UNSEEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
_INVISIBLE = dict.fromkeys(
    [
        0x00,
        0xAD,
        0x200B,
        0x200E,
        0x200F,
        0xFEFF,
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xE0000, 0xE0080),
    ]
)
"""Characters without a shape.

They are NUL, soft hyphen, zero-width and direction marks, and Unicode's tag characters.
"""

_PLAINER_TAGS = {"ol": "ul", "pre": "div"}
"""Tags that take the converter quadratic time, with their replacements."""
_BLOCK_TAGS = re.compile(
    r"address|article|aside|blockquote|br|button|d[dlt]|div|fieldset|figcaption|figure|footer|form|h[1-6r]|header|label"
    r"|legend|li|main|nav|[ou]l|option|p|section|summary|t(?:able|[dhr])"
)
_LINE_END = "\x1e"
_MAX_HIDDEN_CHARS = 1_000
_APP_ROOT = re.compile(r"^(?:root|app|__next|__nuxt|___gatsby|svelte|q-app|application|main-app)$", re.IGNORECASE)
"""Ids of the elements into which scripts draw a page."""
_REFRESH = re.compile(r"^\s*refresh\s*$", re.IGNORECASE)
_REFRESH_CONTENT = re.compile(
    r"\A\s*(\d{1,4}(?:\.\d{1,3})?)\s*[;,]\s*(?:url\s*=\s*)?(\S.{0,2000})", re.IGNORECASE | re.DOTALL
)
_AT_ONCE_S = 10.0
"""A document with a longer delay before its refresh is meant to be read."""
_XML_DECLARATION = re.compile(r"\A(?:\s*<\?xml[^>]*>?)+", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """The readable content of a document."""

    title: str
    """Title of the document. Empty without one."""
    markdown: str
    """The document as Markdown, with absolute links and without images."""
    text: str
    """The document as plain text, one line per block."""
    links: tuple[str, ...]
    """Absolute web addresses of its links in order, each once and without fragments."""
    emails: tuple[str, ...]
    """Addresses in `mailto:` links and in the text, in lower case and each once."""
    unreadable_reason: str = ""
    """Reason for unreadable content. Empty if it can be read."""
    language: str = ""
    """Code of its declared language without a country. Empty without a declaration."""
    refresh_url: str = ""
    """Absolute address of an immediate refresh. Empty without one."""
    frame_urls: tuple[str, ...] = ()
    """Absolute addresses of its frames."""


def read_plain(text: str) -> Reading:
    """Read a document that is plain text."""
    clean = text.translate(_INVISIBLE)
    reason = why_unreadable("", clean, "", has_scripts=False, words=known_sites())
    return Reading("", clean, clean, links=(), emails=find_emails(clean), unreadable_reason=reason)


def read_html(markup: str, url: str) -> Reading:
    """Read an HTML document that was found at `url`."""
    if "<" not in markup:
        return read_plain(markup)
    soup = BeautifulSoup(_first_tags(markup), "lxml")
    title, base, head = _title(soup), _base(soup, url), _read_head(soup, url)
    protected = protected_emails(soup)
    _drop_unseen(soup)
    drop_consent_dialogs(soup)
    hrefs = [str(tag["href"]) for tag in soup.find_all("a", href=True)]
    mailto = [href for href in hrefs if href.lower().startswith("mailto:")]
    links = tuple(islice(dict.fromkeys(_simplify(soup, base)), _MAX_LINKS))
    markdown = _markdown(soup)[:_MAX_CHARS]
    text = _text(soup)[:_MAX_CHARS]  # Last, because it marks the ends of lines in the tree.
    reason = (
        ""
        if head.frames
        else why_unreadable(title, text, head.hidden, has_scripts=head.has_scripts, words=known_sites())
    )
    return Reading(
        title,
        markdown,
        text,
        links,
        find_emails(text, mailto, protected),
        unreadable_reason=reason,
        language=head.language,
        refresh_url=head.refresh,
        frame_urls=head.frames,
    )


@dataclass(frozen=True)
class _Head:
    """Facts in a document beside its text."""

    language: str
    refresh: str
    frames: tuple[str, ...]
    hidden: str
    has_scripts: bool


def _read_head(soup: BeautifulSoup, url: str) -> _Head:
    """Read the facts beside the text before invisible elements are dropped."""
    root = soup.find("html")
    declared = str(root.get("lang") or "") if isinstance(root, Tag) else ""
    base = _base(soup, url)
    frames = [absolute(base, str(frame["src"])) for frame in soup.find_all("frame", src=True)]
    return _Head(
        language=re.split(r"[-_]", declared.strip().lower())[0][:3],
        refresh=_refresh(soup, base),
        frames=tuple(dict.fromkeys(frame for frame in frames[:_MAX_FRAMES] if frame)),
        hidden=" ".join(tag.get_text(" ") for tag in soup.find_all("noscript", limit=5))[:_MAX_HIDDEN_CHARS],
        has_scripts=soup.find("script", src=True) is not None or soup.find(id=_APP_ROOT) is not None,
    )


def _refresh(soup: BeautifulSoup, base: str) -> str:
    """Return the address of an immediate refresh. A refresh for browsers without scripts does not count."""
    for tag in soup.find_all("meta", attrs={"http-equiv": _REFRESH}, limit=5):
        found = _REFRESH_CONTENT.match(str(tag.get("content") or ""))
        if found and float(found[1]) <= _AT_ONCE_S and tag.find_parent("noscript") is None:
            return absolute(base, found[2].strip(" '\"")) or ""
    return ""


def _first_tags(markup: str) -> str:
    parts = _XML_DECLARATION.sub("", markup.translate(_INVISIBLE), count=1).split("<", _MAX_TAGS)
    return "<".join(parts[:_MAX_TAGS])


def _title(soup: BeautifulSoup) -> str:
    heading = soup.title or soup.h1
    return " ".join(heading.get_text(" ").split())[:_MAX_TITLE_CHARS] if heading else ""


def _base(soup: BeautifulSoup, url: str) -> str:
    tag = soup.find("base", href=True)
    return (absolute(url, str(tag["href"])) if isinstance(tag, Tag) else None) or url


def _drop_unseen(soup: BeautifulSoup) -> None:
    _drop_deeper(soup)
    for tag in soup.find_all(_is_unseen):
        tag.clear()  # Emptied and not removed, because a removal searches the siblings.
        tag.attrs.clear()
        tag.name = "span"


def _drop_deeper(soup: BeautifulSoup) -> None:
    level: list[Tag] = [soup]
    for _ in range(_MAX_DEPTH):
        level = [child for tag in level for child in tag.contents if isinstance(child, Tag)]
    for tag in level:
        tag.clear()


def _is_unseen(tag: Tag) -> bool:
    return tag.name in _UNSEEN_TAGS or tag.has_attr("hidden") or bool(_UNSEEN_STYLE.search(str(tag.get("style") or "")))


def _simplify(soup: BeautifulSoup, base: str) -> Iterator[str]:
    """Leave only tags and absolute links in the tree. Yields the links."""
    for tag in soup.find_all(True):
        link = absolute(base, str(tag["href"])) if tag.name == "a" and tag.has_attr("href") else None
        tag.attrs.clear()
        tag.name = _PLAINER_TAGS.get(tag.name, tag.name)
        if link:
            tag["href"] = link
            yield link


def _markdown(soup: BeautifulSoup) -> str:
    converter = MarkdownConverter(
        heading_style=ATX,
        bullets="-",
        strip=["img"],
        escape_asterisks=False,
        escape_underscores=False,
        wrap=True,  # joins the lines of the source
        wrap_width=None,  # makes no new lines
    )
    lines = (line.rstrip() for line in converter.convert_soup(soup).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _text(soup: BeautifulSoup) -> str:
    for block in soup.find_all(lambda tag: bool(_BLOCK_TAGS.fullmatch(tag.name))):
        block.insert(0, _LINE_END)
        block.append(_LINE_END)
    lines = (" ".join(line.split()) for line in soup.get_text().split(_LINE_END))
    return "\n".join(line for line in lines if line)
