"""Hold all words by which `replies.py` reads an answer, and a person's additions to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from agentic_sales.rules import absences, optouts
from agentic_sales.rules.absences import AbsenceWords
from agentic_sales.rules.optouts import OptOutWords
from agentic_sales.rules.phrases import Phrases
from agentic_sales.rules.sign_offs import SignOffs, sign_offs_of
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table

Wish = Literal["not_interested", "not_now", "interested"]


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """The words by which answers are told apart."""

    servers: tuple[str, ...]
    """Parts of the sender of a mail server's mail."""
    machines: tuple[str, ...]
    """Parts of the sender of a machine's mail."""
    delayed: Phrases
    """A mail server still tries."""
    bounced: Phrases
    """A mail reached nobody."""
    gone: Phrases
    """A person or an address is not there any more."""
    acknowledged: Phrases
    """Words of a program or a help desk."""
    accepted: Phrases
    """Subject of an accepted invitation."""
    declined: Phrases
    """Subject of a declined invitation."""
    referred: Phrases
    """Somebody else is the one to ask."""
    asides: Phrases
    """Sentences that want nothing, also where they ask."""
    wishes: tuple[tuple[Wish, Phrases], ...]
    """Wishes of a writer with their words, the weightiest first."""
    contrasts: re.Pattern[str]
    """Words behind which the opposite follows."""


def words_of(additions: Table = NOTHING) -> ReplyWords:
    """Return the words of `replies.toml` and of a person's additions to it."""
    words = extended(table("replies"), additions)
    contrasts = words["contrasts"]
    always, after_comma = ("|".join(map(re.escape, contrasts[name])) for name in ("words", "after_comma"))
    return ReplyWords(
        servers=tuple(every(words["servers"])),
        machines=tuple(every(words["machines"])),
        delayed=Phrases(every(words["delayed"])),
        bounced=Phrases(every(words["bounced"])),
        gone=Phrases(every(words["gone"])),
        acknowledged=Phrases(every(words["acknowledged"])),
        accepted=Phrases(words["calendar"]["accepted"]),
        declined=Phrases(words["calendar"]["declined"]),
        referred=Phrases(every(words["referred"])),
        asides=Phrases(every(words["asides"])),
        wishes=(
            ("not_interested", Phrases(every(words["refused"]))),
            ("not_now", Phrases(every(words["later"]))),
            ("interested", Phrases(every(words["interested"]))),
        ),
        contrasts=re.compile(rf"(?:(?<!\w)(?:{always})|,\s*(?:{after_comma}))(?!\w)", re.IGNORECASE),
    )


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """All words by which answers are read."""

    words: ReplyWords
    """Words of `replies.toml`."""
    opt_outs: OptOutWords
    """Words of `optouts.toml`."""
    absences: AbsenceWords
    """Words of `absences.toml`."""
    sign_offs: SignOffs
    """Lines of `sign_offs.toml`."""


TABLES = ("replies", "optouts", "absences", "sign_offs")
"""The tables that a reply is read by, without `.toml`."""


def rules_of(additions: Mapping[str, Table]) -> ReplyRules:
    """Return the rules with a person's additions to their tables, by the names of the tables without `.toml`."""
    return ReplyRules(
        words=words_of(additions.get("replies", NOTHING)),
        opt_outs=optouts.words_of(additions.get("optouts", NOTHING)),
        absences=absences.words_of(additions.get("absences", NOTHING)),
        sign_offs=sign_offs_of(additions.get("sign_offs", NOTHING)),
    )


@cache
def our_rules() -> ReplyRules:
    """Return the rules of our tables alone."""
    return rules_of({})
