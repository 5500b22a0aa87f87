"""Name the flows that turn a source into leads, with one row each, and nothing else.

A flow discovers leads, enriches and scores them, and lets a campaign write to their people. `lead_flow` runs any of
them. Each step is a workflow of the registry. The flow states how the output of one step becomes the input of the next
one, by the name of a mapping of `rules/lead_steps.py`.

This module must never import a graph, a model, a database or Celery. It must never read the environment. A team keeps
its own flows in a module that exposes `FLOWS`, and `AGENTIC_SALES_EXTRA_FLOWS` names it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentic_sales.registry import BY_ID, table_of

__all__ = [
    "BY_FLOW",
    "FLOWS",
    "IMPORT",
    "Discovery",
    "Flow",
    "FlowError",
    "LeadScore",
    "LeadStep",
    "Limits",
    "Mail",
    "Outreach",
    "SearchArms",
    "Template",
    "index_flows",
    "load_flows",
]

IMPORT = "import"
"""Name of the discovery of a flow with leads from a file. It is the only name of a step that is no row."""
LearnsFrom = Literal["query", "source", "persona", "template", "score_band"]
"""Kinds of arms that outcomes are counted by."""


class FlowError(ValueError):
    """Raised when a flow or the set of flows cannot run. The process must not start."""


@dataclass(frozen=True, slots=True)
class SearchArms:
    """Values of a field of the discovery that a round chooses among. Each gets a discovery of its own."""

    kind: Literal["query", "source"]
    """Kind of the values."""
    input_field: str
    """Field of the discovery's input. Its value in `given` says whether it takes a text or a list."""
    names: tuple[str, ...]
    """The values."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The step that finds leads."""

    assistant_id: str
    """Workflow that finds them, or `import`."""
    finds: str
    """Mapping from its output to leads."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Its input. A round may replace parts of it."""
    limit_field: str = ""
    """Field of its input that takes the most leads of a round. Empty: it has none."""
    arms: tuple[SearchArms, ...] = ()
    """Choices of a round. Empty: each round asks the same."""


@dataclass(frozen=True, slots=True)
class LeadStep:
    """A step that learns more about one lead."""

    assistant_id: str
    """Workflow that is asked."""
    takes: str
    """Mapping from a lead to its input."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Further input, the same for every lead."""
    keeps: tuple[str, ...] = ()
    """Fields of its output that later steps read."""
    is_for_kept: bool = False
    """True: only leads that passed the score are asked about, after it."""


@dataclass(frozen=True, slots=True)
class LeadScore:
    """The step that judges a lead, and the score from which the lead is kept."""

    assistant_id: str
    """Workflow that judges."""
    takes: str
    """Mapping from a lead to its input."""
    judged_by: str
    """Mapping from its output to a score, reasons and disqualifiers."""
    threshold: float
    """Least score of a lead that is kept, 0-1. A lead with a disqualifier is never kept. Outcomes can raise it."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Further input, the same for every lead."""
    keeps: tuple[str, ...] = ()
    """Fields of its output that later steps read."""
    least_rate: float = 0.01
    """Mean reward of a band of the score, 0-1, below which the band is not worth its mails."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message of the outreach."""

    delay_days: float = 0.0
    """Working days after the message before."""
    workflow: str = "email_outreach"
    """Workflow that writes it."""
    instructions: str = ""
    """Wishes for the content and the request of the message."""


@dataclass(frozen=True, slots=True)
class Template:
    """One of several ways to write the first message. It has a campaign of its own."""

    name: str
    """Its name in every report: lower-case letters, digits and hyphens."""
    instructions: str
    """Wishes for the content and the request of the first message."""


@dataclass(frozen=True, slots=True)
class Outreach:
    """How the people of kept leads are written to."""

    basis: str
    """Lawful basis of a contact that a round promotes."""
    basis_source: str
    """Source of the basis in words that the person may read. `$source` is the page that names the person."""
    mails: tuple[Mail, ...] = (Mail(), Mail(delay_days=4))
    """The messages of the campaign that a round makes."""
    templates: tuple[Template, ...] = ()
    """Ways to write the first message that a round chooses among. Empty: the one of `mails`."""
    personas: tuple[str, ...] = ()
    """Seniorities of the people that a round chooses among, as `rules/titles.py` names them. Empty: the first person of
    a lead is written to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a round does."""

    leads: int = 50
    """Most leads of a round."""
    at_once: int = 8
    """Most sub-runs of a round at a time."""
    budget_usd: float = 5.0
    """Most that a round may cost in USD."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One way from a source to leads and to mails.

    Raises:
        FlowError: A field has a value that no flow can have. The message names flow, field and value.
    """

    flow_id: str
    """Its id on the command line, in HTTP and in the store."""
    looks_for: str
    """Its goal, in one sentence for people."""
    discover: Discovery
    """Finds leads."""
    enrich: tuple[LeadStep, ...]
    """Learn more about each lead, in order."""
    score: LeadScore
    """Judges each lead."""
    people: str
    """Mapping from a kept lead to the people with a right to be written to."""
    outreach: Outreach
    """How they are written to."""
    learns_from: tuple[LearnsFrom, ...] = ("query", "persona", "template", "score_band")
    """Kinds of arms that its outcomes are counted by."""
    limits: Limits = field(default_factory=Limits)
    """Limits of a round that states no others."""
    exploration: float = 0.1
    """How much a round tries arms of which little is known: c of the bandit, on rewards of 0-1."""

    def __post_init__(self) -> None:
        if not self.flow_id.isascii() or not self.flow_id.isidentifier() or self.flow_id != self.flow_id.lower():
            raise self._wrong("flow_id", self.flow_id, "lower-case letters, digits and underscores, a letter first")
        if not isinstance(self.score, LeadScore):
            raise self._wrong("score", self.score, "a LeadScore with a threshold")
        threshold: Any = self.score.threshold
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise self._wrong("score.threshold", threshold, "a score above 0 and at most 1 from which a lead is kept")
        for name in ("leads", "at_once", "budget_usd"):
            if not getattr(self.limits, name) > 0:
                raise self._wrong(f"limits.{name}", getattr(self.limits, name), "a number above 0")
        if not self.outreach.mails:
            raise self._wrong("outreach.mails", self.outreach.mails, "one message or more")
        for kind, names in self.chosen.items():
            if kind not in self.learns_from:
                raise self._wrong("learns_from", self.learns_from, f"`{kind}` among them, since a round chooses by it")
            if len(set(names)) < len(names) or not all(names):
                raise self._wrong(f"arms of kind {kind}", names, "different names")

    @property
    def steps(self) -> tuple[LeadStep | LeadScore, ...]:
        """Return the questions about a lead, in order: enrichment, the score, and the steps for kept leads alone."""
        first = [step for step in self.enrich if not step.is_for_kept]
        return (*first, self.score, *(step for step in self.enrich if step.is_for_kept))

    @property
    def chosen(self) -> dict[LearnsFrom, tuple[str, ...]]:
        """Return the names that a round chooses among, by kind. A kind without a choice is absent."""
        told: dict[LearnsFrom, tuple[str, ...]] = {arms.kind: arms.names for arms in self.discover.arms}
        told["template"] = tuple(template.name for template in self.outreach.templates)
        told["persona"] = self.outreach.personas
        return {kind: names for kind, names in told.items() if names}

    def assistants(self) -> Iterator[tuple[str, str]]:
        """Tell the place and the workflow of every step."""
        yield "discover", self.discover.assistant_id
        yield from ((f"enrich[{number}]", step.assistant_id) for number, step in enumerate(self.enrich))
        yield "score", self.score.assistant_id
        yield from ((f"outreach.mails[{number}]", mail.workflow) for number, mail in enumerate(self.outreach.mails))

    def _wrong(self, name: str, value: object, expected: str) -> FlowError:
        return FlowError(f"flow `{self.flow_id}`: {name} is {value!r}; expected {expected}")


def index_flows(*tables: Iterable[Flow], known: Collection[str]) -> dict[str, Flow]:
    """Merge tables into one mapping from the id to the flow, in the order given.

    Args:
        tables: The flows.
        known: Every `assistant_id` of the registries.

    Raises:
        FlowError: Two flows share an id, a step has no registry row, or an entry is not a `Flow`.
    """
    flows: dict[str, Flow] = {}
    for table in tables:
        for flow in table:
            if not isinstance(flow, Flow):
                raise FlowError(f"a table of flows holds Flow rows; found {flow!r}")
            if flow.flow_id in flows:
                raise FlowError(f"flow `{flow.flow_id}` is there twice: {flows[flow.flow_id]} and {flow}; rename one")
            for place, assistant_id in flow.assistants():
                if assistant_id not in known and (place, assistant_id) != ("discover", IMPORT):
                    raise FlowError(
                        f"flow `{flow.flow_id}`: {place} is `{assistant_id}`, which no registry has; "
                        f"add its row or name another workflow (`{IMPORT}` can only discover)"
                    )
            flows[flow.flow_id] = flow
    return flows


def load_flows(extra_modules: Iterable[str] = (), *, known: Collection[str] = BY_ID) -> dict[str, Flow]:
    """Merge `FLOWS` with the `FLOWS` of further modules that teams keep themselves.

    Args:
        extra_modules: Dotted paths of modules that expose `FLOWS`. Such a module holds rows only.
        known: Every `assistant_id` of the registries.

    Raises:
        FlowError: A module is missing, fails to import or exposes no `FLOWS`, or the flows contradict the registries.
    """
    tables = (table_of(path, "FLOWS", Flow, called="flows", error=FlowError) for path in extra_modules)
    return index_flows(FLOWS, *tables, known=known)


_TEAM = LeadStep("contact_discovery", takes="company", keeps=("company", "merged"))
_ENRICHED = LeadStep("company_enrichment", takes="company_site")
# A fresh enrichment of another flow is answered without the pages, and the fit is judged by their words.
_READ = LeadStep(
    "company_enrichment",
    takes="company_site",
    given={"force_refresh": True},
    keeps=("home_markdown", "careers_markdown"),
)
_FITS = LeadScore("contact_vertical_fit", takes="fit", judged_by="fit", threshold=0.6, given={"vertical": "ingestible"})
_ROLE = LeadStep("contact_enrich_sales", takes="role", keeps=("seniority", "department"))
_DECIDES = LeadScore(
    "find_decision_maker",
    takes="company_people",
    judged_by="decision_maker",
    threshold=0.6,
    keeps=("top_decision_maker", "summary"),
)
_AS_DECIDER = "Your company names you on $source as the one who decides about what it buys."
_SOURCES = ("papers", "repositories", "channels", "posts")
_TIER_B = LeadScore("score_contact", takes="contact", judged_by="tier", threshold=0.55, keeps=("tier", "name"))
_PUBLIC = Outreach(
    "legitimate_interest",
    "You are named with your role on $source, and we write about the work of your company.",
    (Mail(instructions="Refer to what the company does."), Mail(delay_days=4)),
)

FLOWS: tuple[Flow, ...] = (
    Flow(
        "consultancies",
        "Consultancies for software and AI, and the most senior person of each.",
        Discovery("consultancies_discovery", finds="companies"),
        enrich=(_ENRICHED, _TEAM),
        score=_TIER_B,
        people="person",
        outreach=_PUBLIC,
    ),
    Flow(
        "open_source",
        "Owners of AI repositories that sell, or could, and have neither investors nor a sales team.",
        Discovery(
            "gh_ai_repos",
            finds="repositories",
            given={"topics": ["llm", "agents", "rag"], "persist_companies": True},
            limit_field="max_repos",
        ),
        enrich=(LeadStep("contact_enrich", takes="person", keeps=("github_handle", "tags"), is_for_kept=True),),
        score=LeadScore(
            "gh_lead_research",
            takes="repository",
            judged_by="dossier",
            threshold=0.6,
            keeps=("brief", "summary", "owner", "contributors"),
        ),
        people="dossier",
        outreach=Outreach(
            "legitimate_interest",
            "You show this address in public on $source, as the owner of a business project.",
            (Mail(instructions="Refer to the repository and offer help with selling it."), Mail(delay_days=4)),
        ),
        limits=Limits(leads=30),
    ),
    Flow(
        "sales_tech",
        "Makers of sales technology, and the decision maker there.",
        Discovery(
            "company_discovery",
            finds="companies",
            given={"seed_query": "sales technology software"},
            limit_field="max_companies",
            arms=(
                SearchArms(
                    "query", "seed_query", ("sales technology software", "CRM software", "sales engagement platform")
                ),
            ),
        ),
        enrich=(
            LeadStep("sales_tech_feature_graph", takes="company_site", keeps=("confidence",)),
            LeadStep("contact_discovery", takes="company", keeps=("company", "merged")),
        ),
        score=_DECIDES,
        people="decision_maker",
        outreach=Outreach(
            "legitimate_interest",
            _AS_DECIDER,
            (Mail(instructions="Refer to what the company sells."), Mail(delay_days=4)),
            templates=(
                Template("product", "Refer to what the company sells."),
                Template("question", "Ask in two sentences how the company finds its own customers."),
            ),
        ),
        limits=Limits(leads=25),
    ),
    Flow(
        "hiring",
        "Companies that hire for AI, and the decision maker there.",
        Discovery("ashby_discovery", finds="boards", given={"keywords": ["machine learning"], "skip_known": False}),
        enrich=(
            LeadStep("ashby_ingest", takes="board", keeps=("jobs", "ai_role_count")),
            LeadStep("company_discovery", takes="site_search", given={"max_companies": 2}),
            LeadStep("extract_stack", takes="opening", keeps=("required", "summary")),
            LeadStep("remote_classify", takes="openings", keeps=("summary", "fully_remote")),
            _TEAM,
        ),
        score=_DECIDES,
        people="decision_maker",
        outreach=Outreach(
            "legitimate_interest",
            _AS_DECIDER,
            (Mail(instructions="Refer to the roles that the company wants to fill."), Mail(delay_days=4)),
        ),
        limits=Limits(leads=25),
    ),
    Flow(
        "creators",
        "Channels with makers that could use the offer of a vertical.",
        Discovery("youtube_discovery", finds="channels", given={"topic": "retrieval"}, limit_field="max_channels"),
        enrich=(
            _TEAM,
            _READ,
            _ROLE,
        ),
        score=_FITS,
        people="person",
        outreach=Outreach("legitimate_interest", "Your channel names you and a business contact on $source."),
        limits=Limits(leads=25),
    ),
    Flow(
        "research",
        "Authors of papers on a topic at employers that buy software.",
        Discovery("lead_papers", finds="authors", given={"topic": "sales forecasting"}, limit_field="limit"),
        enrich=(LeadStep("classify_paper", takes="paper", keeps=("is_sales_leadgen", "confidence")),),
        score=LeadScore(
            "contact_enrich_paper_author",
            takes="author",
            judged_by="buyer",
            threshold=0.6,
            keeps=("institution", "homepage_url", "github_login"),
        ),
        people="person",
        outreach=Outreach("legitimate_interest", "You published $source, and we write about that work."),
    ),
    Flow(
        "segments",
        "Companies of a segment of a product's ideal customers.",
        Discovery(
            "lead_gen_team",
            finds="companies",
            given={"segment": {"name": "AI consultancies", "industry": "artificial intelligence consulting"}},
            limit_field="max_companies",
        ),
        enrich=(_ENRICHED, _TEAM),
        score=_TIER_B,
        people="person",
        outreach=_PUBLIC,
        limits=Limits(leads=20),
    ),
    Flow(
        "code",
        "Companies with public code that shows a need for the offer of a vertical.",
        Discovery("vertical_discovery", finds="companies_of_code", given={"vertical_slug": "ingestible"}),
        enrich=(
            _TEAM,
            _READ,
            LeadStep("find_decision_maker", takes="company_people", keeps=("top_decision_maker", "summary")),
        ),
        score=_FITS,
        people="person",
        outreach=_PUBLIC,
        limits=Limits(leads=30, budget_usd=3.0),
    ),
    Flow(
        "topic",
        "People that papers, repositories and channels name with a topic, and that fit a vertical.",
        Discovery(
            "topic_outreach",
            finds="people_of_topic",
            given={
                "topic": "retrieval",
                "vertical": "ingestible",
                "sources": list(_SOURCES),
            },
            limit_field="max_people",
            arms=(SearchArms("source", "sources", _SOURCES),),
        ),
        enrich=(),
        score=LeadScore("contact_vertical_fit", takes="fit", judged_by="fit", threshold=0.6),
        people="person",
        outreach=Outreach("legitimate_interest", "$source names you with your work, which we write about."),
        learns_from=("query", "source", "persona", "template", "score_band"),
        limits=Limits(leads=25),
    ),
    Flow(
        "list",
        "Companies and people of a list that somebody gives.",
        Discovery(IMPORT, finds="listed"),
        enrich=(
            _ENRICHED,
            _ROLE,
        ),
        score=_TIER_B,
        people="person",
        outreach=Outreach("legitimate_interest", "You are on a list of business contacts that $source gave us."),
        limits=Limits(leads=500),
    ),
)

BY_FLOW: Mapping[str, Flow] = index_flows(FLOWS, known=BY_ID)
