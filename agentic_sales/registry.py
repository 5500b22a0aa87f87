"""Name every workflow of the fleet with one row each, and nothing else.

The registry is the control plane's table of contents. It must never import a graph, a model, a database or Celery. It
must never read the environment. Every process loads it. The facade, beat and Flower load it too, and must not carry a
graph.

Adding a workflow takes three steps. They are one row in `GRAPHS`, one id in a route of `routing.py`, and the pair
`graphs/<name>.py` + `graphs/<name>.md`. Order is presentation only.

Rows hold names and not objects. If a table imports its entries, every reader pays for every workflow and breaks with
each of them.
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

__all__ = ["BY_ID", "EFFECTS", "GRAPHS", "Effect", "GraphSpec", "RegistryError", "index_rows", "load_rows", "table_of"]

_Row = TypeVar("_Row")
Effect = Literal["pure", "read", "write", "send"]
EFFECTS: tuple[Effect, ...] = ("pure", "read", "write", "send")
_NUMBER, _INFINITE = (int, float), float("inf")  # made once, not for each of thousands of rows


class RegistryError(ValueError):
    """Raised when a row or the set of rows cannot be a registry. The process must not start."""


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """One workflow with its name, the place of its graph and its rights.

    Raises:
        RegistryError: A field has a value that no workflow can have. The message names row, field and value.
    """

    assistant_id: str
    """Public id in `/runs/wait`, `langgraph.json`, clients, the task name and metrics."""
    module: str
    """Dotted path of the module that defines the graph."""
    compiled_attr: str = "graph"
    """Name of the module-level compiled graph. `langgraph.json` points at it."""
    builder_attr: str | None = "build_graph"
    """Name of `callable(checkpointer) -> compiled graph`. None: only the compiled one without persistence."""
    resumable: bool = False
    """True: the shared checkpointer is attached and runs carry a stable `thread_id`."""
    effect: Effect = "read"
    """The strongest thing that a run may do to the world. Retry, approval and privilege follow from it."""
    time_limit_s: float = 180.0
    """Wall-clock limit of one run in seconds."""
    slots: int = 1
    """Most runs that one child process executes at once. More than 1 suits runs that wait and do not compute."""

    def __post_init__(self) -> None:
        if not _is_assistant_id(self.assistant_id):
            raise self._wrong("assistant_id", "lower-case letters, digits and underscores, a letter first")
        if not _is_dotted_path(self.module):
            raise self._wrong("module", 'a dotted module path such as "agentic_sales.graphs.email_compose"')
        if not _is_identifier(self.compiled_attr):
            raise self._wrong("compiled_attr", "the name of a module attribute")
        if self.builder_attr is not None and not _is_identifier(self.builder_attr):
            raise self._wrong("builder_attr", "the name of a module attribute, or None")
        if self.resumable is not True and self.resumable is not False:
            raise self._wrong("resumable", "True or False")
        if self.resumable and self.builder_attr is None:
            raise self._wrong("resumable", "False without a builder_attr, since only a builder takes a checkpointer")
        if self.effect not in EFFECTS:
            raise self._wrong("effect", " | ".join(EFFECTS))
        if not _is_positive_seconds(self.time_limit_s):
            raise self._wrong("time_limit_s", "a positive, finite number of seconds")
        if not _is_positive_count(self.slots):
            raise self._wrong("slots", "a whole number of runs, 1 or more")

    def _wrong(self, field: str, expected: str) -> RegistryError:
        return RegistryError(
            f"registry row `{self.assistant_id}`: {field} is {getattr(self, field)!r}; expected {expected}"
        )


def _is_assistant_id(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isidentifier()
        and value == value.lower()
        and value[0] != "_"
    )


def _is_identifier(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _is_dotted_path(value: object) -> bool:
    return isinstance(value, str) and all(map(str.isidentifier, value.split(".")))


def _is_positive_seconds(value: object) -> bool:
    return isinstance(value, _NUMBER) and value is not True and 0 < value < _INFINITE


def _is_positive_count(value: object) -> bool:
    return isinstance(value, int) and value is not True and value > 0


def index_rows(*tables: Iterable[GraphSpec]) -> dict[str, GraphSpec]:
    """Merge tables into one mapping from `assistant_id` to row in the order given.

    Raises:
        RegistryError: Two rows share an id (both are named), or an entry is not a `GraphSpec`.
    """
    rows: dict[str, GraphSpec] = {}
    for table in tables:
        for row in table:
            if not isinstance(row, GraphSpec):
                raise RegistryError(f"a registry holds GraphSpec rows; found {row!r}")
            if row.assistant_id in rows:
                raise RegistryError(
                    f"assistant_id `{row.assistant_id}` has two registry rows: {rows[row.assistant_id]} and {row}; "
                    "rename or remove one"
                )
            rows[row.assistant_id] = row
    return rows


def load_rows(extra_modules: Iterable[str] = ()) -> dict[str, GraphSpec]:
    """Merge `GRAPHS` with the `GRAPHS` of further registry modules that teams keep themselves.

    Args:
        extra_modules: Dotted paths of modules that expose `GRAPHS`. Such a module holds rows only.

    Raises:
        RegistryError: A module is missing, fails to import or exposes no `GRAPHS`, or two rows share an id.
    """
    return index_rows(
        GRAPHS, *(table_of(path, "GRAPHS", GraphSpec, called="registry", error=RegistryError) for path in extra_modules)
    )


def table_of(module_path: str, name: str, row: type[_Row], *, called: str, error: type[ValueError]) -> Iterable[_Row]:
    """Return the table of a module that a team keeps itself.

    Args:
        module_path: Dotted path of the module.
        name: Name of the table in the module.
        row: Type of its rows.
        called: Word for such a module in an error.
        error: Type of the error. It is raised if the module does not import or has no such table.
    """
    try:
        module = importlib.import_module(module_path)  # noqa: TID251 - such a module holds rows, not a graph
    except Exception as exc:
        raise error(f"extra {called} `{module_path}` cannot be imported: {type(exc).__name__}: {exc}") from exc
    table: object = getattr(module, name, None)
    if not isinstance(table, list | tuple):
        raise error(f"extra {called} `{module_path}` must expose {name}, a tuple of {row.__name__}; found {table!r}")
    return table


GRAPHS: tuple[GraphSpec, ...] = (
    GraphSpec("email_compose", "agentic_sales.graphs.email_compose", effect="pure", time_limit_s=240.0),
    GraphSpec("email_reply", "agentic_sales.graphs.email_reply", effect="pure", time_limit_s=240.0),
    GraphSpec("email_outreach", "agentic_sales.graphs.email_outreach", time_limit_s=240.0),
    GraphSpec("email_opportunity", "agentic_sales.graphs.email_opportunity", time_limit_s=300.0),
    GraphSpec("classify_recruitment", "agentic_sales.graphs.classify_recruitment", effect="pure", time_limit_s=90.0),
    GraphSpec("classify_reply", "agentic_sales.graphs.classify_reply", effect="pure", time_limit_s=90.0),
    GraphSpec("country_classify", "agentic_sales.graphs.country_classify", effect="pure", time_limit_s=90.0),
    GraphSpec("classify_ai_intent", "agentic_sales.graphs.classify_ai_intent", effect="pure", time_limit_s=90.0),
    GraphSpec(
        "classify_recruitment_bulk",
        "agentic_sales.graphs.bulk",
        compiled_attr="recruitment_graph",
        builder_attr="build_recruitment_graph",
        effect="write",
        time_limit_s=3600.0,
    ),
    GraphSpec(
        "country_classify_bulk",
        "agentic_sales.graphs.bulk",
        compiled_attr="country_graph",
        builder_attr="build_country_graph",
        effect="write",
        time_limit_s=3600.0,
    ),
    GraphSpec(
        "enrich_sales_tech",
        "agentic_sales.graphs.bulk",
        compiled_attr="sales_tech_graph",
        builder_attr="build_sales_tech_graph",
        effect="write",
        time_limit_s=3600.0,
    ),
    GraphSpec("classify_paper", "agentic_sales.graphs.classify_paper", effect="pure", time_limit_s=90.0),
    GraphSpec("remote_classify", "agentic_sales.graphs.remote_classify", effect="read", time_limit_s=180.0),
    GraphSpec("extract_stack", "agentic_sales.graphs.employer_intel", effect="pure", time_limit_s=120.0),
    GraphSpec("text_to_sql", "agentic_sales.graphs.text_to_sql", effect="pure", time_limit_s=90.0),
    GraphSpec("score_recruiter_fit", "agentic_sales.graphs.score_recruiter_fit", effect="pure", time_limit_s=90.0),
    GraphSpec("contact_vertical_fit", "agentic_sales.graphs.contact_vertical_fit", time_limit_s=90.0),
    GraphSpec("score_contact", "agentic_sales.graphs.score_contact", time_limit_s=120.0),
    GraphSpec("agentic_rag", "agentic_sales.graphs.agentic_rag", time_limit_s=240.0),
    GraphSpec("company_qa", "agentic_sales.graphs.company_qa", time_limit_s=180.0),
    GraphSpec("deep_scrape", "agentic_sales.graphs.deep_scrape", builder_attr=None, effect="write", time_limit_s=120.0),
    GraphSpec("company_enrichment", "agentic_sales.graphs.company_enrichment", effect="write"),
    GraphSpec("company_problems", "agentic_sales.graphs.company_problems", effect="write", time_limit_s=300.0),
    GraphSpec(
        "sales_tech_feature_graph", "agentic_sales.graphs.sales_tech_feature_graph", effect="write", time_limit_s=600.0
    ),
    GraphSpec("company_discovery", "agentic_sales.graphs.company_discovery", effect="write", time_limit_s=300.0),
    GraphSpec("ashby_discovery", "agentic_sales.graphs.ashby_discovery", effect="write", time_limit_s=300.0),
    GraphSpec("ashby_ingest", "agentic_sales.graphs.ashby_ingest", effect="write"),
    GraphSpec("sales_tech_outreach", "agentic_sales.graphs.sales_tech_outreach", effect="write", time_limit_s=600.0),
    GraphSpec("deep_competitor", "agentic_sales.graphs.deep_competitor", effect="write", time_limit_s=300.0),
    GraphSpec("competitors_team", "agentic_sales.graphs.competitors_team", effect="write", time_limit_s=300.0),
    GraphSpec("freshness", "agentic_sales.graphs.freshness", effect="write"),
    GraphSpec("youtube_discovery", "agentic_sales.graphs.youtube_discovery", effect="write", time_limit_s=300.0),
    GraphSpec("gh_ai_repos", "agentic_sales.graphs.gh_ai_repos", effect="write", time_limit_s=600.0),
    GraphSpec("lead_papers", "agentic_sales.graphs.lead_papers", effect="write", time_limit_s=300.0),
    GraphSpec("lead_gen_team", "agentic_sales.graphs.lead_gen_team", effect="write", time_limit_s=300.0),
    GraphSpec("topic_outreach", "agentic_sales.graphs.topic_outreach", effect="write", time_limit_s=1800.0),
    GraphSpec("admin_chat", "agentic_sales.graphs.admin_chat", time_limit_s=180.0),
    GraphSpec("pipeline", "agentic_sales.graphs.pipeline", effect="write", time_limit_s=900.0),
    GraphSpec("gh_lead_research", "agentic_sales.graphs.gh_lead_research", effect="write", time_limit_s=300.0),
    GraphSpec("vertical_discovery", "agentic_sales.graphs.vertical_discovery", effect="write", time_limit_s=900.0),
    GraphSpec("contact_enrich_sales", "agentic_sales.graphs.contact_enrich_sales", effect="write", time_limit_s=90.0),
    GraphSpec("find_decision_maker", "agentic_sales.graphs.find_decision_maker", effect="write", time_limit_s=180.0),
    GraphSpec("contact_enrich", "agentic_sales.graphs.contact_enrich", effect="write", time_limit_s=180.0),
    GraphSpec(
        "contact_enrich_paper_author",
        "agentic_sales.graphs.contact_enrich_paper_author",
        effect="write",
        time_limit_s=240.0,
    ),
    GraphSpec("contact_discovery", "agentic_sales.graphs.contact_discovery", effect="write", time_limit_s=300.0),
    GraphSpec(
        "consultancies_discovery", "agentic_sales.graphs.consultancies_discovery", effect="write", time_limit_s=600.0
    ),
    GraphSpec("deep_icp", "agentic_sales.graphs.deep_icp", effect="write", time_limit_s=300.0),
    GraphSpec(
        "icp_team",
        "agentic_sales.graphs.deep_icp",
        compiled_attr="team",
        builder_attr="build_team",
        effect="write",
        time_limit_s=300.0,
    ),
    GraphSpec("pricing", "agentic_sales.graphs.pricing", effect="write", time_limit_s=300.0),
    GraphSpec("positioning", "agentic_sales.graphs.positioning", effect="write", time_limit_s=300.0),
    GraphSpec("product_intel", "agentic_sales.graphs.product_intel", effect="write", time_limit_s=1800.0),
    GraphSpec(
        "analyze_product_v2",
        "agentic_sales.graphs.product_intel",
        compiled_attr="graph_v2",
        builder_attr="build_v2",
        effect="write",
        time_limit_s=1800.0,
    ),
    GraphSpec("gtm", "agentic_sales.graphs.gtm", effect="write", time_limit_s=300.0),
    GraphSpec(
        "lead_flow",
        "agentic_sales.graphs.lead_flow",
        builder_attr="build_lead_flow_graph",
        resumable=True,
        effect="write",
        time_limit_s=240.0,
    ),
    GraphSpec(
        "campaign",
        "agentic_sales.graphs.campaign",
        builder_attr="build_campaign_graph",
        resumable=True,
        effect="send",
        time_limit_s=420.0,
    ),
)

BY_ID: Mapping[str, GraphSpec] = index_rows(GRAPHS)
