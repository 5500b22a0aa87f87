"""Tell the writer's own words in an answer from the message that a mail program quotes with it.

Mail programs mark the quoted message in three ways. They put `>` before its lines. Or they put a line above it, such
as `On …, Ann wrote:`. Or they put its header lines above it. The words differ by language, the shape does not. So the
rules ask for the shape: a date, an address in angle brackets, a colon at the end. The words are in `quotes.toml`.

A quoted message without any of these marks cannot be told. If only marks are left, the own words are empty. Our own
text is never taken for the writer's. Nothing is cut for its likeness to a list or a greeting, because an opt-out may
stand there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from agentic_sales.rules.day_forms import our_calendar
from agentic_sales.rules.program_lines import ProgramLines, own_part, program_lines_of
from agentic_sales.rules.sentences import CJK, folded
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table

MOST_LINES = 4_000
MOST_WRAPPED_LINES = 3
"""A mail program breaks the line above a quote into at most so many."""
LONGEST_ATTRIBUTION_CHARS = 400
LONGEST_LABEL_CHARS = 40
HEADER_LINES = 6
WRAPPED_AT_CHARS = 60

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_QUOTED = re.compile(r"^\s*(?:>|&gt;)")
_SIGNATURE = re.compile(r"^\s*(?:--|\u2014)\s*$")
_RULE = re.compile(r"^\s*(?:_{10,}|-{20,})\s*$")
_DASHED = re.compile(r"^\s*[-_=*#]{2,}\s*(?P<words>[^\s\-_=*#].*?)\s*[-_=*#]{2,}\s*$")
_DATE = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[./-]\d{1,2}[./-]")
_WHEN = re.compile(
    r"\b\d{1,2}[:.h]\d{2}\b|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\d[\u5e74\u6708\u65e5\ub144\uc6d4\uc77c]"
)
_ADDRESS = re.compile(r"[<(\[][^<>()\[\]\s]*@[^<>()\[\]\s]+[>)\]]")
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b")
_TRAILING_RULE = re.compile(r"(?:\n[-_=*\u2014\u2015\u2500\u2501\uff3f\uff0d ]{2,80})+\Z")
_DAYS = frozenset({"weekday", "month"})
_EASTERN = re.compile(f"[{CJK}]")
_PRONOUN = re.compile(r"\b(?:i|he|she|we|they|you|it|ich|er|sie|wir|je|il|elle|nous)\b", re.IGNORECASE)
_OUR_FOOTER = ("/unsubscribe/", "/unsubscribe%2f")
"""Parts of the address at which people unsubscribe from our mails."""
_ADDRESS_ALONE = re.compile(r"^[\s<(\[]*https?://\S+\s*$", re.IGNORECASE)
_HEADERS = re.compile(r"\A\s*(?:(?:subject|from|to|cc|date|sent): [^\n]*\n)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marks:
    """The words by which quoted messages are told."""

    labels: dict[str, str]
    """Folded label of a header line to its kind."""
    verb: re.Pattern[str]
    """A verb of an attribution, at its end or followed by a date and a colon."""
    opener: re.Pattern[str]
    """The first word of an attribution that begins with its date."""
    day: re.Pattern[str]
    """A weekday or a month."""
    separators: frozenset[str]
    """Folded words between dashes."""
    programs: ProgramLines
    """The lines that mail programs add."""


def marks_of(additions: Table = NOTHING) -> Marks:
    """Return the marks of `quotes.toml` and of a person's additions to it."""
    words = extended(table("quotes"), additions)
    openers = sorted({folded(opener) for opener in words["attribution"]["openers"]}, key=len, reverse=True)
    days = sorted(
        {name for told in our_calendar().numbers for kind, _, name in [told.partition(":")] if kind in _DAYS},
        key=len,
        reverse=True,
    )
    verbs = sorted({folded(verb) for verb in words["attribution"]["verbs"]}, key=len, reverse=True)
    return Marks(
        labels={folded(label): kind for kind, labels in words["labels"].items() for label in labels},
        verb=re.compile("|".join(map(_as_word, verbs))),
        opener=re.compile(rf"(?:{'|'.join(map(re.escape, openers))}) "),
        day=re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, days))})(?![^\W_])"),
        separators=frozenset(folded(text) for text in every(words["separators"])),
        programs=program_lines_of(words["programs"]),
    )


def _as_word(verb: str) -> str:
    """Return the pattern of a verb. In Chinese and Japanese it needs no space before it."""
    return re.escape(verb) if _EASTERN.match(verb) else rf"(?<![^\W_]){re.escape(verb)}"


@cache
def our_marks() -> Marks:
    """Return the marks of `quotes.toml` alone."""
    return marks_of()


def own_words(body: str, marks: Marks | None = None) -> str:
    """Return the writer's own words in an answer. Empty if the answer only quotes.

    Args:
        body: Plain text of the answer, with the message that it quotes.
        marks: Marks of quoted messages. The default is `quotes.toml`.
    """
    marks = marks or our_marks()
    lines = _INVISIBLE.sub("", body.replace("\r\n", "\n").replace("\u00a0", " ")).split("\n")[:MOST_LINES]
    kept = _without_programs(_above_history(lines, marks), marks)
    without_footer = _without_our_footer(kept)
    if any(line.strip() for line in without_footer):
        kept = without_footer
    own = re.sub(r"\n{3,}", "\n\n", "\n".join(_above_signature(kept)))
    return _TRAILING_RULE.sub("", own.strip()).strip()


def newest_text(email: str) -> str:
    """Return the own words of a mail that may begin with its header lines."""
    return own_words(_HEADERS.sub("", email.replace("\r\n", "\n")))


def _above_history(lines: Sequence[str], marks: Marks) -> list[str]:
    """Return the unquoted lines, up to the start of a history without `>` before its lines."""
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if _QUOTED.match(lines[at]):
            at += 1
            continue
        if length := _attribution(lines, at, marks):
            if not _is_quoted_next(lines, at + length):
                break
            at += length
            continue
        if _begins_history(lines, at, marks):
            break
        if not _is_torn_off(lines, at):
            kept.append(lines[at])
        at += 1
    return kept


def _is_quoted_next(lines: Sequence[str], at: int) -> bool:
    return any(_QUOTED.match(line) for line in _next_lines(lines, at, 1))


def _next_lines(lines: Sequence[str], at: int, count: int) -> list[str]:
    """Return the next lines that say something."""
    said = [line for line in lines[at : at + 3 * count] if line.strip()]
    return said[:count]


def _is_torn_off(lines: Sequence[str], at: int) -> bool:
    """Tell whether a line is the end of a quoted line that a mail program broke."""
    if at == 0 or at + 1 >= len(lines):
        return False
    above, line, below = lines[at - 1], lines[at].strip(), lines[at + 1]
    is_between = bool(_QUOTED.match(above)) and bool(_QUOTED.match(below))
    return is_between and len(above) >= WRAPPED_AT_CHARS and line[:1].islower()


def _attribution(lines: Sequence[str], at: int, marks: Marks) -> int:
    """Return how many lines from here are the attribution of a quote, such as `On …, Ann wrote:`. 0 if none are."""
    joined = ""
    for length, line in enumerate(lines[at : at + MOST_WRAPPED_LINES], start=1):
        if not line.strip() or _QUOTED.match(line):
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if _is_attribution(joined, marks):
            return 0 if _is_whole_below(lines[at + 1 : at + length], marks) else length
        if _ends(joined):
            return length if _is_bare_attribution(joined, marks) and _is_quoted_next(lines, at + length) else 0
    return 0


def _is_whole_below(lines: Sequence[str], marks: Marks) -> bool:
    """Tell whether lines end in an attribution of their own date. The lines above it are then the writer's."""
    ends = (" ".join(line.strip() for line in lines[at:]) for at in range(len(lines)))
    return any(_DATE.search(end) is not None and _is_attribution(end, marks) for end in ends)


def _ends(line: str) -> bool:
    text = line.rstrip("*_ ")
    return text.endswith((":", "\uff1a")) or (text.startswith("--") and text.endswith("--"))


_NAMED_ALONE = re.compile(r"^(?:[^\W\d_a-z][\w.'-]*,? ){1,4}[a-z\u00e0-\u017f ]{4,12}:$")
"""A name in capitals and a verb, such as `Ann Field wrote:`, and nothing else."""


def _is_attribution(line: str, marks: Marks) -> bool:
    if len(line) > LONGEST_ATTRIBUTION_CHARS or not _ends(line):
        return False
    is_by_somebody = _ADDRESS.search(line) is not None
    is_dated = _WHEN.search(line) is not None
    if is_dated and (is_by_somebody or _ends_in_address(line)):
        return True
    if _NAMED_ALONE.match(line) and not _PRONOUN.search(line):
        return marks.verb.search(folded(line)) is not None
    is_dated = is_dated or _is_of_a_day(line, marks)
    return (is_dated or is_by_somebody) and marks.verb.search(folded(line)) is not None


def _ends_in_address(line: str) -> bool:
    """Tell a line with a time and, at its end, an address without brackets, as mail.ru writes above a quote."""
    return "@" in line.rstrip("*_ :\uff1a").rpartition(" ")[2] and _CLOCK.search(line) is not None


def _is_of_a_day(line: str, marks: Marks) -> bool:
    """Tell a line that begins with a weekday or a month and tells a full name: `On Wednesday, Ann Field wrote:`."""
    text = folded(line)
    if _PRONOUN.search(line) or not marks.opener.match(text):
        return False
    if marks.day.search(text) is None:
        return False
    is_name = [word[0].isupper() and not marks.day.search(folded(word)) for word in line.split()[1:]]
    return any(first and last for first, last in pairwise(is_name))


def _is_bare_attribution(line: str, marks: Marks) -> bool:
    """Tell a line without date and address, such as `Ann wrote:`. Only a quote below makes it an attribution."""
    return len(line) <= LONGEST_ATTRIBUTION_CHARS and marks.verb.search(folded(line)) is not None


def _begins_history(lines: Sequence[str], at: int, marks: Marks) -> bool:
    line = lines[at]
    if len(line) > LONGEST_ATTRIBUTION_CHARS:
        return False
    if _is_header_block(lines, at, marks):
        return True
    if _RULE.match(line):
        return "_" in line or _is_header_near(lines, at + 1, marks)
    if dashed := _DASHED.match(line):
        words = folded(dashed["words"]).strip()
        return words in marks.separators or _is_header_near(lines, at + 1, marks)
    return folded(line).strip(" :*_[]\u00ae") in marks.separators


def _is_header_near(lines: Sequence[str], at: int, marks: Marks) -> bool:
    said = _next_lines(lines, at, 2)
    return any(_label(line, marks) == "from" for line in said)


def _is_header_block(lines: Sequence[str], at: int, marks: Marks) -> bool:
    """Tell whether header lines of a quoted message begin here: its sender, and one more."""
    if _label(lines[at], marks) is None:
        return False
    kinds = _labels_within(lines[at], marks) | {_label(line, marks) for line in _block(lines, at)} - {None}
    if kinds == {"from", "to"}:  # Without an address it may be `From: Monday`, `To: Friday`.
        return any("@" in line for line in lines[at : at + HEADER_LINES])
    return ("from" in kinds and len(kinds) > 1) or len(kinds - {"cc"}) > 2  # noqa: PLR2004  # date, to and subject


def _block(lines: Sequence[str], at: int) -> list[str]:
    block = []
    for line in lines[at : at + HEADER_LINES]:
        if not line.strip():
            break
        block.append(line)
    return block


def _label(line: str, marks: Marks) -> str | None:
    """Return the kind of a header line. None if it is none."""
    label, colon, _ = line.replace("\uff1a", ":").lstrip("*_| \t").partition(":")
    return marks.labels.get(folded(label).strip("*_ ")) if colon and len(label) <= LONGEST_LABEL_CHARS else None


def _labels_within(line: str, marks: Marks) -> set[str | None]:
    """Return the kinds of header lines that a mail program wrote into one line."""
    found = re.findall(r"(?:^|\s)\*?([^\W\d_]{2,14}) ?: ?\*?", folded(line)[:LONGEST_ATTRIBUTION_CHARS])
    return {marks.labels.get(label) for label in found} - {None}


def _without_programs(lines: Sequence[str], marks: Marks) -> list[str]:
    """Return the lines without the additions of mail programs."""
    own = [(line, own_part(line, marks.programs)) for line in lines]
    return [part for line, part in own if part or not line.strip()]


def _without_our_footer(lines: Sequence[str]) -> list[str]:
    """Return the lines without the unsubscribe address of our mail and the label in the line above it."""
    kept: list[str] = []
    for line in lines:
        if not _is_of_our_footer(line):
            kept.append(line)
        elif _ADDRESS_ALONE.match(line) and kept and kept[-1].rstrip(" *_").endswith(":"):
            kept.pop()
    return kept


def _is_of_our_footer(line: str) -> bool:
    """Tell a line with the unsubscribe address. If the answer says anything else, our mail wrote the line."""
    small = line.lower()
    return "http" in small and any(part in small for part in _OUR_FOOTER)


def _above_signature(lines: Sequence[str]) -> Sequence[str]:
    for at, line in enumerate(lines):
        if _SIGNATURE.match(line) and any(above.strip() for above in lines[:at]):
            return lines[:at]
    return lines
