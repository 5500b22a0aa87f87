"""Read the README, of which several files try a part."""

import re

from tests.support.fleet import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def without_numbers(text: str) -> list[str]:
    """Return the lines of a text without what differs from run to run: ids, numbers, and the widths of columns."""
    named = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "ID", text)
    return [re.sub(r"(?:\s|─)+", " ", re.sub(r"\d+", "N", line)).strip() for line in named.splitlines()]
