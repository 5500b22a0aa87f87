"""Judge a line of a contact file: its address, its lawful basis, and the values that are left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.contracts import ConsentBasis, StopReason
from agentic_sales.errors import InvalidAddress
from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.contact_lines import ContactLine, LineProblem
from agentic_sales.sources.mailboxes import MailboxVerdict

BASES: tuple[str, ...] = get_args(ConsentBasis)


@dataclass(frozen=True, slots=True)
class ConsentDefaults:
    """The lawful basis of lines that name none."""

    basis: ConsentBasis | None = None
    """None: such lines are refused."""
    source: str = ""
    """Where the basis comes from. If empty, such lines are refused."""


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """A line and its permitted use."""

    line: ContactLine
    digests: tuple[str, ...]
    """Digests of all of its valid addresses, the person's main one first."""
    stops: StopReason | None
    """Why the file says that the person must not be written to. None if it does not say so."""
    refusals: tuple[LineProblem, ...]
    """Why the person is not imported. Empty if nothing is against it."""
    problems: tuple[LineProblem, ...]
    """The values that are left out, and doubts about the address."""
    values: Mapping[str, Any]
    """Columns of the person's row, without company, id and times. Empty if the person is not imported."""

    @property
    def firm(self) -> Firm:
        """The company of the person."""
        return Firm(self.line.values.get("company", ""), self.line.values.get("domain") or None)


class LineJudge:
    """Judges the lines of one file.

    Args:
        headings: Header of the column of each meaning, as the file has it.
        defaults: Lawful basis of lines that name none.
        now: The present.
        needed: Fields that no line may lack.
    """

    def __init__(
        self,
        headings: Mapping[str, str],
        defaults: ConsentDefaults,
        now: datetime,
        *,
        needed: Sequence[str] = (),
    ) -> None:
        self._headings = headings
        self._defaults = defaults
        self._now = now
        self._needed = needed

    def judge(self, line: ContactLine) -> JudgedLine:
        """Judge a line."""
        valid = [found for address in line.addresses if not (found := _read_address(address)).fault]
        stops = _stops(line)
        refusals = tuple(self._refusals(line, valid)) if stops is None or not valid else ()
        zone = line.values.get("time_zone") or None
        is_zone = zone is None or _is_zone(zone)
        problems = (*line.problems, *_other_addresses(line, valid), *(() if is_zone else self._no_zone(zone)))
        return JudgedLine(
            line,
            digests=tuple(dict.fromkeys(address.digest for address in valid)),
            stops=stops if valid else None,
            refusals=refusals,
            problems=problems,
            values={} if refusals or stops or not valid else self._values(line, valid[0], zone if is_zone else None),
        )

    def _values(self, line: ContactLine, address: "_Address", zone: str | None) -> dict[str, Any]:
        told = line.values
        return {
            "email": address.normalized,
            "email_hash": address.digest,
            **{name: told.get(name, "") for name in ("first_name", "last_name", "position")},
            "time_zone": zone,
            "consent_basis": told.get("consent_basis") or self._defaults.basis,
            "consent_source": told.get("consent_source") or self._defaults.source,
            "consent_at": line.consent_at or self._now,
            "fields": dict(line.fields),
        }

    def _refusals(self, line: ContactLine, valid: list["_Address"]) -> Iterator[LineProblem]:
        yield from line.refusals
        if not line.address_column:  # It could not be read.
            return
        if not valid:
            yield LineProblem(line.address_column, _no_address(line))
        elif is_nobody(address := valid[0].normalized):
            yield LineProblem(line.address_column, f"`{address}` is read by a program, and by no person")
        if line.wish is not None:
            told = f"`{line.wish.value[:80]}` speaks against writing to this person; look at it"
            yield LineProblem(line.wish_column, told)
        yield from self._consent_problems(line)
        for name in self._needed:
            if not (line.fields.get(name) or line.values.get(name)):
                yield LineProblem(name, "it is empty or no column, and the plan writes to nobody without it")

    def _consent_problems(self, line: ContactLine) -> Iterator[LineProblem]:
        basis = line.values.get("consent_basis") or self._defaults.basis or ""
        if basis not in BASES:
            told = f"`{basis}` is no lawful basis" if basis else "no lawful basis for writing is given"
            expected = f"expected one of {', '.join(BASES)}; `basis` (--basis) gives one to lines without"
            yield LineProblem(self._heading("consent_basis"), f"{told}; {expected}")
        if not (line.values.get("consent_source") or self._defaults.source):
            told = "where the basis comes from is not given; `source` (--source) gives it to lines without"
            yield LineProblem(self._heading("consent_source"), told)
        if line.consent_at is not None and line.consent_at > self._now:
            yield LineProblem(self._heading("consent_at"), f"`{line.consent_at:%Y-%m-%d}` lies in the future")

    def _no_zone(self, zone: str | None) -> Iterator[LineProblem]:
        yield LineProblem(self._heading("time_zone"), f"`{zone}` is no time zone; it was left out")

    def _heading(self, meaning: str) -> str:
        return self._headings.get(meaning, meaning)


def with_verdict(line: JudgedLine, verdict: MailboxVerdict) -> JudgedLine:
    """Return a line with the verdict on its address. One that takes no mail is refused, a doubtful one is told."""
    told = "; ".join(verdict.reasons)
    if verdict.verdict == "undeliverable":
        refusal = LineProblem(line.line.address_column, f"`{verdict.address}` takes no mail: {told}")
        return replace(line, refusals=(*line.refusals, refusal), values={})
    if verdict.verdict == "risky" or verdict.is_unanswered:
        doubt = LineProblem(line.line.address_column, f"`{verdict.address}` is {verdict.verdict}: {told}")
        return replace(line, problems=(*line.problems, doubt))
    return line


def _stops(line: ContactLine) -> StopReason | None:
    outcome = line.wish.outcome if line.wish else None
    return None if outcome == "left_out" else outcome


def _no_address(line: ContactLine) -> str:
    if line.addresses:
        return _read_address(line.addresses[0]).fault
    return f"`{line.email}` is no address: it has no `@`" if line.email else "it is empty"


def _other_addresses(line: ContactLine, valid: list["_Address"]) -> Iterator[LineProblem]:
    if len(valid) > 1:
        told = ", ".join(f"`{address.normalized}`" for address in valid[1:4])
        yield LineProblem(line.address_column, f"the line has further addresses, which are not written to: {told}")


@dataclass(frozen=True, slots=True)
class _Address:
    normalized: str
    digest: str
    fault: str = ""
    """Why it is none. Empty if it is one."""


@lru_cache(maxsize=1024)
def _read_address(address: str) -> _Address:
    try:
        return _Address(normalized(address), email_hash(address))
    except InvalidAddress as exc:
        return _Address("", "", str(exc))


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    return zone_named(name) is not None
