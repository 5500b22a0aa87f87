"""Name what is wrong with a registry row: the row, the field, the value, and what to do."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person has to mend."""

    row: str
    """`assistant_id` of the row, or the file or contract that is wrong when it is not one row."""
    field: str
    """Field of the row, or the part of its graph module."""
    value: str
    """What is there now."""
    advice: str
    """What is wrong with it and what to do."""
    is_required: bool = True
    """False: it is recommended."""

    def __str__(self) -> str:
        """Tell all of it in one line."""
        return " ".join(f"`{self.row}`: {self.field}={self.value}: {self.advice}".split())

    def as_data(self) -> dict[str, str | bool]:
        """Return it as plain data, for programs."""
        return asdict(self)
