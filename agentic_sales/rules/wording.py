"""Read and mend the plain text of mails by words. Several workflows share these rules.

Everything here is pure. Opt-outs are told in one place, so that no workflow understands fewer of them than another.
"""

import html
import re

from agentic_sales.rules.page_orders import gives_orders

MARKERS = (
    "hope this finds you well",
    "this email finds you well",
    "trust this email finds you",
    "hope you are doing well",
    "just wanted to reach out",
    "i wanted to reach out",
    "i came across your",
)
"""Openers that give a machine away. They are folded."""
MAX_QUOTE_LETTERS = 160
MIN_QUOTE_LETTERS = 20

_SIGN_OFF = re.compile(
    r"(?<!\n)\n+(?:thanks|thank you|many thanks|best|(?:best |kind |warm )?(?:regards|wishes)|cheers|sincerely"
    r"|all the best)"
    r"[,.!]?(?:\n[^\n]{0,60}){0,3}\Z",
    re.IGNORECASE,
)
_PRIVATE = re.compile(
    r"https?:|www\.|@|#\w|\b(?:note|internal|confidential|private|crm|score|icp|budget|churn|do not|don't|avoid)\b",
    re.IGNORECASE,
)
"""Marks a sentence that is better not quoted. Links and tags read badly. Notes to oneself are not for the reader."""

_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Of the control characters tab and line breaks are not among them."""
_ENCODED_WORD = re.compile(r"=\?[^\s?]{1,40}\?[bq]\?", re.IGNORECASE)
"""Beginning of an encoded word of RFC 2047. A mail program decodes the rest, regardless of its writer."""


def straight(text: str) -> str:
    """Return a text with straight apostrophes, as the patterns have them."""
    return text.replace("\u2019", "'")


def folded(text: str) -> str:
    """Return a text as `MARKERS` are written."""
    return straight(one_line(text)).casefold()


def readable(text: str) -> str:
    """Return a text without control characters and halves of surrogate pairs, which no mail and no database takes."""
    return _UNREADABLE.sub("", text)


def unreadable(text: str) -> str | None:
    """Return the first character that `readable` would take out, by its number. None if there is none."""
    found = _UNREADABLE.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def encoded_word(text: str) -> str | None:
    """Return the beginning of the first encoded word (RFC 2047) in a text. None if there is none."""
    found = _ENCODED_WORD.search(text)
    return found[0] if found else None


def one_line(text: str) -> str:
    """Return a text with single spaces for all white space."""
    return " ".join(text.split())


def markers_in(text: str) -> list[str]:
    """Return the openers in a text that give a machine away."""
    return [marker for marker in MARKERS if marker in folded(text)]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text. A line break ends one too."""
    parts = (part for line in text.split("\n") for part in re.split(r"(?<=[.!?])\s+", line))
    return [sentence.strip() for sentence in parts if sentence.strip()]


def shortened(text: str, letters: int) -> str:
    """Cut a text at a word, so that it has at most so many letters."""
    return text if len(text) <= letters else text[: letters + 1].rpartition(" ")[0] or text[:letters]


def quotable(text: str) -> str:
    """Return the first sentence that can be shown to its author or subject. Empty if there is none.

    A text that gives orders to a program has none: a mail that repeats them would carry them on.
    """
    if gives_orders(text):
        return ""
    for sentence in sentences(text):
        words = one_line(sentence.replace('"', "'"))
        if len(words) >= MIN_QUOTE_LETTERS and not markers_in(words) and not _PRIVATE.search(words):
            short = shortened(words, MAX_QUOTE_LETTERS)
            return short if short == words else f"{short.rstrip(' ,;:')} \u2026"
    return ""


def unsigned(body: str, signature: str) -> str:
    """Return a mail without the signature or sign-off at its end."""
    return _SIGN_OFF.sub("", body.strip().removesuffix(signature).strip())


def signature_of(signature: str, sender_name: str, sender_role: str = "") -> str:
    """Return the end of a mail. It is as given, else made of the sender's name and role, else without a name."""
    if signature.strip():
        return signature.strip()
    lines = [sender_name.strip(), sender_role.strip() if sender_name.strip() else ""]
    return "\n".join(["Thanks,", *filter(None, lines)]).rstrip("\n,")


def html_of(text: str) -> str:
    """Return plain text as HTML: a paragraph per blank line, nothing of the text taken for markup."""
    paragraphs = (html.escape(part.strip()).replace("\n", "<br>\n") for part in re.split(r"\n\s*\n", text))
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph)
