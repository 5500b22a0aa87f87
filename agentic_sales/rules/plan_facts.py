"""Hold the basis of the plans of a product: its own words, its ideal customers and its competitors."""

from pydantic import Field

from agentic_sales.rules.backing import as_text
from agentic_sales.rules.icp import IcpDocument
from agentic_sales.rules.product_facts import ProductFacts, ProductForm, RivalOffer, hash_of

MOST_ROUNDS = 2
"""How often a model may mend a plan that fails a check. After that the rules' plan stands in its place."""


class PlanForm(ProductForm):
    """An input of a workflow that plans the sales of a product."""

    icp: IcpDocument | None = Field(default=None, description="Its ideal customers. Null: as the book has them.")
    competitors: list[RivalOffer] | None = Field(
        default=None, max_length=20, description="Its competitors. Null: as the book has them."
    )


class PlanFacts(ProductFacts):
    """The basis of the plans of a product."""

    icp: IcpDocument = Field(default_factory=IcpDocument, description="Its ideal customers.")
    competitors: list[RivalOffer] = Field(default_factory=list, description="Its competitors, the worst threat first.")

    @property
    def icp_texts(self) -> dict[str, str]:
        """Return the profile as a text."""
        return {"icp": self.icp.text} if self.icp.text else {}

    @property
    def rival_texts(self) -> dict[str, str]:
        """Return the facts of each competitor, as a text by its source."""
        found: dict[str, str] = {}
        for one in self.competitors:
            said = (one.description, one.positioning_headline, one.positioning_tagline, one.target_audience)
            lines = [*said, *one.differentiation_angles, *(proof.quote for proof in one.evidence)]
            lines += [price.quote for price in one.prices]
            found[one.source] = "\n".join(dict.fromkeys(filter(None, (one.name, *lines))))
        return found

    @property
    def all_texts(self) -> dict[str, str]:
        """Return every text that a claim may rest on, by its source."""
        return {**self.texts, **self.icp_texts, **self.rival_texts}

    @property
    def for_prompt(self) -> str:
        """Return everything for a prompt."""
        return as_text(self.all_texts)

    @property
    def digest(self) -> str:
        """Return a digest of the basis of a plan. An equal one means that a kept plan still holds."""
        rivals = [one.model_dump_json(exclude={"threat_score"}) for one in self.competitors]
        return hash_of(self.settled, self.icp.model_dump_json(), *rivals)
