"""Hold the words by which companies describe themselves on their own sites, from the table `companies`.

Nothing is decided here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentic_sales.rules.recruiters import Clues, clues
from agentic_sales.rules.signs import as_written, bounded, compiled, ending, level, of_host, on_path
from agentic_sales.rules.tables import Compiled, Table, every

Category = Literal["CONSULTANCY", "STAFFING", "AGENCY", "PRODUCT", "UNKNOWN"]
RemotePolicy = Literal["remote", "hybrid", "onsite", "unknown"]
Industry = Literal[
    "agriculture",
    "automotive",
    "construction",
    "education",
    "energy",
    "financial_services",
    "food",
    "healthcare",
    "human_resources",
    "legal",
    "logistics",
    "manufacturing",
    "marketing",
    "media",
    "public_sector",
    "real_estate",
    "retail",
    "security",
    "software",
    "telecommunications",
    "travel",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class CategorySigns:
    """The phrases by which companies of one category can be told."""

    plain: re.Pattern[str]
    """Says outright the company's kind or its product."""
    faint: re.Pattern[str]
    """Is common on such sites, and seen on others."""


@dataclass(frozen=True, slots=True)
class CompanyWords:
    """All phrases. Those of artificial intelligence are read as written, the others over levelled text."""

    categories: Mapping[Category, CategorySigns]
    """Ordered: the more special category comes first and wins a tie."""
    recruiters: Clues
    ai_mention: re.Pattern[str]
    """Names artificial intelligence."""
    ai_native: re.Pattern[str]
    """Says that the company is about artificial intelligence."""
    ai_offer: re.Pattern[str]
    """Names a product of artificial intelligence. It may be all or a part of the offer."""
    industries: Mapping[Industry, re.Pattern[str]]
    general_industries: frozenset[str]
    """Industries with words that stand on the sites of all the others."""
    remote_signs: Sequence[tuple[RemotePolicy, re.Pattern[str]]]
    """How a company itself works, on any page. The first sign that is found decides."""
    remote_words: Sequence[tuple[RemotePolicy, re.Pattern[str]]]
    """Words with this meaning on a careers page and another one elsewhere. The order is as above."""
    role_listed: re.Pattern[str]
    """A line of a careers page that is the title of a job."""
    no_roles: re.Pattern[str]
    roles_invited: re.Pattern[str]
    """Says that there are open roles, without naming one."""
    roles_on_careers_page: re.Pattern[str]
    """Says on a careers page that there are, and other things elsewhere."""
    denied: re.Pattern[str]
    """Ends the text before a phrase that is denied: `we are not a staffing agency`."""
    served: re.Pattern[str]
    """Ends the text before a phrase that names customers or others: `software for staffing agencies`."""
    careers_path: re.Pattern[str]
    """Ends the path of a careers page."""
    job_board_host: re.Pattern[str]
    """Ends the host of the services on which companies keep their careers pages."""


def _built(known: Table) -> CompanyWords:
    lists, roles, ai, veto = known["lists"], known["roles"], known["ai"], known["veto"]
    order: tuple[Category, ...] = ("STAFFING", "AGENCY", "CONSULTANCY", "PRODUCT")
    signs = known["industry"]["signs"]
    return CompanyWords(
        categories={name: _signs(known["category"][name], lists) for name in order},
        recruiters=clues(),
        ai_mention=as_written(ai["mention"]),
        ai_native=as_written(ai["native"]),
        ai_offer=as_written(ai["offer"]),
        industries={name: compiled(signs[name], lists) for name in get_args(Industry) if name in signs},
        general_industries=frozenset(known["industry"]["general"]),
        remote_signs=[(row["policy"], compiled(row["phrases"])) for row in known["remote"]],
        remote_words=[(row["policy"], compiled(row["phrases"])) for row in known["remote_word"]],
        role_listed=_role_listed(roles),
        no_roles=compiled(roles["none"]),
        roles_invited=compiled(roles["invited"]),
        roles_on_careers_page=compiled(roles["on_careers_page"]),
        denied=ending(veto["denied"]),
        served=ending(veto["served"]),
        careers_path=on_path(known["careers"]["paths"], is_last=True),
        job_board_host=of_host(known["careers"]["boards"]),
    )


def _signs(row: Mapping[str, Any], lists: Mapping[str, Iterable[str]]) -> CategorySigns:
    return CategorySigns(compiled(row["plain"], lists), compiled(row["faint"], lists))


def _role_listed(roles: Table) -> re.Pattern[str]:
    titles = bounded(level("|".join(every(roles["titles"]))))
    marks = bounded(level("|".join(every(roles["marks"]))))
    return re.compile(rf"{marks}|^[^\n.!?,]{{0,50}}\b(?:{titles})\b[^\n.!?]{{0,80}}$", re.MULTILINE)


company_words = Compiled("companies", _built)
"""Gives the words of the table `companies`, with a person's additions if there are any."""
OWN_WORDS = company_words.own
