"""Tell from a job title how high and in which department a person stands, and whether the person decides.

A title is cut into parts. Words behind an employer or about an earlier post do not count. The highest part tells the
seniority, the first part with a department tells that. The table `titles` has the words.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules.signs import bounded, compiled
from agentic_sales.rules.tables import Compiled, Table, every
from agentic_sales.rules.words import folded

Seniority = Literal["IC", "Manager", "Director", "VP", "C-level"]
"""How high a person stands. `IC` is an individual contributor."""
Department = Literal[
    "Sales", "Marketing", "BD", "Partnerships", "CS", "RevOps", "Engineering", "AI/ML", "Product", "Other"
]
"""The department of a person."""
SENIORITIES: tuple[Seniority, ...] = get_args(Seniority)
DEPARTMENTS: tuple[Department, ...] = get_args(Department)
AUTHORITY: Mapping[Seniority, float] = {"IC": 0.0, "Manager": 0.3, "Director": 0.6, "VP": 0.8, "C-level": 1.0}
"""Authority of a seniority, 0-1. Callers know it."""
DECISION_AUTHORITY = 0.6
"""Least authority of a decision maker."""
MAX_REASONS = 3
LONGEST_TITLE_CHARS = 300
_KNOWN_RATIO, _GUESSED_RATIO = 0.9, 0.5
_WEAK_PARTS = re.compile(r"\s*(?:[,;&+/()\u2013\u2014]|\s-\s|(?<=\w)-\s|\s-(?=\w))\s*")
_STRONG_PARTS = re.compile(r"\s*(?:[|\u2022\u00b7\u2502\uff5c\n]|\s:\s)\s*")
_INITIALS = re.compile(r"\b(?:[A-Za-z]\.){2,5}")
_OF = re.compile(r" (?:of|for|de la|de|du|des|der|del|della|di|do|da|van|von|av|fur|for) ")
_RESEARCH_AND = re.compile(r"\bR\s?(?:&|and|et)\s?D\b", re.IGNORECASE)
_LETTERS_AND_SLASH = re.compile(r"\b(AI|ML|KI|UX|UI)\s?/\s?(ML|AI|UX|UI|NLP)\b", re.IGNORECASE)
_GENDERED = re.compile(
    r"(?<=\w{4})(?:[*:_/\u00b7]-?|\()(?:in|innen|e|ne|rice|trice|euse|se|r|a|o|ora)\)?(?!\w)|\([mwfdxh/ ]{3,8}\)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TitleWords:
    """The words of the table."""

    employer: re.Pattern[str]
    served: re.Pattern[str]
    """The person that a helper helps."""
    former: re.Pattern[str]
    aside: re.Pattern[str]
    nobody: re.Pattern[str]
    c_level: re.Pattern[str]
    alone: re.Pattern[str]
    """Words of a head of the firm that are a whole part."""
    behind: re.Pattern[str]
    """Words that make another post of a chief."""
    partners: re.Pattern[str]
    levels: Mapping[Seniority, re.Pattern[str]]
    """Words of the levels but the highest one."""
    leaders: re.Pattern[str]
    """Words of people's leaders, which count before those of an `IC`."""
    managers: re.Pattern[str]
    """Managers of a matter. The post goes on behind an `of`."""
    workers: re.Pattern[str]
    """Words of an `IC` that count last."""
    founders: re.Pattern[str]
    departments: Sequence[tuple[Department, re.Pattern[str]]]
    """In the order in which they are looked for."""
    joints: re.Pattern[str]


class TitleReading(BaseModel):
    """The role of a person by a title."""

    seniority: Seniority = Field(default="IC", description="How high the person stands.")
    department: Department = Field(default="Other", description="Department of the person.")
    is_decision_maker: bool = Field(default=False, description="Whether the person may sign a deal.")
    authority_score: float = Field(
        default=0.0, ge=0, le=1, description="0 IC, .3 Manager, .6 Director, .8 VP, 1 C-level."
    )
    dm_reasons: list[str] = Field(default_factory=list, description="At most three reasons, for people.")


@dataclass(frozen=True, slots=True)
class JudgedTitle:
    """A reading of the rules with its certainty."""

    reading: TitleReading
    is_certain: bool
    """Whether words of the table tell both seniority and department."""
    is_post: bool
    """Whether a word of the table tells a seniority."""
    confidence: float
    """Probability that it is right."""


def _built(known: Table) -> TitleWords:
    cut, levels, departments = known["cut"], known["seniority"], known["department"]
    others = departments["Other"]
    narrow = [(name, compiled(words["words"])) for name, words in departments.items() if name != "Other"]
    return TitleWords(
        employer=_joining(cut["employer"]),
        served=_joining(cut["served"]),
        former=_standing(cut["former"]),
        aside=compiled(every(cut["aside"])),
        nobody=compiled(every(levels["nobody"])),
        c_level=compiled(every(levels["c_level"])),
        alone=compiled(every(levels["alone"])),
        behind=compiled(every(levels["not_chief"]["behind"])),
        partners=compiled(every(levels["not_chief"]["partners"])),
        levels={
            "VP": compiled(every(levels["vp"])),
            "Director": compiled(every(levels["director"])),
            "IC": compiled(every(levels["ic"])),
            "Manager": compiled(every(levels["manager"])),
        },
        leaders=compiled(every(levels["leader"])),
        managers=compiled(every(levels["ic"]["managers"])),
        workers=compiled(every(levels["worker"])),
        founders=compiled(every(known["founders"])),
        departments=[("Other", compiled(others["first"])), *narrow, ("Other", compiled(others["last"]))],
        joints=re.compile(rf"\s+(?:{'|'.join(known['joints']['words'])})\s+", re.IGNORECASE),
    )


def _joining(words: Sequence[str]) -> re.Pattern[str]:
    """Compile words that stand behind a post and before something else."""
    return re.compile(rf"\s(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


def _standing(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(bounded, words))})(?!\w)", re.IGNORECASE)


title_words = Compiled("titles", _built)
"""Gives the words of the table `titles`, with a person's additions if there are any."""


def read_title(title: str, words: TitleWords = title_words.own) -> JudgedTitle:
    """Return the role of a person by a title. Without a word that is known the person is an individual contributor."""
    parts = [part for part in _parts(title, words) if folded(part)]
    levels = {part: _level(folded(part), words) for part in parts}
    told = {part: level for part, level in levels.items() if level is not None}
    seniority: Seniority = max(told.values(), key=SENIORITIES.index) if told else "IC"
    best = next((part for part, level in told.items() if level == seniority), "")
    is_founder = any(words.founders.search(folded(part)) for part, level in told.items() if level == "C-level")
    department = _department(parts, levels, words)
    is_certain = bool(told) and (department is not None or seniority == "C-level")
    reading = authority_of(seniority, department or "Other", said=best, is_founder=is_founder)
    return JudgedTitle(reading, is_certain, bool(told), _KNOWN_RATIO if is_certain else _GUESSED_RATIO)


def authority_of(
    seniority: Seniority, department: Department, *, said: str = "", is_founder: bool = False
) -> TitleReading:
    """Return a reading with the authority of its seniority. A founder decides.

    Args:
        seniority: How high the person stands.
        department: The department of the person.
        said: Words of the title that say so.
        is_founder: Whether the title names a founder or an owner.
    """
    authority = AUTHORITY["C-level"] if is_founder else AUTHORITY[seniority]
    decides = authority >= DECISION_AUTHORITY
    quoted = f": `{said.strip()[:80]}`" if said.strip() else ""
    reasons = [f"{seniority}{quoted}"] if said or decides else []
    reasons += ["founders and owners decide"] if is_founder else []
    reasons += [f"decides for {department}"] if decides and not is_founder and department != "Other" else []
    return TitleReading(
        seniority=seniority,
        department=department,
        is_decision_maker=decides,
        authority_score=authority,
        dm_reasons=reasons[:MAX_REASONS],
    )


def _parts(title: str, words: TitleWords) -> list[str]:
    """Return the parts of a title that speak of the present post, as written."""
    text = title[:LONGEST_TITLE_CHARS].replace("\u2019", "'")
    text = _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
    text = _LETTERS_AND_SLASH.sub(r"\1 \2", _RESEARCH_AND.sub("R.D", _GENDERED.sub("", text)))
    whole = [_present(piece, words) for strong in _STRONG_PARTS.split(text) for piece in _split(strong, words)]
    parts = [part for part in whole if folded(part)]
    posts = [part for part in parts if not words.aside.search(folded(part))]
    return posts or parts


def _split(strong: str, words: TitleWords) -> Iterator[str]:
    for weak in _WEAK_PARTS.split(strong):
        yield from words.joints.split(weak)


def _present(part: str, words: TitleWords) -> str:
    """Return a part up to its employer, to the person that it helps, or to an earlier post."""
    for cut in (words.employer, words.served, words.former):
        if found := cut.search(part):
            part = part[: found.start()]
    return part.partition("@")[0].strip()


def _level(part: str, words: TitleWords) -> Seniority | None:
    """Return the seniority that a part tells. None if it tells none."""
    if words.nobody.search(part):
        return "IC"
    if words.alone.fullmatch(part):
        return "C-level"
    post = _OF.split(part, maxsplit=1)[0]
    for text in dict.fromkeys((post, part)):
        if (level := _level_in(text, part, words)) is not None:
            return level
    return "IC" if words.workers.search(part) else None


def _level_in(text: str, part: str, words: TitleWords) -> Seniority | None:
    if words.levels["VP"].search(text):
        return "VP"
    if any(_is_chief(text, found.end(), words) for found in words.c_level.finditer(text)) and not words.partners.search(
        part
    ):
        return "C-level"
    if words.levels["Director"].search(text):
        return "Director"
    if words.leaders.search(part):
        return "Manager"
    if words.levels["IC"].search(part if words.managers.search(part) else text):
        return "IC"
    return "Manager" if words.levels["Manager"].search(text) else None


def _is_chief(text: str, end: int, words: TitleWords) -> bool:
    """Tell whether no noun behind a chief's word makes another post of it, as in `CRO specialist`."""
    return not words.behind.match(text[end:].lstrip())


def _department(parts: Sequence[str], levels: Mapping[str, Seniority | None], words: TitleWords) -> Department | None:
    """Return the department of the first part that tells one. None if none does.

    Behind a chief without a department a part counts only if it names a post. It is often the employer.
    """
    told = [(part, _department_of(folded(part), words)) for part in parts]
    if told and told[0][1] is None and levels[parts[0]] == "C-level":
        told = [(part, found) for part, found in told if levels[part] is not None]
    found = [department for _, department in told if department is not None]
    if found[:1] == ["Engineering"] and "AI/ML" in found:
        return "AI/ML"
    return next(iter(found), None)


def _department_of(part: str, words: TitleWords) -> Department | None:
    return next((name for name, pattern in words.departments if pattern.search(part)), None)
