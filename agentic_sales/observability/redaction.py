"""Remove people and secrets from a text before it leaves the process.

The rules remove mail addresses, phone numbers, keys and tokens. The replacement names the kind of the removed text, so
that an operator can still read the sentence. A rule may remove too much but never too little. Nobody looks up a phone
number in a trace.

Strangers write these texts. So a text is cut before it is matched. Every pattern takes time in proportion to its text.
A pattern that begins with a repeated class has a look-behind. It is thus tried only at the start of such a sequence.
Without the look-behind 60,000 letters took 11.9 s.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_KEY_NAMES = r"(?:api[_-]?key|access[_-]?key|secret|token|password|passwd|authorization|cookie|credential)s?"
LONGEST_CHARS = 32_768
"""Longest text that is kept."""
DEEPEST = 64
"""Deepest nesting of data. Deeper data is hidden."""
CUT = "… [cut]"
_LONGEST_WORD = 512
_SHORT_CHARS = 64
"""Longest text whose result is remembered. Names of queues, nodes and models come again with every span."""
RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # pydantic quotes the invalid value. The field and the reason stay.
    (re.compile(r"input_value=.*?(?=, input_type=|\]|$)", re.MULTILINE), "input_value=[hidden]"),
    (re.compile(r"(?i)(://)[^/\s:@]+:[^/\s@]+@"), r"\1[key]@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 [key]"),
    (re.compile(rf"(?i)\b({_KEY_NAMES})\b([\"']?\s*[:=]\s*[\"']?)(?!\[key\])[^\s\"',;&}}]{{4,}}"), r"\1\2[key]"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "[key]"),
    (re.compile(r"\b(?:sk|pk|rk|gh[opsru]|github_pat|glpat|xox[abeprs]|lsv2|hf|key)[-_][\w-]{12,}"), "[key]"),
    (re.compile(r"\b(?:AKIA|ASIA|AIza)[\w-]{12,}"), "[key]"),
    (re.compile(r"(?i)(?<![\w.!#$&*+^`{|}~-])[\w.!#$&*+^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"(?<![\w.-])\+\d(?:[ ()./-]{0,2}\d){7,14}(?![\w-])"), "[phone]"),
    (re.compile(r"(?<![\w.-])\(?\d{2,5}\)?[ ./-]{1,2}\d{3,4}[ ./-]\d{3,6}(?![\w-])"), "[phone]"),
    (re.compile(r"(?<![\w.-])\d{10,15}(?![\w.-])"), "[phone]"),
)
_KEY_MEMBER = re.compile(rf"(?i)(?:^|[_.-]){_KEY_NAMES}$")


def redacted(text: str) -> str:
    """Return a text without mail addresses, phone numbers and keys. A long text is cut."""
    if len(text) <= _SHORT_CHARS:
        return _remembered(text)
    return _redacted(_cut(text) if len(text) > LONGEST_CHARS else text)


def _redacted(text: str) -> str:
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text


_remembered = lru_cache(maxsize=1024)(_redacted)


def redacted_data(value: Any) -> Any:
    """Return plain data with every text and member name redacted. A member that is named as a secret is hidden."""
    return _redacted_data(value, DEEPEST)


def _redacted_data(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not levels:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {redacted(str(name)): _redacted_member(str(name), inner, levels - 1) for name, inner in value.items()}
    return [_redacted_data(inner, levels - 1) for inner in value]


def _redacted_member(name: str, member: Any, levels: int) -> Any:
    return "[key]" if isinstance(member, str) and _KEY_MEMBER.search(name) else _redacted_data(member, levels)


def _cut(text: str) -> str:
    """Cut a text between two words. No rule would match half an address or half a key."""
    kept = text[:LONGEST_CHARS]
    tail = kept[-_LONGEST_WORD:]
    return kept[: len(kept) - len(tail.rsplit(maxsplit=1)[-1])] + CUT if tail.strip() else kept + CUT
