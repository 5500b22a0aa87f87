"""Read whom an answer names in the writer's place: `please write to my colleague Jane, jane@…`, or `ask our CTO`.

Only the writer's own sentences are read, without quotes, signature and notices. A sentence that refers to somebody is
told by its words. A name is read only where it is certain: before an address, behind a word such as `colleague`, or as
two words with capital letters. So German nouns are none. Without a name or an address, a post is read.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.rules.names import is_name
from agentic_sales.rules.phrases import Phrases
from agentic_sales.rules.reply_words import ReplyRules, our_rules
from agentic_sales.rules.sentences import folded, sentences, split_text
from agentic_sales.rules.sign_offs import unsigned_words, without_notices
from agentic_sales.rules.tables import Compiled, Table, every

MOST = 5
"""People of one answer. A longer list of addresses is no referral."""
LONGEST_WORDS_CHARS = 300
_ADDRESS = re.compile(r"[A-Za-z0-9][\w.+'-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*\.?")
_FAMILY_FIRST = re.compile(
    r"([\u4e00-\u9fff]{1,4}(?:[ \u3000][\u4e00-\u9fff]{1,4})?)(?:さん|様|氏)?[ \u3000]*[(<\uff08]\Z"
)
_CHINESE = re.compile(
    r"(?:联系|聯繫|请找|转给|发给|同事)(?:我的同事|同事|我们的)?([\u4e00-\u9fff]{2,3}?)"
    r"(?:先生|女士|经理|[(<\uff08\uff0c, ])"
)
_TITLE = re.compile(r"(?<!\w)(Dr|Mr|Mrs|Ms|Prof|Hr|Fr|Sr|Sra|Mme|Dott|Ing|Sig)\.\s+")
_NEARBY = 1
"""How many sentences an address may stand from the one that refers to somebody."""
MOST_NAME_WORDS = 5
_ARTICLES = frozenset({"the", "a", "an", "der", "die", "das", "dem", "den", "ein", "eine", "einen"})
_BEFORE_ADDRESS = frozenset({"", "at", "unter", "auf", "via", "sur", "en", "op", "na", "pod", "paa", "по"})


@dataclass(frozen=True, slots=True)
class Referral:
    """A person that an answer names in the writer's place."""

    name: str
    """The person's name, as it is written. Empty if none is named."""
    email: str
    """The person's address. Empty if none is given."""
    role: str
    """The person's post or department. Empty if none is named."""
    words: str
    """The sentence that says so."""


@dataclass(frozen=True, slots=True)
class ReferralWords:
    """The words of `referrals.toml`."""

    before_name: frozenset[str]
    """Words right before a name."""
    no_names: frozenset[str]
    """Words that are nobody's name."""
    particles: frozenset[str]
    """Small words within a name."""
    titles: frozenset[str]
    """Titles before a name."""
    role: re.Pattern[str]
    """Posts and departments."""
    themselves: Phrases
    """Sentences about the writer's own other address."""
    hands_over: Phrases
    """Sentences whose address is somebody else's."""
    refers: Phrases
    """Sentences that name another person or post."""


def _built(words: Table) -> ReferralWords:
    def folded_of(name: str) -> frozenset[str]:
        return frozenset(folded(word) for word in every(words[name]))

    roles = "|".join(every(words["roles"]))
    return ReferralWords(
        before_name=folded_of("before_name"),
        no_names=folded_of("no_names"),
        particles=folded_of("particles"),
        titles=folded_of("titles"),
        role=re.compile(rf"(?<!\w)(?:{roles})(?=[\s,.;:!?)(]|\Z|[\u3040-\u9fff])", re.IGNORECASE),
        themselves=Phrases(every(words["themselves"])),
        hands_over=Phrases(every(words["hands_over"])),
        refers=Phrases(every(words["refers"])),
    )


referral_words = Compiled("referrals", _built)
"""Gives the words of the table `referrals`, with a person's additions if there are any."""


def referrals_in(
    own_words: str,
    *,
    known: Collection[str] = (),
    rules: ReplyRules | None = None,
    signs: ReferralWords | None = None,
) -> list[Referral]:
    """Return the people that an answer names in the writer's place. Empty if it names nobody.

    Args:
        own_words: The writer's text, without the quoted mail.
        known: Addresses of the writer and of ours. They are nobody else's.
        rules: Rules for reading answers. The default is our tables.
        signs: Words of referrals. The default is our table.
    """
    rules, signs = rules or our_rules(), signs or referral_words.own
    text = unsigned_words(without_notices(own_words, rules.sign_offs), rules.sign_offs)
    parts = split_text(_joined(text))
    said = ["".join(sentences(part)) for part in parts]
    ways = rules.words.referred, signs.refers
    referring = [at for at, words in enumerate(said) if any(way.search(words) for way in ways)]
    found = list(_addressed(parts, said, referring, frozenset(map(str.casefold, known)), signs))
    if len(found) > MOST:
        return []
    return found or list(_named(parts, referring, signs))


def _joined(text: str) -> str:
    """Join a line that ends in a colon, or before an address, with the next one. A title ends no sentence."""
    text = _TITLE.sub(r"\1 ", text)
    return re.sub(r":\s+(?=\S+@)|\n(?=[<(]?\S+@\S+\s*$)", " ", text, flags=re.MULTILINE)


def _addressed(
    parts: Sequence[str], said: Sequence[str], referring: Sequence[int], known: Collection[str], signs: ReferralWords
) -> Iterator[Referral]:
    """Yield the people with an address, each once. The name of an only address may stand nearby."""
    seen = set(known)
    found: list[Referral] = []
    for at, part in enumerate(parts):
        is_near = any(abs(at - other) <= _NEARBY for other in referring)
        if signs.themselves.search(said[at]) or not (is_near or signs.hands_over.search(said[at])):
            continue
        for match in _ADDRESS.finditer(part):
            address = match.group().rstrip(".'-")
            if address.casefold() in seen or is_nobody(address):
                continue
            seen.add(address.casefold())
            role, name = _role_in(part, signs), _name_before(part[: match.start()], signs)
            found.append(Referral(name, address, role, part[:LONGEST_WORDS_CHARS]))
    if len(found) == 1 and not found[0].name:
        near = [found[0].words, *(parts[at] for at in referring)]
        names = (name for part in near for name in _names_in(part, signs))
        found = [replace(found[0], name=next(names, ""))]
    yield from found


def _named(parts: Sequence[str], referring: Sequence[int], signs: ReferralWords) -> Iterator[Referral]:
    """Yield the first person that is named without an address, or the first post."""
    for at in referring:
        name, role = next(_names_in(parts[at], signs), ""), _role_in(parts[at], signs)
        if name or role:
            yield Referral(name, "", role, parts[at][:LONGEST_WORDS_CHARS])
            return


def _role_in(part: str, signs: ReferralWords) -> str:
    match = signs.role.search(part)
    return match.group().strip() if match else ""


def _name_before(text: str, signs: ReferralWords) -> str:
    """Return the name that ends right before an address: `Jane Doe (`, `Jane Doe, `. Empty if there is none."""
    if found := _CHINESE.search(text) or _FAMILY_FIRST.search(text):
        return found[1].strip()
    runs = list(_runs(text, signs))
    if not runs:
        return ""
    start, end = runs[-1]
    between = text[end:].strip(" ,:;(<[\"'-\u2013\u2014\uff08")
    return _as_name(text[start:end]) if folded(between) in _BEFORE_ADDRESS else ""


def _names_in(part: str, signs: ReferralWords) -> Iterator[str]:
    """Yield the names in a sentence: two words with capital letters, or one behind a word such as `colleague`."""
    if found := _CHINESE.search(part):
        yield found[1]
    for start, end in _runs(part, signs):
        before = [folded(word).rstrip(".") for word in _WORD.findall(part[:start])]
        while before and before[-1] in signs.titles:
            before.pop()
            if name := _as_name(part[start:end]):
                yield name
                break
        else:
            is_led = bool(before) and before[-1] in signs.before_name
            is_whole = len(part[start:end].split()) > 1 and not _has_noun_article(before)
            if (is_led or is_whole) and (name := _as_name(part[start:end])):
                yield name


def _has_noun_article(before: Sequence[str]) -> bool:
    """Tell whether an article stands before words, as it does before nouns."""
    return bool(before) and before[-1] in _ARTICLES


def _runs(text: str, signs: ReferralWords) -> Iterator[tuple[int, int]]:
    """Yield where words with capital letters stand behind each other. Words that are nobody's name end a run."""
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        told = folded(word.group()).rstrip(".")
        is_joined = bool(run) and not text[run[-1].end() : word.start()].strip(" ")
        is_capital = word.group()[0].isupper() and told not in signs.no_names | signs.titles
        if run and not (is_joined and (is_capital or told in signs.particles)):
            yield from _span(run)
            run = []
        if is_capital or (run and told in signs.particles):
            run.append(word)
    yield from _span(run)


def _span(run: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    while run and not run[-1].group()[0].isupper():
        run = run[:-1]
    if run:
        yield run[0].start(), run[-1].end()


def _as_name(text: str) -> str:
    name = text.strip().removesuffix("'s").removesuffix("\u2019s").rstrip(".")
    return name if is_name(name) and len(name) > 1 and len(name.split()) <= MOST_NAME_WORDS else ""
