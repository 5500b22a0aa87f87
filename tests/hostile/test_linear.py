"""Nothing that a stranger writes in a mail takes more than linear time: neither a pattern nor the reading of all of it.

Times are compared within one run, so that a slow machine is no failure.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from time import process_time

import pytest

from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.rules.wording import quotable, sentences, unsigned
from tests.hostile.mails import WORST
from tests.hostile.patterns import patterns_below, worst_texts

READ = (
    *("agentic_sales.campaigns.answers", "agentic_sales.campaigns.sending.messages", "agentic_sales.sources.emails"),
    *("agentic_sales.rules.bounces", "agentic_sales.rules.complaints", "agentic_sales.rules.conversations"),
    *("agentic_sales.rules.reports", "agentic_sales.rules.quotes", "agentic_sales.rules.wording"),
    "agentic_sales.rules.program_lines",
    *("agentic_sales.observability.redaction", "agentic_sales.sources.html", "agentic_sales.sources.links"),
)
"""What reads mails, and what they show."""
CUT_CHARS = {
    "agentic_sales.rules.bounces": 2_000,
    "agentic_sales.rules.complaints": 500,
    "agentic_sales.rules.conversations": 500,
    "agentic_sales.rules.program_lines": 2_000,
    "agentic_sales.rules.reports": 8_000,
    "agentic_sales.rules.quotes": 2_000,
    "agentic_sales.sources.links": 2_000,
}
"""Longest text that a module looks at; longer ones are cut before."""
SMALL, LARGE, WHOLE = 4_000, 64_000, 1_000_000
MOST_TEXTS = 40
PLAIN = re.compile("[xz]")
"""Searches for what is not there; every time is compared with its time through a whole text."""
MOST_OF_PLAIN = 60
"""A pattern may take so many times as long as a plain search through 1 MB."""
LINEAR = 2.5
"""How much more than in proportion a time may grow, because of caches and of others on the machine."""


def seconds(act: Callable[[], object], *, tries: int = 1) -> float:
    """Return the shortest of some times that an act takes."""
    times = []
    for _ in range(tries):
        began = process_time()
        act()
        times.append(process_time() - began)
    return min(times)


PATTERNS = dict(patterns_below(*READ))


@pytest.fixture(scope="module")
def plain_s() -> float:
    """How long a plain search takes through 1 MB."""
    text = "y" * WHOLE
    return seconds(lambda: PLAIN.search(text), tries=5)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_over_strangers_text_is_linear_in_its_worst_text(name: str, plain_s: float) -> None:
    pattern = PATTERNS[name]
    cut = next((chars for module, chars in CUT_CHARS.items() if name.startswith(module)), WHOLE)
    found = list(islice(worst_texts(pattern, min(cut, SMALL)), MOST_TEXTS))
    times = [seconds(lambda text=text: pattern.search(text)) for text in found]  # type: ignore[misc]  # bound at once
    worst = found[times.index(max(times))]
    assert max(times) <= MOST_OF_PLAIN * plain_s, f"{worst[:40]!r} repeated"
    if cut == WHOLE:
        _grows_in_proportion(pattern, worst, plain_s)


def _grows_in_proportion(pattern: re.Pattern[str], worst: str, plain_s: float) -> None:
    for size in (LARGE, WHOLE):
        text = (worst * (size // len(worst) + 1))[:size]
        took = seconds(lambda text=text: pattern.search(text))  # type: ignore[misc]  # bound at once
        assert took <= MOST_OF_PLAIN * plain_s * max(1.0, size / LARGE), f"{worst[:40]!r}, {size} characters"


@pytest.mark.parametrize("name", WORST)
def test_a_mail_of_a_mebibyte_takes_no_longer_than_in_proportion_to_a_small_one(name: str) -> None:
    def read(size: int) -> float:
        raw = WORST[name](size)
        return seconds(lambda: parse_mail(raw, source="imap:x", received_at=datetime.now(UTC)), tries=2)

    small, large = read(2**17), read(2**20)
    floor = read(2**12)
    assert large <= 8 * LINEAR * max(small, floor, 0.01)


@pytest.mark.parametrize("act", [sentences, quotable, lambda text: unsigned(text, "Ann")])
@pytest.mark.parametrize("unit", [" ", "\n", "\n ", ". ", "\nthanks", " \n\n"])
def test_blanks_and_line_breaks_of_a_text_are_read_in_proportion(act: Callable[[str], object], unit: str) -> None:
    small, large = (unit * (size // len(unit)) + "x" for size in (25_000, 200_000))
    assert seconds(lambda: act(large)) <= 8 * LINEAR * max(seconds(lambda: act(small), tries=3), 0.005)
