"""Tell whether a company is a recruiter: `START → find_signals → classify → END`.

The rules look for the vocabulary of recruiting and for what only sounds like it; a model decides with what they
found, and they decide alone where no model is usable. Like every classifier, this never fails because of a model: it
degrades and says so, and it must never call a company a recruiter because of an error.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from agentic_sales.errors import ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.graph_meta import Spending, build_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts

PROMPTS = load_prompts(__file__)
MAX_REASONS = 3
MAX_PROMPT_LETTERS = 6_000
"""Letters of a description that a model reads; what a company does stands at the start."""
HIGHEST_RATIO = 0.95
"""The rules know words, never what is meant."""
EVEN_SCORE = 1.5
"""Score at which a recruiter is as likely as not: most companies are none, so one weak word must not decide."""
SILENT_RATIO = 0.7
"""Confidence that a company is no recruiter when a whole description has no word of recruiting."""
SILENT_AND_SHORT_RATIO = 0.4
"""The same when there is too little text to expect one."""
SHORT_DESCRIPTION_LETTERS = 80

_ONE_IS_GIVEN: JsonDict = {
    "description": "At least one of name, website and description must hold text that is not blank.",
    "anyOf": [
        {"required": [field], "properties": {field: {"type": "string", "pattern": r"\S"}}}
        for field in ("name", "website", "description")
    ],
}


class Input(BaseModel):
    """What a run takes: at least one field that is not blank."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_ONE_IS_GIVEN)

    name: str = Field(default="", max_length=300, description="Name of the company.")
    website: str = Field(default="", max_length=2_000, description="Address of its site; it is read, not fetched.")
    description: str = Field(default="", max_length=50_000, description="What it says of itself, as plain text.")

    @model_validator(mode="after")
    def _something_is_given(self) -> "Input":
        if not (self.name.strip() or self.website.strip() or self.description.strip()):
            raise ValueError("give at least one of `name`, `website` and `description`; all of them are blank")
        return self


class Output(ModelOutput):
    """What a run answers."""

    is_recruitment: bool = Field(default=False, description="Whether it is paid to find people for others' jobs.")
    confidence: float = Field(default=0.0, description="Probability that `is_recruitment` is right, 0-1.")
    reasons: list[str] = Field(default_factory=list, description="At most three reasons, for people.")


class State(Input, Output):
    """Input, output and what passes between the nodes."""

    signals: list[str] = Field(default_factory=list, description="What the word list found, `+` for and `-` against.")


EXAMPLE: dict[str, Any] = {
    "name": "Northgate Talent",
    "website": "https://northgate.example",
    "description": "Northgate is a staffing agency. We place nurses and care workers in hospitals across the country.",
}


class Verdict(BaseModel):
    """Whether a company is a recruiter, how surely, and why."""

    is_recruitment: bool = Field(description="True if the company is a recruiter.")
    confidence: float = Field(ge=0, le=1, description="Probability that this answer is right.")
    reasons: list[str] = Field(description="One to three short reasons that quote the company's words.")


async def find_signals(state: State) -> dict[str, Any]:
    """Find the words that speak for and against a recruiter."""
    return {"signals": [hit.line for hit in find_hits(state)]}


async def classify(state: State) -> dict[str, Any]:
    """Decide with a model, else by the rules; a failing model leaves the conservative verdict and a reason."""
    try:
        answer = await ask(
            PROMPTS["classify"],
            Verdict,
            fallback=lambda: judge(state),
            temperature=0.0,
            signals="\n".join(state.signals) or "nothing",
            company=fenced(describe(state)),
        )
    except (ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited) as exc:
        meta = build_graph_meta(PROMPTS["classify"], answered_by=None, spending=Spending(model=None))
        reasons = [f"classifier error: {exc}"]
        return {"is_recruitment": False, "confidence": 0.0, "reasons": reasons, "source": "rules", "graph_meta": meta}
    verdict = answer.value
    return {**verdict.model_dump(), "reasons": verdict.reasons[:MAX_REASONS], **answer.report}


def describe(company: Input) -> str:
    """Write down what is known of a company."""
    known = {"Name": company.name, "Website": company.website, "Description": company.description[:MAX_PROMPT_LETTERS]}
    return "\n".join(f"{label}: {text.strip()}" for label, text in known.items() if text.strip())


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that a company's words can say."""

    says: str
    """What it says, for people."""
    weight: float
    """How much it speaks for a recruiter; negative: against."""
    pattern: re.Pattern[str]
    """The words that say it."""


def _clue(says: str, weight: float, *patterns: str) -> Clue:
    return Clue(says, weight, re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns), re.IGNORECASE))


_PEOPLE = r"(?:candidates|talents?|professionals|specialists|staff|workers|nurses|engineers|developers|executives)\b"
_UP_TO_4_WORDS = r"(?:[\w,&'-]+ ){0,4}?"
_PRODUCT = (
    r"(?:software|saas|platforms?|suite|apps?|tools?|crm|ats|api|systems?|automation|marketplace|analytics|copilot|"
    r"plugin|chatbot|assistant)\b"
)

AGAINST = (
    _clue(
        "it sells software for recruiting",
        -4,
        r"(?:recruit(?:ing|ment|er)s?|hiring|staffing|sourcing|talent|applicant|candidate)[\s-]+"
        rf"(?:[\w-]+ ){{0,2}}?{_PRODUCT}",
        rf"{_PRODUCT}[^.\n]{{0,40}}? (?:for|used by|helps?|built for) [^.\n]{{0,30}}?"
        r"(?:recruit\w*|staffing|talent acquisition|talent teams|hiring|hr)\b",
        r"applicant[- ]tracking",
    ),
    _clue(
        "it turns agencies away",
        -2,
        r"(?:no|not accept|unsolicited|without) [^.\n]{0,60}?(?:agencies|agency|headhunters|recruiters)\b[^.\n]*",
    ),
    _clue(
        "it recruits others than staff",
        -3,
        r"(?:student|patient|volunteer|participant|donor|player|clinical[- ]trial|foster carer) recruit(?:ment|ing)",
    ),
    _clue("it runs a job board", -1.5, r"job (?:board|portal|site|search engine|aggregator)s?\b"),
    _clue(
        "it speaks of its own hiring",
        -0.5,
        r"we(?:'|\u2019)?(?: a)?re (?:currently |always |now )?(?:hiring|recruiting)",
        r"join our (?:team|staff)",
        r"our (?:recruiters?|recruiting|recruitment|talent)(?: acquisition)?(?: team)? (?:team|will|process)",
        r"(?:recruitment|recruiting) (?:process(?! outsourcing)|fraud|privacy|scam)",
    ),
)
FOR = (
    _clue(
        "it calls itself an agency for recruiting",
        4,
        r"(?:recruitment|recruiting|recruiter|staffing|employment|temping|personnel|job placement|headhunting)[\s-]+"
        r"(?:[\w&-]+ )?(?:agency|agencies|firm|consultancy|consultants|company|bureau|partner|specialists?|business)\b",
        r"(?:executive|retained|contingent|contingency) search\b",
        r"search firm\b",
        r"head-?hunt(?:er|ers|ing)\b",
    ),
    _clue(
        "it calls itself an agency for recruiting",
        4,
        r"personal(?:vermittlung|dienstleist\w*|beratung)",
        r"zeitarbeit|arbeitnehmer\u00fcberlassung",
        r"cabinet de recrutement|agence d['\u2019]int[e\u00e9]rim|travail temporaire",
        r"agencia de (?:empleo|colocaci[o\u00f3]n|reclutamiento)|empresa de trabajo temporal",
        r"ag[e\u00ea]ncia de (?:emprego|recrutamento)",
        r"uitzendbureau|werving (?:en|&) selectie",
        r"agenzia per il lavoro|somministrazione di lavoro",
        r"agencja (?:pracy|zatrudnienia|rekrutacyjna)",
        r"bemanningsf\u00f6retag|rekryteringsf\u00f6retag|vikarbureau",
    ),
    _clue(
        "it sells recruiting as a service",
        3,
        r"(?:staffing|recruitment|recruiting|personnel) (?:services?|solutions?)\b",
        r"recruitment process outsourcing|rpo (?:services?|provider|solutions?)",
        r"talent (?:solutions|partners)\b",
    ),
    _clue(
        "it supplies temporary or permanent staff",
        3,
        r"(?:temporary|temp|contract|permanent|interim) (?:and \w+ )?"
        r"(?:staffing|recruitment|placements?|personnel|workers)\b",
        r"temp[- ]to[- ](?:perm|hire)|contract[- ]to[- ]hire|direct[- ]hire",
    ),
    _clue(
        "it places people with employers",
        3,
        rf"(?:we|who|that|and|which) (?:place|recruit|supply|source|headhunt)s? {_UP_TO_4_WORDS}{_PEOPLE}",
        rf"(?:connect|match|introduc)(?:e?s|ing|e)? {_UP_TO_4_WORDS}(?:{_PEOPLE}|job ?seekers) (?:with|to) "
        rf"{_UP_TO_4_WORDS}(?:employers|companies|clients|businesses|jobs|roles)\b",
    ),
    _clue(
        "it speaks to job seekers",
        1.5,
        r"(?:submit|upload|send|register)(?: us)? your (?:cv|r[e\u00e9]sum[e\u00e9])\b",
        r"job ?seekers\b",
        r"find your (?:next|dream|new) (?:job|role)",
    ),
    _clue(
        "it speaks to employers with vacancies", 1, r"(?:post|fill) (?:a|your) (?:job|vacanc\w+|roles?|positions?)\b"
    ),
)
NAME = (
    _clue("its name says so", 3, r"recruit(?:ment|ing|ers?)?\b|staffing\b|personnel\b|headhunters?\b|resourcing\b"),
    _clue("its name says so", 3, r"(?:executive search|search partners|talent partners)\b"),
    _clue(
        "it is a well-known recruiter",
        4,
        r"(?:adecco|allegis|hays|heidrick|kelly services|kforce|korn ferry|manpower(?:group)?|michael page|page ?group|"
        r"randstad|robert half|robert walters|spencer stuart|teksystems)\b",
    ),
)
HOST = (_clue("its address says so", 2, r"[\w.-]*?(?:staffing|recruitment|recruiting|headhunt|executivesearch)"),)


@dataclass(frozen=True, slots=True)
class Hit:
    """A clue that was found."""

    clue: Clue
    """What was found."""
    words: str
    """The words that said it."""

    @property
    def line(self) -> str:
        """The clue without the company's words, which a model gets fenced."""
        return f"{'+' if self.clue.weight > 0 else '-'} {self.clue.says}"

    @property
    def reason(self) -> str:
        """The clue with the words that said it."""
        return f"{self.clue.says}: `{self.words}`"


def find_hits(company: Input) -> Sequence[Hit]:
    """Return every clue in a company's words, those against a recruiter first."""
    text = " ".join(f"{company.name}. {company.description}".split())
    against, rest = _search(AGAINST, text)
    in_text, _ = _search(FOR, rest)
    in_name, _ = _search(NAME, _search(AGAINST, company.name)[1])
    in_host, _ = _search(HOST, re.sub(r"^\w+://|/.*", "", company.website.strip()))
    return (*against, *in_text, *in_name, *in_host)


def _search(clues: Iterable[Clue], text: str) -> tuple[list[Hit], str]:
    """Return the clues found and the text without their words: in "recruitment agency software" there is no agency."""
    hits = []
    for clue in clues:
        if match := clue.pattern.search(text):
            hits.append(Hit(clue, match.group()[:80]))
            text = clue.pattern.sub(" | ", text)
    return hits, text


def judge(company: Input) -> Verdict:
    """Return the rules' verdict: the clues are added up, and the sum is read as odds."""
    hits = find_hits(company)
    if not hits:
        is_short = len(company.description.strip()) < SHORT_DESCRIPTION_LETTERS
        ratio = SILENT_AND_SHORT_RATIO if is_short else SILENT_RATIO
        return Verdict(is_recruitment=False, confidence=ratio, reasons=["no word of recruiting for others was found"])
    chance = 1 / (1 + math.exp(EVEN_SCORE - sum(hit.clue.weight for hit in hits)))
    is_recruitment = chance > 1 / 2
    decisive = sorted(hits, key=lambda hit: hit.clue.weight, reverse=is_recruitment)
    return Verdict(
        is_recruitment=is_recruitment,
        confidence=round(min(max(chance, 1 - chance), HIGHEST_RATIO), 2),
        reasons=list(dict.fromkeys(hit.reason for hit in decisive))[:MAX_REASONS],
    )


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → find_signals → classify → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(find_signals)
    builder.add_node(classify)
    builder.add_edge(START, "find_signals")
    builder.add_edge("find_signals", "classify")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_recruitment")


graph = build_graph()
