"""Hold the claims on an offer to the texts that they come from.

A claim needs words that stand in one of the texts. Each number and each quoted passage of the claim must stand there,
too. A claim without them is an invention, and is dropped.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.competitors import Proof, telling_words
from agentic_sales.rules.wording import sentences
from agentic_sales.rules.words import folded

Texts = Mapping[str, str]
"""Plain text by the address or name of its source."""
LEAST_QUOTE_WORDS = 3
"""A shorter quote stands in nearly any text, so it backs nothing, unless it is a whole sentence."""
_NUMBER = re.compile(r"\d[\d.,]*")
_PASSAGE = re.compile(r"[\"\u201c\u201e\u00ab]([^\"\u201c\u201d\u201e\u00ab\u00bb]{3,400})[\"\u201d\u201c\u00bb]")


class QuotedLine(BaseModel):
    """One line of an answer with the words that back it."""

    text: str = Field(max_length=400, description="The line, one sentence.")
    quote: str = Field(description="3 to 25 words of the given texts that show it, copied letter by letter.")


def proof_of(text: str, quote: str, texts: Texts) -> Proof | None:
    """Return the words that back a claim, with their source. None: nothing backs it, or it has numbers of its own."""
    if not is_sober(text, texts):
        return None
    found = ((source, find_quote(quote, given)) for source, given in texts.items() if is_backing(quote, given))
    return next((Proof(claim=text, quote=words, source_url=source) for source, words in found if words), None)


def backed(claims: Iterable[QuotedLine], texts: Texts, *, most: int) -> list[Proof]:
    """Return the claims that stand, each once, in their order."""
    proofs = (proof_of(claim.text.strip(), claim.quote, texts) for claim in claims)
    found = {folded(proof.claim): proof for proof in proofs if proof and proof.claim}
    return [*found.values()][:most]


def is_sober(text: str, texts: Texts) -> bool:
    """Tell whether each number and each quoted passage of a text stands in the texts that it was made from."""
    numbers = _numbers_in([text])
    if numbers and numbers - _numbers_in(texts.values()):
        return False
    passages = _PASSAGE.findall(text)
    return all(any(find_quote(passage, given) for given in texts.values()) for passage in passages)


def names_something_in(name: str, texts: Texts) -> bool:
    """Tell whether a name has a telling word of the texts. A name without one was made up."""
    words = set(telling_words(name))
    return bool(words & {word for given in texts.values() for word in telling_words(given)})


def claims_of(proofs: Iterable[Proof]) -> list[str]:
    """Return the lines that are backed, in their order."""
    return [proof.claim for proof in proofs]


def renamed(proof: Proof, claim: str) -> Proof:
    """Return the words of a proof for another claim."""
    return proof.model_copy(update={"claim": claim})


def as_text(texts: Texts, *, most_chars: int = 6_000) -> str:
    """Return texts for a prompt, each below its source."""
    return "\n\n".join(f"# {source}\n{given[:most_chars]}" for source, given in texts.items() if given.strip())


def joined_proofs(*groups: Sequence[Proof]) -> list[Proof]:
    """Return proofs in one list, each once."""
    return list({(proof.claim, proof.quote): proof for group in groups for proof in group}.values())


def is_backing(quote: str, text: str) -> bool:
    """Tell whether a quote is long enough to back something: three words, or a whole sentence of the text."""
    return len(quote.split()) >= LEAST_QUOTE_WORDS or folded(quote) in map(folded, sentences(text))


def _numbers_in(texts: Iterable[str]) -> set[str]:
    return {_plain(number) for given in texts for number in _NUMBER.findall(given)}


def _plain(number: str) -> str:
    """Return a number without the marks between thousands and at its end, so that `1,200.` is `1200`."""
    return re.sub(r"[.,](?=\d{3}(?!\d))", "", number.rstrip(".,"))
