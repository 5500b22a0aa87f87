"""Tell the meaning of an answer to a sales mail by its words alone.

The order is the order of harm. A machine's mail comes first, because it wants nothing. Then an opt-out beats every
other reading. Then a text is read clause by clause. Within one clause a no weighs more than a later, and a later more
than a yes. Among clauses the last one counts, so `interesting, but we are all set` is a no. A time to come back to
beats a yes that follows it. A question about the offer is interest, if nothing else was said.

The tables are in `replies.toml`. Opt-outs, absences and quoted mails have rules of their own beside this file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from agentic_sales.rules.absences import answer_beside, away, back_on, bare_subject, by_subject
from agentic_sales.rules.days import days_in
from agentic_sales.rules.optouts import opt_out
from agentic_sales.rules.reply_words import ReplyRules, Wish, our_rules
from agentic_sales.rules.sentences import sentences, split_text
from agentic_sales.rules.sign_offs import unsigned_words, without_notices

CERTAIN_RATIO = 0.95
"""Confidence of a machine's mail, or of plain words."""
LIKELY_RATIO = 0.75
"""Confidence of words that can be meant otherwise."""
GUESSED_RATIO = 0.6
"""Confidence of a question without telling words."""
SILENT_RATIO = 0.3
"""Confidence of `other` when the rules found nothing."""

SOON = timedelta(days=14)
"""A day within this time is an appointment, and no later."""

ReplyClass = Literal["interested", "not_now", "not_interested", "unsubscribe", "out_of_office", "bounced", "other"]


@dataclass(frozen=True, slots=True)
class Letter:
    """An answer, as the rules read it."""

    own_words: str
    """The writer's text, without the quoted mail."""
    subject: str
    """Its subject."""
    sender: str
    """Its From header."""
    is_automatic: bool
    """True: a header says that a machine wrote it."""
    came_on: date
    """The day on which it came."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of an answer."""

    reply_class: ReplyClass
    """Its class."""
    confidence: float
    """Probability that the class is right, 0-1."""
    reason: str
    """Why, for people."""
    until: date | None = None
    """Day before which the writer is away or not ready. None if none is named."""
    is_doubtful: bool = False
    """True if it may be an opt-out, and a person must read it."""
    is_gone: bool = False
    """True if a program says that the person, or the address, is not there any more."""


def meaning_of(letter: Letter, rules: ReplyRules | None = None) -> Meaning:
    """Return the meaning of an answer.

    Args:
        letter: The answer.
        rules: Rules for reading answers. The default is our tables.
    """
    rules = rules or our_rules()
    by_server = _of_a_server(letter, rules)
    if by_server is not None:
        return by_server
    letter = replace(letter, own_words=without_notices(letter.own_words, rules.sign_offs))
    asked_out = opt_out(letter.own_words, letter.subject, rules.opt_outs)
    if asked_out is not None and asked_out.is_certain:
        return Meaning("unsubscribe", CERTAIN_RATIO, f"they ask to be left alone: `{asked_out.words}`")
    meaning = _of_a_machine(letter, rules) or _of_a_person(letter, rules)
    if asked_out is None:
        return meaning
    doubt = f"{meaning.reason}; may be an opt-out: `{asked_out.words}`"
    return replace(meaning, reason=doubt, is_doubtful=True)


def _of_a_server(letter: Letter, rules: ReplyRules) -> Meaning | None:
    """Read a mail server's mail. None if no mail server wrote it."""
    sender = letter.sender.casefold()
    if not any(part in sender for part in rules.words.servers):
        return None
    said = [bare_subject(letter.subject, rules.absences), *sentences(letter.own_words)]
    if found := rules.words.delayed.first_in(said):
        return Meaning("other", CERTAIN_RATIO, f"a mail server still tries: `{found}`")
    if found := rules.words.bounced.first_in(said):
        return Meaning("bounced", CERTAIN_RATIO, f"a mail server wrote it: `{found}`")
    return None


def _of_a_machine(letter: Letter, rules: ReplyRules) -> Meaning | None:
    """Read an absence note or another program's mail. None if a person wrote it."""
    said = sentences(letter.own_words)
    subject = bare_subject(letter.subject, rules.absences)
    marked = by_subject(letter.subject, rules.absences)
    found = away(letter.subject, rules.absences) or away(letter.own_words, rules.absences)
    is_machine = letter.is_automatic or marked is not None or _is_from_a_machine(letter, rules)
    left = rules.words.gone.first_in(said)
    if not is_machine:
        return _of_a_calendar(subject, rules)
    if found and not left:
        return _absence(letter, found, CERTAIN_RATIO, rules)
    if left:
        return Meaning("other", LIKELY_RATIO, f"a program says that nobody reads it any more: `{left}`", is_gone=True)
    if why := rules.words.acknowledged.first_in([subject, *said]):
        return Meaning("other", LIKELY_RATIO, f"a program wrote it: `{why}`")
    if found or marked:
        return _absence(letter, found or marked or "", CERTAIN_RATIO, rules)
    return Meaning("other", LIKELY_RATIO, "a program wrote it")


def _is_from_a_machine(letter: Letter, rules: ReplyRules) -> bool:
    sender = letter.sender.casefold()
    return any(part in sender for part in rules.words.machines)


def _of_a_calendar(subject: str, rules: ReplyRules) -> Meaning | None:
    if rules.words.declined.search(subject):
        return Meaning("not_interested", LIKELY_RATIO, "they declined an invitation")
    if rules.words.accepted.search(subject):
        return Meaning("interested", LIKELY_RATIO, "they accepted an invitation")
    return None


def _absence(letter: Letter, found: str, ratio: float, rules: ReplyRules) -> Meaning:
    return Meaning(
        "out_of_office", ratio, f"they are away: `{found}`", back_on(letter.own_words, letter.came_on, rules.absences)
    )


def _of_a_person(letter: Letter, rules: ReplyRules) -> Meaning:
    found = away(letter.subject, rules.absences) or away(letter.own_words, rules.absences)
    if found is None:
        return _wish_in(unsigned_words(letter.own_words, rules.sign_offs), letter, rules)
    answer = _wish_in(answer_beside(unsigned_words(letter.own_words, rules.sign_offs), rules.absences), letter, rules)
    if answer.reply_class == "other":
        return _absence(letter, found, LIKELY_RATIO, rules)
    return replace(answer, until=answer.until or back_on(letter.own_words, letter.came_on, rules.absences))


@dataclass(frozen=True, slots=True)
class _Sign:
    """A word for a wish, with the clause in which it stands."""

    at: int
    wish: Wish
    words: str


def _wish_in(text: str, letter: Letter, rules: ReplyRules) -> Meaning:
    clauses = [part for part in split_text(rules.words.contrasts.sub("\n", text)) if sentences(part)]
    said = ["".join(sentences(part)) for part in clauses]
    signs = list(_signs(said, clauses, letter.came_on, rules))
    until = _until(signs, clauses, letter.came_on)
    chosen = _weightiest(signs, is_dated=until is not None)
    referred = max((at for at, clause in enumerate(said) if rules.words.referred.search(clause)), default=-1)
    if referred >= 0 and (chosen is None or chosen.at <= referred):
        return Meaning("other", LIKELY_RATIO, f"somebody else is to be asked: `{said[referred].strip()[:80]}`")
    if chosen is not None:
        named = until if chosen.wish == "not_now" else None
        return Meaning(chosen.wish, LIKELY_RATIO, f"they say `{chosen.words[:80]}`", named)
    return _of_a_question(said, rules)


def _signs(said: Sequence[str], clauses: Sequence[str], came_on: date, rules: ReplyRules) -> Iterator[_Sign]:
    """Yield the weightiest wish of each clause."""
    for at, clause in enumerate(said):
        if rules.words.asides.search(clause) or rules.words.gone.search(clause):
            continue
        found = {wish: sign for wish, phrases in rules.words.wishes if (sign := phrases.search(clause))}
        days = [named.day for named in days_in(clauses[at], came_on)] if "not_now" in found else []
        wish = _weightiest_in(found, days, came_on)
        if wish is not None:
            yield _Sign(at, wish, found[wish].group().strip())


def _weightiest_in(found: Mapping[Wish, re.Match[str]], days: Sequence[date], came_on: date) -> Wish | None:
    """Return the wish of one clause. A time to come back to beats a no, and a near time is an appointment."""
    refused, later = found.get("not_interested"), found.get("not_now")
    if refused and later:
        return "not_now" if days or later.end() >= refused.end() else "not_interested"
    if later and "interested" in found and days and max(days) <= came_on + SOON:
        return "interested"
    return next(iter(found), None)


def _weightiest(signs: Sequence[_Sign], *, is_dated: bool) -> _Sign | None:
    if not signs:
        return None
    last = signs[-1]
    later = [sign for sign in signs if sign.wish == "not_now"]
    return later[-1] if later and last.wish == "interested" and is_dated else last


def _until(signs: Sequence[_Sign], clauses: Sequence[str], came_on: date) -> date | None:
    """Return the day named in the last clause that says later and names one."""
    for sign in reversed(signs):
        if sign.wish == "not_now" and (days := [named.day for named in days_in(clauses[sign.at], came_on)]):
            return max(days)
    return None


def _of_a_question(said: Sequence[str], rules: ReplyRules) -> Meaning:
    asked = [clause for clause in said if clause.endswith("? ") and not rules.words.asides.search(clause)]
    if asked and not any(rules.words.gone.search(clause) for clause in said):
        return Meaning("interested", GUESSED_RATIO, f"they ask `{asked[0].strip()[:80]}`")
    return Meaning("other", SILENT_RATIO, "no word says what they want")
