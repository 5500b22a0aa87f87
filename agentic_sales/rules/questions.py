"""Read a question: what it asks for, about whom, and by which words a passage could answer it.

Everything here is a pure function of the question and of the table `questions`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from agentic_sales.rules.ranking import Group
from agentic_sales.rules.search_terms import SILENT, stem_of, terms_of_word, words_of
from agentic_sales.rules.tables import NOTHING, Table, extended, table
from agentic_sales.rules.words import folded

MOST_SUB_QUESTIONS = 4
FAINT_SHARE = 0.35
"""Weight of a word that only says in which form something is asked."""
_ASKS = r"(?:who|whom|whose|what|which|when|where|why|how|does|do|did|is|are|was|were|can|could|has|have|will)"
_BETWEEN = re.compile(
    rf"\?+\s+|[;\n]+|,?\s+(?:and|or|und|also)\s+(?=(?:also\s+|in\s+|at\s+|for\s+|since\s+|by\s+|to\s+)?{_ASKS}\b)",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_]*[A-Z\u00c0-\u00de0-9][\w&.+/-]*")
_WORD = re.compile(r"[^\W_][\w&.+/'\u2019-]*")
_KINDS = (
    (
        "duration",
        re.compile(
            r"\bhow (?:long|soon|quick\w*|fast)\b|\bhow much time\b"
            r"|\bhow many (?:days|weeks|months|hours|minutes|years)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "count",
        re.compile(r"\bhow (?:many|large|big|often|old)\b|\bnumber of\b|\bwie viele?\b|\bcombien\b", re.IGNORECASE),
    ),
    ("amount", re.compile(r"\bhow (?:much|high|expensive)\b|\bwhat percentage\b|\bwhat share\b", re.IGNORECASE)),
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which|in what|in which) (?:year|month|day|date|quarter)\b"
            r"|\bhow long ago\b|\bwann\b|\bquand\b",
            re.IGNORECASE,
        ),
    ),
    (
        "person",
        re.compile(
            r"^\W*(?:and |so |by |from |to |with |of )?who(?:m|se)?\b|\b(?:by|from|with) whom\b|^wer\b", re.IGNORECASE
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b(?! can| do i| to)|\bwo\b"
            r"|\b(?:what|which|in which|in what) (?:city|town|country|place|location)\b",
            re.IGNORECASE,
        ),
    ),
)
_EXACT = frozenset({"email", "phone"})
"""Kinds whose word says enough, whatever the question begins with."""
_YES_OR_NO = re.compile(
    r"^\W*(?:and\s+)?(?:is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|shall|should|will|would)\b",
    re.IGNORECASE,
)
_OF_AUDIENCE = re.compile(
    r"\bfor wh(?:om|ich)\b|\bwho(?:m|se)?\b.*\b(?:for|aimed at|use|uses|buys?)\W*$"
    r"|\b(?:target|intended) (?:audience|group|market|customers?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AskedWord:
    """One word of a question that a passage must have."""

    group: Group
    """Terms by which passages are searched for it."""
    proofs: tuple[tuple[str, ...], ...]
    """What says it in a sentence: one of these, with all of its terms."""
    asking: str
    """Its own term."""
    is_name: bool = False
    """Whether it names one thing. A passage without it is about something else."""
    is_faint: bool = False
    """Whether it only says in which form something is asked."""
    is_telling: bool = True
    """Whether it says what is asked. A name says about whom, and a word such as `year` the kind of the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was read."""

    text: str
    """The question."""
    words: tuple[AskedWord, ...]
    """Its words, each once."""
    kinds: frozenset[str]
    """Kinds of values of which an answer has at least one of each: `money`, `date`, `person`, …"""

    @property
    def groups(self) -> list[Group]:
        """Return the groups by which passages are searched, each once."""
        return list(dict.fromkeys(word.group for word in self.words))

    @property
    def names(self) -> list[AskedWord]:
        """Return the words that name one thing."""
        return [word for word in self.words if word.is_name]


@dataclass(frozen=True, slots=True)
class _WordGroup:
    stems: frozenset[str]
    proofs: tuple[tuple[str, ...], ...]
    asks: str


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """The table in its own form."""

    by_asking: Mapping[str, _WordGroup]
    """Group of each stem that asks for it."""
    faint: frozenset[str]
    """Stems that weigh little."""
    no_names: frozenset[str]
    """Folded words that are no names."""
    of_kinds: Mapping[str, frozenset[str]]
    """Stems that name the kind of an answer."""


def question_words(additions: Table = NOTHING) -> QuestionWords:
    """Return the words of `questions.toml` and of a person's additions to it."""
    told = extended(table("questions"), additions)
    by_asking: dict[str, _WordGroup] = {}
    for given in told["groups"].values():
        said = [_stems(phrase) for phrase in (*given["words"], *given.get("phrases", []))]
        proofs = [_stems(phrase) for phrase in given.get("proofs", [])] or said
        stems = frozenset(max(terms, key=len) for terms in said)
        found = _WordGroup(stems, tuple(dict.fromkeys(proofs)), given.get("asks", ""))
        for word in given.get("asked_by", given["words"]):
            by_asking.setdefault(stem_of(folded(word)), found)
    return QuestionWords(
        by_asking,
        frozenset(stem_of(folded(word)) for word in " ".join(told["faint"]).split()),
        frozenset(folded(word) for word in " ".join(told["no_names"]).split()),
        {kind: frozenset(stem_of(folded(word)) for word in given) for kind, given in told["kinds"].items()},
    )


@cache
def our_question_words() -> QuestionWords:
    """Return the words of `questions.toml` alone."""
    return question_words()


def sub_questions(question: str) -> list[str]:
    """Return the questions that a question consists of. One without a name of its own gets the one's before it."""
    parts: list[str] = []
    for part in filter(None, map(_bare, _BETWEEN.split(question))):
        if parts and not _says_something(part):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    found: list[str] = []
    about = ""
    for part in parts[:MOST_SUB_QUESTIONS]:
        names = " ".join(_names_in(part, our_question_words()))
        found.append(f"{part} ({about})" if about and not names else part)
        about = names or about
    return found or [question.strip()]


def _bare(part: str | None) -> str:
    return (part or "").strip(" ,.?!")


def _says_something(part: str) -> bool:
    return any(word not in SILENT for word in words_of(part))


def read_question(question: str, words: QuestionWords | None = None) -> Asked:
    """Return what a question asks for."""
    words = words or our_question_words()
    names = {
        term: name for name in _names_in(question, words) for word in words_of(name) for term in terms_of_word(word)
    }
    kinds = {kind for kind, pattern in _KINDS if pattern.search(question)}
    if _OF_AUDIENCE.search(question):
        kinds = kinds - {"person"} | {"audience"}
    if "duration" in kinds:
        kinds -= {"count", "amount"}
    is_told = bool(kinds & {"date", "duration", "person", "place", "count"})
    is_open = _YES_OR_NO.search(question) is None
    asked: dict[Group, AskedWord] = {}
    for word in words_of(question):
        if word in SILENT:
            continue
        for term in terms_of_word(word):
            one = _asked_word(term, words, name=names.get(term, ""))
            asked.setdefault(one.group, one)
            group = words.by_asking.get(term)
            if is_open and group and group.asks and not one.is_name and (group.asks in _EXACT or not is_told):
                kinds.add(group.asks)
    kinds = _settled(kinds)
    told = {term for kind in kinds for term in words.of_kinds.get(kind, ())}
    return Asked(
        question,
        tuple(replace(one, is_telling=one.is_telling and one.asking not in told) for one in asked.values()),
        frozenset(kinds),
    )


def _settled(kinds: set[str]) -> set[str]:
    """Keep of the kinds the telling ones. `How much does it cost` asks for money and for no other amount."""
    if kinds & {"money", "price"}:
        kinds -= {"amount", "count"}
    if kinds & _EXACT:
        kinds -= {"contact", "person", "place", "count"}
    if "person" in kinds:
        kinds -= {"place"}
    if kinds & {"date", "duration", "count"}:
        kinds -= {"place", "amount"}
    return kinds


def _asked_word(term: str, words: QuestionWords, *, name: str) -> AskedWord:
    group = None if name else words.by_asking.get(term)
    if group is not None:
        return AskedWord(group.stems | {term}, ((term,), *group.proofs), term)
    is_faint = term in words.faint and not name
    is_telling = not name or sum(map(str.isupper, name)) > 1
    return AskedWord(frozenset({term}), ((term,),), term, is_name=bool(name), is_faint=is_faint, is_telling=is_telling)


def _names_in(question: str, words: QuestionWords) -> list[str]:
    """Return the words that name one thing: they have a capital or a digit, and are not only the first word."""
    found = []
    for number, match in enumerate(_WORD.finditer(question)):
        word = re.sub(r"['\u2019]s$", "", match[0]).strip(".'\u2019-/")
        is_written_so = _NAME.fullmatch(word) is not None
        plain = folded(word)
        if not is_written_so or plain in words.no_names or plain in SILENT:
            continue
        if number == 0 and word[1:].islower() and _is_common(plain, words):
            continue
        found.append(word)
    return found


def _is_common(word: str, words: QuestionWords) -> bool:
    """Tell whether a word at the begin of a question is an ordinary one."""
    term = stem_of(word)
    return term in words.by_asking or term in words.faint


def _stems(phrase: str) -> tuple[str, ...]:
    words = words_of(phrase)
    return tuple(stem_of(word) for word in words if word not in SILENT or len(words) == 1)
