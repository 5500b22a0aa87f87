"""Position a product among its competitors: category, conventions, white space, and a statement under hard checks.

A claim that a competitor does not make is told as not said, never as missing. `problems_of` names each fault of a
statement. A model's lines need words of the texts.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from agentic_sales.rules import product_signs as signs
from agentic_sales.rules.backing import (
    QuotedLine,
    Texts,
    backed,
    claims_of,
    is_sober,
    joined_proofs,
    names_something_in,
    proof_of,
    renamed,
)
from agentic_sales.rules.competitors import Proof, claims_in
from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.signs import level
from agentic_sales.rules.words import folded

MOST_STATEMENT_CHARS = 600
LEAST_DIFFERENTIATORS = 3
MOST_CONVENTIONS = 10
MOST_LINES = 8
MOST_AXES = MOST_HOOKS = 6
LEAST_OF_A_CONVENTION = 2
"""Competitors that say the same before it counts as a convention."""
IMPLAUSIBLE_PERCENT = 95.0
_MARKERS = {
    "For": re.compile(r"\bfor\b"),
    "who": re.compile(r"\b(?:who|whose|that need)\b"),
    "unlike": re.compile(r"\bunlike\b"),
    "which": re.compile(r"\b(?:which|that)\b"),
}
_UNLIKE = re.compile(r"\bunlike ([^.,;:]{2,80})", re.IGNORECASE)
_STRAW_MAN = re.compile(
    r"\b(?:naive|manual|legacy|traditional|outdated|old[- ]?(?:school|fashioned)?|spreadsheets?|pen and paper|guesswork"
    r"|doing nothing|nothing|status quo|other (?:tools|solutions|products|vendors)|the competition|competitors)\b"
)
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d+)?) ?(?:%|percent\b)")
_IS_A = re.compile(
    r"\b(?:is|are|ist|est|es)\s+(an?\s+|the\s+|eine?\s+|une?\s+|una?\s+)?([^.,;:()]{3,60}?)"
    r"(?=\s+(?:for|made|built|that|which|to|with|in|by|from|und|and|fur|für|pour|para)\b|[.,;:()]|$)",
    re.IGNORECASE,
)
_HEADLINE = re.compile(
    r"\A(?:an?\s+|the\s+)?([^.,;:()]{3,60}?)\s+(?:(?:made|built|designed)\s+)?(?:for|für|pour|para)\s", re.IGNORECASE
)
_VERB = re.compile(
    r"(?<![\w-])(?:helps?|is|are|not|free|built|made|try|works?|sign|no|lets|gives|book|start|meet|build|run|get|make|see"
    r"|turn|find|use|used|trusted|loved|join|stop|save|automate|manage|everything|all)(?![\w-])",
    re.IGNORECASE,
)
_HEADLINE_SENTENCES = 2
"""How many sentences of a text may be its headline."""
_KIND = re.compile(
    r"\b(?:software|platforms?|tools?|apps?|crm|erp|systems?|services?|suite|engine|assistants?|agents?|apis?|analytics"
    r"|management|monitoring|automation|intelligence|marketplace|database|infrastructure|security)\Z",
    re.IGNORECASE,
)
"""Ends the name of a kind of product. Without an article only such a name is a category."""
_UNCOUNTED = re.compile(r"(?:software|analytics|management|monitoring|automation|intelligence|infrastructure|[^s]s)\Z")
_MOST_CATEGORY_WORDS = 6


class CategoryReading(BaseModel):
    """The category of a product and its conventions."""

    category: QuotedLine = Field(description="Category of the product in 1 to 6 words, and words that show it.")
    category_conventions: list[QuotedLine] = Field(
        max_length=20, description="Promises that several competitors share."
    )


class WhiteSpaceReading(BaseModel):
    """The claims of a product that no competitor makes."""

    white_space: list[QuotedLine] = Field(
        max_length=20, description="Claims that no competitor makes. Quote our own words."
    )
    differentiators: list[QuotedLine] = Field(
        max_length=20, description="Differences to the competitors. Quote our own words."
    )
    positioning_axes: list[str] = Field(max_length=12, description="Differences by which buyers may choose.")


class StatementReading(BaseModel):
    """How a product is positioned in one statement."""

    positioning_statement: str = Field(
        max_length=MOST_STATEMENT_CHARS,
        description="For <buyers> who <need>, <product> is a <category> which <gain>. Unlike <rival>, <difference>.",
    )
    narrative_hooks: list[QuotedLine] = Field(
        max_length=12, description="Openings of a story, each with words of the texts."
    )


class CriticReading(BaseModel):
    """The objections of a critic to a statement."""

    passes: bool = Field(description="Whether a buyer would understand it and could not say it of a competitor.")
    objections: list[str] = Field(max_length=6, description="Faults of the statement, a sentence each. Empty: none.")


class PositioningDocument(BaseModel):
    """How a product is positioned."""

    category: str = Field(default="", description="Category of the product. Empty: its words do not say.")
    category_conventions: list[str] = Field(
        default_factory=list, description="Promises that several competitors share."
    )
    white_space: list[str] = Field(default_factory=list, description="Our claims that no known competitor makes.")
    differentiators: list[str] = Field(
        default_factory=list, description="Differences to the competitors, at most 8 lines."
    )
    positioning_axes: list[str] = Field(default_factory=list, description="Differences to choose by, at most 6.")
    competitor_frame: list[str] = Field(default_factory=list, description="The competitors as they name themselves.")
    narrative_hooks: list[str] = Field(default_factory=list, description="Openings of a story, at most 6.")
    positioning_statement: str = Field(default="", description="The statement. Empty: too little is known for one.")
    proofs: list[Proof] = Field(default_factory=list, description="Words that back the lines.")
    critic_rounds: int = Field(default=0, description="How often a model's statement was sent back, 0 to 2.")
    unmet_checks: list[str] = Field(default_factory=list, description="Hard checks that it fails, and why.")


class PositioningReport(BaseModel):
    """Output of the workflow `positioning`."""

    positioning: PositioningDocument = Field(default=PositioningDocument(), description="The document.")
    dropped: list[str] = Field(default_factory=list, description="Faults of a model's statement that was not taken.")
    analysis_id: str = Field(default="", description="The document in the book. Empty: nothing was written.")


def category_by_rules(facts: PlanFacts) -> CategoryReading:
    """Return the category that a product's own words name, and the claims that at least two competitors make alike."""
    own, said = folded(facts.product.name) or "\n", signs.all_said(facts.texts)
    named = [_category_in(one, own) for one in said]
    named += [_category_in(one, own, is_headline=True) for one in said[:_HEADLINE_SENTENCES]]
    found = next(filter(None, named), None)
    claims: dict[str, list[tuple[str, str]]] = {}
    for name, text in _by_rival(facts).items():
        for claim, words in claims_in(text).items():
            claims.setdefault(claim, []).append((name, words))
    usual = [
        QuotedLine(text=f"{', '.join(name for name, _ in said)} say that they offer {claim}."[:400], quote=said[0][1])
        for claim, said in sorted(claims.items(), key=lambda item: -len(item[1]))
        if len(said) >= LEAST_OF_A_CONVENTION
    ]
    return CategoryReading(
        category=found or QuotedLine(text="", quote=""), category_conventions=usual[:MOST_CONVENTIONS]
    )


def white_space_by_rules(facts: PlanFacts) -> WhiteSpaceReading:
    """Return the product's claims that no known competitor makes, its differences, and the axes of the market."""
    ours = claims_in("\n".join(facts.texts.values()))
    theirs = {name: claims_in(text) for name, text in _by_rival(facts).items()}
    open_claims = {
        claim: words for claim, words in ours.items() if theirs and not any(claim in said for said in theirs.values())
    }
    white = [
        QuotedLine(text=f"No known competitor says that it offers {claim}.", quote=words)
        for claim, words in open_claims.items()
    ]
    said = signs.all_said(facts.texts)
    helps = signs.outcomes(said)
    lines = dict.fromkeys([*signs.measured(helps), *helps])
    apart = [QuotedLine(text=f"It offers {claim}.", quote=words) for claim, words in open_claims.items()]
    apart += [QuotedLine(text=one.text[:400], quote=one.text[:200]) for one in lines]
    axes = []
    for claim in dict.fromkeys([*ours, *(one for said_by in theirs.values() for one in said_by)]):
        sayers = [*(["we"] if claim in ours else []), *(name for name, said_by in theirs.items() if claim in said_by)]
        if theirs and 0 < len(sayers) <= len(theirs):
            axes.append(f"{claim}: said by {', '.join(sayers)}")
    return WhiteSpaceReading(
        white_space=white[:MOST_LINES], differentiators=apart[:MOST_LINES], positioning_axes=axes[:MOST_AXES]
    )


def statement_by_rules(facts: PlanFacts, document: PositioningDocument) -> StatementReading:
    """Return the statement by rules. It is empty without buyers, a category or an outcome."""
    said = signs.all_said(facts.texts)
    hurts, helps = signs.pains(said), signs.outcomes(said)
    hooks = [QuotedLine(text=one.text[:400], quote=one.text[:200]) for one in hurts[:MOST_HOOKS]]
    names = [*(one.title for one in facts.icp.personas), *(one.name for one in facts.icp.segments)]
    names += [sign.name for sign in signs.audiences(said)]
    outcome = next((one.text for one in [*signs.measured(helps), *helps]), "")
    if not (names and document.category and outcome):
        return StatementReading(positioning_statement="", narrative_hooks=hooks)
    pain, kind = next((one.text for one in hurts if one not in helps), ""), _with_article(document.category)
    need = f"know \u201c{_bare(pain)}\u201d" if pain else f"need {kind}"
    first = f"For {names[0]} who {need}, {facts.name} is {kind} which says: \u201c{_bare(outcome)}\u201d."
    return StatementReading(
        positioning_statement=f"{first}{_unlike(facts)}"[:MOST_STATEMENT_CHARS], narrative_hooks=hooks
    )


def with_category(told: CategoryReading, by_rules: CategoryReading, facts: PlanFacts) -> PositioningDocument:
    """Return a document with the category and the conventions that words of the texts back."""
    own, rivals = facts.texts, facts.rival_texts
    named = _category_proof(told.category, own) or _category_proof(by_rules.category, own)
    usual = backed(told.category_conventions, rivals, most=MOST_CONVENTIONS)
    return PositioningDocument(
        category=named.claim if named else "",
        category_conventions=claims_of(usual),
        competitor_frame=_frame(facts),
        proofs=joined_proofs([named] if named else [], usual),
    )


def with_white_space(document: PositioningDocument, told: WhiteSpaceReading, facts: PlanFacts) -> PositioningDocument:
    """Return a document with the differences of the product, as far as its own words say so."""
    white = backed(told.white_space, facts.texts, most=MOST_LINES) if facts.competitors else []
    apart = backed(told.differentiators, facts.texts, most=MOST_LINES)
    axes = [line for line in told.positioning_axes if is_sober(line, facts.all_texts)]
    return document.model_copy(
        update={
            "white_space": claims_of(white),
            "differentiators": claims_of(apart),
            "positioning_axes": axes[:MOST_AXES],
            "proofs": joined_proofs(document.proofs, white, apart),
        }
    )


def with_statement(document: PositioningDocument, told: StatementReading, facts: PlanFacts) -> PositioningDocument:
    """Return a document with a statement and the hooks that words of the texts back."""
    hooks = backed(told.narrative_hooks, facts.all_texts, most=MOST_HOOKS)
    update = {
        "positioning_statement": told.positioning_statement.strip(),
        "narrative_hooks": claims_of(hooks),
        "proofs": joined_proofs(document.proofs, hooks),
    }
    return document.model_copy(update=update)


def problems_of(document: PositioningDocument, facts: PlanFacts) -> list[str]:
    """Return every hard check that a document fails, each as a sentence. Empty: it passes."""
    statement = document.positioning_statement
    told = level(statement)
    found = []
    if not statement:
        found.append("there is no statement: buyers, category or outcome are not known")
    missing = [name for name, sign in _MARKERS.items() if not sign.search(told)] if statement else []
    if missing:
        found.append(f"the statement has no {', '.join(missing)}")
    if len(statement) > MOST_STATEMENT_CHARS:
        found.append(f"the statement has {len(statement)} characters; {MOST_STATEMENT_CHARS} are allowed")
    if len(document.differentiators) < LEAST_DIFFERENTIATORS:
        found.append(f"there are {len(document.differentiators)} differentiators; {LEAST_DIFFERENTIATORS} are needed")
    if facts.competitors and not document.competitor_frame:
        found.append("competitors are known, and the frame names none")
    found += _faults_of_rival(statement, facts)
    high = [number for number in _PERCENT.findall(told) if float(number.replace(",", ".")) >= IMPLAUSIBLE_PERCENT]
    found += [f"nobody believes {number} %" for number in high]
    if not is_sober(statement, facts.all_texts):
        found.append("the statement has a number or a quote that no text has")
    return found


def _faults_of_rival(statement: str, facts: PlanFacts) -> list[str]:
    rival = _UNLIKE.search(statement)
    if not rival:
        return []
    if _STRAW_MAN.search(level(rival[1])):
        return [f"`unlike {rival[1]}` fights a straw man; name a competitor"]
    if not any(folded(one.name) in folded(rival[1]) for one in facts.competitors):
        return [f"`unlike {rival[1]}` names no known competitor"]
    return []


def _category_in(said: signs.Said, own_name: str, *, is_headline: bool = False) -> QuotedLine | None:
    if signs.refusals([said]):
        return None
    found = (_HEADLINE if is_headline else _IS_A).search(said.text)
    if not found or not (is_headline or found[1] or _KIND.search(found[2])):
        return None
    name = found[1 if is_headline else 2].strip()
    is_name = 0 < len(name.split()) <= _MOST_CATEGORY_WORDS and not _VERB.search(name)
    return QuotedLine(text=name, quote=said.text[:200]) if is_name and own_name not in folded(name) else None


def _with_article(category: str) -> str:
    """Return a category as it stands in a sentence: `a booking page`, `stock software`, `a CRM`."""
    name = category if category[:2].isupper() else category[:1].lower() + category[1:]
    if _UNCOUNTED.search(name):
        return name
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _category_proof(claim: QuotedLine, texts: Texts) -> Proof | None:
    proof = proof_of(claim.text, claim.quote, texts)
    return renamed(proof, claim.text.strip()) if proof and names_something_in(claim.text, texts) else None


def _by_rival(facts: PlanFacts) -> Mapping[str, str]:
    """Return the claims of each competitor on itself. Differences that somebody else wrote are no words of it."""
    found = {}
    for one in facts.competitors:
        quotes = [proof.quote for proof in one.evidence if proof.source_url == one.url]
        lines = (
            one.description,
            one.positioning_headline,
            one.positioning_tagline,
            *quotes,
            *(price.quote for price in one.prices),
        )
        found[one.name] = "\n".join(filter(None, lines))
    return {name: text for name, text in found.items() if text}


def _frame(facts: PlanFacts) -> list[str]:
    told = ((one.name, one.positioning_headline or one.description or one.target_audience) for one in facts.competitors)
    return [f"{name}: {words}" if words else name for name, words in told][:MOST_LINES]


def _unlike(facts: PlanFacts) -> str:
    space: Sequence[QuotedLine] = white_space_by_rules(facts).white_space
    if not facts.competitors or not space:
        return ""
    offer = space[0].text.partition("offers ")[2]
    return f" Unlike {facts.competitors[0].name}, which does not say so, it offers {offer}"


def _bare(text: str) -> str:
    return re.sub(r"[\u201c\u201d\"]", "", text).strip().rstrip(".!")
