"""Read the name of a company from the title of its job board."""

import re

_BETWEEN = re.compile(r"\s+[|·•\u2013\u2014-]+\s+|:\s+|\s*@\s+|\s+at\s+|\s+bei\s+", re.IGNORECASE)
_AROUND = re.compile(
    r"^(?:(?:current |open )?(?:jobs|careers|openings|roles|positions)|job application for .*)$"
    r"|^(?:the )?(?:careers|jobs) (?:page )?of\s+|\s+(?:careers?|jobs|job board|openings|is hiring)$",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[-_+.\s]+")


def company_of_board(title: str, token: str) -> str:
    """Return the part of a board's title that its name at the vendor repeats, else that name in words.

    `Data Scientist @ Acme Labs` and `acme-labs` have `Acme Labs`.
    """
    parts = [_AROUND.sub("", part).strip() for part in _BETWEEN.split(title)]
    wanted = _letters(token)
    alike = [part for part in parts if _letters(part) and (_letters(part) in wanted or wanted in _letters(part))]
    return max(alike, key=len, default="") or " ".join(map(_capital, _SEPARATORS.split(token.strip("-_+. "))))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
