"""Tell the costs of flows by the recorded counts, and keep the table of `deploy/README.md` equal to that."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentic_sales.errors import ConfigurationError
from agentic_sales.llm.prices import price_of
from agentic_sales.rules.flow_costs import FlowCost, RecordedCounts, cost_table, flow_cost

LEADS, CHILDREN, MODEL = 1_000, 8, "openai:gpt-4.1-mini"
"""What the page tells."""
COUNTS = "flow_counts.json"
"""Name of the recorded counts in the package."""
PAGE = "deploy/README.md"
_BEGIN, _END = "<!-- flow costs: written by `agentic-sales gen` -->\n", "<!-- /flow costs -->\n"


def own_counts() -> RecordedCounts:
    """Return the counts that this release was measured with."""
    return RecordedCounts.model_validate_json(files("agentic_sales").joinpath(COUNTS).read_bytes())


def counts_of(file: Path) -> RecordedCounts:
    """Return the counts of a file.

    Raises:
        ConfigurationError: It has none.
    """
    try:
        return RecordedCounts.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as exc:
        raise ConfigurationError(f"`{file}` has no counts that `flows measure` wrote: {exc}") from exc


def merged(file: Path, counts: RecordedCounts) -> None:
    """Write counts into a file. Those of other flows stay there."""
    before = counts_of(file).flows if file.is_file() else []
    new = {one.flow_id: one for one in counts.flows}
    flows = [new.pop(one.flow_id, one) for one in before] + list(new.values())
    file.write_text(f"{RecordedCounts(flows=flows, mail=counts.mail).model_dump_json(indent=1)}\n", encoding="utf-8")


def flow_costs(
    counts: RecordedCounts,
    *,
    leads: int = LEADS,
    children: int = CHILDREN,
    model: str = MODEL,
    own_prices: tuple[str, ...] = (),
    only: str | None = None,
) -> list[FlowCost]:
    """Return the costs of leads of each counted flow.

    Args:
        counts: The counts.
        leads: Leads of each flow.
        children: Worker children that work at the same time.
        model: The model as `provider:model`.
        own_prices: Prices of the deployment, as `AGENTIC_SALES_MODEL_PRICES` has them.
        only: Flow that is told alone. None: every one.

    Raises:
        ConfigurationError: A price of the deployment is none.
    """
    price = price_of(model, own_prices)
    told: Mapping[str, Any] = {"leads": leads, "children": children, "price": price.usd if price else None}
    return [flow_cost(one, counts.mail, **told) for one in counts.flows if only in {None, one.flow_id}]


def with_flow_costs(page: str) -> str:
    """Return the text of a page with the present table. One without the comments is returned as it is."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    table = cost_table(flow_costs(own_counts()), children=CHILDREN) if begin and end else ""
    return f"{before}{begin}{table}{end}{after}" if begin and end else page


def write_flow_costs(folder: Path) -> list[Path]:
    """Bring the table of a folder's page up to date. Return its path, or nothing without a table."""
    path = folder / PAGE
    if not path.is_file() or _BEGIN not in (page := path.read_text(encoding="utf-8")):
        return []
    path.write_text(with_flow_costs(page), encoding="utf-8")
    return [path]
