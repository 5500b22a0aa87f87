"""Audit a company of the book: quality of its data, taxonomy, category, and fit to the ideal customer.

Every finding names the fact that it rests on, or the fact that is missing. Nothing is corrected here. A finding of
high severity makes a company a false positive of its list. One of medium severity makes it weak. Low ones are told.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_verdict import Judgement, judge_company
from agentic_sales.rules.company_words import CompanyWords, Industry, RemotePolicy
from agentic_sales.rules.forms import Form
from agentic_sales.rules.gazetteer import is_country
from agentic_sales.rules.mailbox_signs import is_free
from agentic_sales.rules.sales_roles import MEDIUM_SCORE, bucket_of
from agentic_sales.rules.verticals import Severity, Vertical, fit_of

AuditCheck = Literal["data_quality", "taxonomy", "category", "icp_fit"]
AuditVerdict = Literal["clean", "weak", "false_positive"]
Tab = Literal["", "sales-tech", "consultancies", "recruiters", "products"]
"""A list of companies as people see it. Empty: any company."""
MOST_COMPANIES = 200
CATEGORIES = ("CONSULTANCY", "AGENCY", "STAFFING", "DIRECTORY", "PRODUCT", "OTHER", "UNKNOWN")
EXPECTED: Mapping[Tab, tuple[str, ...]] = {
    "": (),
    "sales-tech": ("PRODUCT",),
    "consultancies": ("CONSULTANCY", "AGENCY"),
    "recruiters": ("STAFFING",),
    "products": ("PRODUCT",),
}
"""Categories of the companies of each list."""
CLOSED: Mapping[str, tuple[object, ...]] = {
    "category": CATEGORIES,
    "industry": get_args(Industry),
    "remote_policy": get_args(RemotePolicy),
    "ai_tier": (0, 1, 2),
    "icp_bucket": ("high", "medium", "low"),
}
"""Closed lists of fields."""
REASONS: Mapping[str, tuple[AuditCheck, Severity]] = {
    **{
        f"no_{name}": ("data_quality", "medium")
        for name in ("description", "category", "country", "industry", "domain")
    },
    "no_name": ("data_quality", "high"),
    "shared_site": ("data_quality", "medium"),
    "country_no_code": ("data_quality", "low"),
    **{f"{name}_not_in_list": ("taxonomy", "medium") for name in CLOSED},
    "no_taxonomy": ("taxonomy", "medium"),
    "other_taxonomy": ("taxonomy", "high"),
    "no_feature_card": ("taxonomy", "medium"),
    "other_category": ("category", "high"),
    "category_unknown": ("category", "medium"),
    "category_doubtful": ("category", "medium"),
    "category_contradicts_words": ("category", "medium"),
    "words_of_another_category": ("category", "high"),
    "blocked": ("icp_fit", "high"),
    "disqualified": ("icp_fit", "high"),
    "score_out_of_range": ("icp_fit", "medium"),
    "bucket_contradicts_score": ("icp_fit", "medium"),
    "low_score": ("icp_fit", "medium"),
    "anti_icp": ("icp_fit", "high"),
    "anti_icp_sign": ("icp_fit", "medium"),
    "no_vertical_signs": ("icp_fit", "medium"),
}
"""Every reason with its check and its severity. One gap alone is of low severity."""
TOLD_BY_WORDS = frozenset({"CONSULTANCY", "AGENCY", "STAFFING", "PRODUCT"})
"""Categories that a company's words tell."""
NEEDED = ("description", "category", "country", "industry")
"""Fields that a usable row has, beside a site."""
MOST_GAPS = 1
"""Gaps of a row that are no more than told."""
SURE_CONFIDENCE = 0.6
"""Least confidence at which the words of a company contradict its category."""
LEAST_CONFIDENCE = 0.4
"""Confidence below which a category is doubtful."""
LEAST_VERTICAL_SCORE = 0.3
SCORES = ("icp_score", "score", "enrichment_score", "discovery_score")
_TAXONOMIES = ("service_taxonomy", "taxonomy", "salestech.overview")
_SALES_TECH = "salestech."
_NO_TEXT = frozenset({"", "-", "?", "n/a", "na", "none", "null", "nan", "unknown", "tbd"})
_NOT_NAMES = _NO_TEXT | {"test", "company", "example"}


class AuditedFact(BaseModel):
    """A fact of a company."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(min_length=1, max_length=64, description="Field that the fact fills, such as `category`.")
    value: Any = Field(default=None, description="Any JSON value.")
    confidence: float = Field(default=1.0, ge=0, le=1, description="Probability that it is right.")
    quote: str = Field(default="", max_length=2_000, description="Words that back it.")
    source_url: str = Field(default="", max_length=2_048, description="Page that has them.")


class AuditedCompany(BaseModel):
    """A row of the book."""

    model_config = ConfigDict(extra="forbid")

    company_id: str = Field(default="", max_length=64, description="Its id. Empty: by value.")
    name: str = Field(default="", max_length=300, description="Its name.")
    domain: str = Field(default="", max_length=300, description="Its site. Empty: none is known.")
    is_blocked: bool = Field(default=False, description="Whether nobody of it is written to.")
    facts: list[AuditedFact] = Field(default_factory=list, max_length=500, description="Current facts.")

    def fact(self, field: str) -> AuditedFact | None:
        """Return the fact of a field. None if there is none, or if it holds nothing."""
        return next((one for one in self.facts if one.field == field and not is_blank(one.value)), None)


class AuditForm(Form):
    """Which companies are audited: of the book by ids or by a list, or by value."""

    tab: Tab = Field(default="", description="List that they stand in: its categories are expected. Empty: any.")
    service_taxonomy_any: list[str] = Field(
        default_factory=list, max_length=50, description="Kinds of which a company of the list has one."
    )
    company_ids: list[str] = Field(
        default_factory=list, max_length=MOST_COMPANIES, description="Companies of the book."
    )
    companies: list[AuditedCompany] = Field(
        default_factory=list, max_length=MOST_COMPANIES, description="Rows by value; without ids the book is not read."
    )
    vertical: str = Field(default="", max_length=64, description="Vertical that they are sold to. Empty: none.")
    limit: int = Field(default=25, ge=1, le=MOST_COMPANIES, description="Most companies of the book.")


class AuditFinding(BaseModel):
    """One finding, with the fact that it rests on."""

    company_id: str = Field(description="The company. Empty: by value.")
    name: str = Field(description="Its name.")
    check: AuditCheck = Field(description="Which check found it.")
    reason: str = Field(description="Kind of the finding, such as `category_contradicts_words`.")
    severity: Severity = Field(description="high: false positive. medium: weak. low: told.")
    detail: str = Field(description="Description of the problem, for people.")
    field: str = Field(description="Field of the fact, or of the fact that is missing.")
    value: Any = Field(default=None, description="Its value. Null: there is no such fact.")
    quote: str = Field(default="", description="Words that the finding rests on.")
    source_url: str = Field(default="", description="Where they stand.")


class RowVerdict(BaseModel):
    """The verdict on one company."""

    company_id: str = Field(description="The company. Empty: by value.")
    name: str = Field(description="Its name.")
    domain: str = Field(description="Its site.")
    verdict: AuditVerdict = Field(description="clean, weak or false_positive.")
    reasons: list[str] = Field(description="Reasons of its findings, the gravest first.")


@dataclass(frozen=True, slots=True)
class _Basis:
    """The fact that a finding rests on."""

    field: str
    value: Any = None
    quote: str = ""
    source_url: str = ""


@dataclass(frozen=True, slots=True)
class AuditWish:
    """The wish that a row is held against."""

    tab: Tab
    """The list."""
    kinds: Sequence[str]
    """Kinds of service of which a company has one. Empty: any."""
    vertical: Vertical | None
    """The vertical. None: none."""
    words: CompanyWords
    """Words by which companies describe themselves."""


def is_blank(value: Any) -> bool:
    """Tell whether a value says nothing."""
    if isinstance(value, str):
        return value.strip().casefold() in _NO_TEXT
    return value is None or value in ([], {})


def findings_on(row: AuditedCompany, wish: AuditWish) -> list[AuditFinding]:
    """Return the findings of the four checks on a company."""
    return [*check_data_quality(row), *check_taxonomy(row, wish), *check_category(row, wish), *check_icp_fit(row, wish)]


def check_data_quality(row: AuditedCompany) -> Iterator[AuditFinding]:
    """Yield gaps and values that cannot be right. One gap is told, two or more make a row weak."""
    gaps = [field for field in NEEDED if row.fact(field) is None]
    gaps += [] if row.domain else ["domain"]
    severity: Severity = "medium" if len(gaps) > MOST_GAPS else "low"
    for field in gaps:
        yield _finding(row, f"no_{field}", f"the book has no `{field}`", _Basis(field), severity)
    if row.name.strip().casefold() in _NOT_NAMES or not any(map(str.isalpha, row.name)):
        yield _finding(row, "no_name", f"`{row.name}` names no company", _Basis("name", row.name))
    if row.domain and (site_of(row.domain) is None or is_free(row.domain.casefold())):
        told = f"`{row.domain}` is no site of one company"
        yield _finding(row, "shared_site", told, _Basis("domain", row.domain))
    country = row.fact("country")
    if country and not (isinstance(country.value, str) and is_country(country.value)):
        told = f"`{country.value}` is no code of a country, such as DE"
        yield _finding(row, "country_no_code", told, _basis(country))


def check_taxonomy(row: AuditedCompany, wish: AuditWish) -> Iterator[AuditFinding]:
    """Yield values outside their closed lists, and kinds of service that a row of this list lacks."""
    for field, allowed in CLOSED.items():
        fact = row.fact(field)
        if fact and fact.value not in allowed:
            told = f"`{fact.value}` is none of {', '.join(map(str, allowed))}"
            yield _finding(row, f"{field}_not_in_list", told, _basis(fact))
    kinds = {kind: fact for fact in row.facts if fact.field in _TAXONOMIES for kind in _kinds(fact.value)}
    wanted = [kind.casefold() for kind in wish.kinds]
    if wanted and not kinds:
        told = f"nothing tells its kind; wanted is one of {', '.join(wanted)}"
        yield _finding(row, "no_taxonomy", told, _Basis("service_taxonomy"))
    elif wanted and not kinds.keys() & set(wanted):
        told = f"it is {', '.join(sorted(kinds))}; wanted is one of {', '.join(wanted)}"
        yield _finding(row, "other_taxonomy", told, _basis(next(iter(kinds.values()))))
    if wish.tab == "sales-tech" and not any(fact.field.startswith(_SALES_TECH) for fact in row.facts):
        told = "no fact of a feature card stands in the book; run `sales_tech_feature_graph`"
        yield _finding(row, "no_feature_card", told, _Basis("salestech.overview"))


def check_category(row: AuditedCompany, wish: AuditWish) -> Iterator[AuditFinding]:
    """Yield a category that the list does not expect, that the company's words contradict, or that is doubtful."""
    fact, expected = row.fact("category"), EXPECTED[wish.tab]
    told, wanted = str(fact.value) if fact else "UNKNOWN", " and ".join(expected)
    if fact and expected and told in CATEGORIES and told not in {*expected, "UNKNOWN"}:
        yield _finding(row, "other_category", f"the list has {wanted}; this is {told}", _basis(fact))
    if fact and told == "UNKNOWN":
        yield _finding(row, "category_unknown", "nobody could tell what it is", _basis(fact))
    if fact and fact.confidence < LEAST_CONFIDENCE:
        why = f"its confidence is {fact.confidence:.2f}, below {LEAST_CONFIDENCE}"
        yield _finding(row, "category_doubtful", why, _basis(fact))
    read = _read(row, wish.words)
    if read is None:
        return
    proof = next((quote.quote for quote in read.evidence if quote.field == "category"), "")
    why = f"its own words say {read.category}: “{proof}”"
    if fact and told in TOLD_BY_WORDS and read.category != told:
        quote, url = _at(row, proof)
        yield _finding(
            row, "category_contradicts_words", f"the book says {told}, {why}", _Basis("category", told, quote, url)
        )
    if expected and read.category not in expected and told not in expected:
        yield _finding(row, "words_of_another_category", f"the list has {wanted}; {why}", _basis_of(row, proof))


def check_icp_fit(row: AuditedCompany, wish: AuditWish) -> Iterator[AuditFinding]:
    """Yield the reasons against a customer: a block, a disqualifier, a low or contradictory score, a vertical."""
    if row.is_blocked:
        yield _finding(row, "blocked", "a person blocked the company", _Basis("is_blocked", value=True))
    if against := row.fact("icp_disqualifier"):
        yield _finding(row, "disqualified", f"it is ruled out: {against.value}", _basis(against))
    if score := next((fact for name in SCORES if (fact := row.fact(name))), None):
        yield from _of_score(row, score)
    if wish.vertical is not None:
        yield from _of_vertical(row, wish.vertical)


def _of_score(row: AuditedCompany, score: AuditedFact) -> Iterator[AuditFinding]:
    value = score.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        yield _finding(row, "score_out_of_range", f"`{value}` is no score from 0 to 1", _basis(score))
        return
    bucket = row.fact("icp_bucket")
    if bucket and bucket.value in CLOSED["icp_bucket"] and bucket.value != bucket_of(float(value)):
        told = f"`{bucket.value}` does not fit `{score.field}` {value:g}, which is `{bucket_of(float(value))}`"
        yield _finding(row, "bucket_contradicts_score", told, _basis(bucket))
    if value < MEDIUM_SCORE:
        yield _finding(row, "low_score", f"`{score.field}` is {value:g}, below {MEDIUM_SCORE}", _basis(score))


def _of_vertical(row: AuditedCompany, vertical: Vertical) -> Iterator[AuditFinding]:
    pages = _pages(row)
    fit = fit_of(vertical, pages)
    for against in fit.disqualifiers:
        told = f"against `{vertical.slug}`: {against.text}, “{against.quote}”"
        reason = "anti_icp" if against.severity == "high" else "anti_icp_sign"
        yield _finding(row, reason, told, _basis_of(row, against.quote))
    if pages and fit.score < LEAST_VERTICAL_SCORE:
        told = f"its words bear {fit.score:.2f} of the signs of `{vertical.slug}`, less than {LEAST_VERTICAL_SCORE}"
        fact = row.fact("description") or next((one for one in row.facts if one.quote), None)
        yield _finding(row, "no_vertical_signs", told, _basis(fact) if fact else _Basis("description"))


def verdict_on(row: AuditedCompany, findings: Iterable[AuditFinding]) -> RowVerdict:
    """Return the verdict that the findings on a company make."""
    ranks: list[Severity] = ["high", "medium", "low"]
    ordered = sorted(findings, key=lambda one: ranks.index(one.severity))
    gravest = ordered[0].severity if ordered else "low"
    verdicts: Mapping[Severity, AuditVerdict] = {"high": "false_positive", "medium": "weak", "low": "clean"}
    reasons = list(dict.fromkeys(one.reason for one in ordered))
    return RowVerdict(
        company_id=row.company_id, name=row.name, domain=row.domain, verdict=verdicts[gravest], reasons=reasons
    )


def summary_of_audit(verdicts: Sequence[RowVerdict], findings: Iterable[AuditFinding], tab: Tab) -> dict[str, Any]:
    """Return the counts of an audit: total, one for each verdict, and by_reason."""
    counts = Counter(one.verdict for one in verdicts)
    kinds: tuple[AuditVerdict, ...] = get_args(AuditVerdict)
    return {
        "total": len(verdicts),
        **{kind: counts[kind] for kind in kinds},
        "by_reason": dict(Counter(one.reason for one in findings).most_common()),
        "tab": tab,
    }


def intent_of(form: AuditForm) -> str:
    """Return the wish for the audited companies in words."""
    kind = {"": "companies", "sales-tech": "makers of sales technology", "products": "makers of products"}
    parts = [kind.get(form.tab, form.tab)]
    parts += [f"of a kind of {', '.join(form.service_taxonomy_any)}"] if form.service_taxonomy_any else []
    parts += [f"that fit the vertical {form.vertical}"] if form.vertical else []
    return " ".join(parts)


def _kinds(value: Any) -> list[str]:
    told = value.get("taxonomy", []) if isinstance(value, Mapping) else value
    return [one.casefold() for one in (told if isinstance(told, list) else [told]) if isinstance(one, str)]


def _pages(row: AuditedCompany) -> dict[str, str]:
    """Return the words about a company by their source: its description and the quotes of its facts."""
    pages: dict[str, str] = {}
    for fact in row.facts:
        own = fact.value if fact.field == "description" and isinstance(fact.value, str) else ""
        text = own if fact.quote in own else f"{own}\n{fact.quote}".strip()
        if text:
            source = fact.source_url or fact.field
            pages[source] = f"{pages[source]}\n{text}" if source in pages else text
    return pages


def _read(row: AuditedCompany, words: CompanyWords) -> Judgement | None:
    """Return the class that the company's own words give. None if they do not say it surely."""
    read = judge_company("\n".join(_pages(row).values()), "", words)
    return read if read.category != "UNKNOWN" and read.confidence >= SURE_CONFIDENCE else None


def _at(row: AuditedCompany, quote: str) -> tuple[str, str]:
    """Return words with the page that has them."""
    source = next((url for url, text in _pages(row).items() if quote and quote in text), "")
    return quote, source if "://" in source else ""


def _basis(fact: AuditedFact) -> _Basis:
    """Return a fact as the basis of a finding."""
    return _Basis(fact.field, fact.value, fact.quote, fact.source_url)


def _basis_of(row: AuditedCompany, quote: str) -> _Basis:
    """Return the fact that has some words as the basis of a finding."""
    held = (one for one in row.facts if quote and (quote in one.quote or quote in str(one.value)))
    fact = next(held, None) or row.fact("description")
    return _Basis(fact.field if fact else "description", fact.value if fact else None, *_at(row, quote))


def _finding(
    row: AuditedCompany, reason: str, detail: str, basis: _Basis, severity: Severity | None = None
) -> AuditFinding:
    """Return a finding. Its check and its severity are those of its reason, unless a severity is given."""
    check, usual = REASONS[reason]
    return AuditFinding(
        company_id=row.company_id,
        name=row.name,
        check=check,
        reason=reason,
        severity=severity or usual,
        detail=detail,
        field=basis.field,
        value=basis.value,
        quote=basis.quote,
        source_url=basis.source_url,
    )
