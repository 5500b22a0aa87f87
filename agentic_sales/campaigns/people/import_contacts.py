"""Take in people from a CSV file, and report line by line what was taken and what was wrong with which column.

Nobody is taken in without a lawful basis and its source: both are recorded before the first contact, or there is none.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.contracts import CompanyId, ConsentBasis, ContactId
from agentic_sales.errors import InvalidAddress, InvalidRequest
from agentic_sales.rules.wording import encoded_word
from agentic_sales.store.contacts import add_company, add_contact, contact_by_hash
from agentic_sales.store.database import Database
from agentic_sales.store.statements import known
from agentic_sales.store.suppressions import suppressions_of

LINES_AT_ONCE = 200
"""Lines of one transaction."""
BASES: tuple[str, ...] = get_args(ConsentBasis)
_ALIASES = {
    "email": "email e_mail mail email_address e_mail_address work_email business_email",
    "first_name": "first_name firstname first given_name vorname",
    "last_name": "last_name lastname last surname family_name nachname",
    "name": "name full_name contact contact_name",
    "position": "position title job_title role job",
    "company": "company company_name organization organisation account employer firma",
    "domain": "domain company_domain website web_site url company_website",
    "time_zone": "time_zone timezone tz zone",
    "consent_basis": "consent_basis lawful_basis legal_basis basis consent",
    "consent_source": "consent_source lead_source source",
    "consent_at": "consent_at consent_date",
}
_COLUMN_BY_HEADER = {alias: column for column, aliases in _ALIASES.items() for alias in aliases.split()}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What no header can hold and PostgreSQL may refuse; in a name it is dirt."""
_DELIMITERS = ",;\t|"
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


Status = Literal["added", "known", "duplicate", "refused"]
"""What became of a line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a line."""

    column: str
    """Header of the column, as the file has it; empty: the line as a whole."""
    reason: str
    """What is wrong, for people."""


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of a line."""

    line: int
    """Its number in the file, from 1; the header is line 1."""
    status: Status
    """`known`: the person was there before, and stays as is; `duplicate`: an earlier line has the same person."""
    email: str
    """Address, as the file has it."""
    contact_id: ContactId | None = None
    """The person; None: refused."""
    problems: tuple[Problem, ...] = ()
    """What was wrong; of an added line, what was left out."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file."""

    encoding: str
    """How its bytes were read."""
    columns: Mapping[str, str]
    """Its headers and what each was taken for; a header of its own name is kept as a field of the contact."""
    lines: tuple[LineReport, ...]
    """Every line but the header and empty ones."""

    def count(self, status: str) -> int:
        """Count the lines of a status."""
        return sum(line.status == status for line in self.lines)


@dataclass(frozen=True, slots=True)
class ConsentDefaults:
    """The lawful basis of people whose line names none."""

    basis: ConsentBasis | None = None
    """None: such lines are refused."""
    source: str = ""
    """Where the basis comes from; empty: such lines are refused."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    email: str
    values: Mapping[str, Any]
    company: str = ""
    domain: str | None = None
    problems: tuple[Problem, ...] = ()
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class _Form:
    """How the lines of one file are read."""

    columns: Mapping[str, str]
    """Headers of the file and what each means."""
    defaults: ConsentDefaults
    now: datetime

    def line(self, number: int, cells: list[str]) -> _Line:
        if len(cells) > len(self.columns):
            told = f"it has {len(cells)} cells, the header has {len(self.columns)}"
            return _refused(number, "", Problem("", told))
        padded = [" ".join(_CONTROL.sub(" ", cell).split()) for cell in cells] + [""] * (len(self.columns) - len(cells))
        values = dict(zip(self.columns.values(), padded, strict=True))
        refusals = (*self._address_problems(values), *self._consent_problems(values), *self._encoded_problems(values))
        zone = values.get("time_zone") or None
        problems = tuple(self._zone_problems(zone))
        if refusals:
            return _refused(number, values["email"], *refusals, *problems)
        return _Line(
            number,
            values["email"],
            self._contact(values, zone=None if problems else zone),
            company=values.get("company", ""),
            domain=_domain(values.get("domain", "")),
            problems=problems,
        )

    def _contact(self, values: Mapping[str, str], *, zone: str | None) -> dict[str, Any]:
        first_name, last_name = _names(values)
        return {
            "email": normalized(values["email"]),
            "email_hash": email_hash(values["email"]),
            "first_name": first_name,
            "last_name": last_name,
            "position": values.get("position", ""),
            "time_zone": zone,
            "consent_basis": self._basis(values),
            "consent_source": values.get("consent_source") or self.defaults.source,
            "consent_at": _moment(values.get("consent_at", "")) or self.now,
            "fields": {column: value for column, value in values.items() if column not in _ALIASES and value},
        }

    def _address_problems(self, values: Mapping[str, str]) -> Iterator[Problem]:
        try:
            normalized(values["email"])
        except InvalidAddress as exc:
            yield Problem(self._header_of("email"), str(exc) if values["email"] else "it is empty")

    def _consent_problems(self, values: Mapping[str, str]) -> Iterator[Problem]:
        basis = self._basis(values)
        if basis not in BASES:
            told = f"`{basis}` is no lawful basis" if basis else "no lawful basis for writing is given"
            yield Problem(self._header_of("consent_basis"), f"{told}; expected one of {', '.join(BASES)}")
        if not (values.get("consent_source") or self.defaults.source):
            yield Problem(self._header_of("consent_source"), "where the basis comes from is not given")
        if told_at := values.get("consent_at", ""):
            moment = _moment(told_at)
            if moment is None or moment > self.now:
                reason = "is no date of the form 2026-12-31" if moment is None else "lies in the future"
                yield Problem(self._header_of("consent_at"), f"`{told_at}` {reason}")

    def _encoded_problems(self, values: Mapping[str, str]) -> Iterator[Problem]:
        """Refuse what mail programs decode: behind an encoded word a cell can hide a header of a mail to come."""
        for column, value in values.items():
            if (found := encoded_word(value)) is not None:
                yield Problem(self._header_of(column), f"it contains `{found}`, an encoded word of mail headers")

    def _zone_problems(self, zone: str | None) -> Iterator[Problem]:
        if zone is not None and zone_named(zone) is None:
            yield Problem(self._header_of("time_zone"), f"`{zone}` is no time zone; it was left out")

    def _basis(self, values: Mapping[str, str]) -> str:
        given = values.get("consent_basis", "")
        return _name(given) if given else self.defaults.basis or ""

    def _header_of(self, column: str) -> str:
        return next((header for header, meaning in self.columns.items() if meaning == column), column)


async def import_contacts(
    database: Database, raw: bytes, *, now: datetime, defaults: ConsentDefaults | None = None
) -> ImportReport:
    """Take in the people of a CSV file.

    Args:
        database: Where people are kept.
        raw: The file: UTF-8, UTF-16 with a byte order mark, or Windows-1252; commas, semicolons, tabs or bars.
        now: The present.
        defaults: Lawful basis of lines that name none.

    Raises:
        InvalidRequest: It is no such file, has no column of addresses, or two columns of one meaning.
    """
    text, encoding = _decoded(raw)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    form = _Form(_columns(reader), defaults or ConsentDefaults(), now)
    lines, first_lines = list(_lines(reader, form)), dict[str, int]()
    reports: list[LineReport] = []
    for start in range(0, len(lines), LINES_AT_ONCE):
        async with database.writing() as connection:
            some = lines[start : start + LINES_AT_ONCE]
            reports += [await _take_in(connection, line, first_lines, now) for line in some]
    return ImportReport(encoding, form.columns, tuple(reports))


async def _take_in(connection: AsyncConnection, line: _Line, first_lines: dict[str, int], now: datetime) -> LineReport:
    def report(status: Status, contact_id: str | None = None, *further: Problem) -> LineReport:
        person_id = None if contact_id is None else ContactId(contact_id)
        return LineReport(line.number, status, line.email, person_id, (*line.problems, *further))

    if line.is_refused:
        return report("refused")
    digest = line.values["email_hash"]
    if (first := first_lines.setdefault(digest, line.number)) != line.number:
        return report("duplicate", None, Problem("", f"line {first} has the same person"))
    if suppressed := await suppressions_of(connection, digest):
        return report("refused", None, Problem("", f"must not be written to: {suppressed[0].reason}"))
    if (person := await contact_by_hash(connection, digest)) is not None:
        return report("known", person.contact_id)
    company_id: CompanyId | None = None
    if line.company or line.domain:
        company_id = await add_company(connection, name=line.company or line.domain or "", domain=line.domain, now=now)
    added = await add_contact(connection, {**line.values, "company_id": company_id}, now=now)
    if added is None:  # Another import was faster with the same person.
        person = known(await contact_by_hash(connection, digest), "contact", line.email)
        return report("known", person.contact_id)
    return report("added", added)


def _lines(reader: Iterator[list[str]], form: _Form) -> Iterator[_Line]:
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield form.line(_number(reader), cells)
    except csv.Error as exc:
        yield _refused(_number(reader), "", Problem("", f"the file cannot be read on: {exc}"))


def _number(reader: Iterator[list[str]]) -> int:
    number: int = reader.line_num  # type: ignore[attr-defined]  # a csv.reader has it
    return number


def _refused(number: int, email: str, *problems: Problem) -> _Line:
    return _Line(number, email, {}, problems=problems, is_refused=True)


def _names(by_column: Mapping[str, str]) -> tuple[str, str]:
    first, last = by_column.get("first_name", ""), by_column.get("last_name", "")
    if first or last:
        return first, last
    first, _, last = by_column.get("name", "").rpartition(" ")
    return (first, last) if first else (last, "")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _domain(text: str) -> str | None:
    host = re.sub(r"^[a-z]+://", "", text.strip().lower()).partition("/")[0].partition(":")[0]
    return host.removeprefix("www.") or None


def _columns(reader: Iterator[list[str]]) -> dict[str, str]:
    try:
        cells = next(reader, [])
    except csv.Error as exc:
        raise InvalidRequest(f"the file is no CSV: {exc}") from exc
    headers = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, start=1)]
    meanings = [_COLUMN_BY_HEADER.get(_name(header), _name(header)) for header in headers]
    if "email" not in meanings:
        raise InvalidRequest(
            f"the file has no column of e-mail addresses; its columns are {', '.join(headers) or 'none'}"
        )
    if twice := sorted({meaning for meaning in meanings if meanings.count(meaning) > 1}):
        raise InvalidRequest(f"two columns of the file mean the same: {', '.join(twice)}")
    return dict(zip(headers, meanings, strict=True))


def _name(text: str) -> str:
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_")


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(_DELIMITERS, key=header.count)


def _decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a file and the encoding that it is in; Excel writes all of these."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            return _decoded_as(raw, encoding), encoding
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), "cp1252"


def _decoded_as(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"the file says that it is {encoding}, and is not: {exc}") from exc
