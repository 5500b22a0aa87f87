"""Classes of a team's shared module, each of a kind that a state may hold, and a graph of another module's."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypedDict, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


class Stage(StrEnum):
    """An enum of texts."""

    WON = "won"


class Rank(IntEnum):
    """An enum of numbers."""

    FIRST = 1


class Size(NamedTuple):
    """A named tuple."""

    width: int


@dataclass(frozen=True)
class Lead:
    """A dataclass with a field that its constructor does not take."""

    name: str
    stage: Stage = Stage.WON
    key: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.name.lower())


class Account(BaseModel):
    """A model with a dataclass and an alias."""

    kind: str = Field("k", alias="kindOf")
    lead: Lead | None = None


class Company:
    """A namespace."""

    class Tier(Enum):
        """A nested enum."""

        TOP = "top"

    @dataclass
    class Site:
        """A nested dataclass."""

        url: str
        tier: "Company.Tier"


class Shape(BaseModel):
    """A base class."""


class Circle(Shape):
    """A class that no annotation names."""

    radius: int


class Box(BaseModel, Generic[T]):
    """A generic model."""

    content: T


Site = NewType("Site", Company.Site)


class State(TypedDict, total=False):
    """A state."""

    stage: Stage
    rank: Annotated[Rank, "with a note"]
    lead: Lead | None
    leads: list[dict[str, Lead]]
    account: Account
    tier: Company.Tier
    tiers: set[Company.Tier]
    site: Site
    last: deque[Lead]
    size: Size
    shape: Shape
    box: Box[int]
    anything: Any


EVERY_KIND: State = {
    "stage": Stage.WON,
    "rank": Rank.FIRST,
    "lead": Lead("Ada"),
    "leads": [{"a": Lead("Ada"), "b": Lead("Bob")}],
    "account": Account(kindOf="test", lead=Lead("Ada")),
    "tier": Company.Tier.TOP,
    "tiers": {Company.Tier.TOP},
    "site": Site(Company.Site("https://acme.example", Company.Tier.TOP)),
    "last": deque([Lead("Ada")]),
    "size": Size(3),
    "shape": Circle(radius=2),
    "box": Box[int](content=1),
    "anything": [Stage.WON],
}
"""A state with an object of each kind."""
