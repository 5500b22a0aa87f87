"""Name each problem of a registry row by the row, the field, the value and the remedy."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person has to mend."""

    row: str
    """`assistant_id` of the row. A problem of a file or a contract names that instead."""
    field: str
    """Field of the row or the part of its graph module."""
    value: str
    """The present value."""
    advice: str
    """The error and its remedy."""
    is_required: bool = True
    """False means recommended."""

    def __str__(self) -> str:
        """Tell all of it in one line."""
        return " ".join(f"`{self.row}`: {self.field}={self.value}: {self.advice}".split())

    def as_data(self) -> dict[str, str | bool]:
        """Return it as plain data for programs."""
        return asdict(self)
