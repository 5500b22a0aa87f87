"""Hold openings and their classes: where the work is done, from where, and whether it is on AI."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, Field, model_validator

from agentic_sales.rules.ai_roles import RoleWords, Workplace, read_role
from agentic_sales.rules.company_signs import find_quote, plain_text
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.place_words import PlaceWords
from agentic_sales.rules.remote_work import READ_CHARS, WorkFinding, WorkWords, read_workplace
from agentic_sales.rules.work_regions import (
    WORLDWIDE,
    Reach,
    RegionWords,
    is_whole,
    reach_of_field,
    reach_of_office,
    reach_of_text,
    time_zones_of,
)

MOST_OPENINGS = 2_000
MOST_SAMPLES = 10
MOST_REASONS = 3
SURE_RATIO = 0.8
"""Confidence of the rules from which no model is asked."""
MODEL_CONFIDENCE = 0.75
LONGEST_DESCRIPTION_CHARS = 50_000
_BRACKETS = re.compile(r"[(\[]([^()\[\]]{1,200})[)\]]")
_DASHES = re.compile(r"\s[-\u2013\u2014|]\s")
_REMOTE = re.compile(r"remote|remoto|anywhere|worldwide|home ?office|hybrid", re.IGNORECASE)


class GivenOpening(Form):
    """An opening as a board or a page has it."""

    id: str = Field(default="", max_length=200, description="Its id, handed back.")
    title: str = Field(default="", max_length=500, description="Title.")
    company_name: str = Field(default="", max_length=300, description="Company, handed back.")
    company_key: str = Field(default="", max_length=300, description="The caller's key of the company, handed back.")
    url: str = Field(default="", max_length=2_048, description="Its page, handed back.")
    source: str = Field(default="", max_length=200, description="Where it was found, handed back.")
    location: str = Field(default="", max_length=1_000, description="Place as the board writes it.")
    locations: list[str] = Field(default_factory=list, max_length=100, description="Further places.")
    country: str = Field(default="", max_length=100, description="Country as the board writes it.")
    workplace_type: str = Field(
        default="", max_length=100, description="Workplace in the board's words, such as `Hybrid`."
    )
    is_remote: bool | None = Field(default=None, description="The board's flag. Null: it has none.")
    description: str = Field(
        default="", max_length=LONGEST_DESCRIPTION_CHARS, description="Description, as text or Markdown."
    )

    @property
    def places(self) -> str:
        """Return all places in one text."""
        told = (self.location, *self.locations)
        return " / ".join(dict.fromkeys(place.strip() for place in told if place.strip()))


class OpeningsForm(Form):
    """An input that names openings of the book, or holds openings."""

    openings: list[GivenOpening] = Field(
        default_factory=list, max_length=MOST_OPENINGS, description="Openings by value; the book is not read then."
    )
    ids: list[str] = Field(default_factory=list, max_length=MOST_OPENINGS, description="Openings of the book.")
    company_key: str | None = Field(
        default=None, max_length=300, description="Only those of this company: its id or its domain."
    )
    limit: int = Field(default=500, ge=1, le=MOST_OPENINGS, description="Most openings that are read of the book.")

    @model_validator(mode="after")
    def _by_one_way(self) -> "OpeningsForm":
        if self.openings and (self.ids or self.company_key):
            raise ValueError("give either `openings`, or `ids` and `company_key` of the book")
        return self


class ClassifiedOpening(BaseModel):
    """An opening with its classes."""

    id: str = Field(default="", description="Its id.")
    title: str = Field(default="", description="Title.")
    company_name: str = Field(default="", description="Company.")
    company_key: str = Field(default="", description="Key of the company.")
    location: str = Field(default="", description="Places as given.")
    source: str = Field(default="", description="Where it was found.")
    url: str = Field(default="", description="Its page.")
    workplace_type: str = Field(default="", description="Workplace in its board's words.")
    workplace: Workplace | None = Field(default=None, description="remote, hybrid or onsite. Null: nothing says it.")
    is_remote: bool = Field(default=False, description="Remote, in some region at least. Hybrid work is not.")
    is_fully_remote: bool = Field(default=False, description="Remote without any limit of region or time zone.")
    regions: list[str] = Field(
        default_factory=list,
        description="From where: `worldwide`, names of regions such as EMEA, ISO codes of countries and states. Empty: "
        "nothing says it.",
    )
    regions_excluded: list[str] = Field(default_factory=list, description="From where not.")
    time_zones: list[str] = Field(default_factory=list, description="Time zones to work in, as written.")
    is_ai_role: bool = Field(default=False, description="Whether the work is on artificial intelligence.")
    matched_pattern: str | None = Field(default=None, description="Words that made it such a role.")
    confidence: float = Field(default=0.0, description="Probability that `workplace` is right, 0-1.")
    reasons: list[str] = Field(default_factory=list, description="At most three reasons that quote the opening.")
    decided_by: str = Field(default="rules", description="`rules` or `llm`.")
    findings: list[FoundFact] = Field(default_factory=list, description="Facts of it that a caller may keep.")


class RemoteVerdict(BaseModel):
    """A model's reading of an opening."""

    workplace: Workplace | None = Field(description="remote, hybrid or onsite. Null: the opening does not say.")
    quote: str = Field(max_length=400, description="Words of the opening, copied, that say it.")


class RemoteTotals(BaseModel):
    """Openings, counted."""

    total: int = Field(default=0, description="Openings.")
    any_remote: int = Field(default=0, description="Remote in some region at least.")
    any_not_remote: int = Field(default=0, description="The others.")
    fully_remote: int = Field(default=0, description="Remote without a limit of region.")
    ai_any_remote: int = Field(default=0, description="Remote roles in artificial intelligence.")
    ai_fully_remote: int = Field(default=0, description="Those of them without a limit of region.")


class OpeningWords(BaseModel):
    """The words of all tables that an opening is read by."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    work: WorkWords
    regions: RegionWords
    places: PlaceWords
    roles: RoleWords


def classify_opening(opening: GivenOpening, words: OpeningWords) -> ClassifiedOpening:
    """Tell by rules where the work of an opening is done, from where, and whether it is on AI."""
    text = plain_text(opening.description)[:READ_CHARS]
    located = reach_of_field(opening.places, words.regions, words.places)
    titled = reach_of_field(_bracketed(opening.title), words.regions, words.places)
    finding = read_workplace(
        title=opening.title,
        location=opening.places,
        workplace_type=opening.workplace_type,
        is_remote=opening.is_remote,
        description=text,
        has_place=any(region != WORLDWIDE for region in located.regions),
        words=words.work,
    )
    given = located if located.regions else titled
    if not given.regions and opening.country:
        given = reach_of_field(opening.country, words.regions, words.places)
    return _told(opening, finding, _reach(finding, given, text, words), text, words)


def _reach(finding: WorkFinding, given: Reach, text: str, words: OpeningWords) -> Reach:
    """Join the regions of the fields and of the text. A text that restricts remote work decides over a field."""
    told = reach_of_text(text, words.regions, words.places)
    is_narrower = told.regions and told.regions != (WORLDWIDE,)
    if finding.workplace == "remote" and (is_narrower or (told.regions and not given.regions)):
        chosen = told
    elif finding.workplace == "remote" or given.regions:
        chosen = given
    else:
        offices = reach_of_office(text, words.regions, words.places)
        chosen = offices if offices.regions else told
    return Reach(chosen.regions, tuple(dict.fromkeys((*given.excluded, *told.excluded))), chosen.quote)


def _told(
    opening: GivenOpening, finding: WorkFinding, reach: Reach, text: str, words: OpeningWords
) -> ClassifiedOpening:
    zones = time_zones_of(f"{opening.places}\n{text}", words.regions)
    is_remote = finding.workplace == "remote"
    is_unlimited = _is_unlimited(opening, finding, words) and not (reach.regions or reach.excluded or zones)
    regions = [WORLDWIDE] if is_remote and is_unlimited else [*reach.regions]
    is_bound = bool(reach.excluded or time_zones_of(opening.places, words.regions))
    is_fully_remote = is_remote and regions == [WORLDWIDE] and not is_bound
    role = read_role(opening.title, text, words=words.roles)
    reasons = [f"{sign.workplace}, by the {sign.source}: “{sign.quote}”" for sign in finding.signs if sign.quote]
    reasons += [f"from {', '.join(regions)}: “{reach.quote}”"] if reach.quote and regions else []
    return with_findings(
        ClassifiedOpening(
            **opening.model_dump(include={"id", "title", "company_name", "company_key", "source", "url"}),
            location=opening.places,
            workplace_type=opening.workplace_type,
            workplace=finding.workplace,
            is_remote=is_remote,
            is_fully_remote=is_fully_remote,
            regions=regions,
            regions_excluded=[*reach.excluded],
            time_zones=zones,
            is_ai_role=role.is_ai,
            matched_pattern=role.matched or None,
            confidence=finding.confidence,
            reasons=reasons[:MOST_REASONS],
        ),
        finding.signs[0].quote if finding.signs else "",
    )


def _is_unlimited(opening: GivenOpening, finding: WorkFinding, words: OpeningWords) -> bool:
    """Tell whether an opening says that it is remote in its own words, and its places have no word that limits it."""
    said = any(
        sign.kind in {"full", "choice"} or (sign.kind == "remote" and sign.source != "workplace_type")
        for sign in finding.signs
    )
    return said and is_whole(opening.places, words.regions, words.places)


def with_findings(told: ClassifiedOpening, quote: str) -> ClassifiedOpening:
    """Return a classified opening with its facts for the book."""
    method: Any = told.decided_by
    values = {
        "workplace": (told.workplace, quote),
        "is_remote": (told.is_remote if told.workplace else None, quote),
        "remote_regions": (told.regions or None, ""),
        "is_ai_role": (told.is_ai_role, ""),
    }
    facts = [
        FoundFact(
            field=field,
            value=value,
            method="rules" if field in {"remote_regions", "is_ai_role"} else method,
            confidence=told.confidence or 0.5,
            source_url=told.url,
            quote=words,
        )
        for field, (value, words) in values.items()
        if value is not None
    ]
    return told.model_copy(update={"findings": facts})


def by_model(told: ClassifiedOpening, verdict: RemoteVerdict, opening: GivenOpening) -> ClassifiedOpening | None:
    """Return an opening as a model read it. None if the model's words do not stand in the opening."""
    text = f"{opening.title}\n{opening.places}\n{opening.workplace_type}\n{plain_text(opening.description)}"
    quote = find_quote(verdict.quote, text)
    if verdict.workplace is None or quote is None:
        return None
    is_remote = verdict.workplace == "remote"
    read = told.model_copy(
        update={
            "workplace": verdict.workplace,
            "is_remote": is_remote,
            "is_fully_remote": is_remote and told.regions == [WORLDWIDE],
            "confidence": MODEL_CONFIDENCE,
            "reasons": [f"{verdict.workplace}: “{quote}”"],
            "decided_by": "llm",
        }
    )
    return with_findings(read, quote)


def counted(told: Iterable[ClassifiedOpening]) -> RemoteTotals:
    """Count openings."""
    every = list(told)
    remote = [one for one in every if one.is_remote]
    return RemoteTotals(
        total=len(every),
        any_remote=len(remote),
        any_not_remote=len(every) - len(remote),
        fully_remote=sum(one.is_fully_remote for one in remote),
        ai_any_remote=sum(one.is_ai_role for one in remote),
        ai_fully_remote=sum(one.is_ai_role and one.is_fully_remote for one in remote),
    )


def summary_of(totals: RemoteTotals) -> str:
    """Return totals in one line."""
    return (
        f"{totals.total} openings: {totals.any_remote} remote, {totals.fully_remote} of them from anywhere, "
        f"{totals.any_not_remote} not remote. AI roles: {totals.ai_any_remote} remote, {totals.ai_fully_remote} from "
        "anywhere."
    )


def samples(told: Sequence[ClassifiedOpening], *, fully_remote: bool) -> list[ClassifiedOpening]:
    """Return the first ten openings that are fully remote, or that are not."""
    return [one for one in told if one.is_fully_remote == fully_remote][:MOST_SAMPLES]


def _bracketed(title: str) -> str:
    """Return the part of a title that says where the work is done: in brackets, or behind a dash or a bar."""
    parts = (*_BRACKETS.findall(title), *_DASHES.split(title)[1:])
    return next((part for part in parts if _REMOTE.search(part)), "")
