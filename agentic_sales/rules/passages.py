"""Cut documents into passages: a passage is a part of one section, small enough for a prompt.

A section begins at a heading. It becomes one passage, or several with an overlap if it is long. A passage ends between
two sentences. Only a sentence that is longer than a passage is cut.

A token is counted as a piece of a word of at most `LETTERS_OF_TOKEN` letters, or as one other sign. That needs no
tokenizer of a model. It counts more than the tokenizers of common models do, so that no passage is longer than stated.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.search_terms import address_words, terms_of
from agentic_sales.rules.sentences import UNSPACED
from agentic_sales.rules.wording import readable, sentences

MOST_TOKENS = 800
"""Tokens of a passage."""
OVERLAP_TOKENS = 80
"""Tokens at the end of a passage that the next one of the section repeats."""
LETTERS_OF_TOKEN = 5
MOST_HEADING_CHARS = 200

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_LINK = re.compile(r"\[[^\]\[\n]*\]\([^)\s]{0,2000}\)")
LINKS_OF_MENU = 3
_TOKEN = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]{{1,{LETTERS_OF_TOKEN}}}|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """One passage of a document."""

    heading_path: tuple[str, ...]
    """Headings above it, the outermost first."""
    text: str
    """Plain text, a line for a line of the document."""


@dataclass(frozen=True, slots=True)
class IndexedPart(DocumentPart):
    """A passage with the terms by which it is found."""

    terms: tuple[str, ...]
    """Terms of the document's title and address, of the headings and of the text."""


def indexed_parts(title: str, url: str, markdown: str) -> list[IndexedPart]:
    """Return the passages of a document with their terms."""
    return [
        IndexedPart(
            part.heading_path, part.text, tuple(terms_of(f"{above(title, url, part.heading_path)} {part.text}"))
        )
        for part in parts_of(markdown)
    ]


def above(title: str, url: str, heading_path: Iterable[str]) -> str:
    """Return what stands above a passage: the title of its document, the words of its address, and its headings."""
    return " ".join((title, address_words(url), *heading_path))


def count_tokens(text: str) -> int:
    """Count the tokens of a text, see the module."""
    return sum(1 for _ in _TOKEN.finditer(text))


def parts_of(markdown: str) -> list[DocumentPart]:
    """Return the passages of a document in their order. Plain text is a document without headings."""
    return [
        DocumentPart(path, text)
        for path, body in _sections(readable(markdown))
        for text in _cut(_without_blank_lines(plain_text(body)))
    ]


def _sections(markdown: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each section with the headings above it. A line of code is no heading."""
    path: list[tuple[int, str]] = []
    body: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        if _is_menu(line):
            continue
        mark = _FENCE.match(line)
        if mark and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else mark[1]
        underline = None if fence or not body or not body[-1].strip() else _UNDERLINE.match(line)
        heading = None if fence else _HEADING.match(line)
        if underline and not body[-1].lstrip().startswith(("|", "-", "*", ">")):
            found = 1 if underline[1].startswith("=") else 2, body.pop().strip()
        elif heading and heading[2].strip():
            found = len(heading[1]), heading[2].strip()
        else:
            body.append(line)
            continue
        yield tuple(title for _, title in path), "\n".join(body)
        level, title = found
        path = [*((above, told) for above, told in path if above < level), (level, _title(title))]
        body = []
    yield tuple(title for _, title in path), "\n".join(body)


def _is_menu(line: str) -> bool:
    """Tell a line of links and of nothing else. It says nothing of the page that it stands on."""
    rest, links = _LINK.subn("", line)
    return links >= LINKS_OF_MENU and not any(map(str.isalnum, rest))


def _title(markdown: str) -> str:
    return " ".join(plain_text(markdown).split())[:MOST_HEADING_CHARS]


def _without_blank_lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _cut(text: str) -> Iterator[str]:
    """Yield a section in pieces of at most `MOST_TOKENS`. Each begins with the last sentences of the one before."""
    if count_tokens(text) <= MOST_TOKENS:
        if text:
            yield text
        return
    piece: list[tuple[str, int]] = []
    for part in _sentences_with_ends(text):
        size = count_tokens(part)
        if piece and sum(length for _, length in piece) + size > MOST_TOKENS:
            yield _joined(piece)
            piece = _tail(piece, MOST_TOKENS - size)
        piece.append((part, size))
    yield _joined(piece)


def _joined(piece: Iterable[tuple[str, int]]) -> str:
    return "".join(part for part, _ in piece).strip()


def _tail(piece: list[tuple[str, int]], room: int) -> list[tuple[str, int]]:
    """Return the last sentences of a piece that are together no longer than the overlap."""
    kept: list[tuple[str, int]] = []
    left = min(OVERLAP_TOKENS, room)
    for part, size in reversed(piece):
        if size > left:
            break
        kept.insert(0, (part, size))
        left -= size
    return kept


def _sentences_with_ends(text: str) -> Iterator[str]:
    """Yield the sentences with what is between them. One that is longer than a passage is cut at tokens."""
    for line in text.splitlines():
        told = sentences(line)
        for number, sentence in enumerate(told):
            end = "\n" if number == len(told) - 1 else " "
            yield from _short(f"{sentence}{end}")


def _short(sentence: str) -> Iterator[str]:
    starts = [found.start() for found in _TOKEN.finditer(sentence)][
        MOST_TOKENS - OVERLAP_TOKENS :: MOST_TOKENS - OVERLAP_TOKENS
    ]
    for start, end in zip([0, *starts], [*starts, len(sentence)], strict=True):
        yield sentence[start:end]
