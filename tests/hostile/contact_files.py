"""Make contact files that somebody means badly, or a program wrote badly, and say what must hold of each."""

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from agentic_sales.campaigns.people.import_lines import ConsentDefaults, JudgedLine, LineJudge
from agentic_sales.rules.contact_files import open_contact_file
from agentic_sales.rules.contact_lines import LONGEST_COMPANY_CHARS, LONGEST_ROLE_CHARS, LineReader
from agentic_sales.rules.headings import load_headings
from agentic_sales.rules.names import LONGEST_NAME_CHARS, greeting_name, has_encoded_word
from agentic_sales.rules.wishes import load_wishes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADINGS = load_headings()
WISHES = load_wishes(HEADINGS)
DEFAULTS = ConsentDefaults("legitimate_interest", "a fair")
_HEADER = "Email,First Name,Last Name,Title,Company,Website,Notes"
_PIECES = (
    *('"', '""', ",", ";", "\t", "'", "=", "@", "a@b.example", "<", ">", "mailto:", ":::", ".", "-", "|", "{{", "}}"),
    *("=?utf-8?q?Jo=0D=0ABcc:_x?=", "\u202e", "\u200b", "\ufeff", "\x00", "\x85", "\u2028", "%FIRSTNAME%", "http://"),
    *("do not contact", "unsubscribed", "N/A", "Dr.", "=cmd|' /C calc'!A0", "x" * 300, " " * 300, "é", "太郎", "🚀"),
)


def texts(longest: int = 8) -> SearchStrategy[str]:
    """Make texts without line breaks, of pieces that mean something and of anything."""
    anything = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6)
    piece = st.one_of(st.sampled_from(_PIECES), anything)
    repeated = st.tuples(piece, st.sampled_from((1, 1, 1, 40))).map(lambda pair: pair[0] * pair[1])
    return st.lists(repeated, max_size=longest).map("".join)


CELLS = st.lists(texts(3), min_size=7, max_size=7)


def judged(text: str) -> list[JudgedLine]:
    """Read a file as an import does."""
    file = open_contact_file(io.BytesIO(text.encode()), HEADINGS)
    reader = LineReader(file, WISHES)
    judge = LineJudge(reader.headings(), DEFAULTS, NOW)
    return [judge.judge(reader.read(record)) for record in file.records]


def check_neighbours(first: str, second: str) -> None:
    """A line costs itself at most: the people in front of two lines, between them and behind them are all read."""
    people = [f"p{n}@good.example" for n in range(6)]
    good = [f"{person},Jo,Example,,Acme,," for person in people]
    found = judged("\n".join([_HEADER, *good[:2], first, *good[2:4], second, *good[4:]]))
    taken = [line.values["email"] for line in found if line.values and line.values["email"].endswith("@good.example")]
    assert taken == people, taken


def check_cells(cells: list[str]) -> None:
    """Whatever stands in cells, what is taken in can stand in a header, in a database and in a workflow's input."""
    row = ",".join('"{}"'.format(cell.replace('"', '""')) for cell in cells)
    for line in judged(f"{_HEADER}\n{row}\n"):
        told = {name: value for name, value in {**line.values, **line.line.values}.items() if isinstance(value, str)}
        for value in told.values() if line.values else ():
            assert value.isprintable() or not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value)
            assert not has_encoded_word(value)
        assert len(f"{told.get('first_name', '')} {told.get('last_name', '')}") <= LONGEST_NAME_CHARS
        assert len(told.get("position", "")) <= LONGEST_ROLE_CHARS
        assert len(told.get("company", "")) <= LONGEST_COMPANY_CHARS


def check_greeting(cell: str) -> None:
    """A name that greets consists of letters and what joins them."""
    name = greeting_name(cell)
    assert not set(name) & set('@{}[]<>%$*_\\/|=+"#:;,!?0123456789\n\r\t'), name
    assert name == name.strip()


def growth(work: Callable[[str], object], piece: str, *, chars: int) -> float:
    """Return how many times longer four times the text takes: about 4 where time grows with the length."""
    short, long = (_spent(work, piece * (size // len(piece))) for size in (chars, 4 * chars))
    return long / max(short, 1e-4)


def _spent(work: Callable[[str], object], text: str) -> float:
    spent: list[float] = []
    for _ in range(3):
        started = time.process_time()
        work(text)
        spent.append(time.process_time() - started)
    return min(spent)
