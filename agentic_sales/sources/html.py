"""Turn HTML into what a person would read of it, in bounded time.

Pages are written by strangers. What a browser does not show (scripts, comments, hidden elements, invisible
characters) is dropped, because text that only machines see is how instructions are smuggled to a model. Text
that a style sheet hides cannot be told apart here: a prompt must fence what this module returns.
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

# A normal page has some thousand tags, nested some dozen deep. The two limits keep the worst page of 2 MB
# under about 4 s; without them a list of 20,000 items takes half a minute and deep nesting ends in RecursionError.
_MAX_TAGS = 20_000
_MAX_DEPTH = 100
_MAX_TITLE_CHARS = 300
_MAX_CHARS = 500_000
"""Characters of Markdown, and of text, that are kept of one page: absolute links make a page longer than it was."""
_MAX_LINKS = 1_000
"""Links that are taken from one page."""
_MAX_FRAMES = 4
"""Frames of a frameset that are read."""

_UNSEEN_TAGS = frozenset(
    {"head", "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "audio", "video"}
)
# Transparent elements stay: many sites fade in what they want to be read.
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
"""Characters without a shape: NUL, soft hyphen, zero-width and direction marks, and Unicode's tag characters."""

_PLAINER_TAGS = {"ol": "ul", "pre": "div"}
"""Tags that the converter treats in quadratic time, and what stands in for them."""
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
    r"\s*(\d{1,4}(?:\.\d{1,3})?)\s*[;,]\s*(?:url\s*=\s*)?(\S.{0,2000})", re.IGNORECASE | re.DOTALL
)
_AT_ONCE_S = 10.0
"""A document that sends on later than this is meant to be read."""
_XML_DECLARATION = re.compile(r"\A(?:\s*<\?xml[^>]*>?)+", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What a document shows."""

    title: str
    """Title of the document; empty: it has none."""
    markdown: str
    """The document as Markdown, with absolute links and without images."""
    text: str
    """The document as plain text, one line per block."""
    links: tuple[str, ...]
    """Absolute web addresses that it links to, in order, each once, without fragments."""
    emails: tuple[str, ...]
    """Addresses in `mailto:` links and in the text, lower case, each once."""
    unreadable_reason: str = ""
    """Why it shows nothing that can be read; empty: it does."""
    language: str = ""
    """Code of its language, as it declares it, without a country; empty: it declares none."""
    refresh_url: str = ""
    """Absolute address to which it sends a browser at once; empty: it sends to none."""
    frame_urls: tuple[str, ...] = ()
    """Absolute addresses of the frames that it consists of."""


def read_plain(text: str) -> Reading:
    """Read a document that is plain text."""
    clean = text.translate(_INVISIBLE)
    reason = why_unreadable("", clean, "", has_scripts=False)
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
    text = _text(soup)[:_MAX_CHARS]  # Last, for it marks the ends of lines in the tree.
    reason = "" if head.frames else why_unreadable(title, text, head.hidden, has_scripts=head.has_scripts)
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
    """What a document says of itself beside its text."""

    language: str
    refresh: str
    frames: tuple[str, ...]
    hidden: str
    has_scripts: bool


def _read_head(soup: BeautifulSoup, url: str) -> _Head:
    """Read what a document says beside its text, before what is not seen is dropped."""
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
    """Return where a document sends a browser at once; what is meant for browsers without scripts does not count."""
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
        tag.clear()  # Emptied and not removed, for the tree searches its siblings to remove one.
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
    """Leave only tags and absolute links in the tree; yield the links."""
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
        wrap=True,  # Joins the lines of the source;
        wrap_width=None,  # and this makes no new ones.
    )
    lines = (line.rstrip() for line in converter.convert_soup(soup).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _text(soup: BeautifulSoup) -> str:
    for block in soup.find_all(lambda tag: bool(_BLOCK_TAGS.fullmatch(tag.name))):
        block.insert(0, _LINE_END)
        block.append(_LINE_END)
    lines = (" ".join(line.split()) for line in soup.get_text().split(_LINE_END))
    return "\n".join(line for line in lines if line)
