"""What is found out of a route."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_ft42.doctor.asking import Answer

if TYPE_CHECKING:
    from datetime import date

    from tap_ft42.declared.capabilities import Capabilities


_SHOWN = ("bounds", "is_paged", "longest_list", "page_size", "sorts_by_several", "totals")
"""Capabilities that a sandbox takes as they are; the others follow from the parameters."""


@dataclass
class Found:
    """What was found out of one route."""

    stream: str
    route: str
    is_wanted: bool
    """Whether a run would read it."""
    assumed: Capabilities
    today: date
    can: Capabilities = field(init=False)
    """What it can do; what is assumed, until an answer shows otherwise."""
    answer: Answer = field(default_factory=lambda: Answer(0))
    """To the first request that tells anything."""
    refused: set[str] = field(default_factory=set)
    """Parameters that the API answers with an error."""
    ignored: set[str] = field(default_factory=set)
    """Parameters that change nothing."""
    beyond: dict[str, int] = field(default_factory=dict)
    """What it answers to who asks for more than it can, and where it stops to count."""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What its records look like."""
    is_numbered: bool = True
    """Whether the number of a page counts."""
    is_examined: bool = False
    """Whether more was asked than who may read it."""

    def __post_init__(self) -> None:
        """Begin with what is assumed."""
        self.can = self.assumed

    def see(self, **seen: Any) -> None:  # noqa: ANN401 - fields of `Capabilities`
        """Note what an answer has shown that it can do."""
        self.can = self.can.corrected(self.today, **seen)

    def refuse(self, parameter: str, *, is_refused: bool = True) -> None:
        """Note that a parameter is refused, or does nothing."""
        (self.refused if is_refused else self.ignored).add(parameter)

    @property
    def differs(self) -> dict[str, Any]:
        """What the API does not do as documented; a sandbox can do the same."""
        parameters = {"refused": sorted(self.refused), "ignored": sorted(self.ignored)}
        return {
            **{name: getattr(self.can, name) for name in _SHOWN if name in self.can.observed},
            **self.beyond,
            **{name: some for name, some in parameters.items() if some},
        }
