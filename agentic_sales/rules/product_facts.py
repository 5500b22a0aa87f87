"""Hold the facts of a product of ours and of its competitors: the inputs of the workflows that plan its sales."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agentic_sales.rules.competitor_lenses import LensItem
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.forms import Form
from agentic_sales.rules.freshness import settled
from agentic_sales.rules.personas import Persona
from agentic_sales.rules.tables import every

MOST_TEXT_CHARS = 20_000


class OwnProduct(BaseModel):
    """A product of ours, as its owner and its home page describe it."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(default="", max_length=200, description="Its name.")
    url: str = Field(default="", max_length=2_048, description="Its home page. Empty: none is known.")
    description: str = Field(default="", max_length=5_000, description="Its description.")
    highlights: list[str] = Field(default_factory=list, max_length=50, description="Its highlights, a line each.")
    personas: list[Persona] = Field(default_factory=list, max_length=50, description="Its target group.")
    text: str = Field(default="", max_length=MOST_TEXT_CHARS, description="Text of its home page. Empty: not read.")

    @field_validator("highlights", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """Take the texts of nested highlights, as existing callers store them."""
        return list(every(value)) if isinstance(value, dict | list) else value


class RivalOffer(BaseModel):
    """A competitor, as the workflows `competitors_team` and `deep_competitor` describe it."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=200, description="Its name.")
    url: str = Field(default="", max_length=2_048, description="Its home page.")
    domain: str = Field(default="", max_length=300, description="Domain of its site.")
    description: str = Field(default="", max_length=2_000, description="First sentence of its home page.")
    positioning_headline: str = Field(default="", max_length=500, description="How it names itself.")
    positioning_tagline: str = Field(default="", max_length=500, description="Its promise.")
    target_audience: str = Field(default="", max_length=500, description="Its target group.")
    differentiation_angles: list[str] = Field(default_factory=list, max_length=20, description="Differences to ours.")
    threat_score: float = Field(default=0.0, ge=0, le=10, description="How dangerous it is, 0 to 10.")
    evidence: list[Proof] = Field(default_factory=list, max_length=40, description="Words that back the differences.")
    prices: list[LensItem] = Field(default_factory=list, max_length=60, description="Its prices: `pricing_deep`.")

    @property
    def source(self) -> str:
        """Return its name as the source of words."""
        return self.url or self.domain or self.name


class ProductForm(Form):
    """An input that names a product of ours: of the book, or by value."""

    product_id: int | None = Field(default=None, ge=1, description="A product of the book.")
    product: OwnProduct | None = Field(
        default=None, description="The product by value. With `product_id` it goes before the book's record."
    )
    dry_run: bool = Field(default=False, description="Write nothing into the book.")

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        told = self.product
        if self.product_id is None and not (told and any((told.name, told.description, told.highlights, told.text))):
            raise ValueError("give `product_id`, or a `product` with its name and what it does")
        return self


class ProductFacts(BaseModel):
    """Facts of a product."""

    product_id: int | None = Field(default=None, description="Its number in the book. Null: it was given by value.")
    product: OwnProduct = Field(default_factory=OwnProduct, description="The product.")

    @property
    def name(self) -> str:
        """Return its name, or a substitute for it."""
        return self.product.name or "the product"

    @property
    def texts(self) -> dict[str, str]:
        """Return its texts by the source: its owner's words, its personas and its home page."""
        told, owner = self.product, f"product {self.product_id}" if self.product_id else "product"
        personas = [": ".join(filter(None, (each.title, each.pain))) for each in told.personas]
        texts = {
            owner: "\n".join(filter(None, (told.description, *told.highlights))),
            f"{owner} personas": "\n".join(personas),
            told.url or "home page": told.text,
        }
        return {source: text for source, text in texts.items() if text.strip()}

    @property
    def settled(self) -> str:
        """Return its words without dates and counters, which change by themselves."""
        return "\n".join(f"{source} {settled(text)}" for source, text in self.texts.items())


def hash_of(*parts: object) -> str:
    """Return a digest of the inputs of a document."""
    return sha256("\n\n".join(map(str, parts)).encode()).hexdigest()


def merged(known: Mapping[str, Any], given: OwnProduct | None) -> OwnProduct:
    """Return a product of the book, with a caller's values in place of its own."""
    told = given.model_dump(exclude_unset=True) if given else {}
    return OwnProduct.model_validate({**known, **{name: value for name, value in told.items() if value}})
